"""Write a first draft of a dataset from sample files."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from ops.datasets import drafts, samples
from ops.datasets.drafts import Draft
from ops.datasets.samples import Samples
from ops.terminal import new_files, screen
from ops.terminal.problems import OperatorError, UsageError

_NAMED_FILES: Final = 3

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE", exists=True, dir_okay=False, readable=True, help="CSV, TSV or JSON files."
    ),
]


def infer(
    files: Files,
    *,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Of the dataset  [default: that of -o or FILE].",
        ),
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(
            "--prefix", metavar="FOLDER", help="Its folder below incoming/  [default: NAME/]."
        ),
    ] = None,
    delimiter: Annotated[
        str,
        typer.Option(
            "--delimiter",
            metavar="CHAR",
            help="The delimiter: , ; | or tab  [default: by the header].",
        ),
    ] = "",
    encoding: Annotated[
        str,
        typer.Option("--encoding", metavar="NAME", help="Of files that are not UTF-8: cp1252, …"),
    ] = "",
    no_header: Annotated[
        bool,
        typer.Option(
            "--no-header",
            help="CSV and TSV files have no header: their columns become column_1, column_2, …",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="A new file for the draft, or a folder for NAME.yaml  [default: standard output].",
        ),
    ] = None,
) -> None:
    """Write a first draft of a dataset from sample files, for a person to edit.

    It declares types, required fields, formats, and texts with few values, so that the draft
    accepts every record of the files. It asks no stack.

    Example: `datasets infer orders.csv -o datasets/orders.yaml`.
    """
    called = name or _stem(output) or drafts.default_name(files[0])
    place = _place(output, called) if output else None
    folder = prefix or f"{called}/"
    options = samples.csv_options(delimiter=delimiter, encoding=encoding)
    drafts.require_options(called, folder, options)
    if no_header:
        options = replace(options, header=samples.generated_header(files, options))
    total = sum(file.stat().st_size for file in files)
    with screen.progress("reading", total, in_bytes=True) as advance:
        found = samples.read(files, options, report=advance)
    _warn(found)
    draft = Draft(name=called, prefix=folder, csv=options, origin=_origin(files, found))
    text = drafts.write(draft, found.seen)
    if place is None:
        screen.text(text)
        return
    with new_files.made(place, "--output"), place.open("x", encoding="utf-8") as file:
        file.write(text)
    screen.warn(f"{place} is a draft: read it, and correct it")


def _stem(output: Path | None) -> str:
    """Return the name that a draft's file gives its dataset; "" for a folder."""
    return "" if output is None or output.is_dir() else output.stem


def _place(output: Path, name: str) -> Path:
    """Return the file of a draft; UsageError for one that would declare no dataset."""
    # What reads a declaration takes longer to import than most commands to run.
    from infra.datasets.files import SUFFIXES  # noqa: PLC0415

    if output.is_dir():
        return output / f"{name}{SUFFIXES[0]}"
    if output.suffix not in SUFFIXES:
        msg = f"--output {output} declares no dataset, allowed: a file *.yaml or *.yml, or a folder"
        raise UsageError(msg)
    return output


def _origin(files: list[Path], found: Samples) -> str:
    named = ", ".join(file.name for file in files[:_NAMED_FILES])
    more = f" and {len(files) - _NAMED_FILES} more" if len(files) > _NAMED_FILES else ""
    return screen.printable(f"{_counted(found.seen.count)} in {named}{more}")


def _counted(records: int) -> str:
    return f"{records} record{'' if records == 1 else 's'}"


def _warn(found: Samples) -> None:
    if found.first_reject:
        file, reject = found.first_reject
        screen.warn(
            f"{_counted(found.rejected)} would be rejected whatever a dataset declares; the first: "
            f"{file}: {reject.place}: {reject.reason}"
        )
    for note in found.notes:
        screen.warn(note)
    if not found.seen.count:
        msg = "no record of the files can be read: a draft needs at least one"
        raise OperatorError(msg)
