"""Find the prices to calculate with: of a region in the table, or from a file."""

import json
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, cast

from ops.costs.prices import REGIONS, Prices
from ops.terminal.problems import UsageError

_NAMES: Final = tuple(field.name for field in fields(Prices))
_ALLOWED: Final = "a number of US dollars from 0 up"


def find(region: str, file: Path | None) -> Prices:
    """Return the prices in a file, else those of a region.

    Raises UsageError for a region that is not in the table, and with every problem of a file.
    """
    if file:
        return parse(_read(file), str(file))
    if region not in REGIONS:
        msg = (
            f"there are no prices of region {region!r} here, allowed: {', '.join(REGIONS)}, or "
            "--prices FILE with those of your region (docs/cost.md says how it looks)"
        )
        raise UsageError(msg)
    return REGIONS[region]


def parse(document: Mapping[str, object], origin: str) -> Prices:
    """Return the prices that a JSON object names, each by its field; UsageError names all wrong."""
    problems = [
        f"{name} is no price, allowed: {', '.join(_NAMES)}"
        for name in document
        if name not in _NAMES
    ]
    found: dict[str, Decimal] = {}
    for name in _NAMES:
        price = _price(document.get(name))
        if price is None:
            given = repr(document[name]) if name in document else "missing"
            problems.append(f"{name} is {given}, allowed: {_ALLOWED}")
        else:
            found[name] = price
    if problems:
        msg = f"the prices in {origin} have {len(problems)} problem(s):"
        raise UsageError(msg, problems)
    return Prices(**found)


def _price(given: object) -> Decimal | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        price = Decimal(str(given))
    except InvalidOperation:
        return None
    return price if price.is_finite() and price >= 0 else None


def _read(file: Path) -> Mapping[str, object]:
    try:
        value: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"the prices file {file} cannot be read ({error.strerror})"
        raise UsageError(msg) from error
    except ValueError as error:
        msg = f"the prices file {file} is not JSON ({error})"
        raise UsageError(msg) from error
    if not isinstance(value, dict):
        msg = f"the prices file {file} holds {str(value)[:40]!r}, allowed: a JSON object of prices"
        raise UsageError(msg)
    return cast("dict[str, object]", value)
