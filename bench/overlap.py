"""Download, transform and upload of one large file, each over a line of limited bandwidth."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import engines
from bench.inputs import Input
from bench.invocations import RAW, Context, output, processor
from bench.measurement import measured, span
from bench.s3 import FakeS3

BANDWIDTH: Final = 80e6  # bytes a second, each way: what a function of 1,769 MB gets of S3
GOAL: Final = 1.15


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Medians in seconds of the clock; `peak_mb` is that of the whole processor.

    `ratio` is the whole over the slowest of three: download, upload, and the CPU seconds of the
    thread that transforms in that very run. So a machine whose speed changes does not change it.
    """

    form: str
    download: float
    transform: float
    upload: float
    whole: float
    ratio: float
    peak_mb: float


def compare(inputs: list[Input], rounds: int, tell: Callable[[str], None]) -> list[Overlap]:
    """Measure each stage alone and all together, in turn."""
    return [_overlap(each, rounds, tell) for each in inputs]


def _overlap(each: Input, rounds: int, tell: Callable[[str], None]) -> Overlap:
    download = each.path.stat().st_size / BANDWIDTH
    stages: list[dict[str, Any]] = []
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}: {each.size} {each.form} at 80 MB/s")
        alone = measured(transform_alone, path=str(each.path), suffix=each.suffix)["wall"]
        whole = measured(process, path=str(each.path), suffix=each.suffix, bandwidth=BANDWIDTH)
        upload = whole["uploaded"] / BANDWIDTH
        ratio = whole["wall"] / max(download, upload, whole["worked"])
        stages.append({**whole, "transform": alone, "upload": upload, "ratio": ratio})

    def median(name: str) -> float:
        return statistics.median(stage[name] for stage in stages)

    return Overlap(
        form=each.form,
        download=download,
        transform=median("transform"),
        upload=median("upload"),
        whole=median("wall"),
        ratio=median("ratio"),
        peak_mb=median("peak_mb"),
    )


def transform_alone(path: str, suffix: str) -> dict[str, Any]:
    """Run the transform from a file to nowhere."""
    with span() as taken:
        engines.run_project(Path(path), suffix, Path("/dev/null"))
    return {"wall": taken.wall, "cpu": taken.cpu}


def process(path: str, suffix: str, bandwidth: float) -> dict[str, Any]:
    """Run the whole processor on one file."""
    with TemporaryDirectory() as folder:
        s3 = FakeS3(Path(folder), download=bandwidth, upload=bandwidth)
        key = f"incoming/data{suffix}"
        s3.add_file(RAW, key, Path(path))
        ready = processor(s3)
        begun = time.thread_time()
        with span() as taken:
            report = ready.handle({"key": key}, Context())
        worked = time.thread_time() - begun
        if report["processed"] != 1:
            msg = f"not processed: {report}"
            raise RuntimeError(msg)
        return {
            "wall": taken.wall,
            "cpu": taken.cpu,
            "worked": worked,
            "uploaded": s3.up.sent,
            "output": output(s3).stat().st_size,
            "calls": s3.calls.total(),
        }
