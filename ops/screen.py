"""What commands show: tables and results on standard output, progress and problems beside it."""

import json
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

# Without a terminal nothing is wrapped, so that lines can be searched and cut.
_UNWRAPPED: Final = 10_000
_SIZES: Final = ((1024**4, "TiB"), (1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))


def say(text: str) -> None:
    """Print a line on standard output."""
    _console().print(Text(printable(text)))


def warn(text: str) -> None:
    """Print a line on standard error."""
    _console(error=True).print(Text(printable(text)))


def document(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under columns; None is shown as `-`."""
    shown = Table(box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*("-" if cell is None else Text(printable(str(cell))) for cell in row))
    _console().print(shown)


def printable(text: str) -> str:
    """Return text with control characters escaped: keys and reasons are not ours to trust."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def size(number: int) -> str:
    """Return bytes in the largest unit that leaves at least one."""
    unit, name = next((one for one in _SIZES if number >= one[0]), (1, "B"))
    return f"{number} B" if unit == 1 else f"{number / unit:.1f} {name}"


def working(text: str) -> AbstractContextManager[object]:
    """Show, on a terminal, that something goes on whose length is not known."""
    console = _console(error=True)
    return console.status(text) if console.is_terminal else nullcontext()


@contextmanager
def progress(text: str, total: int, *, in_bytes: bool = False) -> Generator[Callable[[int], None]]:
    """Show, on a terminal, how far something is; the body tells each advance, from any thread."""
    console = _console(error=True)
    amount = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(text, total=total)
        yield lambda count: bar.advance(task, count)


def _console(*, error: bool = False) -> Console:
    console = Console(stderr=error, highlight=False)
    if not console.is_terminal:
        console.width = _UNWRAPPED
    return console
