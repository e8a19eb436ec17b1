"""Records: names, empties and `_metadata`. Pure.

One record is one JSON object. `RecordEncoder` turns parsed records into output lines.
"""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

import orjson

from handlers.json_text import (
    MAX_DEPTH,
    BadRecordError,
    Duplicated,
    OutOfBoundsError,
    is_kept,
    parse,
    without_strings,
)
from handlers.names import Names, distinct_names

# Above these a record is rejected: the largest must fit the memory of the smallest function. An
# object, an array or a field takes up to 200 bytes there, however short its text.
MAX_RECORD_BYTES: Final = 8 * 1024 * 1024
MAX_RECORD_PARTS: Final = 500_000
_REMEMBERED_NAMES: Final = 10_000  # beyond any real schema; data used as names must not pile up
_SCALARS: Final = frozenset({str, int, float, bool, type(None), orjson.Fragment})


class Encoded(NamedTuple):
    """Output lines of some records, and how many of those records became empty."""

    lines: bytes
    written: int
    empty: int


def metadata_tail(*, processed_at: datetime, environment: str, processor_version: str) -> bytes:
    """Return what ends each output line: `_metadata`, the closing brace and the newline."""
    moment = processed_at.astimezone(UTC).isoformat(timespec="milliseconds")
    metadata = {
        "processed_at": moment.replace("+00:00", "Z"),
        "environment": environment,
        "processor_version": processor_version,
    }
    return b',"_metadata":' + orjson.dumps(metadata) + b"}\n"


def too_long() -> str:
    """Return the reason to reject a record that is longer than `MAX_RECORD_BYTES`."""
    return f"longer than {MAX_RECORD_BYTES} bytes"


def check_size(raw: bytes) -> None:
    """Raise OutOfBoundsError for the text of a record that would take too much memory."""
    if len(raw) > MAX_RECORD_BYTES:
        raise OutOfBoundsError(too_long())
    if len(raw) <= MAX_RECORD_PARTS or _parts(raw) <= MAX_RECORD_PARTS:
        return
    parts = _parts(without_strings(raw))
    if parts > MAX_RECORD_PARTS:
        msg = f"{parts} objects, arrays and fields, allowed: {MAX_RECORD_PARTS}"
        raise OutOfBoundsError(msg)


def _parts(raw: bytes) -> int:
    return raw.count(b"{") + raw.count(b"[") + raw.count(b":")


class RecordEncoder:
    """Cleans parsed records and writes them as output lines; counts the fields it renamed."""

    def __init__(self, tail: bytes) -> None:
        """`tail` is what ends each line, as `metadata_tail` returns it."""
        self.renamed = 0
        self._tail = tail
        self._names = Names()
        self._fields = 0  # seen while cleaning

    def encode(self, records: list[Any], block: bytes) -> Encoded | None:
        """Return the lines of records that orjson parsed from `block`, all at once.

        None when one of them needs `encode_one`: it is not an object, too deep, or orjson may not
        have kept all of it.
        """
        if set(map(type, records)) - {dict}:
            return None
        if len(self._names) > _REMEMBERED_NAMES:
            self._names = Names()
        renamed = self.renamed
        try:
            parts = self._parts(records, flat=_is_flat(block, len(records)))
            if is_kept(block, self._fields):
                return self._joined(parts)
        except OutOfBoundsError:
            pass
        self.renamed = renamed
        return None

    def encode_one(self, raw: bytes) -> Encoded:
        """Return the line of one record from its text.

        Raises:
            BadRecordError: with the reason to reject it.
            json.JSONDecodeError: not JSON; the message says where.
        """
        check_size(raw)
        try:
            encoded = self.encode([orjson.loads(raw)], raw)
        except orjson.JSONDecodeError:
            encoded = None
        if encoded:
            return encoded
        record = parse(raw)
        if not isinstance(record, dict | Duplicated):
            msg = f"not an object but {_kind(record)}"
            raise BadRecordError(msg)
        return self._joined([self._part(cast("dict[str, Any]", record))])

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
        """Return the records as text, each but for its closing brace."""
        names, dumps = self._names, orjson.dumps
        if not names.meeting:
            # No name is empty: those of dropped fields are looked up to see whether they meet.
            self._fields = sum(map(len, records))
            parts = [
                dumps(
                    {names[k]: v for k, v in record.items() if v or v == 0 or not names[k]}
                    if flat
                    else self._clean(record, 1)
                )[:-1]
                for record in records
            ]
        if names.meeting:
            self._fields = 0
            return [self._part(record) for record in records]
        return parts

    def _part(self, record: dict[str, Any]) -> bytes:
        return orjson.dumps(self._clean_meeting(record, 1))[:-1]

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
            if v or v == 0 or not names[k]
        }
        if {} in cleaned.values():  # what became empty
            return {k: v for k, v in cleaned.items() if v != {}}
        return cleaned

    def _clean_container(self, value: "dict[str, Any] | list[Any]", level: int) -> Any:
        if level > MAX_DEPTH:
            raise OutOfBoundsError
        if isinstance(value, dict):
            self._fields += len(value)
            return self._clean(value, level)
        return [v if type(v) in _SCALARS else self._clean_container(v, level + 1) for v in value]

    def _clean_meeting(self, value: "dict[str, Any] | list[Any] | Duplicated", level: int) -> Any:
        """Return a value without the empties of its objects, renaming names that meet."""
        if level > MAX_DEPTH:
            raise OutOfBoundsError
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


def _is_flat(block: bytes, records: int) -> bool:
    return block.count(b"{") == records and b"[" not in block


def _kind(value: Any) -> str:
    for kind, name in ((list, "an array"), (str, "a string"), (bool, "a boolean")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "a number"
