"""SIGINT and SIGTERM: none is lost, and none prints a trace."""

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
    """Let Ctrl-C end the process without a word, while what is imported would print its trace."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Signals:
    """Takes note of SIGINT and SIGTERM while it is open, in the main thread; a context manager.

    Python's own C handler writes a byte for each, at any moment. A `threading.Event` would not do:
    a handler that sets it waits for ever where it interrupts the very thread that is about to wait
    and has the event's lock.
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
        """Whether one has come."""
        return bool(select.select([self._reader], [], [], 0)[0])

    def wait(self) -> None:
        """Wait until one has come."""
        select.select([self._reader], [], [])


def _note(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the byte is written."""
