"""Wait for SIGINT and SIGTERM, without losing one and without printing a traceback."""

import select
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Self

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ended_at_once() -> Generator[None]:
    """Let Ctrl-C end the process silently: during an import it would print a traceback."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Signals:
    """Notes SIGINT and SIGTERM in the main thread; a context manager.

    Python's C handler writes a byte for each signal. A handler that sets a `threading.Event` could
    wait for ever: it may interrupt the main thread while that holds the event's lock.
    """

    def __enter__(self) -> Self:
        self._reader, self._writer = socket.socketpair()
        self._writer.settimeout(0)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._handlers = {number: signal.signal(number, _note) for number in _ENDING}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._reader.close()
        self._writer.close()

    @property
    def came(self) -> bool:
        """Whether a signal was received."""
        return bool(select.select([self._reader], [], [], 0)[0])

    def wait(self) -> None:
        """Wait until a signal is received."""
        select.select([self._reader], [], [])


def _note(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: Python has written the byte."""
