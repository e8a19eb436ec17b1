"""A file cut over ten invocations beside one run: the same output, and what the cuts cost.

Time is what the bytes read would take at the bandwidth of S3, so that every run is cut at the same
places however fast this machine is.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.inputs import Input
from bench.invocations import RAW, Context, Outbox, output, processor
from bench.measurement import MeasureError, measured, span
from bench.overlap import BANDWIDTH
from bench.s3 import FakeS3

INVOCATIONS_GOAL: Final = 10
_MOST_INVOCATIONS: Final = 40
_SHARES: Final = 8  # of the reading time; opening the file anew takes some of each
_WORK_SHARE: Final = 0.8  # the rest of a time-out the handler keeps for ending


@dataclass(frozen=True, kw_only=True)
class BigFile:
    """One file: in how many invocations, whether the output is the same, CPU over that of one."""

    form: str
    invocations: int
    identical: bool
    cpu_ratio: float
    problem: str = ""


def compare(inputs: list[Input], tell: Callable[[str], None]) -> list[BigFile]:
    """Process each file whole and in parts."""
    results: list[BigFile] = []
    for each in inputs:
        tell(f"{each.size} {each.form} in ten invocations")
        try:
            answer = measured(cut, path=str(each.path), suffix=each.suffix)
        except MeasureError as error:
            failed = BigFile(
                form=each.form, invocations=0, identical=False, cpu_ratio=0, problem=str(error)
            )
            results.append(failed)
            continue
        results.append(
            BigFile(
                form=each.form,
                invocations=answer["invocations"],
                identical=answer["identical"],
                cpu_ratio=answer["cpu"] / answer["cpu_whole"],
            )
        )
    return results


def cut(path: str, suffix: str) -> dict[str, Any]:
    """Process a file twice: with time for all of it, and with time for a tenth."""
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        seconds = Path(path).stat().st_size / BANDWIDTH
        whole, _, cpu_whole = _process(Path(first), path, suffix, 10_000)
        parts, count, cpu = _process(Path(second), path, suffix, seconds / _SHARES / _WORK_SHARE)
        return {
            "invocations": count,
            "identical": cmp(output(whole), output(parts), shallow=False),
            "cpu": cpu,
            "cpu_whole": cpu_whole,
        }


def _process(folder: Path, path: str, suffix: str, timeout: float) -> tuple[FakeS3, int, float]:
    s3, outbox = FakeS3(folder), Outbox()
    key = f"incoming/data{suffix}"
    s3.add_file(RAW, key, Path(path))
    outbox.events.append(json.dumps({"key": key}))
    count = 0
    with span() as taken:
        while outbox.events and count < _MOST_INVOCATIONS:
            count += 1
            begun = s3.down.sent
            context = Context(remaining=lambda at=begun: timeout - (s3.down.sent - at) / BANDWIDTH)
            processor(s3, outbox).handle(json.loads(outbox.events.pop(0)), context)
    return s3, count, taken.cpu
