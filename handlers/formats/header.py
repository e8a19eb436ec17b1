"""The header of delimited text: where it ends, its delimiter, its names. Pure."""

import csv
import re
from collections import Counter
from dataclasses import dataclass
from io import StringIO
from typing import Final

from handlers.formats.batch import BadFileError
from handlers.formats.rows import BREAKS, LineCounter
from handlers.formats.window import Window
from handlers.records import MAX_RECORD_BYTES, MAX_RECORD_PARTS, too_long

DELIMITERS: Final = b",;\t|"  # the first of those that are equally frequent is taken
_BREAK = re.compile(rb"\r?\n|\r")
_QUOTED: Final = rb'"(?:[^"]++|"")*+"'


@dataclass(frozen=True, kw_only=True)
class Header:
    """The first row that is not blank."""

    names: list[str]  # as it spells them
    delimiter: str
    lines: int  # of the text up to and with it


def read_header(window: Window, delimiter: str | None) -> Header | None:
    """Drop the header from a window and return it; None where every line is blank.

    Raises BadFileError for one that is too long, broken or not UTF-8.
    """
    lines = LineCounter()
    for blank in window.skip(BREAKS):
        lines.count(blank)
    if not window.text:
        return None
    place = f"line {lines.counted + 1}"
    if delimiter is None:
        end = _find_end(window, DELIMITERS, place)
        delimiter = _find_delimiter(window.text[:end])
    raw = window.drop(_find_end(window, delimiter.encode(), place))
    window.grow(2)
    line_break = _BREAK.match(window.text)
    lines.count(raw + window.drop(line_break.end() if line_break else 0))
    return Header(
        names=_read_names(raw, delimiter, place), delimiter=delimiter, lines=lines.counted
    )


def _find_end(window: Window, delimiters: bytes, place: str) -> int:
    """Return where the header ends, its break left out, if its cells end at these delimiters.

    A quote means something only where a cell begins, as csv.reader has it.
    """
    within = re.escape(delimiters)
    cell = rb'(?:%b|(?!"))[^\r\n%b]*+' % (_QUOTED, within)
    row = re.compile(rb"%b(?:[%b]%b)*+(?=[\r\n]|\Z)" % (cell, within, cell))
    while True:
        found = row.match(window.text)
        end = found.end() if found else len(window.text)
        if end > MAX_RECORD_BYTES:
            raise BadFileError(f"the header is {too_long()}", place)
        if found and (end < len(window.text) or window.ended):
            return end
        if window.ended:
            raise BadFileError("a quote that is opened in the header never closes", place)
        window.grow_until(MAX_RECORD_BYTES + 1)


def _find_delimiter(header: bytes) -> str:
    within = re.escape(DELIMITERS)
    bare = re.sub(rb"(?:(?<=[%b])|\A)%b" % (within, _QUOTED), b"", header)
    counts = Counter(bare)
    return chr(max(DELIMITERS, key=counts.__getitem__))


def _read_names(raw: bytes, delimiter: str, place: str) -> list[str]:
    try:
        text = StringIO(raw.decode(), newline="")
        names = next(csv.reader(text, delimiter=delimiter, strict=True))
    except UnicodeDecodeError as error:
        msg = f"invalid UTF-8 in the header, at byte {error.start} of it"
        raise BadFileError(msg, place) from error
    except csv.Error as error:
        msg = f"broken header: {error}"
        raise BadFileError(msg, place) from error
    if len(names) > MAX_RECORD_PARTS:
        msg = f"{len(names)} columns, allowed: {MAX_RECORD_PARTS}"
        raise BadFileError(msg, place)
    return names
