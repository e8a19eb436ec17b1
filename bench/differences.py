"""What is wrong with an output: each line compared with what had to come of its record."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, cast

_COMPARED_BYTES: Final = 5_000_000  # comparing takes a hundred times what it takes to transform
_METADATA: Final = "_metadata"
_EMPTY: Final[tuple[Any, ...]] = (None, "", {}, [])


def differences(output: Path, expected: Path) -> dict[str, int]:
    """Return kind of difference → records that have it; nothing where the output is right.

    The order of records counts, the order of fields and the spelling of a number do not; whether
    it is whole, and each of its digits, does. Of a large file every so many records are compared.
    """
    found = Counter[str]()
    stride = 1 + expected.stat().st_size // _COMPARED_BYTES
    lines = zip_longest(_lines(output), _lines(expected))
    for number, (got, wanted) in enumerate(lines):
        if got is None:
            found["records missing"] += 1
        elif wanted is None:
            found["records too many"] += 1
        elif number % stride == 0:
            found.update(_compared(got, wanted))
    return dict(found.most_common())


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _compared(got: bytes, wanted: bytes) -> set[str]:
    cut = got.rfind(b',"_metadata":')
    if got[:cut] == wanted[:-2]:
        return set()
    try:
        record = _parsed(got)
    except ValueError:
        return {"not JSON"}
    if not isinstance(record, dict):
        return {"not an object"}
    fields = cast("dict[str, Any]", record)
    kinds = set[str]() if fields.pop(_METADATA, None) else {"no _metadata"}
    return kinds | set(_walk(fields, _parsed(wanted), ""))


def _parsed(line: bytes) -> Any:
    return json.loads(line, parse_int=_Whole, parse_float=_Decimal)


class _Whole(Decimal):
    pass


class _Decimal(Decimal):
    pass


_KINDS: Final[dict[type, str]] = {
    _Whole: "integer",
    _Decimal: "decimal",
    str: "text",
    bool: "boolean",
    list: "array",
    dict: "object",
}


def _walk(got: Any, wanted: Any, place: str) -> Iterator[str]:
    if isinstance(got, dict) and isinstance(wanted, dict):
        yield from _walk_object(cast("dict[str, Any]", got), cast("dict[str, Any]", wanted), place)
    elif isinstance(got, list) and isinstance(wanted, list):
        elements = cast("list[Any]", got), cast("list[Any]", wanted)
        if len(elements[0]) != len(elements[1]):
            yield "array elements lost or added"
        for one, other in zip(*elements, strict=False):
            yield from _walk(one, other, "nested")
    elif _kind(got) != _kind(wanted):
        yield f"{_kind(wanted)} became {_kind(got)}"
    elif got != wanted:
        yield "digits changed" if isinstance(wanted, Decimal) else "text changed"


def _walk_object(got: dict[str, Any], wanted: dict[str, Any], place: str) -> Iterator[str]:
    where = "nested " if place == "nested" else ""
    added = got.keys() - wanted.keys()
    for name in added:
        if got[name] in _EMPTY or (isinstance(got[name], dict) and not any(got[name].values())):
            yield f"{where}null or empty kept"
        else:
            yield f"{where}name not changed or field added"
    for name in wanted.keys() - got.keys():
        renamed = any(got[other] == wanted[name] for other in added)
        yield f"{where}name not changed or field added" if renamed else f"{where}field lost: {name}"
    for name in got.keys() & wanted.keys():
        yield from _walk(got[name], wanted[name], "nested")


def _kind(value: Any) -> str:
    return next((name for kind, name in _KINDS.items() if isinstance(value, kind)), "null")
