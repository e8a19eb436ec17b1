"""Send files that are left in incoming/ to be processed again."""

from collections import Counter
from typing import Annotated

import typer

from ops.commands.group import connect
from ops.commands.options import AsJson, DryRun, OutputsFile, StackName
from ops.pipeline import reconciling
from ops.terminal import screen
from ops.terminal.problems import OperatorError

_LABELS = {
    "looked_at": "versions in incoming/",
    "sent": "sent to be processed",
    "dead_letters": "with a dead letter, see `failures`",
    "discarded": "discarded, see --discarded",
    "under_way": "young, or may have a message in the queue",
    "held": "held for the next run",
    "failed": "failed, the next run tries them again",
}


def reconcile(
    *,
    prefix: Annotated[
        str | None,
        typer.Option(
            "--prefix", metavar="PATH", help="Files under this alone, as incoming/sales/."
        ),
    ] = None,
    discarded: Annotated[
        bool, typer.Option("--discarded", help="Files that were discarded, too.")
    ] = False,
    stack: StackName = None,
    outputs: OutputsFile = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Send files that are left in incoming/ to be processed again.

    Looks for file versions older than an hour that have no dead letter and no message in the queue:
    their event was lost, or it expired. A run each day does the same (reconcileSchedule). Doing it
    twice does no harm.
    """
    event = reconciling.request(prefix=prefix, discarded=discarded, dry_run=dry_run)
    account = connect(stack, outputs)
    counts = Counter[str](dict.fromkeys(reconciling.COUNTS, 0))
    files: list[tuple[str, str]] = []
    notes: dict[str, None] = {}
    with screen.working("looking through incoming/") as spinner:
        for done in reconciling.run(account, event):
            counts.update(done.counts)
            files += done.files
            notes |= dict.fromkeys(done.notes)
            screen.renew(spinner, f"{counts['looked_at']} versions, {counts['sent']} to send")
    if as_json:
        listed = [{"key": key, "version": version} for key, version in files]
        screen.document({**counts, "files": listed, "notes": list(notes), "dry_run": dry_run})
    else:
        for key, version in files:
            screen.say(f"{'would send' if dry_run else 'sent'} {key} version {version}")
        screen.table(("what", "versions"), [(_LABELS[name], n) for name, n in counts.items()])
        for note in notes:
            screen.warn(note)
    if counts["failed"]:
        msg = f"{counts['failed']} versions failed; the processor's log says why"
        raise OperatorError(msg)
