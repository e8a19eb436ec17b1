"""Commands about dead letters: list them, send them back, throw them away."""

from pathlib import Path
from typing import Annotated

import typer

from ops.aws import Account
from ops.commands import reports
from ops.commands.group import confirm, connect
from ops.commands.options import (
    AsJson,
    DryRun,
    Every,
    KeyGlobs,
    Messages,
    OutputsFile,
    StackName,
    Versions,
    Yes,
)
from ops.dead_letters import clearing
from ops.dead_letters import listing as queues
from ops.dead_letters.logs import Logs
from ops.dead_letters.messages import DeadLetter, Selection, distinct
from ops.terminal import instants, screen
from ops.terminal.problems import OperatorError, UsageError


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

    One line for each file version. While they are read, for some seconds, no other reader sees
    them; those that another reader holds are counted on standard error.
    """
    account = connect(stack, outputs)
    with screen.working("reading dead letters"):
        held = queues.held(account)
        found = distinct(queues.peek(account, limit=limit))[:limit]
    if as_json:
        screen.document(reports.letter_documents(Logs(account), found))
    elif found:
        reports.letters(Logs(account), found)
    elif not any(held.values()):
        screen.say("no dead letters")
    reports.held(held)


def redrive(
    *,
    stack: StackName = None,
    outputs: OutputsFile = None,
    every: Every = False,
    key: KeyGlobs = None,
    version: Versions = None,
    message: Messages = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Send dead letters to be processed again.

    Each is first sent to the processing queue (a run of the archiver: to the archiver) and then
    deleted here. Mend the cause first: what failed for its content fails again.
    """
    selection = _selection(every=every, key=key, version=version, message=message)
    account = connect(stack, outputs)
    chosen = _chosen(account, selection)
    unreadable = [one for one in chosen if one.event is None]
    chosen = [one for one in chosen if one.event is not None]
    for one in unreadable:
        screen.warn(f"{one.message} is not sent back, it is {one.problem}: see `discard`")
    if dry_run:
        _print_redrive(account, chosen)
    elif chosen:
        confirm(f"Send {len(chosen)} dead letters back?", yes=yes)
        with screen.progress("sending back", len(chosen)) as progress:
            outcome = clearing.redrive(account, {one.message for one in chosen}, progress=progress)
        _finish("sent back", outcome)
    if unreadable:
        raise typer.Exit(1)


def discard(
    *,
    stack: StackName = None,
    outputs: OutputsFile = None,
    every: Every = False,
    key: KeyGlobs = None,
    version: Versions = None,
    message: Messages = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            metavar="FILE",
            help="Where to keep the letters, a new file [default: dead-letters-<time>.ndjson].",
        ),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Delete dead letters, after writing them to a file.

    Their files stay in incoming/, unprocessed.
    """
    selection = _selection(every=every, key=key, version=version, message=message)
    account = connect(stack, outputs)
    chosen = _chosen(account, selection)
    file = save or Path(f"dead-letters-{instants.now():%Y%m%dT%H%M%SZ}.ndjson")
    if dry_run:
        for one in chosen:
            screen.say(f"would write {one.message} ({_about(one)}) to {file}")
            screen.say(
                f"would delete {one.message} from {queues.queues_of(account.stack)[one.queue]}"
            )
    elif chosen:
        confirm(f"Delete {len(chosen)} dead letters, kept in {file}?", yes=yes)
        with screen.progress("deleting", len(chosen)) as progress:
            outcome = clearing.discard(
                account, {one.message for one in chosen}, file, progress=progress
            )
        screen.say(f"written to {file}")
        _finish("deleted", outcome)


def _selection(
    *, every: bool, key: list[str] | None, version: list[str] | None, message: list[str] | None
) -> Selection:
    named = [*(key or ()), *(version or ()), *(message or ())]
    if every == bool(named):
        msg = "which dead letters? allowed: --all alone, or any of --key, --version, --message"
        raise UsageError(msg)
    return Selection(
        every=every,
        globs=tuple(key or ()),
        versions=tuple(version or ()),
        messages=tuple(message or ()),
    )


def _chosen(account: Account, selection: Selection) -> list[DeadLetter]:
    """Return the selected letters, and list them.

    Raises OperatorError where letters are named, or another reader holds some, and none is there.
    """
    with screen.working("reading dead letters"):
        held = queues.held(account)
        chosen = [one for one in queues.peek(account) if one in selection]
    reports.held(held)
    if chosen:
        reports.letters(Logs(account), distinct(chosen))
    elif selection.every and not any(held.values()):
        screen.say("no dead letters")
    else:
        msg = "no dead letter is selected; `failures` lists what there is"
        raise OperatorError(msg)
    return chosen


def _print_redrive(account: Account, chosen: list[DeadLetter]) -> None:
    sent: set[tuple[object, ...]] = set()
    for one in chosen:
        if one.identity not in sent:
            target = clearing.destination(account.stack, one.queue)
            screen.say(f"would send {_about(one)} to {target}")
        sent.add(one.identity)
        screen.say(f"would delete {one.message} from {queues.queues_of(account.stack)[one.queue]}")


def _about(letter: DeadLetter) -> str:
    version = f" version {letter.version}" if letter.version else ""
    about = f"{letter.key}{version}" if letter.key else f"the event {letter.event or letter.body}"
    return screen.shortened(about)


def _finish(done: str, outcome: clearing.Outcome) -> None:
    screen.say(f"{done}: {outcome.done}")
    for message, reason in outcome.kept:
        screen.warn(f"{message}: {reason}")
    if outcome.kept:
        raise typer.Exit(1)
