"""A connection to DuckDB, whose work Ctrl-C ends at once."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from ops.terminal.interruptions import held_back
from ops.terminal.problems import OperatorError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LOOK_SECONDS: Final = 0.1  # between two looks at whether a signal has come
_STOPPED: Final = "stopped; the query was not answered in full"

Result = TypeVar("Result")


class Worker:
    """Does the work of a connection in a thread of its own, while the main thread waits.

    DuckDB looks for signals in the main thread alone, and may lose one that comes between two of
    its looks.
    """

    def __init__(self, database: DuckDBPyConnection, threads: ThreadPoolExecutor) -> None:
        self._database = database
        self._threads = threads

    def run(self, work: Callable[[], Result]) -> Result:
        """Return the result of work on the connection. To be called in the main thread.

        Raises OperatorError if a signal to stop has come, and what the work raises.
        """
        with held_back() as stopped:
            future: Future[Result] = self._threads.submit(work)
            while not future.done():
                wait([future], timeout=_LOOK_SECONDS)
                if stopped():
                    # Each time: between two statements there is nothing to interrupt.
                    self._database.interrupt()
            if stopped():
                raise OperatorError(_STOPPED)
        return future.result()


@contextmanager
def worker(database: DuckDBPyConnection) -> Generator[Worker]:
    """Give what does a connection's work; Ctrl-C in the block, too, raises OperatorError."""
    try:
        with ThreadPoolExecutor(1) as threads:
            yield Worker(database, threads)
    except KeyboardInterrupt:
        raise OperatorError(_STOPPED) from None
