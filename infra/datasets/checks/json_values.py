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
            yield from _text_problems(key, (*path, _key_text(key)), what="the key ")
        else:
            kind = "no text" if key is None else kind_of(key)
            text = f"the key {shown(key)} is {kind}, allowed: a text: put it in quotes"
            yield Problem((*path, _key_text(key)), text)
        yield from problems(member, (*path, _key_text(key)))


def _text_problems(text: str, path: tuple[str | int, ...], *, what: str = "") -> Iterator[Problem]:
    if not _is_whole(text):
        allowed = "whole ones, \\U0001F600 say"
        yield Problem(path, f"{what}{text!a} holds half a character, allowed: {allowed}")


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def with_text_keys(value: Any) -> Any:
    """Return a value with the text of each key in its place, since YAML has keys of any kind.

    Of each key that this changes, `problems` has a problem at the place that its text names.
    """
    if type(value) is dict:
        members = cast("dict[Any, Any]", value).items()
        return {_key_text(key): with_text_keys(member) for key, member in members}
    if type(value) is list:
        return [with_text_keys(member) for member in cast("list[Any]", value)]
    return value


def _key_text(key: Any) -> str:
    if not isinstance(key, str):
        return shown(key)
    return key if _is_whole(key) else ascii(key)


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
