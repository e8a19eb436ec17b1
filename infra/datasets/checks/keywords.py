"""The keywords of JSON Schema: what each says something of, and what to use instead. Pure.

https://json-schema.org/draft/2020-12/json-schema-validation
"""

from collections.abc import Mapping
from typing import Final

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
OF_ANY_TYPE: Final = frozenset({"type", "enum", "const"})
_OF_NUMBERS: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
OF_TYPE: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": _OF_NUMBERS,
    "number": _OF_NUMBERS,
    "boolean": frozenset(),
    "object": frozenset(
        {"properties", "required", "additionalProperties", "minProperties", "maxProperties"}
    ),
    "array": frozenset({"items", "minItems", "maxItems", "uniqueItems"}),
}
TYPES: Final = tuple(OF_TYPE)
_WRITTEN_OUT: Final = "write the schema out where it is used"
_ONE_SCHEMA: Final = "a field has one type: declare that, or leave the field out of the schema"
_EACH_FIELD: Final = "name each field under properties"
_BY_YOURSELF: Final = "the rule cannot be checked: leave it out"
# What to do instead of a keyword of JSON Schema, or of its relatives, that is not supported.
INSTEAD: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("$ref", "$defs", "definitions", "$id", "$anchor", "$dynamicRef", "$dynamicAnchor"),
        _WRITTEN_OUT,
    ),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "not", "if", "then", "else"), _ONE_SCHEMA),
    **dict.fromkeys(("patternProperties", "propertyNames"), _EACH_FIELD),
    "unevaluatedProperties": "use additionalProperties",
    **dict.fromkeys(("dependentRequired", "dependentSchemas", "dependencies"), _BY_YOURSELF),
    **dict.fromkeys(
        ("prefixItems", "additionalItems", "unevaluatedItems"), "use items, with one schema for all"
    ),
    **dict.fromkeys(("contains", "minContains", "maxContains"), _BY_YOURSELF),
    **dict.fromkeys(("contentEncoding", "contentMediaType", "contentSchema"), _BY_YOURSELF),
    "$vocabulary": "leave it out",
    "nullable": 'use type: [string, "null"]',
    "$comments": "use $comment",
}
