"""The words of a problem: where it is, the value, and what is allowed. Pure."""

import difflib
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple, cast

_SHOWN_CHARACTERS: Final = 60
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_$-]+")
_KINDS: Final[Mapping[type, str]] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "empty",
}


class Problem(NamedTuple):
    """A problem: the keys and places in lists that lead to it, and what is wrong."""

    path: tuple[str | int, ...]
    text: str

    def __str__(self) -> str:
        """Return `schema.required[0]: …`; a problem of the whole file has no path."""
        place = place_of(self.path)
        return f"{place}: {self.text}" if place else self.text


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a value has to be: `holds` returns whether it is, for a value of any kind."""

    holds: Callable[[Any], bool]
    allowed: str

    def check(self, path: tuple[str | int, ...], value: Any) -> Iterator[Problem]:
        """Yield a problem if the rule does not hold."""
        if not self.holds(value):
            yield wrong(path, value, self.allowed)


def place_of(path: tuple[str | int, ...]) -> str:
    """Return a place in a declaration, `schema.required[0]` say."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_shown_key(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def wrong(path: tuple[str | int, ...], value: Any, allowed: str) -> Problem:
    """Return the problem of a value that is not allowed."""
    if value is None:
        return Problem(path, f"is empty, allowed: {allowed}")
    return Problem(path, f"{shown(value)} is {kind_of(value)}, allowed: {allowed}")


def unknown(path: tuple[str | int, ...], what: str, known: Collection[str]) -> Problem:
    """Return the problem of a key that is not known; `what` says what it is not."""
    name = str(path[-1])
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(sorted(known))}"
    return Problem(path, f"is not {what}, {hint}")


def in_file_order(found: Iterable[Problem], content: Any) -> list[Problem]:
    """Return problems in the order of their places in a file, whose keys are all texts.

    One whose place is not there, of a key that is not set say, comes with what it is missing from.
    """
    places = {path: at for at, path in enumerate(_paths(content, ()))}

    def place(problem: Problem) -> int:
        path = problem.path
        return next(
            places[path[:length]] for length in range(len(path), -1, -1) if path[:length] in places
        )

    return sorted(found, key=place)


def _paths(content: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    yield path
    members = (as_object(content) or {}).items()
    for step, member in [*members, *enumerate(as_list(content) or ())]:
        yield from _paths(member, (*path, step))


def shown(value: Any) -> str:
    """Return a value as a message shows it: as JSON, cut off if it is long."""
    plain = type(value) in _KINDS
    text = (
        json.dumps(value, ensure_ascii=False, default=str, skipkeys=True) if plain else str(value)
    )
    whole = text.encode(errors="backslashreplace").decode()  # half a character cannot be written
    return whole if len(whole) <= _SHOWN_CHARACTERS else f"{whole[:_SHOWN_CHARACTERS]}…"


def kind_of(value: Any) -> str:
    """Return what kind of value it is, for a person."""
    if isinstance(value, date):  # a datetime is one, too
        return "a date"
    kind = cast("type[object]", type(value))
    if kind is float and not math.isfinite(value):
        return "no number of JSON"
    return _KINDS.get(kind, f"of YAML's type {kind.__name__}, which JSON lacks")


def as_object(value: Any) -> dict[str, Any] | None:
    """Return an object as one of texts to values, or None for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: Any) -> list[Any] | None:
    """Return a list as one of values, or None for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def is_text(value: Any) -> bool:
    """Return whether a value is a text, and not blank."""
    return isinstance(value, str) and value.strip() != ""


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number, and not a boolean."""
    return type(value) is int


def is_number(value: Any) -> bool:
    """Return whether a value is a number, and not a boolean."""
    return type(value) in {int, float}


def _shown_key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
