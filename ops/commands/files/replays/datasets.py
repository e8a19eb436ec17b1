"""Replay the completed files of a dataset, each in the place of its old output."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import typer

from ops.aws import Account
from ops.commands.files.replays.copies import expect
from ops.commands.group import confirm
from ops.datasets.deployed import Deployed, find_dataset
from ops.dead_letters import listing
from ops.dead_letters.messages import Queue
from ops.dead_letters.pace import Pace
from ops.files.objects import StoredObject
from ops.files.replays import reprocessing
from ops.files.replays.plans import Range, completed_prefix
from ops.files.replays.reprocessing import Candidate, Sending, State
from ops.terminal import instants, interruptions, screen
from ops.terminal.problems import OperatorError, UsageError

_LABELS: Final = {
    State.DUE: "to replay",
    State.ARCHIVED: "to replay, output in the archive",
    State.BUNDLED: "left: its output is in a bundle, which is not rewritten",
    State.CURRENT: "current already",
    State.WITHOUT_OUTPUT: "left out: no output any more",
    State.UNKNOWN: "left out: the copy does not name its source",
    State.REPEATED: "left out: another copy of the same version",
}
_NAMED: Final = 5  # files that a warning names


@dataclass(frozen=True, kw_only=True)
class _Findings:
    """What there is to do for a dataset.

    `failed` counts the due ones with a dead letter. `corrected` are the sources of those whose bad
    records were sent once more, corrected. `twice` are the sources whose outputs stand twice.
    """

    due: Sequence[StoredObject]
    counts: Counter[State]
    failed: int
    corrected: Sequence[str]
    twice: Sequence[str]


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
    found = _survey(account, dataset, _within(dataset, chosen))
    _warn_of_corrected(dataset, found.corrected)
    _warn_of_twice(found.twice)
    sending = Sending(sent=0, refused=Counter())
    stopped = False
    if found.due and not dry_run:
        confirm(f"{_plan(account, dataset, found.due, pace)}?", yes=yes)
        with interruptions.held_back() as is_stopped:
            with screen.progress("sending", len(found.due)) as progress:
                sending = reprocessing.send(
                    account, found.due, pace=pace, progress=progress, stopped=is_stopped
                )
            stopped = is_stopped()
    if as_json:
        _print_json(dataset, found, sending, dry_run=dry_run)
    else:
        if dry_run and found.due:
            for copy in found.due:
                screen.say(f"would replay {copy.key} version {copy.version}")
            screen.say(_plan(account, dataset, found.due, pace))
        _print(dataset, found, sending)
    if stopped:
        screen.warn(f"stopped after {sending.sent:,}; the same command goes on with the others")
        raise typer.Exit(1)
    if sending.refused:
        why = "; ".join(f"{number} times {said}" for said, number in sending.refused.items())
        number = sending.refused.total()
        msg = f"{number} messages were not accepted ({why}); the same command sends them"
        raise OperatorError(msg)


def _within(dataset: Deployed, chosen: Range) -> Range:
    whole = completed_prefix(f"incoming/{dataset.prefix}")
    wanted = completed_prefix(chosen.prefix) if chosen.prefix else whole
    if not wanted.startswith(whole):
        msg = f"--prefix is {chosen.prefix!r}, allowed with --dataset {dataset.name}: one that "
        msg += f"begins incoming/{dataset.prefix}"
        raise UsageError(msg)
    return Range(prefix=wanted, since=chosen.since, until=chosen.until)


def _survey(account: Account, dataset: Deployed, chosen: Range) -> _Findings:
    """Look at all completed versions, and at the dead letters of those that are due."""
    due: list[Candidate] = []
    corrected: set[tuple[str, str]] = set()
    twice: list[str] = []
    counts = Counter[State]()
    with screen.working("looking at completed files") as spinner:
        made_by = (dataset.name, dataset.version)
        for found in reprocessing.survey(account, chosen, made_by=made_by):
            counts[found.state] += 1
            if found.state.is_due:
                due.append(found)
            if found.corrects:
                corrected.add(found.corrects)
            if found.is_twice and found.source and found.state is not State.REPEATED:
                twice.append(found.source[0])
            if counts.total() % 100 == 0:
                screen.renew(spinner, f"{counts.total():,} versions, {len(due):,} to replay")
        copies = [one.copy for one in due]
        return _Findings(
            due=copies,
            counts=counts,
            failed=_count_failed(account, copies),
            corrected=[
                one.source[0]
                for one in due
                if one.source and one.has_rejects and one.source in corrected
            ],
            twice=sorted(twice),
        )


def _count_failed(account: Account, due: Iterable[StoredObject]) -> int:
    """Return how many of the versions have a dead letter."""
    versions = {(copy.key, copy.version) for copy in due}
    if not versions:
        return 0
    dead_letters = listing.peek(account, queue=Queue.PROCESSOR)
    named = {(source.key, source.version) for one in dead_letters for source in one.sources}
    return len(versions & named)


def _warn_of_corrected(dataset: Deployed, sources: Sequence[str]) -> None:
    if not sources:
        return
    screen.warn(
        f"bad records of {len(sources):,} files were corrected (`rejects --fix`): those that"
        f" {dataset.name} takes now will be in both outputs, as they were sent and corrected;"
        f" `show` names the corrections: {_named(sources)}"
    )


def _warn_of_twice(sources: Sequence[str]) -> None:
    if not sources:
        return
    screen.warn(
        f"{len(sources):,} outputs stand twice, since they were replaced at the moment at which"
        " they were bundled: in a bundle as they were, and as they are now; a query that takes"
        f" in the bundles finds the records of both: {_named(sources)}"
    )


def _named(sources: Sequence[str]) -> str:
    """Return the first sources, and how many more there are."""
    more = len(sources) - _NAMED
    return ", ".join([*islice(sources, _NAMED), *([f"and {more:,} more"] if more > 0 else [])])


def _plan(account: Account, dataset: Deployed, due: Sequence[StoredObject], pace: Pace) -> str:
    """Return what is to be done, and what it costs and takes."""
    size_bytes = sum(copy.size for copy in due)
    expected = expect(account, len(due), size_bytes, by_job=False)
    seconds = max(expected.process_seconds, pace.seconds(len(due)))
    return (
        f"Process {len(due):,} files, {screen.size(size_bytes)}, again by dataset {dataset.name}"
        f" {dataset.version}, and replace their outputs; by list prices about"
        f" ${expected.process_dollars:,.2f}; about {instants.age(seconds)}"
    )


def _print_json(dataset: Deployed, found: _Findings, sending: Sending, *, dry_run: bool) -> None:
    screen.document(
        {
            "dataset": dataset.name,
            "version": dataset.version,
            **{state.name.lower(): found.counts[state] for state in State},
            "failed": found.failed,
            "corrected": len(found.corrected),
            "twice": len(found.twice),
            "sent": sending.sent,
            "dry_run": dry_run,
        }
    )


def _print(dataset: Deployed, found: _Findings, sending: Sending) -> None:
    screen.say(f"dataset {dataset.name}, version {dataset.version}")
    rows = [(label, found.counts[state]) for state, label in _LABELS.items()]
    screen.table(("completed versions", "number"), rows)
    if found.failed:
        screen.say(f"{found.failed:,} of those to replay have failed: `failures` says why")
    if sending.sent:
        screen.say(
            f"sent {sending.sent:,}; once the queue is empty (`status`), the same command counts"
            " what is left, and `failures` lists what failed: its old output stays"
        )
    elif not found.due:
        screen.say("nothing to replay")
