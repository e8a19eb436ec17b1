"""Ctrl-C and its like, held back until what is under way has come to its end."""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

# A lost connection sends SIGHUP; Python would die of it, and of SIGTERM, at once.
_SIGNALS: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)


@contextmanager
def held_back() -> Generator[Callable[[], bool]]:
    """Hold back the signals to stop; the block gets a function that says whether one has come.

    An exception in their place could be raised anywhere, even between the start of a thread and its
    registration, and nothing would wait for that thread. To be used in the main thread.
    """
    come = False

    def hold(_number: int, _frame: object) -> None:
        nonlocal come
        come = True

    former = {one: signal.signal(one, hold) for one in _SIGNALS}
    try:
        yield lambda: come
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)
