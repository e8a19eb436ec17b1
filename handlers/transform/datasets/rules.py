"""All that a dataset's declaration asks of its records, compiled. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from handlers.transform.datasets.cells import Scalar, typed
from handlers.transform.datasets.dataset import Dataset, UnknownFields
from handlers.transform.datasets.schemas import Validator
from handlers.transform.datasets.violations import Violation, broken_cell, unknown_field

RESCUED: Final = "_rescued"


class Rules:
    """The rules of a dataset, for records whose names are clean and whose empties are removed."""

    def __init__(self, dataset: Dataset) -> None:
        """Raise SchemaError if the schema cannot be compiled."""
        fields: Mapping[str, Any] = dataset.schema["properties"]
        self.kinds = {name: declared_kind(field) for name, field in fields.items()}
        self.unknown_fields = dataset.unknown_fields
        self._validator = Validator(dataset.schema)

    def violation(self, record: Mapping[str, Any]) -> Violation | None:
        """Return the first rule that a record breaks; None if it meets all."""
        if self.unknown_fields is UnknownFields.KEEP:
            return self._validator.violation(record)
        unknown = self._unknown(record)
        if unknown and self.unknown_fields is UnknownFields.REJECT:
            return unknown_field(unknown[0])
        return self._validator.violation(_without(record, unknown) if unknown else record)

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

    def _unknown(self, record: Mapping[str, Any]) -> list[str]:
        kinds = self.kinds
        return [name for name in record if name not in kinds]


def declared_kind(schema: Mapping[str, Any]) -> str:
    """Return the type that a field's schema declares, besides null."""
    types: str | list[str] = schema["type"]
    return types if isinstance(types, str) else next(name for name in types if name != "null")


def _without(record: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}
