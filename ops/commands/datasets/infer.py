"""Write a first draft of a dataset from sample files."""

from pathlib import Path
from typing import Annotated, Final

import typer

from ops.datasets import drafts, samples
from ops.datasets.drafts import Draft
from ops.datasets.samples import Samples
from ops.terminal import screen
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
            "--name", metavar="NAME", help="Of the dataset  [default: the first file's name]."
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
            "--delimiter", metavar="CHAR", help="Of the cells: , or ; or | or tab, if it is forced."
        ),
    ] = "",
    encoding: Annotated[
        str,
        typer.Option("--encoding", metavar="NAME", help="Of files that are not UTF-8: cp1252, …"),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write it here, where no file is yet  [default: standard output].",
        ),
    ] = None,
) -> None:
    """Write a first draft of a dataset from sample files, for a person to edit.

    Types, required fields, formats, and texts with few values, by what the files hold: the draft
    accepts each of their records. It asks no stack.

    Example: `datasets infer orders.csv -o datasets/orders.yaml`.
    """
    called = name or drafts.default_name(files[0])
    folder = prefix or f"{called}/"
    options = samples.csv_options(delimiter=delimiter, encoding=encoding)
    drafts.require_options(called, folder, options)
    total = sum(file.stat().st_size for file in files)
    with screen.progress("reading", total, in_bytes=True) as advance:
        found = samples.read(files, options, report=advance)
    _warn(found)
    draft = Draft(name=called, prefix=folder, csv=options, origin=_origin(files, found))
    text = drafts.write(draft, found.seen)
    if output is None:
        screen.text(text)
    else:
        _write(output, text)
        screen.warn(f"{output} is a draft: read it, and correct it")


def _origin(files: list[Path], found: Samples) -> str:
    named = ", ".join(file.name for file in files[:_NAMED_FILES])
    more = f" and {len(files) - _NAMED_FILES} more" if len(files) > _NAMED_FILES else ""
    return screen.printable(f"{found.seen.count} records in {named}{more}")


def _warn(found: Samples) -> None:
    if found.first_reject:
        file, reject = found.first_reject
        screen.warn(
            f"{found.rejected} records cannot be read, whatever a dataset declares; the first: "
            f"{file}: {reject.place}: {reject.reason}"
        )
    if not found.seen.count:
        msg = "the files hold no record that can be read, allowed: one at least"
        raise OperatorError(msg)


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        msg = f"{output} exists, allowed: a file that is not there yet"
        raise UsageError(msg) from None
    except OSError as error:
        msg = f"{output} cannot be written: {error.strerror}"
        raise OperatorError(msg) from error
