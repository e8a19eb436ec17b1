"""Send dead letters to be processed again."""

from typing import Annotated

import typer

from ops.aws import Account
from ops.commands.dead_letters.clearing import describe, finish, print_deletion
from ops.commands.dead_letters.selection import Selected, selecting
from ops.commands.group import confirm
from ops.dead_letters import clearing
from ops.dead_letters.messages import DeadLetter
from ops.dead_letters.pace import DEFAULT_RATE, Pace
from ops.terminal import screen


@selecting
def redrive(
    selected: Selected,
    *,
    rate: Annotated[
        int,
        typer.Option(
            "--rate",
            metavar="N",
            min=0,
            help="Send at most N a second, so that new files are not held up; 0 for no limit.",
        ),
    ] = DEFAULT_RATE,
) -> None:
    """Send dead letters to be processed again.

    Each is first sent to the processing queue (a run of the archiver or of `reconcile`: to its
    function) and then deleted here. Fix the cause first: a file that failed for its content fails
    again. Ctrl-C stops at any moment; the same command goes on. Options of different names are
    combined by and, those of the same name by or.
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
            outcome = clearing.redrive(account, chosen, pace=Pace(rate or None), progress=progress)
        finish("sent back", outcome)
    if unreadable:
        raise typer.Exit(1)


def _print_redrive(account: Account, dead_letters: list[DeadLetter]) -> None:
    sent: set[tuple[object, ...]] = set()
    for one in dead_letters:
        if one.identity not in sent:
            target = clearing.destination(account.stack, one)
            screen.say(f"would send {describe(one)} to {target}")
        sent.add(one.identity)
        print_deletion(account, one)
