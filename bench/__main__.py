"""`python -m bench run`, and one by one `bundles`, `datasets`, `fan-out` and `profile`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, get_args

import typer
from rich.console import Console

from bench import (
    archiving,
    big_files,
    bundling,
    chart,
    cold_start,
    datasets,
    engines,
    fan_out,
    inputs,
    machine,
    overlap,
    profiles,
    report,
    small_files,
    tables,
    throughput,
    traps,
)
from bench.results import Results, goals

_FOLDER: Final = Path(__file__).parent
_DATA: Final = _FOLDER / "data"
_DEFAULT_SIZES: Final = ["1 KB", "1 MB", "100 MB"]
_LARGE_SIZE: Final = "1 GB"  # in one round: five would take hours
_STREAMED: Final = ("NDJSON", "array", "CSV")
_STREAMED_SIZE: Final = "100 MB"
_PROFILED_SIZE: Final = "10 MB"
_SMALL: Final = "1 KB"

_Rounds = Annotated[int, typer.Option(min=1, help="Rounds of each measure.")]
_Page = Annotated[Path, typer.Option(help="The page that gets the table.")]
_RESULTS: Final = _FOLDER / "results.md"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    *,
    large: Annotated[bool, typer.Option(help="Files of 1 GB too, in one round.")] = False,
    size: Annotated[list[str] | None, typer.Option(help="Only these sizes.")] = None,
    rounds: _Rounds = 5,
    objects: Annotated[
        int, typer.Option(min=10_000, help="The archiver's largest bucket.")
    ] = 1_000_000,
    results: Annotated[Path, typer.Option(help="The page; its chart is put beside.")] = _RESULTS,
) -> None:
    """Measure everything, print it, and write results.md with its chart."""
    console = Console(width=None if Console().is_terminal else 160)
    machine.keep_files_in_memory()
    picture = results.with_suffix(".png")
    with console.status("") as status:
        measured = _measured(size or _DEFAULT_SIZES, rounds, objects, status.update)
        _write(measured, results, picture)
        if large:  # at the end: the page is there before the hour that they may take
            measured.rows.extend(_measured_large(measured.rows, status.update))
            _write(measured, results, picture)
    tables.show(console, measured)
    missed = sum(not goal.holds for goal in goals(measured))
    console.print(f"\n{missed} goals missed; the page is {results.name}, the chart {picture.name}")


def _write(measured: Results, results: Path, picture: Path) -> None:
    chart.draw(measured, picture)
    report.write(measured, results, picture)


def _measured_large(
    rows: list[throughput.Row], tell: Callable[[str], None]
) -> list[throughput.Row]:
    tell(f"making files of {_LARGE_SIZE}")
    files = inputs.prepare(_DATA, _LARGE_SIZE, tuple(inputs.SUFFIXES))
    return throughput.compare(files, engines.NAMES, 1, tell, smaller=rows)


def _measured(sizes: list[str], rounds: int, objects: int, tell: Callable[[str], None]) -> Results:
    rows: list[throughput.Row] = []
    for size in sorted(sizes, key=inputs.SIZES.__getitem__):
        tell(f"making files of {size}")
        files = inputs.prepare(_DATA, size, tuple(inputs.SUFFIXES))
        rows += throughput.compare(files, engines.NAMES, rounds, tell, smaller=rows)
    shapes = inputs.prepare(_DATA, inputs.SHAPES_SIZE, tuple(inputs.SHAPES))
    few = min(rounds, inputs.SHAPES_ROUNDS)
    rows += throughput.compare(shapes, engines.NAMES, few, tell, smaller=rows)
    streamed = inputs.prepare(_DATA, _STREAMED_SIZE, _STREAMED)
    profiled = inputs.prepare(_DATA, _PROFILED_SIZE, (*inputs.SUFFIXES, *inputs.SHAPES))
    small = inputs.prepare(_DATA, _SMALL, ["NDJSON"])[0]
    counts = tuple(10**power for power in range(3, 7) if 10**power <= objects)
    tell("bad input")
    return Results(
        rounds=rounds,
        machine=machine.described(),
        rows=rows,
        traps=traps.verdicts((engines.PROJECT, *engines.OTHERS)),
        overlaps=overlap.compare(streamed, rounds, tell),
        small=small_files.compare(small.path, rounds, tell),
        archiving=archiving.compare(counts, rounds, tell),
        ways=bundling.compare(rounds, tell),
        cold=cold_start.compare(rounds, tell),
        big=big_files.compare(streamed, tell),
        datasets=datasets.compare(rounds, tell),
        profiles=profiles.compare(profiled, tell),
    )


@app.command()
def bundles(*, rounds: _Rounds = 5, results: _Page = _RESULTS) -> None:
    """Measure only the ways to archive small outputs, and put their table into results.md."""
    _replace(
        lambda tell: tables.ways_table(bundling.compare(rounds, tell)),
        results,
        behind="What archiving costs",
    )


@app.command(name="datasets")
def datasets_(*, rounds: _Rounds = 5, results: _Page = _RESULTS) -> None:
    """Measure only what a dataset costs, and put its table into results.md."""
    _replace(
        lambda tell: tables.datasets_table(datasets.compare(rounds, tell)),
        results,
        behind=tables.FAN_OUT_TITLE,
    )


def _replace(
    measure: Callable[[Callable[[str], None]], tables.Table], results: Path, *, behind: str
) -> None:
    console = Console(width=None if Console().is_terminal else 160)
    machine.keep_files_in_memory()
    with console.status("") as status:
        table = measure(status.update)
    console.print(table.grid())
    report.replace(table, results, behind=behind)


@app.command(name="fan-out")
def fan_out_(
    *,
    objects: Annotated[int, typer.Option(min=1_000, help="Keys that are listed.")] = 1_000_000,
    chains: Annotated[int, typer.Option(min=1, max=16, help="archiveConcurrency.")] = 16,
    simulated: Annotated[
        int | None, typer.Option(min=1, help="How many of the chains are simulated; else all.")
    ] = None,
    results: _Page = _RESULTS,
) -> None:
    """Simulate a day's bundling by chains side by side, and put it into the table of results.md.

    A chain takes some 2 µs a key: a billion of them half an hour.
    """
    if simulated and simulated < chains and chains.bit_count() > 1:
        msg = f"{simulated} of {chains} chains, allowed: some of 2, 4, 8 or 16, else all"
        raise typer.BadParameter(msg)
    console = Console(width=None if Console().is_terminal else 160)
    with console.status(f"listing {objects:,} keys"):
        run = fan_out.compare(objects, chains, min(simulated or chains, chains))
    table = report.with_row(tables.fan_out_table([run]), results, keys=2)
    console.print(table.grid())
    report.replace(table, results, behind=tables.WAYS_TITLE)


@app.command()
def profile(
    part: Annotated[str, typer.Argument(help="transform, processor or archiver")],
    form: Annotated[str, typer.Option(help=", ".join(inputs.SUFFIXES))] = "NDJSON",
    size: Annotated[str, typer.Option(help=", ".join(inputs.SIZES))] = "10 MB",
    lines: Annotated[int, typer.Option(help="How many functions to list.")] = 15,
) -> None:
    """Print where the time of one part goes."""
    known = {name: name for name in get_args(profiles.Part)}
    if part not in known:
        msg = f"{part!r}, allowed: {', '.join(known)}"
        raise typer.BadParameter(msg)
    profiles.profile(known[part], inputs.prepare(_DATA, size, [form])[0], lines)


if __name__ == "__main__":
    app()
