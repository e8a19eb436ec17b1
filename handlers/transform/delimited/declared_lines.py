"""Encodes the cells of a dataset's rows as output lines, typed, all at once. Pure."""

from collections.abc import Iterable
from typing import Final

import orjson

from handlers.transform.datasets.cells import plain_cell
from handlers.transform.datasets.dataset import RESCUED, UnknownFields
from handlers.transform.datasets.rules import Rules
from handlers.transform.delimited.lines import RowLines
from handlers.transform.delimited.typed_lines import TypedLines
from handlers.transform.records.encoder import Encoded, RecordEncoder

_BARE: Final = frozenset({"integer", "number", "boolean"})  # written without quotes
_DENSE: Final = 8  # if one row in so many may be bad, all are encoded one by one


class DeclaredLines:
    """Writes the output lines of rows that meet a dataset's rules; leaves out the others."""

    def __init__(self, names: list[str], encoder: RecordEncoder, rules: Rules) -> None:
        """`names` are distinct, but "" for a column that is dropped; not all are."""
        self._rules, self._width, self._encoder = rules, len(names) + 1, encoder
        self._texts = encoder.row_texts(names)
        columns = [(at, name) for at, name in enumerate(names) if name]
        unknown = [(at, name) for at, name in columns if name not in rules.kinds]
        rescues = rules.unknown_fields is UnknownFields.RESCUE
        self._rescued = unknown if rescues else []
        rejects = rules.unknown_fields is UnknownFields.REJECT
        self._forbidden = [at for at, _ in unknown] if rejects else []
        proofs = ((at, name, rules.cells_proof(name)) for at, name in columns)
        self._checked = [(at, name, prove) for at, name, prove in proofs if prove]
        self._required = [at for at, name in columns if name in rules.required]
        self._booleans = [at for at, name in columns if rules.kinds.get(name) == "boolean"]
        self._left_out = [at for at, name in enumerate(names) if not name]
        self._left_out = sorted(self._left_out + [at for at, _ in self._rescued], reverse=True)
        # Rules that must be checked row by row.
        self._is_whole = rules.has_whole_rules or not rules.required <= {*names}
        written = [name for at, name in columns if at not in self._left_out]
        bare = {name for name in written if rules.kinds.get(name) in _BARE} | {RESCUED}
        if self._rescued:
            written.append(RESCUED)
        kind = TypedLines if bare.intersection(written) else RowLines
        self._lines = kind(written, encoder.tail, bare)

    def size(self, rows: int) -> int:
        """Return the size in bytes of the lines of `rows` rows, without their cells."""
        return self._lines.size(rows)

    def encode(self, cells: list[bytes]) -> Encoded:
        """Encode rows; each is a cell for each name, and the row's end.

        With `RARE_ROW_END`, cells may hold line breaks and tabs.
        """
        rows, are_full = len(cells) // self._width, all(cells)
        if self._is_whole:
            return self._judged(cells)
        bad = sorted(self._bad_rows(cells, are_full=are_full))
        if not bad:
            return self._written(cells, are_full=are_full)
        if len(bad) * _DENSE > rows:
            return self._judged(cells)
        return self._encode_around(bad, cells, are_full=are_full)

    def _bad_rows(self, cells: list[bytes], *, are_full: bool) -> set[int]:
        """Return the rows that break a rule; booleans become lower case."""
        bad, width = set[int](), self._width
        for at, name, prove in self._checked:
            column = cells[at::width]
            filled = column if are_full else [*filter(None, column)]
            if not filled or prove(filled):
                continue
            if at in self._booleans:
                cells[at::width] = column = [cell.lower() for cell in column]
            bad.update(self._bad_places(name, column))
        for at in self._forbidden:
            bad.update(row for row, cell in enumerate(cells[at::width]) if cell)
        for at in self._required if not are_full else ():
            missing = [row for row, cell in enumerate(cells[at::width]) if not cell]
            # A row without any cell is an empty record, not a bad one.
            bad.update(row for row in missing if any(cells[row * width : (row + 1) * width - 1]))
        return bad

    def _bad_places(self, name: str, column: list[bytes]) -> Iterable[int]:
        """Return the places of bad cells in a column; empty ones are not bad."""
        places = [place for place, cell in enumerate(column) if cell]
        bad = self._rules.bad_cells(name, [column[place] for place in places])
        return [places[at] for at in bad]

    def _encode_around(self, bad: list[int], cells: list[bytes], *, are_full: bool) -> Encoded:
        """Encode rows without the bad ones."""
        lines, written, empty, begin, width = list[bytes](), 0, 0, 0, self._width
        for row in [*bad, len(cells) // width]:
            if run := cells[begin * width : row * width]:
                encoded = self._written(run, are_full=are_full or all(run))
                lines.append(encoded.lines)
                written += encoded.written
                empty += encoded.empty
            begin = row + 1
        return Encoded(b"".join(lines), written, empty, bad)

    def _judged(self, cells: list[bytes]) -> Encoded:
        """Encode rows one by one; leave out those that break a rule."""
        width = self._width
        rows = (
            list(map(plain_cell, cells[at : at + width - 1])) for at in range(0, len(cells), width)
        )
        return self._encoder.encode_rows(rows, self._texts)

    def _written(self, cells: list[bytes], *, are_full: bool) -> Encoded:
        """Encode rows that meet all rules."""
        if not self._left_out:
            return self._lines.encode_rows(cells, are_full=are_full)
        width = self._width
        rescued = self._rescued_cells(cells)
        for at in self._left_out:
            del cells[at::width]
            width -= 1
        if self._rescued:
            columns = [cells[at::width] for at in range(width)]
            columns.insert(-1, rescued)
            cells = [cell for row in zip(*columns, strict=True) for cell in row]
        return self._lines.encode(cells)

    def _rescued_cells(self, cells: list[bytes]) -> list[bytes]:
        """Return for each row an object of its cells that are not declared; empty without any."""
        names = [orjson.dumps(name) + b':"' for _, name in self._rescued]
        columns = [cells[at :: self._width] for at, _ in self._rescued]
        return [_object(names, row) for row in zip(*columns, strict=True)]


def _object(names: list[bytes], cells: Iterable[bytes]) -> bytes:
    fields = [name + cell + b'"' for name, cell in zip(names, cells, strict=True) if cell]
    return b"{%b}" % b",".join(fields) if fields else b""
