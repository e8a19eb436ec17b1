"""Attempts at a queue message: when the next is made, and which are made alone. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from handlers.environment import VISIBILITY_TIMEOUTS
from handlers.keys import REPEATED

Record = Mapping[str, Any]

# Before the second, third and fourth attempt: enough for an outage of 15 minutes.
BACK_OFF_SECONDS: Final = (60, 300, 900)
# Lambda waits a minute before its first retry of an event, and does not say that it is one:
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
_LAMBDA_RETRY: Final = timedelta(seconds=45)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An attempt at a file.

    `number` is how often its message has been received, 0 where Lambda itself counts the attempts.
    `received` is when the message was received first, or when an event came. `follows` says whether
    an earlier message was about the same file, as before a redrive.
    """

    number: int
    received: datetime
    follows: bool = False

    def may_be_repeated(self, created: datetime | None) -> bool:
        """Return whether there may have been earlier attempts at a file that was created then."""
        if self.number:
            return self.number > 1 or self.follows
        return created is not None and self.received - created >= _LAMBDA_RETRY

    def fields(self) -> dict[str, Any]:
        """Return what a log line says of the attempt."""
        received = self.received.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"attempt": self.number, "received": received}


def read_attempt(record: Record, *, now: datetime) -> Attempt:
    """Return the attempt that a message is received for; `now` if SQS does not say since when."""
    return Attempt(
        number=count_attempts(record),
        received=_first_received(record) or now,
        follows=REPEATED in record.get("messageAttributes", {}),
    )


def count_attempts(record: Record) -> int:
    """Return how often a message has been received, this time included."""
    return int(record["attributes"]["ApproximateReceiveCount"])


def back_off_seconds(attempts: int) -> int:
    """Return the seconds to wait after an attempt; `attempts` is how many were made."""
    return BACK_OFF_SECONDS[min(attempts, len(BACK_OFF_SECONDS)) - 1]


def split(
    records: Sequence[Record], *, now: datetime, timeout_seconds: float
) -> tuple[list[Record], list[Record]]:
    """Return the messages of a batch to process together, and those to process one by one.

    A message that may have killed the function before is processed alone. The order of such
    messages is reversed with each receive: of two that come together again, each goes first in
    turn, so that one that kills cannot take the other with it to the dead-letter queue.
    """
    together: list[Record] = []
    alone: list[Record] = []
    for record in records:
        (alone if _may_kill(record, now, timeout_seconds) else together).append(record)
    turned = bool(alone) and min(map(count_attempts, alone)) % 2 == 1
    return together, sorted(alone, key=lambda record: record["messageId"], reverse=turned)


def _may_kill(record: Record, now: datetime, timeout_seconds: float) -> bool:
    """Return whether an earlier attempt may have been killed.

    Such a message returns after the queue's visibility timeout, six time-outs of the function. A
    message whose attempt failed without a kill returns sooner. `timeout_seconds` is the function's.
    """
    first = _first_received(record)
    if count_attempts(record) == 1 or first is None:
        return False
    return now - first >= timedelta(seconds=VISIBILITY_TIMEOUTS * timeout_seconds)


def _first_received(record: Record) -> datetime | None:
    milliseconds = record["attributes"].get("ApproximateFirstReceiveTimestamp")
    return None if milliseconds is None else datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
