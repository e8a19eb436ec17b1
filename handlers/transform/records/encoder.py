"""Records become output lines: cleaned, exact, `_metadata` last. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

import orjson

from handlers.transform.records.cleaning import Cleaner
from handlers.transform.records.json_text import (
    BadRecordError,
    Duplicated,
    OutOfBoundsError,
    is_kept,
    parse,
    without_strings,
)
from handlers.transform.records.row_texts import RowTexts

# Above these a record is rejected: the largest must fit the memory of the smallest function. An
# object, an array or a field takes up to 200 bytes there, however short its text.
MAX_RECORD_BYTES: Final = 8 * 1024 * 1024
MAX_RECORD_PARTS: Final = 500_000
_BLOCKS_BETWEEN_TRIES: Final = 16


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
        self.tail = tail
        self._cleaner = Cleaner()
        self._blocks = 0
        self._compact = True  # whether a block was last found to be just as orjson writes it

    def encode(self, values: list[Any], text: bytes, step: int = 1) -> Encoded | None:
        """Return the lines of records that orjson parsed from the array `text`, all at once.

        Each `step`-th of the values is a record. None when one of them needs `encode_one`: it is
        not an object, too deep, or orjson may not have kept all of it.
        """
        records = values[::step]
        if set(map(type, records)) - {dict}:
            return None
        cleaner = self._cleaner
        try:
            texts = cleaner.texts(records)
        except OutOfBoundsError:
            return None
        if not self._is_compact(values, text) and not is_kept(text, cleaner.fields):
            return None
        self.renamed += cleaner.renamed
        return self._joined(texts)

    def encode_one(self, raw: bytes) -> Encoded:
        """Return the line of one record from its text.

        Raises:
            BadRecordError: with the reason to reject it.
            json.JSONDecodeError: not JSON; the message says where.
        """
        check_size(raw)
        try:
            encoded = self.encode([orjson.loads(raw)], b"[%b]" % raw)
        except orjson.JSONDecodeError:
            encoded = None
        return encoded or self._encode_carefully(raw)

    def encode_rows(self, rows: Iterable[list[str]], texts: RowTexts) -> Encoded:
        """Return the lines of rows of cells. Raises ValueError for one of another length."""
        return self._joined(texts(rows))

    def _is_compact(self, values: list[Any], text: bytes) -> bool:
        """Return whether a text is just what orjson writes, which proves that it kept all of it.

        That is quicker to see than what it may have lost; it is looked for where it was there last,
        and now and then.
        """
        if self._compact or self._blocks % _BLOCKS_BETWEEN_TRIES == 0:
            self._compact = orjson.dumps(values) == text
        self._blocks += 1
        return self._compact

    def _encode_carefully(self, raw: bytes) -> Encoded:
        record = parse(raw)
        if not isinstance(record, dict | Duplicated):
            msg = f"not an object but {_kind(record)}"
            raise BadRecordError(msg)
        texts = self._cleaner.careful_texts([cast("dict[str, Any]", record)])
        self.renamed += self._cleaner.renamed
        return self._joined(texts)

    def _joined(self, texts: list[bytes]) -> Encoded:
        empty = texts.count(b"{")
        if empty:
            texts = [text for text in texts if text != b"{"]
        if not texts:
            return Encoded(b"", 0, empty)
        texts.append(b"")
        return Encoded(self.tail.join(texts), len(texts) - 1, empty)


def _kind(value: Any) -> str:
    for kind, name in ((list, "an array"), (str, "a string"), (bool, "a boolean")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "a number"
