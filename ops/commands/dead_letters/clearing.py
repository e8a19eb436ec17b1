"""What `redrive` and `discard` print alike."""

import typer

from ops.aws import Account
from ops.dead_letters import clearing, listing
from ops.dead_letters.messages import DeadLetter
from ops.terminal import screen


def print_deletion(account: Account, one: DeadLetter) -> None:
    """Print which dead letter would be deleted, and from which queue."""
    queue = listing.queues_of(account.stack)[one.queue]
    screen.say(f"would delete {one.message_id} from {queue}")


def describe(dead_letter: DeadLetter) -> str:
    """Return what a dead letter is about: its file, or its event."""
    version = f" version {dead_letter.version}" if dead_letter.version else ""
    event = dead_letter.event or dead_letter.body
    about = f"{dead_letter.key}{version}" if dead_letter.key else f"the event {event}"
    return screen.shortened(about)


def finish(done: str, outcome: clearing.Outcome) -> None:
    """Print how many dead letters are done, and why others are kept; then the exit code is 1."""
    screen.say(f"{done}: {outcome.done}")
    if outcome.stopped:
        screen.warn("stopped: the others stay in their queue; the same command goes on with them")
        raise typer.Exit(1)
    for message, reason in outcome.kept:
        screen.warn(f"{message}: {reason}")
    if outcome.kept:
        raise typer.Exit(1)
