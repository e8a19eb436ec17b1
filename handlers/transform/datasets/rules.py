"""All that a dataset's declaration asks of its records, compiled. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, Final

from handlers.transform.datasets.cells import Scalar, plain_cell, typed
from handlers.transform.datasets.dataset import RESCUED, Dataset, UnknownFields, declared_kind
from handlers.transform.datasets.proofs.columns import (
    CellsProof,
    bad_places,
    cells_proof,
    never,
    values_proof,
)
from handlers.transform.datasets.schemas import Validator, plain_schema
from handlers.transform.datasets.violations import Violation, broken_cell, unknown_field

_FEW: Final = 4  # records to check one by one, which is faster than to prove columns, measured
_FIELDS: Final = {"type", "properties", "required"}  # the keywords about single fields


class Rules:
    """The rules of a dataset, for records whose names are clean and whose empties are removed."""

    def __init__(self, dataset: Dataset) -> None:
        """Raise SchemaError if the schema cannot be compiled."""
        fields: Mapping[str, Any] = dataset.schema["properties"]
        self.kinds = {name: declared_kind(field) for name, field in fields.items()}
        self.unknown_fields = dataset.unknown_fields
        self.required = frozenset(dataset.schema.get("required", ()))
        self._validator = Validator(dataset.schema)
        self._fields = {name: _Field(field) for name, field in fields.items()}
        # Rules that no single field can break.
        self.has_whole_rules = (
            not plain_schema(dataset.schema).keys() <= _FIELDS or not self.required <= fields.keys()
        )

    def violation(self, record: Mapping[str, Any]) -> Violation | None:
        """Return the first rule that a record breaks; None if it meets all."""
        if self.unknown_fields is UnknownFields.KEEP:
            return self._validator.violation(record)
        unknown = self._unknown(record)
        if unknown and self.unknown_fields is UnknownFields.REJECT:
            return unknown_field(unknown[0])
        return self._validator.violation(_without(record, unknown) if unknown else record)

    def outputs(self, records: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """Return records as they are written if they meet the rules."""
        if self.unknown_fields is not UnknownFields.RESCUE:
            return records
        return [self.output(record) for record in records]

    def output(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record that meets the rules as it is written."""
        unknown = self._unknown(record) if self.unknown_fields is UnknownFields.RESCUE else []
        if not unknown:
            return record
        return {**_without(record, unknown), RESCUED: {name: record[name] for name in unknown}}

    def typed(self, cells: Mapping[str, str]) -> dict[str, Scalar] | Violation:
        """Return a row's cells as a record, or the first violation: an unknown field, or a cell."""
        record: dict[str, Scalar] = {}
        unknown = self._unknown(cells)
        if unknown and self.unknown_fields is UnknownFields.REJECT:
            return unknown_field(unknown[0])
        for name, cell in cells.items():
            kind = self.kinds.get(name, "string")
            value = typed(cell, kind)
            if value is None:
                return broken_cell(name, kind)
            record[name] = value
        return record

    def bad_records(self, records: Sequence[dict[str, Any]]) -> list[int]:
        """Return the places of records that break a rule, in order."""
        is_each = self.has_whole_rules or len(records) <= _FEW
        odd = range(len(records)) if is_each else sorted(self._odd(records))
        return [at for at in odd if records[at] and self.violation(records[at])]

    def _odd(self, records: Sequence[dict[str, Any]]) -> set[int]:
        """Return the places of records that may break a rule; all others surely break none."""
        odd, count = set[int](), 0
        for (name, field), column in zip(self._fields.items(), self._values(records), strict=True):
            missing = column.count(None)
            count += len(column) - missing
            if missing and name in self.required:
                odd.update(at for at, value in enumerate(column) if value is None)
            odd.update(_bad_places(column, missing, field))
        if self.unknown_fields is UnknownFields.REJECT and sum(map(len, records)) != count:
            kinds = self.kinds.keys()
            odd.update(at for at, record in enumerate(records) if not record.keys() <= kinds)
        return odd

    def _values(self, records: Sequence[dict[str, Any]]) -> Iterable[list[Any]]:
        """Yield the values of each declared field; None where a record does not have it."""
        names = list(self._fields)
        try:
            # Twice as fast, if all records have all fields. One name alone would give no tuples.
            rows = [*map(itemgetter(*names, names[0]), records)] if names else []
        except KeyError:
            return ([record.get(name) for record in records] for name in names)
        return map(list, list(zip(*rows, strict=True))[:-1])

    def bad_cells(self, name: str, cells: list[bytes]) -> list[int]:
        """Return the places of cells of a declared column, none of them empty, that break a rule.

        The cells are escaped, as in a JSON string. Booleans are in lower case.
        """
        prove = self._fields[name].prove_cells or never
        return bad_places(cells, prove, partial(self._is_good_cell, name))

    def cells_proof(self, name: str) -> CellsProof | None:
        """Return the proof that cells of a column are good; None if all are."""
        field = self._fields.get(name)
        return field.prove_cells if field else None

    def _is_good_cell(self, name: str, cell: bytes) -> bool:
        value = typed(plain_cell(cell), self.kinds[name])
        return value is not None and self._fields[name].is_valid(value)

    def _unknown(self, record: Mapping[str, Any]) -> list[str]:
        kinds = self.kinds
        return [name for name in record if name not in kinds]


class _Field:
    """A declared field: the proofs of its column, and the check of each value."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        plain = plain_schema(schema)
        self._schema = schema
        self.prove = values_proof(plain)
        self.prove_cells = cells_proof(plain)

    def is_valid(self, value: Any) -> bool:
        return self._validator.is_valid(value)

    @cached_property
    def _validator(self) -> Validator:
        """Compiled at the first value that is not proved."""
        return Validator(self._schema)


def _bad_places(column: list[Any], missing: int, field: _Field) -> Iterable[int]:
    """Return the places of bad values in a column of which some are missing."""
    if not missing:
        return bad_places(column, field.prove, field.is_valid)
    places = [at for at, value in enumerate(column) if value is not None]
    filled = [column[at] for at in places]
    return [places[at] for at in bad_places(filled, field.prove, field.is_valid)]


def _without(record: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    others = {*names}  # a record may have thousands of them
    return {name: value for name, value in record.items() if name not in others}
