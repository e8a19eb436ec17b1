"""Encodes the cells of whole rows as output lines, all at once. Pure."""

from itertools import compress
from typing import Final

import orjson

from handlers.transform.records.encoder import Encoded

# The cell that ends each row; the second one is used where cells may hold line feeds.
ROW_END: Final = b"\n"
RARE_ROW_END: Final = b"\x1c"
_ESCAPES: Final = ((b"\n", rb"\n"), (b"\r", rb"\r"), (b"\t", rb"\t"))


class RowLines:
    """Writes the output lines of rows whose cells are escaped.

    A line is its cells, with a text before each cell that is the same in all lines.
    """

    def __init__(self, names: list[str], tail: bytes) -> None:
        """`names` are distinct; `tail` ends each line, as `metadata_tail` returns it."""
        first, *others = [orjson.dumps(name) + b':"' for name in names]
        self._closing = b'"' + tail.removesuffix(b"\n")
        self._before = [b"{" + first, *(b'",' + field for field in others), self._closing]
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
        width, end = len(self._before), cells[-1]
        rows = len(cells) // width
        if all(cells):
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
        empty = cut.count(self._closing)
        begun = [
            line if line.startswith(b"{") else b"{" + line.removeprefix(b'",')
            for line in cut[:-1]
            if line != self._closing
        ]
        return end.join([*begun, b""]), empty
