"""Encodes blocks of delimited text as output lines, by operations on the whole block. Pure.

No row is read on its own. A block is proved to be regular; otherwise it is odd, and `csv.reader`
must read it.
"""

from typing import Final, NamedTuple

import orjson

from handlers.transform.delimited.lines import RARE_ROW_END, ROW_END, Lines
from handlers.transform.delimited.quotes import PLACEHOLDER, QUOTE, even_end, put_back, take_out
from handlers.transform.records.encoder import Encoded

_MOST_LINES_BYTES: Final = 4 * 1024 * 1024  # short rows may have long names
_RETURN: Final = b"\r"
_BREAK: Final = b"\r\n"
_BACKSLASH: Final = ord("\\")
_CONTROLS: Final = range(0x20)
_ESCAPED: Final = {code: orjson.dumps(chr(code))[1:-1] for code in (*_CONTROLS, _BACKSLASH)}

# glibc returns the memory of each block to the system and faults it in again for the next, unless a
# mapping this large was freed before: then it keeps up to twice as much. Without this, wide tables
# take a quarter longer.
_KEPT_BYTES: Final = 4 * 1024 * 1024
bytes(_KEPT_BYTES)


class RowBlock(NamedTuple):
    """The encoded rows of a block."""

    encoded: Encoded
    length: int  # bytes of these rows in the block
    lines: int  # lines of these rows in the text


class RowBlockEncoder:
    """Encodes the rows of a block as output lines."""

    def __init__(self, columns: int, delimiter: bytes, lines: Lines) -> None:
        """`lines` writes the lines of rows of so many columns."""
        self._columns = columns
        self._delimiter = delimiter
        self._lines = lines
        self._quoted_row = delimiter.join([PLACEHOLDER] * columns) + b"\n"
        special = {*_CONTROLS, _BACKSLASH, *QUOTE} - {*delimiter}
        self._plain = bytes(code for code in range(256) if code not in special)

    def encode(self, block: bytes) -> RowBlock | None:
        """Encode the rows that end in a block; return None if none ends there or one is odd.

        The block begins where a row begins, and ends with a line feed. A row is odd if it is not as
        long as the header, or has a misplaced quote, invalid UTF-8 or a return without a line feed.
        """
        rows, special = block, block.translate(None, self._plain)
        if special.count(QUOTE) % 2:
            rows = block[: even_end(block)]
            left_out = block[len(rows) :].translate(None, self._plain)
            special = special[: len(special) - len(left_out)]
        if not rows or not _is_utf8(rows):
            return None
        cells = self._cells(_escaped(rows, special), special)
        if not cells:
            return None
        lines = special.count(b"\n") + special.count(_RETURN)
        if lines > special.count(b"\n"):
            lines -= rows.count(_BREAK)
        return RowBlock(self._lines.encode(cells), len(rows), lines)

    def _cells(self, text: bytes, special: bytes) -> list[bytes] | None:
        """Return the cells of rows, and after the cells of each row its end."""
        contents: list[bytes] = []
        if QUOTE in special:
            text, contents = take_out(text)
        if _RETURN in special:
            text = text.replace(_BREAK, b"\n")
            if _RETURN in text:
                return None
        count = text.count(b"\n")
        if self._lines.size(count) > _MOST_LINES_BYTES:
            return None
        may_break = count < special.count(b"\n") or _RETURN in special or self._delimiter == b"\t"
        end = RARE_ROW_END if contents and may_break else ROW_END
        if len(contents) == count * self._columns and text == self._quoted_row * count:
            return self._quoted_cells(contents, count, end)
        cells = self._split(text, count, end)
        return cells if cells and put_back(cells, contents) else None

    def _quoted_cells(self, contents: list[bytes], count: int, end: bytes) -> list[bytes]:
        """Return the cells of rows in which every cell is quoted."""
        columns = self._columns
        cells = [end] * (count * (columns + 1))
        for at in range(columns):
            cells[at :: columns + 1] = contents[at::columns]
        return cells

    def _split(self, text: bytes, count: int, end: bytes) -> list[bytes] | None:
        """Return the cells of `count` lines, some of which may be blank."""
        # With one column, a blank line would look like a row. With more, blank lines are rare.
        if self._columns > 1 and (cells := self._split_rows(text, count, end)):
            return cells
        filled = _without_blank_lines(text)
        if self._columns > 1 and filled is text:
            return None
        return self._split_rows(filled, filled.count(b"\n"), end)

    def _split_rows(self, text: bytes, count: int, end: bytes) -> list[bytes] | None:
        """Return the cells of `count` rows; None if one is not as long as the header."""
        delimiter, width = self._delimiter, self._columns + 1
        cells = text.replace(b"\n", delimiter + end + delimiter).split(delimiter)
        cells.pop()  # the empty text after the last row
        # A short row and a long one may add up, so each row's end must be in its place.
        if len(cells) != count * width or cells[width - 1 :: width].count(end) != count:
            return None
        return cells


def _is_utf8(rows: bytes) -> bool:
    try:
        return rows.isascii() or bool(rows.decode())
    except UnicodeDecodeError:
        return False


def _escaped(rows: bytes, special: bytes) -> bytes:
    """Return rows with each backslash and control character escaped, except line breaks."""
    codes = {*special.translate(None, b'\r\n"')}
    for code in sorted(codes, reverse=True):  # the backslash first: other escapes contain it
        rows = rows.replace(bytes([code]), _ESCAPED[code])
    return rows


def _without_blank_lines(text: bytes) -> bytes:
    while b"\n\n" in text:
        text = text.replace(b"\n\n", b"\n")
    return text.removeprefix(b"\n")
