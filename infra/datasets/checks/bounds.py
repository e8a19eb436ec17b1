"""Check that the bounds in a schema leave a value that meets them. Pure."""

import math
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any, Final

from handlers.transform.datasets.schemas import MAX_INTEGER, MIN_INTEGER
from infra.datasets.checks.problems import Problem, as_list, is_number, is_whole, wrong

_PAIRS: Final = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


def problems(
    schema: Mapping[str, Any], path: tuple[str | int, ...], kind: str | None
) -> Iterator[Problem]:
    """Yield a problem for each pair of bounds that no value is between."""
    for low, high in _PAIRS:
        if is_whole(schema.get(low)) and is_whole(schema.get(high)) and schema[low] > schema[high]:
            yield wrong((*path, high), schema[high], f"at least {low}, {schema[low]}")
    if kind in {"integer", "number"}:
        yield from _range_problems(schema, path, whole=kind == "integer")
    required, most = as_list(schema.get("required")) or (), schema.get("maxProperties", inf)
    if is_number(most) and most < len(required):
        yield wrong((*path, "maxProperties"), most, f"at least {len(required)}, as are required")


def _range_problems(
    schema: Mapping[str, Any], path: tuple[str | int, ...], *, whole: bool
) -> Iterator[Problem]:
    """Yield a problem if no number, or no whole number of 64 bits, is within the bounds."""
    lowest = {name: schema[name] for name in _LOW if is_number(schema.get(name))}
    highest = {name: schema[name] for name in _HIGH if is_number(schema.get(name))}
    low = max((_first(value, name, whole=whole) for name, value in lowest.items()), default=None)
    high = min((_last(value, name, whole=whole) for name, value in highest.items()), default=None)
    if whole:
        low = max(MIN_INTEGER, MIN_INTEGER if low is None else low)
        high = min(MAX_INTEGER, MAX_INTEGER if high is None else high)
    if low is not None and high is not None and low > high:
        name = next(iter({**highest, **lowest}))
        bounds = ", ".join(f"{key} {value}" for key, value in {**lowest, **highest}.items())
        kind = "whole number of 64 bits" if whole else "number"
        text = f"no {kind} is within {bounds}, allowed: bounds with one between them"
        yield Problem((*path, name), text)


_LOW: Final = ("minimum", "exclusiveMinimum")
_HIGH: Final = ("maximum", "exclusiveMaximum")


def _first(value: float, name: str, *, whole: bool) -> float:
    """Return the lowest number that a lower bound allows."""
    if not whole or not math.isfinite(value):
        return math.nextafter(value, math.inf) if name.startswith("exclusive") else value
    return math.floor(value) + 1 if name.startswith("exclusive") else math.ceil(value)


def _last(value: float, name: str, *, whole: bool) -> float:
    """Return the highest number that an upper bound allows."""
    if not whole or not math.isfinite(value):
        return math.nextafter(value, -math.inf) if name.startswith("exclusive") else value
    return math.ceil(value) - 1 if name.startswith("exclusive") else math.floor(value)
