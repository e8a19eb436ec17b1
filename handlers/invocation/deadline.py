"""How long an invocation may still work. Pure, but for the clock that it is given."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from handlers.aws.failures import OutOfTimeError

# Reserved to end an invocation: write the current chunk, send the rest on.
_RESERVED_SHARE: Final = 0.2
_MAX_RESERVED_SECONDS: Final = 30.0


class Deadline:
    """Tells when to stop working so that the function ends before its time-out."""

    def __init__(self, remaining_seconds: Callable[[], float]) -> None:
        """`remaining_seconds` is the time until the function is killed."""
        self._remaining = remaining_seconds
        self.granted_seconds = remaining_seconds()  # at the start: the function's time-out
        self._reserved = min(self.granted_seconds * _RESERVED_SHARE, _MAX_RESERVED_SECONDS)

    def remaining_seconds(self) -> float:
        """Return the seconds left for work; negative when the time is up."""
        return self._remaining() - self._reserved

    def guard(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the blocks while there is time; then raise OutOfTimeError."""
        for block in blocks:
            if self.remaining_seconds() <= 0:
                raise OutOfTimeError
            yield block
