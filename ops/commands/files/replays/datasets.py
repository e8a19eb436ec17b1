"""Replay the completed files of a dataset, each in the place of its old output."""

from collections import Counter
from typing import Final

from ops.aws import Account
from ops.commands.files.replays.copies import expect
from ops.commands.group import confirm
from ops.datasets.deployed import Deployed, find_dataset
from ops.dead_letters.pace import Pace
from ops.files.objects import StoredObject
from ops.files.replays import reprocessing
from ops.files.replays.plans import Range, completed_prefix
from ops.files.replays.reprocessing import State
from ops.terminal import instants, screen
from ops.terminal.problems import OperatorError, UsageError

_LABELS: Final = {
    State.DUE: "to replay",
    State.ARCHIVED: "to replay, output in the archive",
    State.CURRENT: "current already",
    State.WITHOUT_OUTPUT: "left out: no output any more",
    State.UNKNOWN: "left out: the copy does not name its source",
    State.REPEATED: "left out: another copy of the same version",
}


def run(
    account: Account,
    name: str,
    chosen: Range,
    *,
    pace: Pace,
    as_json: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Send what is due of a dataset's completed files, after a question, and count the rest.

    An empty prefix stands for all of the dataset. Raises UsageError for a prefix outside it.
    """
    dataset = find_dataset(account.stack, name)
    due, counts = _survey(account, dataset, _within(dataset, chosen))
    refused = Counter[str]()
    if due and not dry_run:
        _ask(account, dataset, due, yes=yes)
        with screen.progress("sending", len(due)) as progress:
            refused = reprocessing.send(account, due, pace=pace, progress=progress)
    sent = 0 if dry_run else len(due) - refused.total()
    if as_json:
        screen.document(
            {
                "dataset": dataset.name,
                "version": dataset.version,
                **{state.name.lower(): counts[state] for state in State},
                "sent": sent,
                "dry_run": dry_run,
            }
        )
    else:
        _print(dataset, due, counts, sent=sent, dry_run=dry_run)
    if refused:
        why = "; ".join(f"{number} times {reason}" for reason, number in refused.items())
        msg = f"{refused.total()} messages were not accepted ({why}); the same command sends them"
        raise OperatorError(msg)


def _within(dataset: Deployed, chosen: Range) -> Range:
    whole = completed_prefix(f"incoming/{dataset.prefix}")
    wanted = completed_prefix(chosen.prefix) if chosen.prefix else whole
    if not wanted.startswith(whole):
        msg = f"--prefix is {chosen.prefix!r}, allowed with --dataset {dataset.name}: one that "
        msg += f"begins incoming/{dataset.prefix}"
        raise UsageError(msg)
    return Range(prefix=wanted, since=chosen.since, until=chosen.until)


def _survey(
    account: Account, dataset: Deployed, chosen: Range
) -> tuple[list[StoredObject], Counter[State]]:
    """Look at all completed versions; return those that are due, and how many are how."""
    due: list[StoredObject] = []
    counts = Counter[State]()
    with screen.working("looking at completed files") as spinner:
        made_by = (dataset.name, dataset.version)
        for found in reprocessing.survey(account, chosen, made_by=made_by):
            counts[found.state] += 1
            if found.state.is_due:
                due.append(found.copy)
            if counts.total() % 100 == 0:
                screen.renew(spinner, f"{counts.total():,} versions, {len(due):,} to replay")
    return due, counts


def _ask(account: Account, dataset: Deployed, due: list[StoredObject], *, yes: bool) -> None:
    size_bytes = sum(copy.size for copy in due)
    expected = expect(account, len(due), size_bytes, by_job=False)
    confirm(
        f"Process {len(due):,} files, {screen.size(size_bytes)}, again by dataset {dataset.name}"
        f" {dataset.version}, and replace their outputs; by list prices about"
        f" ${expected.process_dollars:,.2f}; about {instants.age(expected.seconds)}?",
        yes=yes,
    )


def _print(
    dataset: Deployed, due: list[StoredObject], counts: Counter[State], *, sent: int, dry_run: bool
) -> None:
    if dry_run:
        for copy in due:
            screen.say(f"would replay {copy.key} version {copy.version}")
    screen.say(f"dataset {dataset.name}, version {dataset.version}")
    rows = [(label, counts[state]) for state, label in _LABELS.items()]
    screen.table(("completed versions", "number"), rows)
    if sent:
        screen.say(
            f"sent {sent:,}; once the queue is empty (`status`), the same command counts what is"
            " left, and `failures` lists what failed: its old output stays"
        )
    elif not due:
        screen.say("nothing to replay")
