"""Attempts at a message of the queue: when the next one comes, and which are made alone. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from handlers.environment import VISIBILITY_TIMEOUTS

Record = Mapping[str, Any]

# Before the second, third and fourth attempt: an outage of a quarter of an hour is over by then.
BACK_OFF_SECONDS: Final = (60, 300, 900)


def count_attempts(record: Record) -> int:
    """Return how often a message of an SQS event has been received, this time included."""
    return int(record["attributes"]["ApproximateReceiveCount"])


def back_off_seconds(attempts: int) -> int:
    """Return how long to wait after so many attempts at a message."""
    return BACK_OFF_SECONDS[min(attempts, len(BACK_OFF_SECONDS)) - 1]


def split(
    records: Sequence[Record], *, now: datetime, timeout_seconds: float
) -> tuple[list[Record], list[Record]]:
    """Return the messages of a batch that are worked on together, and those that come alone.

    Alone comes whatever may have killed the function that had it before. Their order is turned
    round with each receive, so that of two messages that meet again each is first in its turn: one
    that kills cannot take another with it to the dead-letter queue.
    """
    together: list[Record] = []
    alone: list[Record] = []
    for record in records:
        (alone if _may_kill(record, now, timeout_seconds) else together).append(record)
    turned = bool(alone) and min(map(count_attempts, alone)) % 2 == 1
    return together, sorted(alone, key=lambda record: record["messageId"], reverse=turned)


def _may_kill(record: Record, now: datetime, timeout_seconds: float) -> bool:
    """Return whether an earlier attempt may have been killed.

    Such a message stays hidden for the queue's visibility timeout, six time-outs of the function.
    One that failed in order comes back sooner. `timeout_seconds` is the function's.
    """
    received = record["attributes"].get("ApproximateFirstReceiveTimestamp")
    if count_attempts(record) == 1 or received is None:
        return False
    first = datetime.fromtimestamp(int(received) / 1000, UTC)
    return now - first >= timedelta(seconds=VISIBILITY_TIMEOUTS * timeout_seconds)
