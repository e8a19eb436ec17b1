"""Encodes the records of a dataset: those that meet its declaration, typed. Pure."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final, cast

import orjson

from handlers.transform.datasets.cells import Scalar
from handlers.transform.datasets.dataset import Dataset
from handlers.transform.datasets.numbers import exact_number
from handlers.transform.datasets.violations import Violation
from handlers.transform.records.drops import Dropper, Fields
from handlers.transform.records.encoder import Encoded, RecordEncoder
from handlers.transform.records.json_text import BadRecordError
from handlers.transform.records.row_texts import RowTexts

_EMPTY: Final = b"{"


class DatasetEncoder(RecordEncoder):
    """Encodes the records of a dataset; leaves out or rejects those that break its rules."""

    def __init__(self, tail: bytes, dataset: Dataset) -> None:
        """`tail` ends each line, as `metadata_tail` returns it."""
        super().__init__(tail)
        self.csv = dataset.csv
        self._rules = self.rules = dataset.rules
        self._dropper = Dropper(dataset.drop)
        self.dropped = self._dropper.names
        self.drops = bool(dataset.drop)

    def _cleaned(self, records: list[dict[str, Any]]) -> list[Any]:
        """Return records without what is dropped, cleaned."""
        dropped = 0
        if self.drops:
            records, dropped = self._dropper.within(records, 0)
        cleaned = self._cleaner.cleaned(records)
        self._cleaner.fields += dropped
        return cleaned

    def _written(self, records: list[dict[str, Any]], cleaned: list[Any]) -> Encoded:
        broken, good = self._rules.violations(cleaned), cleaned
        if broken:
            good = [record for at, record in enumerate(cleaned) if at not in broken]
        dumps = orjson.dumps
        encoded = self._joined([dumps(record)[:-1] for record in self._rules.outputs(good)])
        if not broken:
            return encoded
        if self._cleaner.renamed:
            self._forget_renamed([records[at] for at in broken])
        left_out = [(at, self.rejection(broken[at], cleaned[at])) for at in broken]
        return encoded._replace(left_out=left_out)

    def _forget_renamed(self, records: list[dict[str, Any]]) -> None:
        """Do not count what was renamed in records that are left out."""
        cleaner = self._cleaner
        renamed = cleaner.renamed
        self._cleaned(records)
        cleaner.renamed = renamed - cleaner.renamed

    def _careful_text(self, record: Fields) -> bytes:
        if self.drops:
            record, _ = self._dropper.drop(record)
        cleaned = self._cleaner.careful(record)
        if not cleaned:
            return _EMPTY
        if violation := self._rules.violation(_exact(cleaned)):
            raise self.rejection(violation, cleaned)
        return orjson.dumps(self._rules.output(cleaned))[:-1]

    def row_texts(self, names: list[str]) -> RowTexts:
        """Return a function that encodes rows; the names are distinct, "" for a dropped column."""
        return partial(self._row_texts, names)

    def _row_texts(self, names: list[str], rows: Iterable[list[str]]) -> list[Any]:
        texts: list[bytes | BadRecordError] = []
        for row in rows:
            try:
                texts.append(self._row_text(names, row))
            except BadRecordError as error:
                texts.append(error)
        return texts

    def _row_text(self, names: list[str], row: list[str]) -> bytes:
        """Return a row as JSON without its closing brace; raise BadRecordError if it is bad."""
        cells = {name: cell for name, cell in zip(names, row, strict=True) if name and cell}
        if not cells:
            return _EMPTY
        record = self._rules.typed(cells)
        if isinstance(record, Violation):
            raise self.rejection(record, cells)
        if violation := self._rules.violation(record):
            raise self.rejection(violation, cells)
        written = {name: _written(value, cells[name]) for name, value in record.items()}
        return orjson.dumps(self._rules.output(written))[:-1]

    def encode_row(self, row: list[str], names: list[str], texts: RowTexts) -> Encoded:  # noqa: ARG002 - not to be left out
        """Encode one row. Raises BadRecordError if it must be rejected."""
        return self._joined([self._row_text(names, row)])

    def encode_rows(self, rows: Iterable[list[str]], texts: RowTexts) -> Encoded:
        """Encode rows of cells. Raises ValueError for a row of the wrong length."""
        made = texts(rows)
        left_out = [(at, text) for at, text in enumerate(made) if not isinstance(text, bytes)]
        kept = [text for text in made if isinstance(text, bytes)] if left_out else made
        return self._joined(kept)._replace(left_out=left_out)

    def rejection(self, violation: Violation, left: Mapping[str, Any]) -> BadRecordError:
        """Return why a record is bad; `left` is what the dataset leaves of it."""
        text = orjson.dumps(left) if self.drops else None
        return BadRecordError(
            violation.reason, field=violation.field, rule=violation.rule, left=text
        )


def _written(value: Scalar, cell: str) -> Any:
    """Return what a typed cell becomes in the output: a number keeps its digits."""
    if isinstance(value, str | bool):
        return value
    return orjson.Fragment(cell.encode())


def _exact(value: Any) -> Any:
    """Return a value from `parse` with all its numbers, exactly."""
    if isinstance(value, orjson.Fragment):
        return exact_number(orjson.dumps(value).decode())
    if isinstance(value, dict):
        return {name: _exact(field) for name, field in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_exact(element) for element in cast("list[Any]", value)]
    return value
