"""Check that what YAML holds can be JSON: the functions read declarations as JSON. Pure."""

import math
from collections.abc import Iterator
from datetime import date
from typing import Any, Final, cast

from infra.datasets.checks.problems import Problem, kind_of, shown, wrong

# orjson writes no others.
_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**64 - 1


def problems(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Yield a problem for each key and value within `value` that JSON cannot hold."""
    if type(value) is dict:
        yield from _object_problems(cast("dict[Any, Any]", value), path)
    elif type(value) is list:
        for at, member in enumerate(cast("list[Any]", value)):
            yield from problems(member, (*path, at))
    elif isinstance(value, str):
        yield from _text_problems(value, path)
    elif allowed := _allowed_instead(value):
        yield wrong(path, value, allowed)


def _object_problems(value: dict[Any, Any], path: tuple[str | int, ...]) -> Iterator[Problem]:
    for key, member in value.items():
        if isinstance(key, str):
            yield from _text_problems(key, path)
            yield from problems(member, (*path, key))
        else:
            yield Problem(path, f"the key {shown(key)} is {kind_of(key)}, allowed: a text")


def _text_problems(text: str, path: tuple[str | int, ...]) -> Iterator[Problem]:
    try:
        text.encode()
    except UnicodeEncodeError:
        allowed = "whole ones, \\U0001F600 say"
        yield Problem(path, f"{text!a} holds half a character, allowed: {allowed}")


def _allowed_instead(value: Any) -> str:
    """Return what is allowed in the place of a value; "" for a value that JSON has."""
    if value is None or isinstance(value, bool):
        return ""
    if type(value) is int:
        return "" if _SMALLEST <= value <= _LARGEST else "whole numbers of at most 64 bits"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "a finite number"
    if isinstance(value, date):  # or a datetime
        return f'a text: put it in quotes, "{value}"'
    return "texts, numbers, true, false, null, lists and objects"
