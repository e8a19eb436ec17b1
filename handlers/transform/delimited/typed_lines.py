"""Encodes the cells of rows as output lines, some columns without quotes, all at once. Pure."""

from collections.abc import Container

import orjson

from handlers.transform.delimited.lines import RowLines


class TypedLines(RowLines):
    """Writes the output lines of rows whose cells are escaped; some columns are bare."""

    def __init__(self, names: list[str], tail: bytes, bare: Container[str]) -> None:
        """`names` are distinct; `tail` ends each line, as `metadata_tail` returns it."""
        super().__init__(names, tail, bare)
        # Before a cell, the cell, and after it, where some are missing: all three go together.
        self._slots: list[bytes] = []
        for at, name in enumerate(names):
            quote = b"" if name in bare else b'"'
            self._slots += [b"{" if at == 0 else b",", b"", quote]
            self._slots[-3] += orjson.dumps(name) + b":" + quote
        self._no_fields = tail.removesuffix(b"\n")
        self._gap = b","
        self._slots += [self._no_fields, b"", b""]

    def _filled_parts(self, cells: list[bytes], rows: int) -> list[bytes]:
        parts, width, stride = self._slots * rows, len(self._slots) // 3, len(self._slots)
        for at in range(width):
            column, slot = cells[at::width], 3 * at
            parts[slot + 1 :: stride] = column
            if not all(column):
                for place in (slot, slot + 2):
                    if text := self._slots[place]:
                        parts[place::stride] = [text if cell else b"" for cell in column]
        return parts
