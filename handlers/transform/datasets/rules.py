"""All that a dataset's declaration asks of its records, compiled. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from handlers.transform.datasets.cells import Scalar, plain_cell, typed
from handlers.transform.datasets.dataset import RESCUED, Dataset, UnknownFields, declared_kind
from handlers.transform.datasets.proofs.columns import (
    CellsProof,
    cells_proof,
    unproved,
    values_proof,
)
from handlers.transform.datasets.schemas import Validator, plain_schema
from handlers.transform.datasets.violations import (
    Violation,
    broken_cell,
    missing_field,
    unknown_field,
)

_FEW: Final = 4  # records to check one by one, which is faster than to prove columns, measured
# Cells that are not proved are often the same ones again, such as "n/a" or "TRUE".
_MOST_REMEMBERED: Final = 64
_SHORT: Final = 64  # bytes of a cell, so that those remembered take no memory to speak of
_FIELDS: Final = {"type", "properties", "required"}  # the keywords about single fields


class Rules:
    """The rules of a dataset, for records whose names are clean and whose empties are removed."""

    def __init__(self, dataset: Dataset) -> None:
        """Raise SchemaError if the schema cannot be compiled."""
        fields: Mapping[str, Any] = dataset.schema["properties"]
        self.kinds = {name: declared_kind(field) for name, field in fields.items()}
        self.unknown_fields = dataset.unknown_fields
        self.required: Sequence[str] = dataset.schema.get("required", ())
        self._validator = Validator(dataset.schema)
        self._fields = {name: _Field(name, field) for name, field in fields.items()}
        # Rules that no single field can break.
        self.has_whole_rules = not plain_schema(
            dataset.schema
        ).keys() <= _FIELDS or not fields.keys() >= {*self.required}

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

    def violations(self, records: Sequence[dict[str, Any]]) -> dict[int, Violation]:
        """Return the first rule that each bad record breaks, by the record's place, in order."""
        if self.has_whole_rules or len(records) <= _FEW:
            judged = ((at, self.violation(record)) for at, record in enumerate(records) if record)
            return {at: violation for at, violation in judged if violation}
        missing: dict[str, list[int]] = {}
        broken, count = list[tuple[int, Violation]](), 0
        for (name, field), column in zip(self._fields.items(), self._values(records), strict=True):
            empty = column.count(None)
            count += len(column) - empty
            if empty and name in self.required:
                missing[name] = [at for at, value in enumerate(column) if value is None]
            broken += field.violations(column, empty)
        unknown: Iterable[tuple[int, Violation]] = ()
        if self.unknown_fields is UnknownFields.REJECT and sum(map(len, records)) != count:
            unknown = self._unknown_fields(records)
        if not missing and not broken and not unknown:
            return {}
        found = chain(unknown, self.missing_fields(missing), broken)
        return first_of((at, violation) for at, violation in found if records[at])

    def missing_fields(self, places: Mapping[str, list[int]]) -> Iterator[tuple[int, Violation]]:
        """Yield the violations of `required`, given the places of records without each field."""
        for name in self.required:
            yield from ((at, missing_field(name)) for at in places.get(name, ()))

    def _unknown_fields(self, records: Sequence[dict[str, Any]]) -> list[tuple[int, Violation]]:
        unknown = ((at, self._unknown(record)) for at, record in enumerate(records))
        return [(at, unknown_field(names[0])) for at, names in unknown if names]

    def _values(self, records: Sequence[dict[str, Any]]) -> Iterable[list[Any]]:
        """Yield the values of each declared field; None where a record does not have it."""
        names = list(self._fields)
        try:
            # Twice as fast, if all records have all fields. One name alone would give no tuples.
            rows = [*map(itemgetter(*names, names[0]), records)] if names else []
        except KeyError:
            return ([record.get(name) for record in records] for name in names)
        return map(list, list(zip(*rows, strict=True))[:-1])

    def cell_violations(
        self, name: str, cells: Iterable[tuple[int, bytes]]
    ) -> list[tuple[int, Violation]]:
        """Return what cells of a declared column break, each with its place.

        They are escaped, as in a JSON string, and not empty.
        """
        return self._fields[name].cell_violations(cells)

    def cells_proof(self, name: str) -> CellsProof | None:
        """Return the proof that cells of a column are good; None if all are."""
        field = self._fields.get(name)
        return field.prove_cells if field else None

    def _unknown(self, record: Mapping[str, Any]) -> list[str]:
        kinds = self.kinds
        return [name for name in record if name not in kinds]


class _Field:
    """A declared field: the proofs of its column, and the check of each value."""

    def __init__(self, name: str, schema: Mapping[str, Any]) -> None:
        plain = plain_schema(schema)
        self._name, self._schema = name, schema
        self._kind = declared_kind(schema)
        self._prove = values_proof(plain)
        self.prove_cells = cells_proof(plain)
        self._remembered = lru_cache(_MOST_REMEMBERED)(self._broken_cell)

    def violations(self, column: list[Any], missing: int) -> list[tuple[int, Violation]]:
        """Return what values of a column break, with their places; some are missing, or None."""
        filled = [value for value in column if value is not None] if missing else column
        odd = self._prove(filled) if filled else []
        if odd == []:
            return []
        places = [at for at, value in enumerate(column) if value is not None]
        odd = odd or unproved(filled, self._prove)
        return _broken((places[at], self._violation(filled[at])) for at in odd)

    def cell_violations(self, cells: Iterable[tuple[int, bytes]]) -> list[tuple[int, Violation]]:
        """Return what cells break, each with its place."""
        return _broken((at, self._judged(cell)) for at, cell in cells)

    def _judged(self, cell: bytes) -> Violation | None:
        return (self._remembered if len(cell) <= _SHORT else self._broken_cell)(cell)

    def _violation(self, value: Any) -> Violation | None:
        return self._validator.violation(value, self._name)

    def _broken_cell(self, cell: bytes) -> Violation | None:
        value = typed(plain_cell(cell), self._kind)
        return broken_cell(self._name, self._kind) if value is None else self._violation(value)

    @cached_property
    def _validator(self) -> Validator:
        """Compiled at the first value that is not proved."""
        return Validator(self._schema)


def _broken(judged: Iterable[tuple[int, Violation | None]]) -> list[tuple[int, Violation]]:
    return [(at, violation) for at, violation in judged if violation]


def first_of(violations: Iterable[tuple[int, Violation]]) -> dict[int, Violation]:
    """Return the first of the violations of each record, by its place, in order."""
    first: dict[int, Violation] = {}
    for at, violation in violations:
        first.setdefault(at, violation)
    return dict(sorted(first.items()))


def _without(record: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    others = {*names}  # a record may have thousands of them
    return {name: value for name, value in record.items() if name not in others}
