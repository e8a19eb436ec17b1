"""The first row of delimited samples: names of columns, or data that was taken for names. Pure."""

from collections.abc import Sequence
from typing import Final

from handlers import keys
from handlers.transform.datasets.dataset import CsvOptions
from handlers.transform.datasets.formats import FORMATS
from handlers.transform.delimited.header import read_header
from handlers.transform.formats.batch import Source
from handlers.transform.formats.text import Text
from handlers.transform.formats.window import Window

_BOOLEANS: Final = frozenset({"true", "false"})


def first_row(source: Source, suffix: str, csv: CsvOptions) -> list[str]:
    """Return the cells of the first row of delimited text; none if all its lines are blank.

    `suffix` is that of the file's name. Raises BadFileError for a row that cannot be a header.
    """
    text = Text(source, gzipped=suffix.lower().endswith(keys.GZIP_SUFFIX), encoding=csv.encoding)
    window = Window(text.blocks(), 0)
    bare = CsvOptions(delimiter=csv.delimiter)
    header = read_header(window, bare, is_tsv=suffix.lower().startswith(".tsv"))
    return header.names if header else []


def data_in(names: Sequence[str]) -> list[str]:
    """Return the names that look like data: a number, a date, an address of mail, a boolean."""
    return [name for name in names if _is_data(name.strip())]


def generated(count: int) -> tuple[str, ...]:
    """Return names for columns that have none: `column_1` and so on."""
    return tuple(f"column_{number}" for number in range(1, count + 1))


def _is_data(text: str) -> bool:
    # Numbers, amounts, dates and times, however they are written: digits and signs, no letter.
    is_figure = any(map(str.isdigit, text)) and not any(map(str.isalpha, text))
    return is_figure or text.lower() in _BOOLEANS or any(holds(text) for holds in FORMATS.values())
