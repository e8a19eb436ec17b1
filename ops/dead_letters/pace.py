"""A limit on how many messages are sent a second."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final

# A sixth of what the default stack processes: ten invocations at once, ten small files in each, in
# 0.3 s (docs/cost.md). Live files keep most of the processor, and 100,000 messages take 33 minutes.
DEFAULT_RATE: Final = 50


class Pace:
    """Lets at most so many messages through a second; with None, any number."""

    def __init__(
        self,
        messages_per_second: int | None,
        *,
        clock: Callable[[], float] = monotonic,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self._rate = messages_per_second
        self._clock = clock
        self._pause = pause
        self._free = clock()  # when the next message may go

    @property
    def most_at_once(self) -> int | None:
        """How many messages may go together; None for any number."""
        return self._rate

    def seconds(self, messages: int) -> float:
        """Return how long so many messages take at least."""
        return messages / self._rate if self._rate else 0.0

    def wait(self, messages: int) -> None:
        """Wait until so many messages may go, at most `most_at_once`."""
        if self._rate is None:
            return
        now = self._clock()
        if self._free > now:
            self._pause(self._free - now)
        self._free = max(self._free, now) + messages / self._rate
