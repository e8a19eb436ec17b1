"""Reads the records of a JSON or delimited file, as a stream. Pure.

The suffix decides between JSON and delimited text. The content decides between a JSON array,
objects over several lines, and JSON lines. https://datatracker.ietf.org/doc/html/rfc8259, rfc4180.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum, auto

import orjson

from handlers import keys
from handlers.transform.datasets.dataset import Dataset
from handlers.transform.delimited.row_reader import read_rows
from handlers.transform.formats.array import ArrayReader
from handlers.transform.formats.batch import BLOCK_BYTES, START, Batch, Position, Source
from handlers.transform.formats.concatenated import first_object, read_objects
from handlers.transform.formats.elements import long_value_end
from handlers.transform.formats.ndjson import read_lines
from handlers.transform.formats.text import UTF8, NotUtf8Error, Text
from handlers.transform.formats.window import BLANK, Window
from handlers.transform.records.encoder import MAX_RECORD_BYTES, RecordEncoder, check_size
from handlers.transform.records.json_text import (
    BadRecordError,
    OutOfBoundsError,
    parse,
    without_strings,
)

_ARRAY_OF_RECORDS = re.compile(rb"\[[ \t\r\n]*+\{")


def record_encoder(tail: bytes, dataset: Dataset | None = None) -> RecordEncoder:
    """Return the encoder of a file's records; `tail` ends each line of its output.

    With a dataset, records that break its rules are rejected. What checks them is imported and
    compiled for the first file of a dataset; other files pay nothing.
    """
    if dataset is None:
        return RecordEncoder(tail)
    from handlers.transform.records.dataset_encoder import DatasetEncoder  # noqa: PLC0415

    return DatasetEncoder(tail, dataset)


def transform(
    source: Source,
    suffix: str,
    encoder: RecordEncoder,
    start: Position = START,
    *,
    encoding: str = "",
) -> Iterator[Batch]:
    """Yield a file's records, batch by batch, from `start` on, as `encoder` encodes them.

    `suffix` is what `keys.data_suffix` returns for the file's key. To continue, pass the `after` of
    a batch of the same file as `start`; the records after it are the same as in the first run.
    `encoding` is that of `Text`: with `UTF8`, invalid bytes raise NotUtf8Error and reject nothing.
    The encoding of a dataset's delimited files comes before it.

    Raises:
        BadFileError: the file as a whole is broken; raised at its end at the latest.
        NotUtf8Error: `encoding` is `UTF8` and the file is not; raised at its end at the latest.
    """
    if keys.is_delimited(suffix):
        text = _text(source, suffix, encoder.csv.encoding or encoding)
        batches = read_rows(text, encoder, start, is_tsv=suffix.lower().startswith(".tsv"))
    else:
        batches = _read_json(_text(source, suffix, encoding), encoder, start)
    return map(Batch.withhold, batches) if encoder.drops else batches


def is_utf8(source: Source, suffix: str) -> bool:
    """Return whether a file is valid UTF-8 or has a byte order mark. Reads the whole file."""
    try:
        for _ in _text(source, suffix, UTF8).blocks():
            pass
    except NotUtf8Error:
        return False
    return True


def _text(source: Source, suffix: str, encoding: str) -> Text:
    return Text(source, gzipped=suffix.lower().endswith(".gz"), encoding=encoding)


def _read_json(text: Text, encoder: RecordEncoder, start: Position) -> Iterator[Batch]:
    window = Window(text.blocks(), 0)
    number = 1 + sum(blank.count(b"\n") for blank in window.skip(BLANK))
    begin = Position(window.offset, number) if start == START else start
    form = _form(window)
    if window.offset != begin.offset:
        window = Window(text.blocks(begin.offset), begin.offset)
        window.grow(1)
    if form is _Form.ARRAY:
        yield from ArrayReader(window, encoder, start).batches()
    elif form is _Form.OBJECTS:
        yield from read_objects(window, encoder, start.number)
    else:
        yield from read_lines(window, encoder, begin.number)


class _Form(Enum):
    ARRAY = auto()
    OBJECTS = auto()  # one or more, the first over several lines
    LINES = auto()


def _form(window: Window) -> _Form:
    """Return the form of the window's text. May drop the start of the window."""
    if window.text.startswith(b"["):
        return _Form.LINES if _begins_with_empty_line(window) else _Form.ARRAY
    is_over_lines = window.text.startswith(b"{") and _begins_with_object_over_lines(window)
    return _Form.OBJECTS if is_over_lines else _Form.LINES


def _begins_with_empty_line(window: Window) -> bool:
    """Return whether the first line is an array without records and other lines follow."""
    window.grow(BLOCK_BYTES)
    if _ARRAY_OF_RECORDS.match(window.text):
        return False
    line = _first_line(window)
    if len(line) > MAX_RECORD_BYTES or not _is_value(line) or b"{" in without_strings(line):
        return False
    window.drop(len(line))
    for _ in window.skip(BLANK):
        pass
    return bool(window.text)


def _begins_with_object_over_lines(window: Window) -> bool:
    line = _first_line(window)
    if len(line) > MAX_RECORD_BYTES or _is_value(line):
        return False
    first = first_object(window)
    return len(first) <= MAX_RECORD_BYTES and _is_value(first)


def _first_line(window: Window) -> bytes:
    """Return the first line without dropping it, or the start of one that is too long."""
    while b"\n" not in window.text and not window.ended and len(window.text) <= MAX_RECORD_BYTES:
        window.grow_until(MAX_RECORD_BYTES + 1)
    return window.text.partition(b"\n")[0]


def _is_value(text: bytes) -> bool:
    """Return whether a text is one JSON value, including values rejected as bad records."""
    try:
        check_size(text)
        with suppress(orjson.JSONDecodeError):
            orjson.loads(text)
            return True
        parse(text)
    except OutOfBoundsError:
        return long_value_end(text) == len(text.rstrip(BLANK))
    except BadRecordError:
        return True
    except ValueError:
        return False
    return True
