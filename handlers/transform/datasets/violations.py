"""What a record breaks: the field, the rule, and the reason in words, never the value. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "a boolean"), (str, "a string"), ((int, float, Decimal), "a number"),
    (list, "an array"), (dict, "an object"), (type(None), "null"),
)  # fmt: skip
_A: Final = {
    "string": "a string", "integer": "an integer", "number": "a number", "boolean": "a boolean",
    "array": "an array", "object": "an object", "null": "null",
}  # fmt: skip
# By keyword; `{}` is the keyword's value in the schema.
_REASONS: Final = {
    "enum": "that is none of the allowed values",
    "const": "that is not the one allowed value",
    "minLength": "shorter than {} characters",
    "maxLength": "longer than {} characters",
    "pattern": "that does not match the pattern {}",
    "format": "that is not in the format {}",
    "minimum": "below the minimum {}",
    "maximum": "above the maximum {}",
    "exclusiveMinimum": "not above {}",
    "exclusiveMaximum": "not below {}",
    "multipleOf": "that is not a multiple of {}",
    "minItems": "of fewer than {} items",
    "maxItems": "of more than {} items",
    "uniqueItems": "with an item twice",
    "minProperties": "of fewer than {} fields",
    "maxProperties": "of more than {} fields",
}
_WHOLE: Final = "the record"
UNKNOWN_FIELDS: Final = "unknownFields"  # the rule, besides the keywords of JSON Schema
_UNKNOWN: Final = "a field that the dataset does not declare"


class Violation(NamedTuple):
    """A rule that a record breaks.

    Attributes:
        field: where, as `customer.address.city` or `items[2].price`; empty for the whole record.
        rule: JSON Schema's keyword, `unknownFields`, or `type` for a cell of the wrong type.
        reason: what is wrong, without the value.
    """

    field: str
    rule: str
    reason: str


def broken_rule(field: str, rule: str, definition: Mapping[str, Any], value: Any) -> Violation:
    """Return the violation of a keyword by a value; `definition` is the schema of the value."""
    if rule == "required":
        missing = next(name for name in definition[rule] if name not in value)
        return missing_field(_below(field, missing))
    if rule == "additionalProperties":
        unknown = next(name for name in value if name not in definition.get("properties", {}))
        return Violation(_below(field, unknown), rule, f"{_below(field, unknown)}: {_UNKNOWN}")
    if rule == "type":
        problem = f"{_kind(value)} where {_allowed(definition[rule])} is expected"
    else:
        problem = f"{_kind(value)} {_REASONS[rule].format(definition[rule])}"
    return Violation(field, rule, f"{field or _WHOLE}: {problem}")


def missing_field(field: str) -> Violation:
    """Return the violation of `required`."""
    return Violation(field, "required", f"{field}: it is missing")


def unknown_field(field: str) -> Violation:
    """Return the violation of `unknownFields: reject`."""
    return Violation(field, UNKNOWN_FIELDS, f"{field}: {_UNKNOWN}")


def broken_cell(field: str, kind: str) -> Violation:
    """Return the violation of a cell that cannot become what is declared."""
    return Violation(field, "type", f"{field}: a text that is not {_A[kind]}")


def _below(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def _allowed(types: str | list[str]) -> str:
    return " or ".join(_A[name] for name in ([types] if isinstance(types, str) else types))


def _kind(value: Any) -> str:
    return next(name for kind, name in _KINDS if isinstance(value, kind))
