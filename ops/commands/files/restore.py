"""Bring archived outputs back."""

from pathlib import Path
from typing import Annotated

import typer

from ops import aws
from ops.archive import restores, selection
from ops.archive.restores import Plan
from ops.archive.retrievals import Tier
from ops.archive.selection import Selection
from ops.archive.targets import Folder, RestoredPrefix
from ops.commands.files.restoration import Restoration
from ops.commands.group import confirm, connect
from ops.commands.options import DryRun, OutputsFile, StackName, Yes
from ops.terminal import screen
from ops.terminal.problems import OperatorError, UsageError


def restore(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY",
            help="Of an archived output in archive/, or before that in processed/, also where it is"
            " in a bundle now; of its file in incoming/ or completed/, for all archived outputs of"
            " the file; or of a bundle in bundles/, for all outputs in it.",
        ),
    ] = None,
    *,
    prefix: Annotated[
        str | None,
        typer.Option(
            "--prefix", metavar="PATH", help="Every output under this, as archive/2024/01/."
        ),
    ] = None,
    day: Annotated[
        list[str] | None,
        typer.Option(
            "--day",
            metavar="DAY",
            help="Every output of files that were uploaded on a day, as 2024-01-15, or on days, as"
            " 2024-01-15..2024-01-20; repeatable.",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            file_okay=False,
            help="Download to this folder instead of copying to restored/. A run that is killed"
            " may leave files .restore-* there: delete them.",
        ),
    ] = None,
    # Bulk retrievals from GLACIER are free, and who reads an archive can mostly wait for a night.
    tier: Annotated[
        Tier, typer.Option("--tier", help="How fast GLACIER gives outputs back.")
    ] = Tier.BULK,
    # A week: the retrieval may end at a weekend.
    days: Annotated[
        int,
        typer.Option(
            "--days", metavar="N", min=1, max=365, help="How long a retrieved output can be read."
        ),
    ] = 7,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until all is retrieved and restored.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Restore what is retrieved by now, and ask for nothing."),
    ] = False,
    stack: StackName = None,
    outputs: OutputsFile = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Bring archived outputs back.

    Copies them to restored/YYYY/MM/DD/ in the processed bucket, with content type, metadata and
    tags, or to a folder of this machine. What GLACIER holds has to be retrieved first, of outputs
    in a bundle the whole bundle, which takes hours: wait with --wait, or run the same command with
    --resume later, on any machine. Shows objects, bytes, time and price before it asks. May be
    repeated: what is restored is left alone, and nothing is replaced. Exits with 1 if something
    cannot be restored.
    """
    if [bool(given), prefix is not None, bool(day)].count(True) != 1:
        msg = "allowed: KEY…, or --prefix PATH, or --day DAY…"
        raise UsageError(msg)
    account = connect(stack, outputs)
    target = Folder(account, to) if to else RestoredPrefix(account)

    def look() -> tuple[Restoration, Plan]:
        with screen.working("looking in the archive"):
            selected = _selected(account, given or [], prefix, day or [])
            planned = restores.plan(account, selected, target)
        return Restoration(account, selected, target, tier, days), planned

    job, planned = look()
    if resume:
        planned = planned.without_asking()
    job.show(planned)
    if dry_run:
        job.describe(planned)
        _finish(planned, dict(planned.problems))
        return
    to_do = [*planned.readable, *planned.under_way, *planned.cold]
    if to_do and not resume:
        confirm(f"Restore {len(to_do)} outputs?", yes=yes)
    problems = job.run(planned, wait=wait)
    if wait and any(one.is_unknown_bundle for one in to_do):  # what they hold is known by now
        job, planned = look()
        problems = job.run(planned, wait=wait)
    _finish(planned, problems)


def _selected(
    account: aws.Account, given: list[str], prefix: str | None, days: list[str]
) -> Selection:
    if prefix is not None:
        return selection.of_prefix(prefix)
    return selection.of_days(days) if days else selection.of_keys(account, given)


def _finish(planned: Plan, problems: dict[str, str]) -> None:
    """List what was not restored; then the exit code is 1."""
    for key, problem in sorted(problems.items()):
        screen.warn(f"not restored  {key}: {problem}")
    if problems:
        msg = f"not restored: {len(problems)}; there already: {len(planned.there)}"
        raise OperatorError(msg)
