"""Encodes the cells of a dataset's rows as output lines, typed, all at once. Pure."""

from collections.abc import Iterable
from itertools import chain
from typing import Final

import orjson

from handlers.transform.datasets.cells import plain_cell
from handlers.transform.datasets.dataset import RESCUED, UnknownFields
from handlers.transform.datasets.proofs.columns import CellsProof, unproved
from handlers.transform.datasets.rules import Rules, first_of
from handlers.transform.datasets.violations import Violation, unknown_field
from handlers.transform.delimited.lines import RowLines
from handlers.transform.records.dataset_encoder import DatasetEncoder
from handlers.transform.records.encoder import Encoded
from handlers.transform.records.json_text import BadRecordError

_BARE: Final = frozenset({"integer", "number", "boolean"})  # written without quotes


class DeclaredLines:
    """Writes the output lines of rows that meet a dataset's rules; leaves out the others."""

    def __init__(self, names: list[str], encoder: DatasetEncoder, rules: Rules) -> None:
        """`names` are distinct, but "" for a column that is dropped; not all are."""
        self._rules, self._width, self._encoder = rules, len(names) + 1, encoder
        self._texts = encoder.row_texts(names)
        columns = [(at, name) for at, name in enumerate(names) if name]
        unknown = [(at, name) for at, name in columns if name not in rules.kinds]
        rescues = rules.unknown_fields is UnknownFields.RESCUE
        self._rescued = unknown if rescues else []
        rejects = rules.unknown_fields is UnknownFields.REJECT
        self._forbidden = unknown if rejects else []
        self._proofs = [(at, name, rules.cells_proof(name)) for at, name in columns]
        self._places = {name: at for at, name in columns}
        self._sparse = set[int]()  # the columns that have empty cells in this block
        self._required = [(at, name) for at, name in columns if name in rules.required]
        self._booleans = {name for name, kind in rules.kinds.items() if kind == "boolean"}
        self._left_out = [at for at, name in enumerate(names) if not name]
        self._left_out = sorted(self._left_out + [at for at, _ in self._rescued], reverse=True)
        # Rules that must be checked row by row.
        self._is_whole = rules.has_whole_rules or not {*rules.required} <= {*names}
        written = [name for at, name in columns if at not in self._left_out]
        bare = {name for name in written if rules.kinds.get(name) in _BARE} | {RESCUED}
        if self._rescued:
            written.append(RESCUED)
        self._lines = RowLines(written, encoder.tail, bare)

    def size(self, rows: int) -> int:
        """Return the size in bytes of the lines of `rows` rows, without their cells."""
        return self._lines.size(rows)

    def encode(self, cells: list[bytes]) -> Encoded:
        """Encode rows; each is a cell for each name, and the row's end.

        With `RARE_ROW_END`, cells may hold line breaks and tabs.
        """
        if self._is_whole:
            return self._judged(cells)
        odd = self._odd_columns(cells)
        bad = self._bad_rows(odd, cells)
        left_out = [(row, self._rejection(bad[row], cells, row)) for row in bad]
        for name in self._booleans.intersection(odd):
            column = slice(self._places[name], None, self._width)
            cells[column] = map(bytes.lower, cells[column])
        for row in reversed(bad):
            del cells[row * self._width : (row + 1) * self._width]
        encoded = self._written(cells) if cells else Encoded(b"", 0, 0)
        return encoded._replace(left_out=left_out) if left_out else encoded

    def _odd_columns(self, cells: list[bytes]) -> dict[str, list[int]]:
        """Return by column the rows whose cells are not proved to be good; find sparse columns."""
        odd, were_sparse, self._sparse = dict[str, list[int]](), self._sparse, set[int]()
        for at, name, prove in self._proofs:
            column = cells[at :: self._width]
            if not prove:
                if not all(column):
                    self._sparse.add(at)
            elif rows := self._odd_rows(at, column, prove, was_sparse=at in were_sparse):
                odd[name] = rows
        return odd

    def _odd_rows(
        self, at: int, column: list[bytes], prove: CellsProof, *, was_sparse: bool
    ) -> list[int]:
        rows = None if was_sparse else prove(column)
        if rows == []:
            return []  # no proof holds for a column with an empty cell
        filled = [*filter(None, column)]
        is_full = len(filled) == len(column)
        if was_sparse or not is_full:
            rows = prove(filled) if filled else []
        if rows is None:
            rows = unproved(filled, prove)
        if is_full:
            return rows
        self._sparse.add(at)
        places = [row for row, cell in enumerate(column) if cell] if rows else []
        return [places[row] for row in rows]

    def _bad_rows(self, odd: dict[str, list[int]], cells: list[bytes]) -> dict[int, Violation]:
        """Return the first rule that each bad row breaks, in the order of rows.

        As for a row alone, names come first, then types, then the rules in the schema's order.
        """
        missing = self._missing(cells)
        if not (odd or missing or self._forbidden):
            return {}
        untyped, broken = list[tuple[int, Violation]](), dict[str, list[tuple[int, Violation]]]()
        for name, rows in odd.items():
            at, width = self._places[name], self._width
            pairs = [(row, cells[row * width + at]) for row in rows]
            for found in self._rules.cell_violations(name, pairs):
                is_typed = found[1].rule != "type"
                (broken.setdefault(name, []) if is_typed else untyped).append(found)
        rules = chain.from_iterable(broken.get(name, ()) for name in self._rules.kinds)
        missed = self._rules.missing_fields(missing)
        return first_of(chain(self._forbidden_cells(cells), untyped, missed, rules))

    def _forbidden_cells(self, cells: list[bytes]) -> Iterable[tuple[int, Violation]]:
        for at, name in self._forbidden:
            column = cells[at :: self._width]
            yield from ((row, unknown_field(name)) for row, cell in enumerate(column) if cell)

    def _missing(self, cells: list[bytes]) -> dict[str, list[int]]:
        """Return for each required field the rows that lack it."""
        missing, width = dict[str, list[int]](), self._width
        for at, name in self._required:
            if at not in self._sparse:
                continue
            rows = [row for row, cell in enumerate(cells[at::width]) if not cell]
            # A row without any cell but dropped ones is an empty record, not a bad one.
            if rows := [row for row in rows if any(self._row(cells, row).values())]:
                missing[name] = rows
        return missing

    def _row(self, cells: list[bytes], row: int) -> dict[str, bytes]:
        """Return the cells of a row by their names, without those of dropped columns."""
        begin = row * self._width
        return {name: cells[begin + at] for at, name, _ in self._proofs}

    def _rejection(self, violation: Violation, cells: list[bytes], row: int) -> BadRecordError:
        left: dict[str, str] = {}
        if self._encoder.drops:
            named = self._row(cells, row).items()
            left = {name: plain_cell(cell) for name, cell in named if cell}
        return self._encoder.rejection(violation, left)

    def _judged(self, cells: list[bytes]) -> Encoded:
        """Encode rows one by one; leave out those that break a rule."""
        width = self._width
        rows = (
            list(map(plain_cell, cells[at : at + width - 1])) for at in range(0, len(cells), width)
        )
        return self._encoder.encode_rows(rows, self._texts)

    def _written(self, cells: list[bytes]) -> Encoded:
        """Encode rows that meet all rules."""
        if not self._left_out:
            return self._lines.encode_rows(cells, self._sparse)
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
