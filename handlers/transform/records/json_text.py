"""Parses one JSON text and keeps every digit and every field. Pure."""

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
# A string, even if cut off. Possessive, so that a match keeps no state to backtrack.
_ANY_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_STRING = re.compile(_ANY_STRING, re.DOTALL)
_CHUNK_BYTES: Final = 100_000
_CHUNK = re.compile(rb'(?:[^"]++|%b){1,10000}+' % _ANY_STRING, re.DOTALL)
_DEPTH_CHANGE: Final = {b"{"[0]: 1, b"["[0]: 1, b"}"[0]: -1, b"]"[0]: -1}
_NOT_BRACKETS: Final = bytes(c for c in range(256) if c not in _DEPTH_CHANGE)
_STRINGS_AND_COLONS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t\r\n]*+(:?)', re.DOTALL)
# The class of each byte: one search then finds a long number, a tiny one or a spaced colon.
_SHAPES: Final = bytes(
    next((shape for shape, members in _SHAPES_OF if c in members), b"x")[0] for c in range(256)
)


class BadRecordError(Exception):
    """One record must be rejected, not the file; the message is the reason.

    Attributes:
        field: the field that breaks a rule of the record's dataset, as a path; else empty.
        rule: that rule; else empty.
        left: the JSON text of what a dataset that drops fields leaves of the record; else None.
    """

    def __init__(
        self, *reason: object, field: str = "", rule: str = "", left: bytes | None = None
    ) -> None:
        super().__init__(*reason)
        self.field = field
        self.rule = rule
        self.left = left


class OutOfBoundsError(BadRecordError):
    """The record is too deep, too long or has too many parts to parse; it may also be invalid."""


class Duplicated(list[tuple[str, Any]]):
    """The fields, in order, of an object that has a name twice; a dict would drop one."""


def parse(raw: bytes) -> Any:
    """Parse one JSON text.

    A number that neither 64 bits nor a double can hold becomes a Fragment of its text. An object
    with a name twice becomes `Duplicated`.

    Raises:
        OutOfBoundsError: nested too deep; this is checked first.
        json.JSONDecodeError: the text is not JSON; the message says where.
        BadRecordError: invalid UTF-8, NaN or Infinity, or a lone surrogate.
    """
    if (levels := depth(raw)) > MAX_DEPTH:
        msg = f"nested {levels} levels deep, allowed: {MAX_DEPTH}"
        raise OutOfBoundsError(msg)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        _load(raw.decode(errors="replace"))  # invalid JSON comes first: it breaks a whole array
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
    """Return how deep a JSON text nests, even if it is invalid; 0 if surely within the limit."""
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return 0
    brackets = without_strings(raw).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_DEPTH_CHANGE.__getitem__, brackets)), default=0)


def without_strings(raw: bytes) -> bytes:
    """Return a JSON text without its strings. The last one may be cut off."""
    if len(raw) <= _CHUNK_BYTES:
        return _STRING.sub(b"", raw)
    # In chunks: with millions of short strings, the parts between them would all be held at once.
    return b"".join([_STRING.sub(b"", chunk) for chunk in _CHUNK.findall(raw)])


def is_kept(block: bytes, fields: int) -> bool:
    """Return whether orjson kept all of a valid JSON text that it parsed to `fields` fields.

    orjson loses fields of objects with a name twice, and digits of some numbers. May return False
    even if nothing is lost.
    """
    shapes = block.translate(_SHAPES)
    return are_exact(block, shapes) and _are_all(block, shapes, fields)


def _are_all(block: bytes, shapes: bytes, fields: int) -> bool:
    # `":` ends a name. Inside a string it makes the count too high.
    if fields == block.count(b'":') and shapes.rfind(b" :") < 0:
        return True
    return fields == _STRINGS_AND_COLONS.findall(block).count(b":")
