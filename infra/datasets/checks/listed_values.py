"""Check that each value of enum and const meets the rest of its schema. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from handlers.transform.datasets.schemas import Validator
from infra.datasets.checks.problems import Problem, as_list, shown

_LISTING: Final = frozenset({"enum", "const"})


def listed(
    schema: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield each value of enum and const with its place."""
    for at, value in enumerate(as_list(schema.get("enum")) or ()):
        yield (*path, "enum", at), value
    if "const" in schema:
        yield (*path, "const"), schema["const"]


def problems(schema: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[Problem]:
    """Yield a problem for each listed value that a rule beside it forbids, at every level.

    The schema must be right otherwise.
    """
    if _LISTING & schema.keys():
        others = Validator({key: it for key, it in schema.items() if key not in _LISTING})
        for place, value in listed(schema, path):
            if broken := others.violation(value):
                _, rule, _ = broken
                text = f"{shown(value)} breaks {rule} beside it, allowed: a value that meets it"
                yield Problem(place, text)
    for name, field in schema.get("properties", {}).items():
        yield from problems(field, (*path, "properties", name))
    if "items" in schema:
        yield from problems(schema["items"], (*path, "items"))
