"""Reads the header of delimited text: its end, its delimiter and its names. Pure."""

import csv
import re
from collections import Counter
from dataclasses import dataclass
from io import StringIO
from typing import Final

from handlers.transform.datasets.dataset import CsvOptions
from handlers.transform.delimited.rows import BREAK, BREAKS, QUOTED, LineCounter
from handlers.transform.formats.batch import BadFileError
from handlers.transform.formats.window import Window
from handlers.transform.records.encoder import MAX_RECORD_BYTES, MAX_RECORD_PARTS, too_long
from handlers.transform.records.encodings import utf8_problem

DELIMITERS: Final = b",;\t|"  # of those that are equally frequent, the first is taken
_STATEMENT = re.compile(
    rb'(?P<quote>"?)sep=(?P<delimiter>[^\r\n])(?P=quote)(?:\r?\n|\r|\Z)', re.IGNORECASE
)
_LONGEST_STATEMENT: Final = len(b'"sep=;"\r\n')
_OPEN_QUOTE: Final = "a quote that is opened in the header never closes"
_NUL: Final = "a NUL in the header: this is UTF-16 without a byte order mark, or no text at all"


@dataclass(frozen=True, kw_only=True)
class Header:
    """The names of a file's columns, and where its rows begin."""

    names: list[str]  # as spelled in the file, or by its dataset
    delimiter: str
    lines: int  # of the text, up to the end of the header


def read_header(window: Window, csv: CsvOptions, *, is_tsv: bool) -> Header | None:
    """Drop the header from a window and return it; return None if every line is blank.

    Drops the text before it as well: blank lines, and a first line such as `sep=;`, which tells
    Excel the delimiter. Without such a line, the delimiter is that of `csv`, else in a TSV the tab,
    else it is found in the header. With the names of `csv`, the first row is no header.

    Raises BadFileError for a header that is too long, broken, not text or not UTF-8.
    """
    lines = LineCounter()
    _skip_blank(window, lines)
    delimiter = _read_delimiter(window, lines) or csv.delimiter or ("\t" if is_tsv else "")
    if not window.text:
        return None
    if csv.header:
        delimiter = delimiter or _find_delimiter(_first_line(window))
        return Header(names=list(csv.header), delimiter=delimiter, lines=lines.counted)
    place = f"line {lines.counted + 1}"
    try:
        if not delimiter:
            end = _find_end(window, DELIMITERS, place)
            delimiter = _find_delimiter(window.text[:end])
        end = _find_end(window, delimiter.encode(), place)
        names = _read_names(window.text[:end], delimiter, place)
    except _BrokenQuotesError:
        if not is_tsv:
            raise
        end = _find_break(window, place)
        _check_text(window.text[:end], place)
        names = window.text[:end].decode().split(delimiter)
    if len(names) > MAX_RECORD_PARTS:
        raise BadFileError(f"{len(names)} columns, allowed: {MAX_RECORD_PARTS}", place)
    lines.count(window.drop(end))
    _drop_break(window, lines)
    return Header(names=names, delimiter=delimiter, lines=lines.counted)


class _BrokenQuotesError(BadFileError):
    """The end of a header cannot be found by its quotes."""


def _skip_blank(window: Window, lines: LineCounter) -> None:
    for blank in window.skip(BREAKS):
        lines.count(blank)


def _read_delimiter(window: Window, lines: LineCounter) -> str:
    """Drop a line that states the delimiter, and blanks after it; return the delimiter or ""."""
    window.grow(_LONGEST_STATEMENT + 1)
    stated = _STATEMENT.match(window.text)
    if not stated:
        return ""
    delimiter = stated.group("delimiter")
    if delimiter not in DELIMITERS:
        msg = f"sep= states the delimiter {delimiter.decode('latin-1')!r}, allowed: , ; | or a tab"
        raise BadFileError(msg, f"line {lines.counted + 1}")
    lines.count(window.drop(stated.end()))
    _skip_blank(window, lines)
    return delimiter.decode()


def _drop_break(window: Window, lines: LineCounter) -> None:
    window.grow(2)
    line_break = BREAK.match(window.text)
    lines.count(window.drop(line_break.end() if line_break else 0))


def _find_end(window: Window, delimiters: bytes, place: str) -> int:
    """Return where the header ends, before its line break, if `delimiters` end its cells.

    A quote has a meaning only at the start of a cell, as in csv.reader.
    """
    within = re.escape(delimiters)
    cell = rb'(?:%b|(?!"))[^\r\n%b]*+' % (QUOTED, within)
    row = re.compile(rb"%b(?:[%b]%b)*+(?=[\r\n]|\Z)" % (cell, within, cell))
    while True:
        found = row.match(window.text)
        end = found.end() if found else len(window.text)
        if end > MAX_RECORD_BYTES:
            raise _BrokenQuotesError(_no_text(window) or f"the header is {too_long()}", place)
        if found and (end < len(window.text) or window.ended):
            return end
        if window.ended:
            raise _BrokenQuotesError(_no_text(window) or _OPEN_QUOTE, place)
        window.grow_until(MAX_RECORD_BYTES + 1)


def _find_break(window: Window, place: str) -> int:
    """Return where the first line ends, before its line break."""
    end = len(_first_line(window))
    if end > MAX_RECORD_BYTES:
        raise BadFileError(f"the header is {too_long()}", place)
    return end


def _first_line(window: Window) -> bytes:
    """Return the first line without dropping it, or the start of one that is too long."""
    while not (found := BREAK.search(window.text)) and not window.ended:
        if len(window.text) > MAX_RECORD_BYTES:
            break
        window.grow_until(MAX_RECORD_BYTES + 1)
    return window.text[: found.start()] if found else window.text


def _no_text(window: Window) -> str:
    """Return the reason to refuse a first line with a NUL in it; "" if there is none."""
    line = BREAK.split(window.text, maxsplit=1)[0]
    return _NUL if b"\0" in line else ""


def _find_delimiter(header: bytes) -> str:
    within = re.escape(DELIMITERS)
    bare = re.sub(rb"(?:(?<=[%b])|\A)%b" % (within, QUOTED), b"", header)
    counts = Counter(bare)
    return chr(max(DELIMITERS, key=counts.__getitem__))


def _read_names(raw: bytes, delimiter: str, place: str) -> list[str]:
    text = StringIO(raw.decode(errors="surrogateescape"), newline="")
    try:
        names = next(csv.reader(text, delimiter=delimiter, strict=True))
    except csv.Error as error:
        msg = f"broken header: {error}"
        raise _BrokenQuotesError(msg, place) from error
    _check_text(raw, place)
    return names


def _check_text(raw: bytes, place: str) -> None:
    if b"\0" in raw:
        raise BadFileError(_NUL, place)
    if problem := utf8_problem(raw):
        raise BadFileError(f"the header: {problem}", place)
