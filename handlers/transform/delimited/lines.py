"""Encodes the cells of whole rows as output lines, all at once. Pure."""

from collections.abc import Container
from itertools import compress
from typing import Final, Protocol

import orjson

from handlers.transform.records.encoder import Encoded

# The cell that ends each row; the second one is used where cells may hold line feeds.
ROW_END: Final = b"\n"
RARE_ROW_END: Final = b"\x1c"
_ESCAPES: Final = ((b"\n", rb"\n"), (b"\r", rb"\r"), (b"\t", rb"\t"))


class Lines(Protocol):
    """Writes the output lines of rows."""

    def size(self, rows: int) -> int:
        """Return the size in bytes of the lines of `rows` rows, without their cells."""
        ...

    def encode(self, cells: list[bytes]) -> Encoded:
        """Encode rows of escaped cells, each with its end; the list may change."""
        ...


class RowLines:
    """Writes the output lines of rows whose cells are escaped.

    A line is its cells, with a text before each cell that is the same in all lines.
    """

    def __init__(self, names: list[str], tail: bytes, bare: Container[str] = ()) -> None:
        """`names` are distinct; `tail` ends each line, as `metadata_tail` returns it.

        The cells of `bare` columns are written without quotes.
        """
        quotes = [b"" if name in bare else b'"' for name in names]
        fields = [orjson.dumps(name) + b":" + q for name, q in zip(names, quotes, strict=True)]
        closing = quotes[-1] + tail.removesuffix(b"\n")
        others = [q + b"," + field for q, field in zip(quotes, fields[1:], strict=False)]
        self._before = [b"{" + fields[0], *others, closing]
        # What a line without cells is left with, and one without its first cell begins with.
        self._no_fields, self._gap = closing, b'",'
        self._row = [part for before in self._before for part in (before, b"")]
        self._bytes = sum(map(len, self._before))
        self._is_mostly_sparse = False  # whether most columns had empty cells, when any last had

    def size(self, rows: int) -> int:
        """Return the size in bytes of the lines of `rows` rows, without their cells."""
        return rows * self._bytes

    def encode(self, cells: list[bytes]) -> Encoded:
        """Encode rows; each is a cell for each name, and the row's end.

        Empty cells are left out. With `RARE_ROW_END`, cells may hold line breaks and tabs.
        """
        return self.encode_rows(cells, are_full=all(cells))

    def encode_rows(self, cells: list[bytes], *, are_full: bool) -> Encoded:
        """Encode rows as `encode` does; `are_full` is whether no cell is empty."""
        width, end = len(self._before), cells[-1]
        rows = len(cells) // width
        if are_full:
            lines, empty = b"".join(self._parts(cells, rows)), 0
        else:
            lines, empty = b"".join(self._filled_parts(cells, rows)), 0
            if not all(cells[::width]):
                lines, empty = self._begun(lines, end)
        if end == RARE_ROW_END:
            for raw, escaped in _ESCAPES:
                lines = lines.replace(raw, escaped)
            lines = lines.replace(RARE_ROW_END, b"\n")
        return Encoded(lines, rows - empty, empty)

    def _parts(self, cells: list[bytes], rows: int) -> list[bytes]:
        """Return the parts of all lines: the text before each cell, and the cell."""
        parts = self._row * rows
        parts[1::2] = cells
        return parts

    def _filled_parts(self, cells: list[bytes], rows: int) -> list[bytes]:
        """Return the parts of all lines, without those of empty cells."""
        if self._is_mostly_sparse:
            filled = list(filter(None, cells))
            parts = [b""] * (2 * len(filled))
            parts[::2], parts[1::2] = compress(self._before * rows, cells), filled
            return parts
        parts, width, sparse = self._parts(cells, rows), len(self._before), 0
        for at, before in enumerate(self._before):
            column = cells[at::width]
            if not all(column):
                sparse += 1
                parts[2 * at :: 2 * width] = [before if cell else b"" for cell in column]
        self._is_mostly_sparse = 2 * sparse > width
        return parts

    def _begun(self, lines: bytes, end: bytes) -> tuple[bytes, int]:
        """Add the brace to lines that lost it with an empty first cell; drop lines without cells.

        Returns the lines, and how many were dropped.
        """
        cut = lines.split(end)
        empty = cut.count(self._no_fields)
        begun = [
            line if line.startswith(b"{") else b"{" + line.removeprefix(self._gap)
            for line in cut[:-1]
            if line != self._no_fields
        ]
        return end.join([*begun, b""]), empty
