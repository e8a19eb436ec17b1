"""Send corrected rows, and say what became of them, the second time too."""

from dataclasses import dataclass
from pathlib import Path

import typer

from ops import aws
from ops.commands.files import reports
from ops.commands.group import confirm
from ops.datasets.deployed import columns_of
from ops.dead_letters import listing
from ops.dead_letters.messages import Queue
from ops.files import following, history
from ops.files.rejects import corrections, fixes, links
from ops.files.rejects.fixes import Fix, Sent, State
from ops.files.rejects.records import RejectedObject
from ops.terminal import screen
from ops.terminal.instants import shown

_OTHERS = 10  # other fixes of the same records that are named


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to send: `wait_seconds` is how long to wait for the output, 0 for not at all."""

    dry_run: bool
    yes: bool
    wait_seconds: float


def send(account: aws.Account, found: RejectedObject, file: Path, options: Options) -> None:
    """Send the rows of a file as the fix of a version's bad records, once; ask before.

    Raises UsageError if a row cannot be read. The exit code is 1 if the fix failed.
    """
    columns = columns_of(account.stack, found.source_key) or corrections.texts
    fix = fixes.plan(found, corrections.read(file, columns))
    there = fixes.look(account, fix)
    if not there:
        _warn_of_others(account, fix)
    if options.dry_run:
        place = f"s3://{account.stack.raw_bucket_name}/{fix.key}"
        screen.say(
            f"would send nothing: {place} was sent before"
            if there
            else f"would send {fix.rows} rows to {place}"
        )
        return
    if not there:
        confirm(f"Send {fix.rows} rows as {fix.key}?", yes=options.yes)
        there = fixes.send(account, fix)
    failed = _tell(account, fix, there)
    if options.wait_seconds and there.state is not State.PROCESSED and not failed:
        _wait(account, there, options.wait_seconds)
    if there.twin or failed:
        raise typer.Exit(1)


def _tell(account: aws.Account, fix: Fix, there: Sent) -> bool:
    """Say where a fix is; return whether it is known to have failed."""
    version, since = there.uploaded.version, shown(there.uploaded.started)
    if there.state is State.SENT:
        screen.say(f"sent  {fix.key}  {version}  {fix.rows} rows")
        if there.twin:
            screen.warn(
                f"version {there.twin} of the same fix was processed at this moment: its rows are "
                f"in two outputs, see `show {fix.key}`; one of the outputs is to be deleted"
            )
        return False
    if there.state is State.PROCESSED:
        stored = history.collect_stored(account, fix.key, limit=1)
        made = ", ".join(output.key for output in stored.outputs) or "gone meanwhile"
        screen.say(f"sent before, processed  {fix.key}  {version}  output: {made}")
        return False
    reason = _why_failed(account, there)
    if reason:
        screen.say(f"sent before, failed  {fix.key}  {version}  {screen.shortened(reason)}")
        return True
    screen.say(f"sent before, waiting since {since}  {fix.key}  {version}")
    return False


def _why_failed(account: aws.Account, there: Sent) -> str | None:
    own = (there.uploaded.key, there.uploaded.version)
    for dead_letter in listing.peek(account, queue=Queue.PROCESSOR):
        if own in {(source.key, source.version) for source in dead_letter.sources}:
            return dead_letter.why
    return None


def _warn_of_others(account: aws.Account, fix: Fix) -> None:
    for link in links.fixed_by(account, fix.of_key, limit=_OTHERS):
        if link.of_version == fix.of_version and link.key != fix.key:
            screen.warn(
                f"other rows were sent for the same bad records at {shown(link.sent)}: {link.key}"
            )


def _wait(account: aws.Account, there: Sent, seconds: float) -> None:
    failed = False
    with screen.working("processing"):
        for one in following.follow(account, [there.uploaded], seconds=seconds):
            reports.followed(one)
            failed = not one.output
    if failed:
        raise typer.Exit(1)
