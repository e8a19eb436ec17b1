"""Check the options for the delimited files of a dataset. Pure."""

from collections.abc import Iterator
from typing import Any, Final, cast

from handlers.environment import ENCODING_ALLOWED, read_encoding
from handlers.transform.records.names import normalize_name
from infra.datasets.checks.problems import Problem, Rule, is_text, shown, unknown, wrong

_DELIMITERS: Final = (",", ";", "|", "\t")
_KEYS: Final = ("delimiter", "encoding", "header")
_HEADER_ALLOWED: Final = "a list of the names of the columns, in their order"


def _is_encoding(value: Any) -> bool:
    try:
        return isinstance(value, str) and read_encoding(value) != ""
    except ValueError:
        return False


_DELIMITER: Final = Rule(
    holds=lambda value: value in _DELIMITERS,
    allowed="one of " + ", ".join(map(shown, _DELIMITERS)),
)
_ENCODING: Final = Rule(holds=_is_encoding, allowed=ENCODING_ALLOWED)


def problems(options: Any) -> Iterator[Problem]:
    """Yield each problem of `csv`."""
    if not isinstance(options, dict):
        yield wrong(("csv",), options, f"an object of {', '.join(_KEYS)}")
        return
    for key, value in cast("dict[str, Any]", options).items():
        place = ("csv", key)
        if key not in _KEYS:
            yield unknown(place, "an option of CSV", _KEYS)
        elif key == "delimiter":
            yield from _DELIMITER.check(place, value)
        elif key == "encoding":
            yield from _ENCODING.check(place, value)
        else:
            yield from _header_problems(place, value)


def _header_problems(place: tuple[str | int, ...], header: Any) -> Iterator[Problem]:
    if not isinstance(header, list) or not header:
        yield wrong(place, header, _HEADER_ALLOWED)
        return
    seen: dict[str, str] = {}
    for at, name in enumerate(cast("list[Any]", header)):
        if not is_text(name):
            yield wrong((*place, at), name, "the name of a column, which is not blank")
        elif (cleaned := normalize_name(name)) in seen:
            other = f"{shown(seen[cleaned])} is {cleaned}, too, once cleaned"
            yield Problem((*place, at), f"{shown(name)} comes twice: {other}")
        else:
            seen[cleaned] = name
