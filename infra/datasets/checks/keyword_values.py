"""The rule for the value of each keyword of a schema. Pure."""

import warnings
from collections.abc import Mapping
from typing import Any, Final, cast

from handlers.transform.datasets.formats import FORMATS
from handlers.transform.datasets.schemas import SchemaError, pattern_of
from infra.datasets.checks.keywords import DIALECT
from infra.datasets.checks.problems import Rule, is_number, is_whole

_TEXT: Final = Rule(holds=lambda value: isinstance(value, str), allowed="a text")
_FLAG: Final = Rule(holds=lambda value: isinstance(value, bool), allowed="true or false")
_NUMBER: Final = Rule(holds=is_number, allowed="a number")
_COUNT: Final = Rule(
    holds=lambda value: is_whole(value) and value >= 0, allowed="a whole number from 0 up"
)
_ANYTHING: Final = Rule(holds=lambda _: True, allowed="anything")


def _is_pattern(value: Any) -> bool:
    """Return whether a pattern compiles without a doubt: Python warns of `[[a]`, say."""
    if not isinstance(value, str):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            pattern_of(value)
    except (SchemaError, Warning):
        return False
    return True


def is_listing(value: Any) -> bool:
    """Return whether a value is a list of different values, and not empty."""
    if not isinstance(value, list):
        return False
    members = [shown_whole(member) for member in cast("list[Any]", value)]
    return bool(members) and len(set(members)) == len(members)


def shown_whole(value: Any) -> str:
    """Return a text that is the same for equal values alone."""
    return f"{type(value).__name__} {value!r}"


RULES: Final[Mapping[str, Rule]] = {
    "$schema": Rule(holds=lambda value: value == DIALECT, allowed=f"{DIALECT}"),
    **dict.fromkeys(("$comment", "title", "description"), _TEXT),
    **dict.fromkeys(("deprecated", "readOnly", "writeOnly", "additionalProperties"), _FLAG),
    "default": _ANYTHING,
    "const": _ANYTHING,
    "examples": Rule(holds=lambda value: isinstance(value, list), allowed="a list of values"),
    "enum": Rule(holds=is_listing, allowed="a list of different values"),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _COUNT
    ),
    "uniqueItems": _FLAG,
    "pattern": Rule(holds=_is_pattern, allowed="a regular expression in Python's syntax"),
    "format": Rule(
        holds=lambda value: isinstance(value, str) and value in FORMATS,
        allowed=", ".join(sorted(FORMATS)),
    ),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _NUMBER),
    "multipleOf": Rule(
        holds=lambda value: is_number(value) and value > 0, allowed="a number above 0"
    ),
}
