"""All that a run measured, what the goals say of it, and where a peer is better."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench import (
    archiving,
    big_files,
    bundling,
    cold_start,
    datasets,
    engines,
    overlap,
    small_files,
)
from bench.archiving import Archiving
from bench.big_files import BigFile
from bench.bundling import Way
from bench.cold_start import ColdStart
from bench.datasets import DatasetCost
from bench.inputs import SIZES
from bench.overlap import Overlap
from bench.small_files import SmallFiles
from bench.throughput import Row

_LEVEL = 0.95  # closer than two runs of the same
_PEAK_MB = 64
_LINEAR = 1.25  # the dearest object over the cheapest, from 10,000 on
_FLAT_MB = 8


@dataclass(frozen=True, kw_only=True)
class _Rival:
    """Engines that the project is compared with, and its least speed over the fastest of them."""

    name: str
    engines: tuple[str, ...]
    least: float
    right: bool = False  # only those that give the right output


_LOOP = _Rival(name="the shortest loop", engines=(engines.UNCHECKED,), least=0.9)
_RIGHT = _Rival(name="the best right peer", engines=engines.PEERS, least=1, right=True)
_ANY = _Rival(name="the best peer", engines=engines.PEERS, least=_LEVEL)
_BEATEN = _Rival(name="the faster of DuckDB and pandas", engines=("duckdb", "pandas"), least=1)


def _table(least: float) -> tuple[_Rival, ...]:
    return _Rival(name="the best peer", engines=engines.PEERS, least=least), _BEATEN


_RIVALS: dict[str, tuple[_Rival, ...]] = {
    "NDJSON": (_LOOP, _RIGHT, _ANY),
    "array": (_LOOP, _RIGHT, _ANY),
    "gzip": (_LOOP, _RIGHT, _ANY),
    "NDJSON flat": (_LOOP, _Rival(name="the fastest peer", engines=("polars",), least=0.8)),
    "colliding names": (_LOOP, _RIGHT),
    "1 bad line in 100": (_LOOP, _RIGHT),
    "null-rich": (_LOOP, _RIGHT, _ANY),
    "CSV": _table(_LEVEL),
    "CSV narrow": _table(1),
    "CSV wide": _table(1),
    "CSV text": _table(0.8),
    "CSV quoted": _table(0.8),
    "CSV sparse": _table(1),
}


@dataclass(frozen=True, kw_only=True)
class Results:
    """One run of the bench."""

    rounds: int
    machine: dict[str, str]
    rows: list[Row]
    traps: dict[str, dict[str, str]]
    overlaps: list[Overlap]
    small: SmallFiles
    archiving: Archiving
    ways: list[Way]
    cold: ColdStart
    big: list[BigFile]
    datasets: list[DatasetCost]
    profiles: dict[str, list[tuple[str, float]]]  # kind of input → function → share of the time

    def row(self, size: str, form: str, engine: str) -> Row | None:
        """Return a row that was measured, if it was."""
        wanted = (size, form, engine)
        found = (row for row in self.rows if (row.input.size, row.input.form, row.engine) == wanted)
        return next((row for row in found if row.rounds), None)

    def sizes(self) -> list[str]:
        """Return the sizes, smallest first."""
        return sorted({row.input.size for row in self.rows}, key=SIZES.__getitem__)

    def forms(self) -> list[str]:
        """Return the kinds of input, in order."""
        return list(dict.fromkeys(row.input.form for row in self.rows))

    def judged_size(self) -> str:
        """Return the largest size that every engine was measured at."""
        whole = [
            size
            for size in self.sizes()
            if all(row.rounds for row in self.rows if row.input.size == size)
        ]
        return (whole or self.sizes())[-1]

    def size_of(self, form: str) -> str:
        """Return the size that a kind of input is judged at: that of all, if it was measured so."""
        sizes = [size for size in self.sizes() if self.row(size, form, engines.PROJECT)]
        judged = self.judged_size()
        return judged if judged in sizes or not sizes else sizes[-1]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One promise: what is wanted, what was measured, whether it holds."""

    name: str
    wanted: str
    measured: str
    holds: bool


def goals(results: Results) -> list[Goal]:
    """Return the goals, each with what this run says of it."""
    return [
        *_speed_goals(results),
        *_memory_goals(results),
        *_overlap_goals(results),
        *_call_goals(results),
        *_bundle_goals(results),
        *_cold_goals(results),
        *_big_goals(results),
        *_dataset_goals(results),
    ]


def _speed_goals(results: Results) -> Iterator[Goal]:
    """Yield what holds for each kind of input beside the loop and the peers it is compared with."""
    for form, rivals in _RIVALS.items():
        size = results.size_of(form)
        own = results.row(size, form, engines.PROJECT)
        for rival in rivals if own else ():
            rows = [row for name in rival.engines if (row := results.row(size, form, name))]
            among = [row for row in rows if not (rival.right and row.wrong)]
            name = f"{form}, {size}: speed per CPU second over {rival.name}"
            wanted = f"at least {rival.least:g}"
            if rows and not among:
                yield Goal(name=name, wanted=wanted, measured="no peer is right", holds=True)
            if not own or not among:
                continue
            best = max(among, key=lambda row: row.cpu_speed)
            share = own.cpu_speed / best.cpu_speed
            yield Goal(
                name=f"{name}, {best.engine}",
                wanted=wanted,
                measured=f"{share:.2f}",
                holds=share >= rival.least,
            )


def _memory_goals(results: Results) -> Iterator[Goal]:
    peaks = [row.peak_mb for row in results.rows if row.engine == engines.PROJECT and row.rounds]
    whole = [each.peak_mb for each in results.overlaps]
    for name, values in (("transform, any size", peaks), ("whole processor, 100 MB", whole)):
        yield Goal(
            name=f"peak memory above the interpreter: {name}",
            wanted=f"at most {_PEAK_MB} MB",
            measured=f"{max(values):.0f} MB",
            holds=max(values) <= _PEAK_MB,
        )


def _overlap_goals(results: Results) -> Iterator[Goal]:
    for each in results.overlaps:
        yield Goal(
            name=f"overlap, {each.form}: whole over the slowest stage at 80 MB/s",
            wanted=f"at most {overlap.GOAL:g}",
            measured=f"{each.ratio:.2f}",
            holds=each.ratio <= overlap.GOAL,
        )


def _call_goals(results: Results) -> Iterator[Goal]:
    small, archive = results.small, results.archiving
    yield Goal(
        name="ten small files in a batch over one, 30 ms a call",
        wanted=f"below {small_files.GOAL:g}",
        measured=f"{small.ratio:.2f}",
        holds=small.ratio < small_files.GOAL,
    )
    yield Goal(
        name="S3 calls a file",
        wanted=f"at most {small_files.CALLS_GOAL}",
        measured=f"{small.calls_a_file:g}",
        holds=small.calls_a_file <= small_files.CALLS_GOAL,
    )
    yield Goal(
        name="archiver: objects a second, 30 ms a call",
        wanted=f"at least {archiving.RATE_GOAL}",
        measured=f"{archive.objects_a_second:.0f}",
        holds=archive.objects_a_second >= archiving.RATE_GOAL,
    )
    yield Goal(
        name="archiver: S3 calls an object",
        wanted=f"at most {archiving.CALLS_GOAL:g}",
        measured=f"{archive.calls_an_object:.4f}",
        holds=archive.calls_an_object <= archiving.CALLS_GOAL,
    )
    large = {count: cost for count, cost in archive.curve.items() if count >= 10_000}
    costs, peaks = [cost[0] for cost in large.values()], [cost[2] for cost in large.values()]
    spread, grown = max(costs) / min(costs), max(peaks) - min(peaks)
    yield Goal(
        name=f"archiver: CPU an object, dearest over cheapest, 10,000 to {max(large):,} objects",
        wanted=f"at most {_LINEAR:g}",
        measured=f"{spread:.2f}",
        holds=spread <= _LINEAR,
    )
    yield Goal(
        name=f"archiver: memory, 10,000 to {max(large):,} objects",
        wanted=f"grows by at most {_FLAT_MB} MB",
        measured=f"{grown:.1f} MB",
        holds=grown <= _FLAT_MB,
    )


def _bundle_goals(results: Results) -> Iterator[Goal]:
    bundled = next(way for way in results.ways if way.name == bundling.BUNDLES)
    yield Goal(
        name="archiver: S3 calls an output in a bundle",
        wanted=f"at most {bundling.CALLS_GOAL:g}",
        measured=f"{bundled.calls_an_object:.4f}",
        holds=bundled.calls_an_object <= bundling.CALLS_GOAL,
    )


def _cold_goals(results: Results) -> Iterator[Goal]:
    base = results.cold.base
    for name, start in results.cold.starts.items():
        for what, seconds, most in (
            (f"import of {name}", start.imported, cold_start.IMPORT_GOAL),
            (f"{name} with its S3 client", start.ready, cold_start.READY_GOAL),
        ):
            yield Goal(
                name=f"cold start: {what} over boto3 and an S3 client",
                wanted=f"at most {most:g}",
                measured=f"{seconds / base:.2f}",
                holds=seconds / base <= most,
            )


def _big_goals(results: Results) -> Iterator[Goal]:
    for each in results.big:
        yield Goal(
            name=f"big file, {each.form}: cut over invocations",
            wanted=f"{big_files.INVOCATIONS_GOAL} or more, output identical",
            measured=each.problem
            or f"{each.invocations}, {'identical' if each.identical else 'DIFFERENT'}, "
            f"{each.cpu_ratio:.2f} of the CPU of one run",
            holds=each.identical and each.invocations >= big_files.INVOCATIONS_GOAL,
        )


def _dataset_goals(results: Results) -> Iterator[Goal]:
    dearest = max(results.datasets, key=lambda each: each.file_ratio)
    yield Goal(
        name=f"dataset: CPU of a file over the same without one, {dearest.form} {dearest.records}",
        wanted=f"at most {datasets.GOAL:g}",
        measured=f"{dearest.file_ratio:.2f}",
        holds=dearest.file_ratio <= datasets.GOAL,
    )


def speed_gaps(results: Results) -> list[str]:
    """Return, for each kind of input whose floor or best peer is too far, what takes the time."""
    sentences = list[str]()
    missed = [goal.name for goal in _speed_goals(results) if not goal.holds]
    for form in results.forms():
        size = results.size_of(form)
        own, floor, least = (
            results.row(size, form, name)
            for name in (engines.PROJECT, engines.FLOOR, engines.UNCHECKED)
        )
        if not any(name.startswith(f"{form}, ") for name in missed):
            continue
        if own and floor and least:
            sentences.append(
                f"{form}: the shortest loop in Python over the fields leaves "
                f"{least.cpu_speed / floor.cpu_speed:.2f} of the floor's speed, before any check; "
                f"the project, with all of them, reaches {own.cpu_speed / floor.cpu_speed:.2f}, "
                f"{own.cpu_speed / least.cpu_speed:.2f} times that loop's speed. "
                f"By the profile above most is spent in {results.profiles[form][0][0]}."
            )
    return sentences


def better_peers(results: Results) -> list[str]:
    """Return a sentence for each place where another engine is better than the project's."""
    sentences: list[str] = []
    for size in results.sizes():
        for form in results.forms():
            own = results.row(size, form, engines.PROJECT)
            others = [row for name in engines.OTHERS if (row := results.row(size, form, name))]
            if own:
                sentences += [sentence for row in others if (sentence := _better(own, row))]
    return sentences


def _better(own: Row, row: Row) -> str:
    points = [
        f"{theirs / ours:.2f} times the speed per {second}"
        for second, theirs, ours in (
            ("CPU second", row.cpu_speed, own.cpu_speed),
            ("second of the clock", row.wall_speed, own.wall_speed),
        )
        if theirs > ours
    ]
    if row.peak_mb < own.peak_mb:
        points.append(f"{own.peak_mb - row.peak_mb:.1f} MB less memory")
    if not points:
        return ""
    right = "" if not row.wrong else f" (but its output is not right: {', '.join(row.wrong)})"
    return f"{row.input.size} {row.input.form}, {row.engine}: {' and '.join(points)}{right}"
