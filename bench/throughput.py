"""The transform beside the floor, the naive way and the peers, over files of several sizes."""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import engines
from bench.differences import differences
from bench.inputs import Input, prepare
from bench.machine import memory_bytes
from bench.measurement import MeasureError, measured, span

_LEAST_SECONDS: Final = 0.3  # of CPU: a shorter run is repeated within its process
_WARM_UP: Final = "1 KB"  # a file that makes libraries load what they load once
_MEMORY_SHARE: Final = 0.5  # of the machine's, for one engine
_SLOW_SECONDS: Final = 60.0  # of the clock: beyond, one round has to do, or none


@dataclass(kw_only=True)
class Row:
    """One engine on one input; medians over `rounds`, speeds in MB of text a second."""

    input: Input
    engine: str
    cpu_seconds: list[float] = field(default_factory=list[float])
    wall_seconds: list[float] = field(default_factory=list[float])
    peaks_mb: list[float] = field(default_factory=list[float])
    wrong: dict[str, int] = field(default_factory=dict[str, int])
    error: str = ""

    @property
    def cpu_speed(self) -> float:
        """Return MB of text per second of CPU."""
        return self._speed(self.cpu_seconds)

    @property
    def wall_speed(self) -> float:
        """Return MB of text per second of the clock."""
        return self._speed(self.wall_seconds)

    @property
    def peak_mb(self) -> float:
        """Return the peak memory above the interpreter's own, in MB."""
        return statistics.median(self.peaks_mb) if self.peaks_mb else 0

    @property
    def rounds(self) -> int:
        """Return how often it was measured."""
        return len(self.cpu_seconds)

    def _speed(self, seconds: Sequence[float]) -> float:
        return self.input.text_bytes / 1e6 / statistics.median(seconds) if seconds else 0


def compare(
    inputs: Iterable[Input],
    names: Sequence[str],
    rounds: int,
    tell: Callable[[str], None],
    *,
    smaller: Sequence[Row],
) -> list[Row]:
    """Measure every engine on every input, a round at a time, each time in another order.

    What would take too much memory or time, by what it took on a `smaller` size, is left out.
    """
    rows = [Row(input=each, engine=name) for each in inputs for name in names]
    for row in rows:
        row.error = _too_large(row, smaller) or _too_slow(row, smaller)
    for number in range(rounds):
        turn = number % len(rows)
        for row in rows[turn:] + rows[:turn]:
            if row.error or (row.wall_seconds and row.wall_seconds[0] > _SLOW_SECONDS):
                continue
            tell(f"round {number + 1} of {rounds}: {row.input.size} {row.input.form}, {row.engine}")
            _measure(row)
    return rows


def _measured_before(row: Row, smaller: Sequence[Row]) -> list[Row]:
    """Return the rows of the same engine on smaller files of the same kind, in their order."""
    same = (row.input.form, row.engine)
    return [each for each in smaller if (each.input.form, each.engine) == same and each.rounds]


def _too_large(row: Row, smaller: Sequence[Row]) -> str:
    before = _measured_before(row, smaller)
    if len(before) < 2:
        return ""
    one, two = before[-2:]
    grows = (two.peak_mb - one.peak_mb) / (two.input.text_bytes - one.input.text_bytes)
    needed = two.peak_mb * 1e6 + grows * 1e6 * (row.input.text_bytes - two.input.text_bytes)
    if needed <= _MEMORY_SHARE * memory_bytes():
        return ""
    return f"left out: would take some {needed / 1e9:.0f} GB of memory"


def _too_slow(row: Row, smaller: Sequence[Row]) -> str:
    before = _measured_before(row, smaller)
    if not before or row.engine == engines.PROJECT:
        return ""
    seconds = row.input.text_bytes / 1e6 / before[-1].wall_speed
    return f"left out: would take some {seconds:.0f} s" if seconds > _SLOW_SECONDS else ""


def _measure(row: Row) -> None:
    with TemporaryDirectory() as folder:
        output = Path(folder, "output")
        try:
            answer = measured(
                repeat,
                name=row.engine,
                path=str(row.input.path),
                suffix=row.input.suffix,
                output=str(output),
                warm_up=str(_warm_up(row.input)),
            )
        except MeasureError as error:
            row.error = str(error).replace(f"{row.input.path.parent}/", "")
            return
        if not row.rounds and row.engine in (engines.PROJECT, *engines.OTHERS):
            row.wrong = differences(output, row.input.expected)
    row.cpu_seconds.append(answer["cpu"])
    row.wall_seconds.append(answer["wall"])
    row.peaks_mb.append(answer["peak_mb"])


def _warm_up(each: Input) -> Path:
    return prepare(each.path.parent, _WARM_UP, [each.form])[0].path


def repeat(name: str, path: str, suffix: str, output: str, warm_up: str) -> dict[str, Any]:
    """Run an engine until it took long enough to be timed; return the seconds of one run."""
    engine, file, out = engines.load(name), Path(path), Path(output)
    engine(Path(warm_up), suffix, out)
    times, begun = 0, time.process_time()
    with span() as taken:
        while not times or time.process_time() - begun < _LEAST_SECONDS:
            engine(file, suffix, out)
            times += 1
    return {"cpu": taken.cpu / times, "wall": taken.wall / times, "times": times}
