"""A queue batch of ten small files beside a batch of one, each S3 call 30 ms long."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.invocations import RAW, Context, batch, processor
from bench.measurement import measured, span
from bench.s3 import FakeS3

LATENCY: Final = 0.030
GOAL: Final = 2.0
CALLS_GOAL: Final = 4
_FILES: Final = 10


@dataclass(frozen=True, kw_only=True)
class SmallFiles:
    """Medians; seconds of the clock for one file and for ten."""

    one: float
    ten: float
    calls_a_file: float
    most_at_once: int

    @property
    def ratio(self) -> float:
        """Return what ten files take over what one takes."""
        return self.ten / self.one


def compare(small: Path, rounds: int, tell: Callable[[str], None]) -> SmallFiles:
    """Measure the two batches in turn."""
    ones: list[dict[str, Any]] = []
    tens: list[dict[str, Any]] = []
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}: small files at 30 ms a call")
        ones.append(measured(process, path=str(small), files=1))
        tens.append(measured(process, path=str(small), files=_FILES))
    return SmallFiles(
        one=statistics.median(one["wall"] for one in ones),
        ten=statistics.median(ten["wall"] for ten in tens),
        calls_a_file=max(ten["calls"] for ten in tens) / _FILES,
        most_at_once=max(ten["most_at_once"] for ten in tens),
    )


def process(path: str, files: int) -> dict[str, Any]:
    """Handle one batch of so many files, behind a warm-up as in a function that is in use."""
    with TemporaryDirectory() as folder:
        s3 = FakeS3(Path(folder), latency=LATENCY)
        keys = [f"incoming/{number}.ndjson" for number in range(files + 1)]
        for key in keys:
            s3.add_file(RAW, key, Path(path))
        ready = processor(s3)
        ready.handle(batch(keys[-1:]), Context())
        s3.calls.clear()
        with span() as taken:
            report = ready.handle(batch(keys[:-1]), Context())
        if report["batchItemFailures"]:
            msg = f"not processed: {report}"
            raise RuntimeError(msg)
        return {
            "wall": taken.wall,
            "calls": s3.calls.total(),
            "most_at_once": s3.most_at_once,
        }
