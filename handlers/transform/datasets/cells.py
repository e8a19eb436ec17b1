"""Cells of delimited text become values of the declared type, where nothing is lost. Pure."""

import re
from typing import Final

import orjson

from handlers.transform.datasets.numbers import Exact, exact_number
from handlers.transform.datasets.schemas import MAX_INTEGER, MIN_INTEGER

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MOST_INTEGER: Final = 20  # characters of a 64-bit integer
_BOOLEANS: Final = {"true": True, "false": False}
_RAW: Final = ((b"\n", rb"\n"), (b"\r", rb"\r"), (b"\t", rb"\t"))
_INFINITE: Final = (float("inf"), float("-inf"))

Scalar = str | int | float | Exact | bool


def typed(cell: str, kind: str) -> Scalar | None:
    """Return a cell as a value of a type of JSON Schema; None if it is none.

    Spaces, `+5`, `007` and `-0`, `1.0` for an integer, `1,5`, `yes`, and `1` for a boolean are not
    converted. No cell is an object or an array.
    """
    if kind == "string":
        return cell
    if kind == "integer":
        return _integer(cell)
    if kind == "number":
        return _number(cell)
    return _BOOLEANS.get(cell.lower()) if kind == "boolean" and cell.isascii() else None


def plain_cell(escaped: bytes) -> str:
    """Return a cell that is escaped as in a JSON string, but perhaps for line breaks and tabs."""
    for raw, escape in _RAW:
        escaped = escaped.replace(raw, escape)
    return orjson.loads(b'"%b"' % escaped)


def _integer(cell: str) -> int | None:
    if len(cell) > _MOST_INTEGER or cell == "-0" or not _INTEGER.fullmatch(cell):
        return None
    value = int(cell)
    return value if MIN_INTEGER <= value <= MAX_INTEGER else None


def _number(cell: str) -> int | float | Exact | None:
    if not _NUMBER.fullmatch(cell) or float(cell) in _INFINITE:
        return None
    return exact_number(cell)
