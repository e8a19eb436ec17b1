"""The results as tables: the same rows for the terminal and for results.md."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, Group
from rich.table import Table as Grid
from rich.text import Text

from bench import bundling, engines
from bench.bundling import Way
from bench.cold_start import ColdStart
from bench.datasets import DatasetCost
from bench.fan_out import FanOut
from bench.results import Goal, Results, better_peers, goals, speed_gaps
from bench.throughput import Row

WAYS_TITLE = "Archiving small outputs one by one, in bundles, and as tar files"
_WAYS_NOTE = """\
A simulated S3 that answers after 30 ms, or at once for the CPU; 32 threads each. **bundles**: with
checksums, the index, and the deletes. **tar, as s3tar**: as awslabs' amazon-s3-tar-tool makes a tar
of small objects, a GET each and parts with SHA-256, but in Python, and with all threads on one
part; nothing is checked or deleted, no metadata is kept, and there is no index. One by one each
object is billed as 128 KB in STANDARD_IA."""
FAN_OUT_TITLE = "A day's bundling by chains side by side, simulated"
_FAN_OUT_NOTE = """\
`python -m bench fan-out` makes a row. What runs is the archiver, from its event to the event that
goes on, over a listing of two days that is made page by page, against a clock that only calls move:
60 ms each, and 900 reads a second, 32 at once, as the arithmetic of costs has it, in invocations of
900 s. Outputs are not read or packed. Where all chains are simulated, each key is moved by exactly
one of them. Where one is, each other is taken to cost as much. Hours and invocations are those of
a chain; **on paper** is what `ops/costs/fan_out.py` says. CPU is that of the archiver and of the
simulation, for a key that a chain lists."""
DATASETS_TITLE = "What a dataset costs"
_DATASETS_NOTE = """\
`python -m bench datasets` makes this table alone. Ten fields are declared, in a file of 40,000
records. **Whole file** is the data processor from the queue's message to the moved original, on an
S3 client that takes no time: a real one adds to both sides. It may take at most 1.5 times the CPU.
The fastest run counts."""
_BAR = 48  # characters of the longest


@dataclass(frozen=True, kw_only=True)
class Table:
    """A heading, the names of the columns, and the rows; below them a note, if there is one."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        """Return it as GitHub's markdown."""
        lines = [
            "| " + " | ".join(self.columns) + " |",
            "|" + "---|" * len(self.columns),
            *(
                "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
                for row in self.rows
            ),
        ]
        note = f"\n{self.note}\n" if self.note else ""
        return f"## {self.title}\n\n" + "\n".join(lines) + f"\n{note}"

    def grid(self) -> Grid:
        """Return it for the terminal."""
        grid = Grid(title=self.title, title_justify="left", title_style="bold")
        for number, column in enumerate(self.columns):
            grid.add_column(column, overflow="fold", no_wrap=number == 0)
        for row in self.rows:
            grid.add_row(*row)
        return grid


def tables(results: Results) -> list[Table]:
    """Return all tables of a run."""
    return [
        _goals(goals(results)),
        *(_throughput(results, size) for size in results.sizes()),
        _traps(results),
        _overlap(results),
        _archiving(results),
        ways_table(results.ways),
        datasets_table(results.datasets),
        _cold_starts(results.cold),
        _imports(results.cold),
        _profiles(results),
    ]


def _goals(judged: Sequence[Goal]) -> Table:
    rows = [
        (goal.name, goal.wanted, goal.measured, "holds" if goal.holds else "MISSED")
        for goal in judged
    ]
    return Table(title="Goals", columns=("goal", "wanted", "measured", ""), rows=rows)


def _throughput(results: Results, size: str) -> Table:
    columns = ("input", "engine", "MB per CPU s", "MB per s", "peak MB", "rounds", "output")
    rows = [_throughput_row(row) for row in results.rows if row.input.size == size]
    return Table(title=f"Files of {size}", columns=columns, rows=rows)


def _throughput_row(row: Row) -> tuple[str, ...]:
    if not row.rounds:
        return (row.input.form, row.engine, "", "", "", "0", row.error)
    wrong = ", ".join(f"{kind} ({count:,})" for kind, count in row.wrong.items())
    verdict = (
        "not compared" if row.engine in (engines.FLOOR, engines.UNCHECKED) else wrong or "right"
    )
    return (
        row.input.form,
        row.engine,
        f"{row.cpu_speed:.1f}",
        f"{row.wall_speed:.1f}",
        f"{row.peak_mb:.0f}",
        str(row.rounds),
        verdict,
    )


def _traps(results: Results) -> Table:
    names = list(next(iter(results.traps.values())))
    rows = [(trap, *verdicts.values()) for trap, verdicts in results.traps.items()]
    return Table(title="What becomes of bad input", columns=("file with", *names), rows=rows)


def _overlap(results: Results) -> Table:
    columns = (
        "100 MB at 80 MB/s",
        "download s",
        "transform s",
        "upload s",
        "whole s",
        "ratio",
        "peak MB",
    )
    rows = [
        (each.form, *(f"{value:.2f}" for value in figures), f"{each.peak_mb:.0f}")
        for each in results.overlaps
        for figures in [(each.download, each.transform, each.upload, each.whole, each.ratio)]
    ]
    return Table(title="Overlap", columns=columns, rows=rows)


def _archiving(results: Results) -> Table:
    rows = [
        (f"{count:,}", f"{cost:.4f}", f"{calls:.4f}", f"{peak:.1f}")
        for count, (cost, calls, peak) in results.archiving.curve.items()
    ]
    columns = ("objects", "CPU ms an object", "S3 calls an object", "peak MB")
    return Table(title="What archiving costs", columns=columns, rows=rows)


def ways_table(ways: Sequence[Way]) -> Table:
    """Return the ways to archive small outputs, each beside the one by one."""
    base = next(way for way in ways if way.name == bundling.ONE_BY_ONE)
    rows = [
        (
            way.name,
            f"{way.objects_a_second / base.objects_a_second:.2f}",
            f"{way.cpu_ms / base.cpu_ms:.2f}",
            f"{way.cpu_ms:.3f}",
            f"{way.calls_an_object:.4f}",
            f"{way.bytes_an_object:.0f}",
            f"{way.peak_mb:.0f}",
        )
        for way in ways
    ]
    columns = (
        "way",
        "objects a second at 30 ms a call, over one by one",
        "CPU over one by one",
        "CPU ms an object",
        "S3 calls an object",
        "bytes an object of 1 KB",
        "peak MB",
    )
    return Table(title=WAYS_TITLE, columns=columns, rows=rows, note=_WAYS_NOTE)


def fan_out_table(runs: Sequence[FanOut]) -> Table:
    """Return simulated runs, each beside the same on paper."""
    rows = [
        (
            f"{run.objects:,}",
            f"{run.chains}",
            f"{run.simulated}",
            f"{run.hours:,.2f}",
            f"{run.paper.hours:,.2f}",
            f"{run.invocations:,.0f}",
            f"{run.calls:,.0f}",
            f"{run.paper.calls:,.0f}",
            f"{run.dollars:,.2f}",
            f"{run.paper.dollars:,.2f}",
            f"{run.peak_mb:.0f}",
            f"{run.cpu_us:.1f}",
        )
        for run in runs
    ]
    columns = (
        "outputs of 1 KB a day",
        "chains",
        "simulated",
        "hours",
        "on paper",
        "invocations",
        "calls of S3",
        "on paper",
        "$ a day",
        "on paper",
        "peak MB",
        "CPU µs a key",
    )
    return Table(title=FAN_OUT_TITLE, columns=columns, rows=rows, note=_FAN_OUT_NOTE)


def datasets_table(costs: Sequence[DatasetCost]) -> Table:
    """Return what a dataset adds to a file, and to its transform alone."""
    rows = [
        (
            each.form,
            each.records,
            f"{each.file[0]:.2f}",
            f"{each.file[1]:.2f}",
            f"{each.file_ratio:.2f}",
            f"{each.transform[0]:.2f}",
            f"{each.transform[1]:.2f}",
            f"{each.transform[1] / each.transform[0]:.2f}",
        )
        for each in costs
    ]
    columns = (
        "file",
        "records",
        "CPU µs a record, whole file",
        "with a dataset",
        "ratio",
        "transform alone",
        "with a dataset",
        "ratio",
    )
    return Table(title=DATASETS_TITLE, columns=columns, rows=rows, note=_DATASETS_NOTE)


def _cold_starts(cold: ColdStart) -> Table:
    rows = [
        (
            name,
            f"{1000 * start.imported:.0f}",
            f"{1000 * start.ready:.0f}",
            f"{start.ready / cold.base:.2f}",
            f"{start.compiled / cold.base:.2f}",
        )
        for name, start in cold.starts.items()
    ]
    columns = (
        "CPU ms",
        "import",
        "with its S3 client",
        "over boto3 with one",
        "with byte code in the archive",
    )
    base = ("boto3", "", f"{1000 * cold.base:.0f}", "1", "1")
    return Table(title="What a cold start costs", columns=columns, rows=[base, *rows])


def _imports(cold: ColdStart) -> Table:
    rows: list[Sequence[str]] = []
    for name, start in cold.starts.items():
        spent = [
            (f"{part.package}, {part.modules} modules", part.share * start.imported)
            for part in start.parts
        ]
        spent.append(("the S3 client, made", start.ready - start.imported))
        rows += [
            ("" if number else name, part, f"{1000 * own:.0f}", f"{own / start.ready:.0%}")
            for number, (part, own) in enumerate(spent)
        ]
    columns = ("function", "part, without what it imports", "CPU ms", "share")
    return Table(title="Where a cold start goes", columns=columns, rows=rows)


def _profiles(results: Results) -> Table:
    rows = [
        (form if not number else "", name, f"{share:.0%}")
        for form, functions in results.profiles.items()
        for number, (name, share) in enumerate(functions)
    ]
    columns = ("input", "function, without what it calls", "share of the transform's time")
    return Table(title="Where the time goes", columns=columns, rows=rows)


def show(console: Console, results: Results) -> None:
    """Print everything, with bars of the speeds, and where a peer is better."""
    for table in tables(results):
        console.print(table.grid())
    console.print(_bars(results))
    console.print(Text("\nWhere a speed goal is missed, and why", style="bold"))
    for sentence in speed_gaps(results) or ["nowhere"]:
        console.print(f"  {sentence}", highlight=False)
    console.print(Text("\nWhere another engine is better", style="bold"))
    for sentence in better_peers(results) or ["nowhere"]:
        console.print(f"  {sentence}", highlight=False)


def _bars(results: Results) -> Group:
    lines = list[Text]()
    for form in results.forms():
        size = results.size_of(form)
        rows = [row for name in engines.NAMES if (row := results.row(size, form, name))]
        longest = max((row.cpu_speed for row in rows), default=1)
        lines.append(Text(f"\n{size} {form}, MB per CPU second", style="bold"))
        for row in rows:
            bar = "█" * max(1, round(_BAR * row.cpu_speed / longest))
            own = "green" if row.engine == engines.PROJECT else "dim"
            lines.append(Text.assemble(f"{row.engine:>12} ", (bar, own), f" {row.cpu_speed:.1f}"))
    return Group(*lines)
