"""One JSON text → its value, with every digit and every field. Pure."""

import json
import re
from itertools import accumulate
from typing import Any, Final

from handlers.transform.records.encodings import utf8_problem
from handlers.transform.records.numbers import are_exact, parse_decimal, parse_integer

# orjson writes at most 254 levels; a round number below that is what the contract promises.
MAX_DEPTH: Final = 200
_SHAPES_OF: Final = (
    (b"0", b"0123456789."), (b"e", b"eE"), (b"-", b"-"), (b" ", b" \t\r\n"), (b":", b":"),
)  # fmt: skip
# A string, be it cut off; possessive, so that matching remembers nothing.
_ANY_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_STRING = re.compile(_ANY_STRING, re.DOTALL)
_STRETCH_BYTES: Final = 100_000
_STRETCH = re.compile(rb'(?:[^"]++|%b){1,10000}+' % _ANY_STRING, re.DOTALL)
_DEPTH_CHANGE: Final = {b"{"[0]: 1, b"["[0]: 1, b"}"[0]: -1, b"]"[0]: -1}
_NOT_BRACKETS: Final = bytes(c for c in range(256) if c not in _DEPTH_CHANGE)
_STRINGS_AND_COLONS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t\r\n]*+(:?)', re.DOTALL)
# What matters about a byte, so that one search finds a long number, a tiny one, a spaced colon.
_SHAPES: Final = bytes(
    next((shape for shape, members in _SHAPES_OF if c in members), b"x")[0] for c in range(256)
)


class BadRecordError(Exception):
    """This record cannot be kept, the rest of the file can; the message is the reason."""


class OutOfBoundsError(BadRecordError):
    """Too deep, too long or too rich to be read; the text may be broken besides."""


class Duplicated(list[tuple[str, Any]]):
    """An object that has one name twice: its fields in order, since a dict would drop one."""


def parse(raw: bytes) -> Any:
    """Return the value of one JSON text.

    Numbers that neither 64 bits nor a double can hold are Fragments of their text; an object that
    has a name twice is `Duplicated`.

    Raises:
        OutOfBoundsError: nested too deep, before anything else is looked at.
        json.JSONDecodeError: not JSON; the message says where.
        BadRecordError: invalid UTF-8, NaN or Infinity, or a lone surrogate.
    """
    if (levels := depth(raw)) > MAX_DEPTH:
        msg = f"nested {levels} levels deep, allowed: {MAX_DEPTH}"
        raise OutOfBoundsError(msg)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        _load(raw.decode(errors="replace"))  # broken JSON is the worse of the two: it ends an array
        raise BadRecordError(utf8_problem(raw)) from error
    value, constants = _load(text)
    if constants:
        msg = f"{constants[0]} is not a JSON number"
        raise BadRecordError(msg)
    if "\\u" in text:
        _check_surrogates(value)
    return value


def _load(text: str) -> tuple[Any, list[str]]:
    constants: list[str] = []
    value = json.loads(
        text,
        parse_int=parse_integer,
        parse_float=parse_decimal,
        parse_constant=constants.append,
        object_pairs_hook=_object,
    )
    return value, constants


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Duplicated:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else Duplicated(pairs)


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        msg = "a lone surrogate cannot be written as UTF-8"
        raise BadRecordError(msg) from error


def depth(raw: bytes) -> int:
    """Return how deep the objects and arrays of a JSON text nest, whether or not it is valid."""
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return 0  # not deep enough to matter
    brackets = without_strings(raw).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_DEPTH_CHANGE.__getitem__, brackets)), default=0)


def without_strings(raw: bytes) -> bytes:
    """Return a JSON text without its strings, be the last of them cut off."""
    if len(raw) <= _STRETCH_BYTES:
        return _STRING.sub(b"", raw)
    # Stretch by stretch, or millions of short strings would all be pieces of the result at once.
    return b"".join([_STRING.sub(b"", stretch) for stretch in _STRETCH.findall(raw)])


def is_kept(block: bytes, fields: int) -> bool:
    """Return whether orjson kept all of a valid JSON text of which it made so many fields.

    It loses fields where a name is there twice, and digits of some numbers; maybe not, even if it
    kept them.
    """
    shapes = block.translate(_SHAPES)
    return are_exact(block, shapes) and _are_all(block, shapes, fields)


def _are_all(block: bytes, shapes: bytes, fields: int) -> bool:
    # A quote before a colon ends a name, or stands in a string, where it counts as one too many.
    if fields == block.count(b'":') and shapes.rfind(b" :") < 0:
        return True
    return fields == _STRINGS_AND_COLONS.findall(block).count(b":")
