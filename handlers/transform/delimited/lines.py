"""Encodes the cells of whole rows as output lines, all at once. Pure."""

from collections.abc import Collection, Container
from itertools import compress
from typing import Final, Protocol

import orjson

from handlers.transform.records.encoder import Encoded

# The cell that ends each row; the second one is used where cells may hold line feeds.
ROW_END: Final = b"\n"
RARE_ROW_END: Final = b"\x1c"
_NO_QUOTE: Final = b"\x1d"  # takes away the quote that comes next; no cell holds it either
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
        others = [q + b"," + field for q, field in zip(quotes, fields[1:], strict=False)]
        self._before = [b"{" + fields[0], *others, quotes[-1] + tail.removesuffix(b"\n")]
        # The text before a cell closes the cell of the column before, even where that is empty: an
        # empty cell leaves what makes this right.
        pairs = zip(quotes[:1] + quotes, quotes, strict=False)
        self._empty = [b"" if before == own else before or _NO_QUOTE for before, own in pairs]
        # What a line without cells is left with, and one without its first cell begins with.
        self._no_fields, self._gap = quotes[0] + tail.removesuffix(b"\n"), quotes[0] + b","
        self._row = [part for before in self._before for part in (before, b"")]
        self._bytes = sum(map(len, self._before))
        # Whether most columns had empty cells, when any last had, and those may just be left out.
        self._is_mostly_sparse = False

    def size(self, rows: int) -> int:
        """Return the size in bytes of the lines of `rows` rows, without their cells."""
        return rows * self._bytes

    def encode(self, cells: list[bytes]) -> Encoded:
        """Encode rows; each is a cell for each name, and the row's end.

        Empty cells are left out. With `RARE_ROW_END`, cells may hold line breaks and tabs.
        """
        return self.encode_rows(cells, () if all(cells) else range(len(self._before) - 1))

    def encode_rows(self, cells: list[bytes], sparse: Collection[int]) -> Encoded:
        """Encode rows as `encode` does; only columns of `sparse` have empty cells."""
        width, end = len(self._before), cells[-1]
        rows = len(cells) // width
        lines, empty = b"".join(self._parts(cells, rows, sparse)), 0
        if sparse and _NO_QUOTE in self._empty:
            lines = lines.replace(_NO_QUOTE + b'"', b"")
        if 0 in sparse and not all(cells[::width]):
            lines, empty = self._begun(lines, end)
        if end == RARE_ROW_END:
            for raw, escaped in _ESCAPES:
                lines = lines.replace(raw, escaped)
            lines = lines.replace(RARE_ROW_END, b"\n")
        return Encoded(lines, rows - empty, empty)

    def _parts(self, cells: list[bytes], rows: int, sparse: Collection[int]) -> list[bytes]:
        """Return the parts of all lines: the text before each cell, and the cell."""
        if sparse and self._is_mostly_sparse:
            filled = list(filter(None, cells))
            parts = [b""] * (2 * len(filled))
            parts[::2], parts[1::2] = compress(self._before * rows, cells), filled
            return parts
        parts, width, count = self._row * rows, len(self._before), 0
        parts[1::2] = cells
        for at in sparse:
            column = cells[at::width]
            if not all(column):
                count += 1
                before, empty = self._before[at], self._empty[at]
                parts[2 * at :: 2 * width] = [before if cell else empty for cell in column]
        self._is_mostly_sparse = 2 * count > width and not any(self._empty)
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
