"""The commands about dead letters: list them, send them back, discard them."""

from pathlib import Path
from typing import Annotated

import typer

from ops.aws import Account
from ops.commands import reports
from ops.commands.group import confirm, connect
from ops.commands.options import AsJson, OutputsFile, StackName
from ops.commands.selection import Selected, selecting
from ops.dead_letters import clearing, listing
from ops.dead_letters.logs import Logs
from ops.dead_letters.messages import DeadLetter, distinct
from ops.terminal import instants, screen


def failures(
    *,
    stack: StackName = None,
    outputs: OutputsFile = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Show at most N.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the dead letters; they stay in their queues.

    One line for each file version. Reading hides them from other readers for some seconds. Dead
    letters that another reader has in flight are counted on standard error.
    """
    account = connect(stack, outputs)
    with screen.working("reading dead letters"):
        in_flight = listing.in_flight(account)
        found = distinct(listing.peek(account, limit=limit))[:limit]
    if as_json:
        screen.document(reports.dead_letter_documents(Logs(account), found))
    elif found:
        reports.dead_letters(Logs(account), found)
    elif not any(in_flight.values()):
        screen.say("no dead letters")
    reports.in_flight(in_flight)


@selecting
def redrive(selected: Selected) -> None:
    """Send dead letters to be processed again.

    Each is first sent to the processing queue (a run of the archiver: to the archiver) and then
    deleted here. Fix the cause first: a file that failed for its content fails again.
    """
    account = selected.account
    unreadable = [one for one in selected.dead_letters if one.event is None]
    readable = [one for one in selected.dead_letters if one.event is not None]
    for one in unreadable:
        screen.warn(f"{one.message_id} is not sent back, it is {one.problem}: see `discard`")
    if selected.dry_run:
        _print_redrive(account, readable)
    elif readable:
        confirm(f"Send {len(readable)} dead letters back?", yes=selected.yes)
        with screen.progress("sending back", len(readable)) as progress:
            chosen = {one.message_id for one in readable}
            outcome = clearing.redrive(account, chosen, progress=progress)
        _finish("sent back", outcome)
    if unreadable:
        raise typer.Exit(1)


@selecting
def discard(
    selected: Selected,
    *,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            metavar="FILE",
            help="Where to keep the messages, a new file [default: dead-letters-<time>.ndjson].",
        ),
    ] = None,
) -> None:
    """Delete dead letters, after writing them to a file.

    Their files stay in incoming/, unprocessed.
    """
    account, dead_letters = selected.account, selected.dead_letters
    file = save or Path(f"dead-letters-{instants.now():%Y%m%dT%H%M%SZ}.ndjson")
    if selected.dry_run:
        for one in dead_letters:
            screen.say(f"would write {one.message_id} ({_about(one)}) to {file}")
            _print_deletion(account, one)
    elif dead_letters:
        confirm(f"Delete {len(dead_letters)} dead letters, kept in {file}?", yes=selected.yes)
        with screen.progress("deleting", len(dead_letters)) as progress:
            chosen = {one.message_id for one in dead_letters}
            outcome = clearing.discard(account, chosen, file, progress=progress)
        screen.say(f"written to {file}")
        _finish("deleted", outcome)


def _print_redrive(account: Account, dead_letters: list[DeadLetter]) -> None:
    sent: set[tuple[object, ...]] = set()
    for one in dead_letters:
        if one.identity not in sent:
            target = clearing.destination(account.stack, one.queue)
            screen.say(f"would send {_about(one)} to {target}")
        sent.add(one.identity)
        _print_deletion(account, one)


def _print_deletion(account: Account, one: DeadLetter) -> None:
    queue = listing.queues_of(account.stack)[one.queue]
    screen.say(f"would delete {one.message_id} from {queue}")


def _about(dead_letter: DeadLetter) -> str:
    version = f" version {dead_letter.version}" if dead_letter.version else ""
    event = dead_letter.event or dead_letter.body
    about = f"{dead_letter.key}{version}" if dead_letter.key else f"the event {event}"
    return screen.shortened(about)


def _finish(done: str, outcome: clearing.Outcome) -> None:
    screen.say(f"{done}: {outcome.done}")
    for message, reason in outcome.kept:
        screen.warn(f"{message}: {reason}")
    if outcome.kept:
        raise typer.Exit(1)
