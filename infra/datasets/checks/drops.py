"""Check the fields that a dataset drops. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from handlers.transform.records.names import normalize_name
from infra.datasets.checks.problems import Problem, shown, wrong

_ALLOWED = "a list of different fields, such as card_number or customer.card_number"


def problems(drop: Any, schema: Any) -> Iterator[Problem]:
    """Yield each problem of `drop`: not a path of cleaned names, or of a field that is declared."""
    listed = cast("list[Any]", drop) if isinstance(drop, list) else None
    if listed is None:
        yield wrong(("drop",), drop, _ALLOWED)
        return
    for at, field in enumerate(listed):
        place = ("drop", at)
        if not isinstance(field, str) or not all(field.split(".")) or field in listed[:at]:
            yield wrong(place, field, _ALLOWED)
        elif (cleaned := ".".join(map(normalize_name, field.split(".")))) != field:
            yield Problem(place, f"{shown(field)} is not a cleaned name, use {cleaned}")
        elif _is_declared(field.split("."), schema):
            yield wrong(
                place, field, "fields that the schema does not declare, since it is dropped"
            )


def _is_declared(names: list[str], schema: Any) -> bool:
    """Return whether a schema has a field, through the items of arrays too."""
    for name in names:
        inner = _items(schema)
        fields: Any = inner.get("properties")
        if not isinstance(fields, dict) or name not in fields:
            return False
        schema = cast("dict[str, Any]", fields)[name]
    return True


def _items(schema: Any) -> Mapping[str, Any]:
    while isinstance(schema, dict) and "items" in schema:
        schema = cast("dict[str, Any]", schema)["items"]
    return cast("dict[str, Any]", schema) if isinstance(schema, dict) else {}
