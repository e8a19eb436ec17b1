"""Print results on standard output, and progress and problems on standard error."""

import csv
import io
import itertools
import json
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from decimal import Decimal
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
from rich.status import Status
from rich.table import Table
from rich.text import Text

from ops.terminal import charts

# Without a terminal no line is wrapped, so that grep and cut work on the output.
_UNWRAPPED: Final = 10_000
_CHART_CHARACTERS: Final = 80  # its width without a terminal
# The longest key has 1,024 bytes, the longest reason that the processor writes 2,000 characters.
_CELL_CHARACTERS: Final = 2_000
_SIZES: Final = ((1024**4, "TiB"), (1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))


def say(text: str) -> None:
    """Print a line on standard output."""
    console = _console()
    console.print(_text(text, console))


def text(content: str) -> None:
    """Print a text of several lines as it is, in UTF-8 in every locale."""
    _write(content)
    sys.stdout.buffer.flush()


def warn(text: str) -> None:
    """Print a line on standard error."""
    console = _console(error=True)
    console.print(_text(text, console))


def document(value: object) -> None:
    """Print a value as JSON: in UTF-8 in every locale, with unprintable characters escaped."""
    _write(f"{_escaped(json.dumps(value, indent=2, ensure_ascii=False))}\n")
    sys.stdout.buffer.flush()


def documents(head: Mapping[str, object], name: str, items: Iterable[object]) -> None:
    """Print a JSON object whose last field is a list, written item by item as they come."""
    start = json.dumps({**head, name: []}, indent=2, ensure_ascii=False).removesuffix("]\n}")
    _write(_escaped(start))
    separator = ""
    for item in items:
        _write(f"{separator}\n    {_escaped(json.dumps(item, ensure_ascii=False))}")
        separator = ","
    _write("\n  ]\n}\n" if separator else "]\n}\n")


def csv_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print CSV in UTF-8, row by row; None is an empty cell.

    The cells are as they are in a file or a pipe. On a terminal, unprintable characters are
    escaped: anyone may choose what is in a bad record.
    """
    shown = printable if sys.stdout.isatty() else str
    for row in itertools.chain([columns], rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(
            "" if cell is None else shown(str(cell)) for cell in row
        )
        _write(line.getvalue())
    sys.stdout.buffer.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; None is shown as `-`."""
    console = _console()
    shown = Table(box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        cells = (None if cell is None else shortened(str(cell)) for cell in row)
        shown.add_row(*("-" if cell is None else _text(cell, console) for cell in cells))
    console.print(shown)


def chart(labels: Sequence[str], values: Sequence[float | None]) -> None:
    """Print a bar for each label, as wide as the terminal."""
    console = _console()
    width = console.width if console.is_terminal else _CHART_CHARACTERS
    shown = [printable(label, console.encoding) for label in labels]
    for line in charts.bars(shown, values, width=width, encoding=console.encoding):
        console.print(Text(line), no_wrap=True, crop=False)


def printable(text: str, encoding: str = "utf-8") -> str:
    """Return text with unprintable characters escaped: anyone may choose a key or a reason.

    Characters that the terminal's encoding lacks are escaped too.
    """
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
    return escaped.encode(encoding, "backslashreplace").decode(encoding)


def shortened(text: str, characters: int = _CELL_CHARACTERS) -> str:
    """Return a text cut off after a number of characters; the JSON output holds the whole."""
    return text if len(text) <= characters else f"{text[:characters]}…"


def size(number: int) -> str:
    """Return a number of bytes as text in its largest unit, `1.5 MiB` say."""
    unit, name = next((one for one in _SIZES if number >= one[0]), (1, "B"))
    return f"{number} B" if unit == 1 else f"{number / unit:.1f} {name}"


def dollars(amount: Decimal) -> str:
    """Return an amount of US dollars as text, `$1,234.50` say."""
    return f"${amount:,.2f}"


def working(text: str) -> AbstractContextManager[object]:
    """Show a spinner with a text on a terminal, for work whose length is unknown."""
    console = _console(error=True)
    return console.status(text) if console.is_terminal else nullcontext()


def renew(spinner: object, text: str) -> None:
    """Change the text of a spinner of `working`, if it is shown."""
    if isinstance(spinner, Status):
        spinner.update(printable(text))


@contextmanager
def progress(text: str, total: int, *, in_bytes: bool = False) -> Generator[Callable[[int], None]]:
    """Show a progress bar on a terminal.

    Gives a function to call, from any thread, with each advance.
    """
    console = _console(error=True)
    amount = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(text, total=total)
        yield lambda count: bar.advance(task, count)


def _escaped(text: str) -> str:
    """Return the text of JSON with unprintable characters escaped."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text
    )


def _write(text: str) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode(errors="backslashreplace"))


def _text(text: str, console: Console) -> Text:
    return Text(printable(text, console.encoding))


def _console(*, error: bool = False) -> Console:
    console = Console(stderr=error, highlight=False)
    if not console.is_terminal:
        console.width = _UNWRAPPED
    return console
