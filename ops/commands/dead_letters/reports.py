"""Print dead letters, as a table or as JSON."""

from collections.abc import Iterable, Mapping
from typing import Final

from ops.dead_letters import listing
from ops.dead_letters.logs import Logs
from ops.dead_letters.messages import DeadLetter, Queue
from ops.terminal import screen
from ops.terminal.instants import shown

_BODY_CHARACTERS: Final = 200


def dead_letters(logs: Logs, found: Iterable[tuple[DeadLetter, int]]) -> None:
    """Print dead letters; for one without a reason, print the command that shows its log too."""
    pairs = list(found)
    columns = (
        "sent", "of", "key", "version", "reason", "place", "kind", "attempts", "times", "message",
    )  # fmt: skip
    screen.table(columns, (_dead_letter_row(dead_letter, count) for dead_letter, count in pairs))
    for dead_letter, _ in pairs:
        if dead_letter.event is None:
            body = screen.shortened(dead_letter.body, _BODY_CHARACTERS)
            screen.say(f"body of {dead_letter.message_id}: {body}")
        elif dead_letter.reason is None:
            screen.say(f"why: {logs.command(dead_letter)}")


def in_flight(found: Mapping[Queue, int]) -> None:
    """Warn of dead letters that could not be read, since another reader has them in flight."""
    for queue, count in found.items():
        if count:
            screen.warn(
                f"dead letters of the {queue}, in flight: {count}; another reader holds them, "
                "they can be read when it is done or its time is up (some minutes at most)"
            )


def dead_letter_documents(
    logs: Logs, found: Iterable[tuple[DeadLetter, int]]
) -> list[dict[str, object]]:
    """Return dead letters as `failures --json` prints them."""
    return [
        {
            **listing.document(dead_letter, count=count),
            "logs": logs.command(dead_letter) if dead_letter.reason is None else None,
        }
        for dead_letter, count in found
    ]


def _dead_letter_row(dead_letter: DeadLetter, count: int) -> tuple[object, ...]:
    return (
        shown(dead_letter.sent),
        dead_letter.queue.value,
        "(a reconcile run)" if dead_letter.reconciles else dead_letter.key,
        dead_letter.version,
        dead_letter.why,
        dead_letter.place,
        dead_letter.kind,
        dead_letter.attempts,
        count,
        dead_letter.message_id,
    )
