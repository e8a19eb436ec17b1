"""The archiver over simulated buckets: objects a second, calls an object, memory, cost by number.

The buckets hold no objects. A page of the listing is made when it is asked for, so that a million
keys take no memory but what the archiver gives them.
"""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bench.invocations import NOW, archiver
from bench.measurement import measured, span
from handlers.invocation.deadline import Deadline

LATENCY: Final = 0.030
RATE_GOAL: Final = 300
CALLS_GOAL: Final = 1.005  # a copy, four calls a thousand of them, and two a run
_RATE_OBJECTS: Final = 3_000
_PAGE: Final = 1_000
_OLD: Final = datetime(2023, 1, 15, tzinfo=UTC)
_DAY: Final = "/2023/01/15/"


class SimulatedBuckets:
    """An S3 client whose processed bucket lists `objects` keys, and whose archive takes copies."""

    def __init__(self, objects: int, latency: float = 0) -> None:
        self.calls = Counter[str]()
        self._objects = objects
        self._latency = latency
        self._lock = threading.Lock()

    def _call(self, operation: str) -> None:
        with self._lock:
            self.calls[operation] += 1
        if self._latency:
            time.sleep(self._latency)

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        """List a page of either bucket: the same keys but for the first folder; no bundles."""
        self._call("ListObjectsV2")
        if request["Prefix"].startswith("bundle"):
            return {"IsTruncated": False}
        folder = request["Prefix"].rstrip("/") + _DAY
        after = request.get("ContinuationToken") or request.get("StartAfter", "")
        first = _next_number(after.removeprefix(folder) if after.startswith(folder) else "")
        last = min(first + _PAGE, self._objects)
        entries = [
            {
                "Key": f"{folder}{number:08d}.json",
                "ETag": f'"{number:032x}"',
                "Size": 1_000,
                "LastModified": _OLD,
            }
            for number in range(first, last)
        ]
        more = last < self._objects
        answer: dict[str, Any] = {"Contents": entries, "IsTruncated": more}
        return answer | ({"NextContinuationToken": entries[-1]["Key"]} if more else {})

    def copy_object(self, **request: Any) -> dict[str, Any]:
        """Take a copy."""
        self._call("CopyObject")
        return {"CopyObjectResult": {"ETag": request["CopySourceIfMatch"]}}

    def delete_objects(self, **_: Any) -> dict[str, Any]:
        """Delete."""
        self._call("DeleteObjects")
        return {}


def _next_number(name: str) -> int:
    """Return the number of the first key that sorts behind a key, or behind one that was cut."""
    if name.endswith(".json"):
        return int(name.removesuffix(".json")) + 1
    digits = name.partition(".")[0]
    return int(digits.ljust(8, "0")) if digits else 0


@dataclass(frozen=True, kw_only=True)
class Archiving:
    """Medians. `curve` is objects → (CPU ms an object, calls an object, peak MB)."""

    objects_a_second: float
    calls_an_object: float
    curve: dict[int, tuple[float, float, float]]


def compare(counts: tuple[int, ...], rounds: int, tell: Callable[[str], None]) -> Archiving:
    """Measure the speed at 30 ms a call, and the cost without it for each number of objects."""
    rates: list[dict[str, Any]] = []
    costs: dict[int, list[dict[str, Any]]] = {count: [] for count in counts}
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}: archiver")
        rates.append(measured(archive, objects=_RATE_OBJECTS, latency=LATENCY))
        for count, runs in costs.items():
            if number < (1 if count > 100_000 else rounds):
                runs.append(measured(archive, objects=count, latency=0))

    def median(runs: list[dict[str, Any]], name: str) -> float:
        return statistics.median(run[name] for run in runs)

    return Archiving(
        objects_a_second=_RATE_OBJECTS / median(rates, "wall"),
        calls_an_object=median(rates, "calls") / _RATE_OBJECTS,
        curve={
            count: (
                1000 * median(runs, "cpu") / count,
                median(runs, "calls") / count,
                median(runs, "peak_mb"),
            )
            for count, runs in costs.items()
        },
    )


def archive(objects: int, latency: float) -> dict[str, Any]:
    """Run the archiver over so many objects that are all due."""
    s3 = SimulatedBuckets(objects, latency)
    ready = archiver(s3)
    with span() as taken:
        summary = ready.run(NOW, Deadline(lambda: 10_000.0))
    if (summary.counts.moved, summary.complete) != (objects, True):
        msg = f"not all archived: {summary}"
        raise RuntimeError(msg)
    return {"wall": taken.wall, "cpu": taken.cpu, "calls": s3.calls.total()}
