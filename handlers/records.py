"""Records: names, empties, exact numbers and `_metadata`. Pure.

One record is one JSON object. `RecordEncoder` turns parsed records into output lines; `parse`
reads one record so that no digit and no field of it is lost.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import accumulate
from typing import Any, Final, NamedTuple, cast

import orjson

# Above this a record is rejected: what one record takes in memory is some twenty times its text,
# and the largest must fit the smallest function.
MAX_RECORD_BYTES: Final = 8 * 1024 * 1024
# orjson writes at most 254 levels; a round number below that is what the contract promises.
MAX_DEPTH: Final = 200
_REMEMBERED_NAMES: Final = 10_000  # beyond any real schema; data used as names must not pile up

_INT64_MIN: Final = -(2**63)
_UINT64_MAX: Final = 2**64 - 1
_SURE_INTEGER_DIGITS: Final = 18  # any integer of so many digits fits 64 bits
_RUN: Final = b"0" * 17  # 15 digits and a point are exact in a double; 17 digits may not be
_TINY: Final = b"0e-000"
# Digits and the point become one byte, so that a long number is a run that one search finds.
_SHAPES: Final = bytes(
    b"0"[0] if c in b"0123456789." else c if c == b"-"[0] else b"e"[0] if c in b"eE" else b" "[0]
    for c in range(256)
)
_BEFORE_A_NUMBER: Final = frozenset(b" \t\r\n,:[")
_SCALARS: Final = frozenset({str, int, float, bool, type(None), orjson.Fragment})
_DIGITS = re.compile(b"0+")
_SNAKE_CASE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_KEY_END = re.compile(rb'(?<!\\)"\s*:')
_NOT_A_WORD = re.compile(r"[\W_]+")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_DEPTH_CHANGE: Final = {b"{"[0]: 1, b"["[0]: 1, b"}"[0]: -1, b"]"[0]: -1}
_NOT_BRACKETS: Final = bytes(c for c in range(256) if c not in _DEPTH_CHANGE)


class BadRecordError(Exception):
    """This record cannot be kept, the rest of the file can; the message is the reason."""


class Encoded(NamedTuple):
    """Output lines of some records, and how many of those records became empty."""

    lines: bytes
    written: int
    empty: int


class _TooDeepError(Exception):
    pass


class _Duplicated(list[tuple[str, Any]]):
    """An object that has one name twice: its fields in order, since a dict would drop one."""


def normalize_name(name: str) -> str:
    """Return a field name in lower_snake_case; letters and digits of any script stay.

    `userName` → `user_name`, `HTTPServer` → `http_server`, ` Preis (€)` → `preis`, `--` → `field`.
    """
    if _SNAKE_CASE.fullmatch(name):
        return name
    text = unicodedata.normalize("NFKC", name)
    split = "".join(f"_{char}" if _starts_word(text, at) else char for at, char in enumerate(text))
    lower = unicodedata.normalize("NFKC", split.lower())
    return _NOT_A_WORD.sub("_", lower).strip("_") or "field"


def _starts_word(text: str, at: int) -> bool:
    if at == 0 or not text[at].isupper():
        return False
    before, after = text[at - 1], text[at + 1 : at + 2]
    return before.islower() or before.isdigit() or (before.isupper() and after.islower())


def distinct_names(names: Iterable[str]) -> tuple[list[str], int]:
    """Return normalised names made distinct, in order, and how many had to be renamed.

    Of names that meet the first stays; the next is the first free of `name_2`, `name_3`, ….
    """
    taken: dict[str, int] = {}
    renamed = 0
    for name in names:
        free, suffix = name, taken.get(name, 1)
        while free in taken:
            suffix += 1
            free = f"{name}_{suffix}"
        if free != name:
            taken[name] = suffix
            renamed += 1
        taken.setdefault(free, 1)
    return list(taken), renamed


def metadata_tail(*, processed_at: datetime, environment: str, processor_version: str) -> bytes:
    """Return what ends each output line: `_metadata`, the closing brace and the newline."""
    moment = processed_at.astimezone(UTC).isoformat(timespec="milliseconds")
    metadata = {
        "processed_at": moment.replace("+00:00", "Z"),
        "environment": environment,
        "processor_version": processor_version,
    }
    return b',"_metadata":' + orjson.dumps(metadata) + b"}\n"


def depth(raw: bytes) -> int:
    """Return how deep the objects and arrays of a JSON text nest, whether or not it is valid."""
    brackets = _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_DEPTH_CHANGE.__getitem__, brackets)), default=0)


def has_inexact_number(block: bytes) -> bool:
    """Return whether orjson would change a number of a JSON text; sometimes true of a string.

    orjson makes floats of integers beyond 64 bits, rounds decimals to a double, and makes 0.0 of
    what is too small for one.
    """
    shapes = block.translate(_SHAPES)
    at = shapes.find(_RUN)
    while at >= 0:
        run = _DIGITS.match(shapes, at)
        end = run.end() if run else at + 1
        if not _is_exact(block, at, end):
            return True
        at = shapes.find(_RUN, end)
    at = shapes.find(_TINY)
    while at >= 0:
        start = at
        while start and shapes[start - 1] == b"0"[0]:
            start -= 1
        if _begins_number(block, start):
            return True
        at = shapes.find(_TINY, at + 1)
    return False


def _begins_number(block: bytes, start: int) -> bool:
    if start and block[start - 1] == b"-"[0]:
        start -= 1
    return start == 0 or block[start - 1] in _BEFORE_A_NUMBER


def _is_exact(block: bytes, start: int, end: int) -> bool:
    """Return whether the number at block[start:end] keeps its value, or is no number at all."""
    if not _begins_number(block, start):
        return True
    digits = block[start:end]
    if digits.isdigit():
        if block[end : end + 1] in (b"e", b"E"):
            return False
        negative = start > 0 and block[start - 1] == b"-"[0]
        return len(digits) <= 20 and _fits_64_bits(-int(digits) if negative else int(digits))  # noqa: PLR2004 - the digits of 2**64
    try:
        return repr(float(digits)).encode() == digits and block[end : end + 1] not in (b"e", b"E")
    except ValueError:
        return True  # a version or an address, in a string


def _fits_64_bits(value: int) -> bool:
    return _INT64_MIN <= value <= _UINT64_MAX


def parse(raw: bytes) -> Any:
    """Return the value of one JSON text, with every digit and every field.

    Numbers that neither 64 bits nor a double can hold are Fragments of their text; an object that
    has a name twice is its list of fields.

    Raises:
        BadRecordError: NaN or Infinity, invalid UTF-8, a lone surrogate, or too deep.
        ValueError: not JSON; the message says where.
    """
    nested = raw.count(b"{") + raw.count(b"[")
    if nested > MAX_DEPTH and (levels := depth(raw)) > MAX_DEPTH:
        msg = f"nested {levels} levels deep, allowed: {MAX_DEPTH}"
        raise BadRecordError(msg)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        # Its well-formedness is judged all the same: a broken array fails as a whole.
        text = raw.decode(errors="replace")
        _load(text)
        msg = f"invalid UTF-8 at byte {error.start}"
        raise BadRecordError(msg) from error
    return _load(text)


def _load(text: str) -> Any:
    constants: list[str] = []
    value = json.loads(
        text,
        parse_int=_parse_integer,
        parse_float=_parse_decimal,
        parse_constant=constants.append,
        object_pairs_hook=_parse_object,
    )
    if constants:
        msg = f"{constants[0]} is not a JSON number"
        raise BadRecordError(msg)
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError as error:
            msg = "a lone surrogate cannot be written as UTF-8"
            raise BadRecordError(msg) from error
    return value


def _parse_integer(digits: str) -> int | orjson.Fragment:
    if len(digits) <= _SURE_INTEGER_DIGITS:
        return int(digits)
    if len(digits) <= 20 and _fits_64_bits(int(digits)):  # noqa: PLR2004 - the digits of 2**64
        return int(digits)
    return orjson.Fragment(digits.encode())


def _parse_decimal(digits: str) -> float | orjson.Fragment:
    value = float(digits)
    try:
        if Decimal(repr(value)) == Decimal(digits):
            return value
    except InvalidOperation:  # an exponent beyond what Decimal holds
        pass
    return orjson.Fragment(digits.encode())


def _parse_object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Duplicated:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else _Duplicated(pairs)


class _Names(dict[str, str]):
    """Raw names → normalised names, each worked out once."""

    def __init__(self) -> None:
        super().__init__()
        self.meeting = False  # whether two of the names seen so far meet
        self._normalized: set[str] = set()

    def __missing__(self, name: str) -> str:
        normalized = normalize_name(name)
        self.meeting = self.meeting or normalized in self._normalized
        self._normalized.add(normalized)
        self[name] = normalized
        return normalized


class RecordEncoder:
    """Cleans parsed records and writes them as output lines; counts the fields it renamed."""

    def __init__(self, tail: bytes) -> None:
        """`tail` is what ends each line, as `metadata_tail` returns it."""
        self.renamed = 0
        self._tail = tail
        self._names = _Names()
        self._fields = 0  # seen by `_clean` below the top level

    def encode(self, records: list[Any], block: bytes) -> Encoded | None:
        """Return the lines of records that orjson parsed from `block`, all at once.

        None when one of them needs `encode_one`: it is not an object, too deep, has a number that
        orjson changed or, maybe, a name twice.
        """
        if set(map(type, records)) - {dict} or has_inexact_number(block):
            return None
        if len(self._names) > _REMEMBERED_NAMES:
            self._names = _Names()
        renamed, self._fields = self.renamed, 0
        try:
            parts = self._parts(records, flat=_is_flat(block, len(records)))
        except _TooDeepError:
            parts = None
        if parts is None or not _has_fields(block, sum(map(len, records)) + self._fields):
            self.renamed = renamed
            return None
        return self._joined(parts)

    def encode_one(self, raw: bytes) -> Encoded:
        """Return the line of one record from its text.

        Raises:
            BadRecordError: with the reason to reject it.
            ValueError: not JSON; the message says where.
        """
        if len(raw) > MAX_RECORD_BYTES:
            msg = f"longer than {MAX_RECORD_BYTES} bytes"
            raise BadRecordError(msg)
        try:
            record = orjson.loads(raw)
        except orjson.JSONDecodeError:
            pass
        else:
            if encoded := self.encode([record], raw):
                return encoded
        record = parse(raw)
        if not isinstance(record, dict | _Duplicated):
            msg = f"not an object but {_kind(record)}"
            raise BadRecordError(msg)
        return self._joined(
            [orjson.dumps(self._clean_meeting(cast("dict[str, Any]", record), 1))[:-1]]
        )

    def encode_rows(self, names: list[str], rows: list[list[str]]) -> Encoded:
        """Return the lines of rows of cells, each as long as `names`, which are distinct."""
        dumps = orjson.dumps
        return self._joined(
            [
                dumps(
                    {name: cell for name, cell in zip(names, row, strict=True) if cell}
                    if "" in row
                    else dict(zip(names, row, strict=True))
                )[:-1]
                for row in rows
            ]
        )

    def _parts(self, records: list[Any], *, flat: bool) -> list[bytes]:
        names, dumps = self._names, orjson.dumps
        if flat and not names.meeting:
            parts = [
                dumps({names[k]: v for k, v in record.items() if v or v == 0})[:-1]
                for record in records
            ]
            if not names.meeting:
                return parts
        if not names.meeting:
            parts = [dumps(self._clean(record, 1))[:-1] for record in records]
            if not names.meeting:
                return parts
        self._fields = -sum(map(len, records))  # they are counted from the top level here
        return [dumps(self._clean_meeting(record, 1))[:-1] for record in records]

    def _joined(self, parts: list[bytes]) -> Encoded:
        empty = parts.count(b"{")
        if empty:
            parts = [part for part in parts if part != b"{"]
        if not parts:
            return Encoded(b"", 0, empty)
        parts.append(b"")
        return Encoded(self._tail.join(parts), len(parts) - 1, empty)

    def _clean(self, record: dict[str, Any], level: int) -> dict[str, Any]:
        """Return an object without its empties, while no two names are known to meet."""
        names = self._names
        cleaned = {
            names[k]: v if type(v) in _SCALARS else self._clean_container(cast("Any", v), level + 1)
            for k, v in record.items()
            if v or v == 0
        }
        if {} in cleaned.values():  # what became empty
            return {k: v for k, v in cleaned.items() if v != {}}
        return cleaned

    def _clean_container(self, value: "dict[str, Any] | list[Any]", level: int) -> Any:
        if level > MAX_DEPTH:
            raise _TooDeepError
        if isinstance(value, dict):
            self._fields += len(value)
            return self._clean(value, level)
        return [v if type(v) in _SCALARS else self._clean_container(v, level + 1) for v in value]

    def _clean_meeting(self, value: "dict[str, Any] | list[Any] | _Duplicated", level: int) -> Any:
        """Return a value without the empties of its objects, renaming names that meet."""
        if level > MAX_DEPTH:
            raise _TooDeepError
        if type(value) is list:
            return [v if type(v) in _SCALARS else self._clean_meeting(v, level + 1) for v in value]
        self._fields += len(value)
        pairs: list[tuple[str, Any]] = list(value.items() if isinstance(value, dict) else value)
        names, renamed = [self._names[k] for k, _ in pairs], 0
        if len(set(names)) < len(names):
            names, renamed = distinct_names(names)
        self.renamed += renamed
        cleaned: dict[str, Any] = {}
        for name, (_, field) in zip(names, pairs, strict=True):
            kept = field if type(field) in _SCALARS else self._clean_meeting(field, level + 1)
            if kept or kept == 0:
                cleaned[name] = kept
        return cleaned


def _has_fields(block: bytes, fields: int) -> bool:
    """Return whether a JSON text holds so many fields: fewer were parsed if a name is there twice.

    A quote inside a string is escaped, so that an unescaped one before a colon ends a name.
    """
    if fields == block.count(b'":') - block.count(b'\\":'):
        return True
    return fields == sum(1 for _ in _KEY_END.finditer(block))


def _is_flat(block: bytes, records: int) -> bool:
    return block.count(b"{") == records and b"[" not in block


def _kind(value: Any) -> str:
    for kind, name in ((list, "an array"), (str, "a string"), (bool, "a boolean")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "a number"
