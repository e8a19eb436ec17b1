"""Replay files from this machine, and continue what was interrupted."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import typer

from ops.aws import Account
from ops.commands.group import confirm
from ops.costs.prices import REGIONS, nearest
from ops.files.replays import copying
from ops.files.replays.estimates import Estimate, estimate
from ops.files.replays.plans import Replay
from ops.files.replays.records import Record
from ops.terminal import instants, interruptions, screen
from ops.terminal.problems import OperatorError


def run(
    account: Account,
    planned: Sequence[Replay],
    *,
    record: Path | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Copy planned files, after a question, and note each in a new record if one is named."""
    if not _agreed(account, planned, dry_run=dry_run, yes=yes):
        return
    mark = uuid4().hex
    if record is None:
        _copy(account, planned, mark=mark, note=lambda _replay, _version: None)
        return
    with Record.begin(record, account.stack.raw_bucket_name, planned, mark) as begun:
        _copy_noted(account, begun)


def resume(account: Account, file: Path, *, dry_run: bool, yes: bool) -> None:
    """Copy what a record says is left."""
    with Record.resume(file, account.stack.raw_bucket_name) as record:
        if _agreed(account, record.left, dry_run=dry_run, yes=yes):
            _copy_noted(account, record, resumed=True)


def expect(account: Account, number: int, size_bytes: int, *, by_job: bool) -> Estimate:
    """Return what a replay costs and takes, by the prices of the stack's region."""
    prices = REGIONS[nearest(account.stack.region)]
    return estimate(number, size_bytes, prices, by_job=by_job)


def told(account: Account, number: int, size_bytes: int, expected: Estimate) -> str:
    """Return how many files there are, their size, and what it costs and takes, as text."""
    region = account.stack.region
    others = "" if nearest(region) == region else f" (of {nearest(region)}: none of {region} here)"
    return (
        f"{number:,} files, {screen.size(size_bytes)}; by list prices{others} about"
        f" ${expected.copy_dollars:,.2f} to copy and ${expected.process_dollars:,.2f} to process;"
        f" about ${expected.keep_dollars:,.2f} more to store and archive the copies until they"
        f" expire; about {instants.age(expected.seconds)}"
    )


def source_of(replay: Replay) -> str:
    """Return the completed version of a replay, as text."""
    return f"{replay.source.key} version {replay.source.version}"


def _agreed(account: Account, planned: Sequence[Replay], *, dry_run: bool, yes: bool) -> bool:
    """Return whether to copy: there is something, and the operator wants it."""
    size_bytes = sum(one.source.size for one in planned)
    expected = expect(account, len(planned), size_bytes, by_job=False)
    text = told(account, len(planned), size_bytes, expected)
    if not planned:
        screen.say("no completed file is selected")
    elif dry_run:
        for one in planned:
            target = one.target or "nowhere: its name is shortened"
            screen.say(f"would copy {source_of(one)} to {target}")
        screen.say(text)
    else:
        confirm(f"Process {text}. Once more?", yes=yes)
        return True
    return False


def _copy_noted(account: Account, record: Record, *, resumed: bool = False) -> None:
    try:
        with interruptions.held_back() as stopped:
            _copy(
                account,
                record.left,
                mark=record.mark,
                note=record.note,
                resumed=resumed,
                stopped=stopped,
            )
    except KeyboardInterrupt:
        screen.warn(f"stopped; `replay --resume {record.file}` continues")
        raise typer.Exit(1) from None
    except OperatorError as error:
        msg = f"{error}; `replay --resume {record.file}` tries those again"
        raise OperatorError(msg) from error
    screen.say(f"noted in {record.file}")


def _copy(
    account: Account,
    planned: Sequence[Replay],
    *,
    mark: str,
    note: Callable[[Replay, str], None],
    resumed: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    failed = 0
    with (
        screen.progress("copying", len(planned)) as progress,
        closing(
            copying.run(account, planned, mark=mark, resumed=resumed, note=note, progress=progress)
        ) as copied,
    ):
        for done in copied:
            if done.problem is None:
                screen.say(f"replayed  {done.replay.target}  {done.version}")
            else:
                failed += 1
                screen.warn(f"not replayed  {source_of(done.replay)}: {done.problem}")
            if stopped():
                raise KeyboardInterrupt
    if failed:
        msg = f"{failed} of {len(planned)} files were not replayed"
        raise OperatorError(msg)
