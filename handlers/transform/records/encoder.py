"""Encodes records as output lines: cleaned, with exact numbers and `_metadata` last. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import orjson

from handlers.transform.datasets.dataset import CsvOptions
from handlers.transform.records.cleaning import Cleaner
from handlers.transform.records.json_text import (
    BadRecordError,
    Duplicated,
    OutOfBoundsError,
    is_kept,
    parse,
    without_strings,
)
from handlers.transform.records.row_texts import RowTexts, row_texts

if TYPE_CHECKING:
    from handlers.transform.datasets.rules import Rules

# Larger records are rejected: the largest must fit into the memory of the smallest function. An
# object, an array or a field takes up to 200 bytes of it, however short its text.
MAX_RECORD_BYTES: Final = 8 * 1024 * 1024
MAX_RECORD_PARTS: Final = 500_000
_BLOCKS_BETWEEN_TRIES: Final = 16


class Encoded(NamedTuple):
    """The output lines of some records, their number, and how many records became empty.

    `left_out` are the records that break a rule of their dataset, to be rejected: the index of
    each, in order, and what is wrong with it.
    """

    lines: bytes
    written: int
    empty: int
    left_out: Sequence[tuple[int, BadRecordError]] = ()


def metadata_tail(*, processed_at: datetime, environment: str, processor_version: str) -> bytes:
    """Return the end of each output line: `_metadata`, the closing brace and the newline."""
    moment = processed_at.astimezone(UTC).isoformat(timespec="milliseconds")
    metadata = {
        "processed_at": moment.replace("+00:00", "Z"),
        "environment": environment,
        "processor_version": processor_version,
    }
    return b',"_metadata":' + orjson.dumps(metadata) + b"}\n"


def too_long() -> str:
    """Return the reason to reject a record longer than `MAX_RECORD_BYTES`."""
    return f"longer than {MAX_RECORD_BYTES} bytes"


def check_size(raw: bytes) -> None:
    """Raise OutOfBoundsError if parsing the text of a record would take too much memory."""
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
    """Cleans records and encodes them as output lines; counts the fields it renamed.

    Attributes:
        rules: those of the records' dataset, if they have one.
        csv: what a dataset says of delimited files.
        drops: whether the dataset drops fields; a reject's text may hold some.
        dropped: the normalised names of columns that are dropped.
    """

    def __init__(self, tail: bytes) -> None:
        """`tail` ends each line, as `metadata_tail` returns it."""
        self.renamed = 0
        self.rules: Rules | None = None
        self.csv = CsvOptions()
        self.drops = False
        self.dropped: frozenset[str] = frozenset()
        self.tail = tail
        self._cleaner = Cleaner()
        self._blocks = 0
        self._compact = True  # whether the last block checked was just what orjson writes

    def encode(self, values: list[Any], text: bytes, step: int = 1) -> Encoded | None:
        """Encode records that orjson parsed from the array `text`, all at once.

        Every `step`-th value is a record. Returns None if one of them needs `encode_one`: it is
        not an object, it nests too deep, or orjson may have lost a field or a digit of it.
        """
        records = values[::step]
        if set(map(type, records)) - {dict}:
            return None
        cleaner = self._cleaner
        try:
            cleaned = self._cleaned(records)
        except OutOfBoundsError:
            return None
        if not self._is_compact(values, text) and not is_kept(text, cleaner.fields):
            return None
        encoded = self._written(records, cleaned)
        self.renamed += cleaner.renamed
        return encoded

    def _cleaned(self, records: list[dict[str, Any]]) -> list[Any]:
        """Return what `_written` takes: records as JSON, each without its closing brace."""
        return self._cleaner.texts(records)

    def _written(self, records: list[dict[str, Any]], cleaned: list[Any]) -> Encoded:  # noqa: ARG002 - see DatasetEncoder
        """Encode records that are cleaned."""
        return self._joined(cleaned)

    def encode_one(self, raw: bytes) -> Encoded:
        """Encode one record from its text.

        Raises:
            BadRecordError: the record must be rejected; the message is the reason.
            json.JSONDecodeError: the text is not JSON; the message says where.
        """
        check_size(raw)
        try:
            encoded = self.encode([orjson.loads(raw)], b"[%b]" % raw)
        except orjson.JSONDecodeError:
            encoded = None
        if encoded and encoded.left_out:
            raise encoded.left_out[0][1]
        return encoded or self._encode_carefully(raw)

    def row_texts(self, names: list[str]) -> RowTexts:
        """Return a function that encodes rows; the names are distinct, "" for a dropped column."""
        return row_texts(names)

    def encode_rows(self, rows: Iterable[list[str]], texts: RowTexts) -> Encoded:
        """Encode rows of cells. Raises ValueError for a row of the wrong length."""
        return self._joined(texts(rows))

    def encode_row(self, row: list[str], names: list[str], texts: RowTexts) -> Encoded:  # noqa: ARG002 - see DatasetEncoder
        """Encode one row. Raises BadRecordError if it must be rejected."""
        return self.encode_rows([row], texts)

    def _is_compact(self, values: list[Any], text: bytes) -> bool:
        """Return whether a text is just what orjson writes, which proves that it lost nothing.

        This check is faster than a search for losses. It is made as long as it succeeds, and after
        that once in `_BLOCKS_BETWEEN_TRIES` blocks.
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
        text = self._careful_text(cast("dict[str, Any]", record))
        self.renamed += self._cleaner.renamed
        return self._joined([text])

    def _careful_text(self, record: dict[str, Any] | Duplicated) -> bytes:
        """Return a record from `parse` as JSON, cleaned, without its closing brace."""
        return orjson.dumps(self._cleaner.careful(record))[:-1]

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
