"""Checks records against a JSON Schema, by functions that fastjsonschema generates. Pure.

The keywords below mean the same in draft 7, which fastjsonschema knows, and in 2020-12.
"""

from collections.abc import Mapping
from typing import Any, Final

from fastjsonschema import JsonSchemaValueException

from handlers.transform.datasets.generated import SchemaError, checking_function, pattern_of
from handlers.transform.datasets.violations import Violation, broken_rule

__all__ = [
    "ANNOTATIONS",
    "KEYWORDS",
    "SchemaError",
    "Validator",
    "pattern_of",
    "plain_schema",
]

ANNOTATIONS: Final = frozenset({
    "$comment", "$schema", "default", "deprecated", "description", "examples", "readOnly", "title",
    "writeOnly",
})  # fmt: skip
KEYWORDS: Final = frozenset({
    "additionalProperties", "const", "enum", "exclusiveMaximum", "exclusiveMinimum", "format",
    "items", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength",
    "minProperties", "minimum", "multipleOf", "pattern", "properties", "required", "type",
    "uniqueItems",
})  # fmt: skip
MIN_INTEGER: Final = -(2**63)  # of a bigint, the type of an integer's column
MAX_INTEGER: Final = 2**63 - 1
_DATA: Final = "data"  # the name of the record in fastjsonschema's messages


class Validator:
    """Checks values against one schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Raise SchemaError if the schema cannot be compiled: it is wrong, or nests too deep."""
        self._check = checking_function(plain_schema(schema))

    def violation(self, value: Any, path: str = "") -> Violation | None:
        """Return the first rule that a value breaks; None if it meets the schema.

        `path` is that of the value in its record, which the violation's begins with.
        """
        try:
            self._check(value, name_prefix=f"{_DATA}.{path}" if path else None)
        except JsonSchemaValueException as error:
            field = (error.name or "").removeprefix(_DATA).removeprefix(".")
            return broken_rule(field, error.rule or "", error.definition, error.value)
        return None


def plain_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without annotations, and with the bounds of 64 bits for integers."""
    plain = {key: value for key, value in schema.items() if key in KEYWORDS}
    if "properties" in plain:
        fields: dict[str, Any] = plain["properties"]
        plain["properties"] = {name: plain_schema(field) for name, field in fields.items()}
    if "items" in plain:
        plain["items"] = plain_schema(plain["items"])
    types = plain.get("type", ())
    if "integer" in ([types] if isinstance(types, str) else types):
        plain["minimum"] = max(plain.get("minimum", MIN_INTEGER), MIN_INTEGER)
        plain["maximum"] = min(plain.get("maximum", MAX_INTEGER), MAX_INTEGER)
    return plain
