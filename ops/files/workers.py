"""Work on several files at once."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Items held for each thread, so that none waits for its next, and memory does not grow with them.
_HELD: Final = 4


def map_unordered(
    work: Callable[[Item], Result], items: Iterable[Item], *, at_once: int
) -> Iterator[Result]:
    """Call `work` with each item in `at_once` threads; yield each result as soon as it is there.

    Items are taken as they are needed, a few in advance. An exception of `work` ends it all: it is
    raised here, once the calls under way have returned, and no other is begun. The same holds if
    the caller stops early.
    """
    with ThreadPoolExecutor(at_once) as pool:
        rest = iter(items)
        try:
            waiting = {pool.submit(work, item) for item in islice(rest, at_once * _HELD)}
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                waiting |= {pool.submit(work, item) for item in islice(rest, len(done))}
        finally:
            pool.shutdown(cancel_futures=True)
