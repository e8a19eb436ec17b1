"""The keywords of JSON Schema 2020-12 that a dataset's schema may use. Pure.

https://json-schema.org/draft/2020-12/json-schema-validation
"""

from collections.abc import Mapping
from typing import Final

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# Of a whole number, in a table: bigint.
SMALLEST_INTEGER: Final = -(2**63)
LARGEST_INTEGER: Final = 2**63 - 1

FORMATS: Final = frozenset({"date-time", "date", "time", "email", "uuid", "ipv4", "ipv6"})
# They say something to people, and nothing to the validator.
ANNOTATIONS: Final = frozenset(
    {
        "$schema", "$comment", "title", "description", "default", "examples", "deprecated",
        "readOnly", "writeOnly",
    }
)  # fmt: skip
OF_ANY_TYPE: Final = frozenset({"type", "enum", "const"})
_OF_NUMBERS: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
# The keywords that say something of one type only.
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
SUPPORTED: Final = OF_ANY_TYPE.union(*OF_TYPE.values())
