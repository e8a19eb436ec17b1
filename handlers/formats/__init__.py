"""Files ↔ records, as streams. Pure.

The suffix decides between JSON and delimited text; the content decides between a JSON object, an
array and lines. https://datatracker.ietf.org/doc/html/rfc8259, rfc4180.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import orjson

from handlers.formats.array import ArrayReader
from handlers.formats.batch import START, BadFileError, Batch, Position, Reject, Source
from handlers.formats.delimited import read_rows
from handlers.formats.elements import long_value_end
from handlers.formats.ndjson import read_lines
from handlers.formats.text import Text
from handlers.formats.window import Window
from handlers.json_text import BadRecordError, OutOfBoundsError, parse
from handlers.records import MAX_RECORD_BYTES, RecordEncoder, check_size

__all__ = ["START", "BadFileError", "Batch", "Position", "Reject", "Source", "transform"]

_BLANK: Final = b" \t\r\n"


def transform(
    source: Source, suffix: str, encoder: RecordEncoder, start: Position = START
) -> Iterator[Batch]:
    """Yield a file's records, batch by batch, from `start` on.

    `suffix` is what `keys.data_suffix` says of the file's key. A later `start` is the `after` of
    some batch of the same file; the batches from there on hold the same records as they did then.

    Raises:
        BadFileError: the file as a whole is broken, at the latest when its end is read.
    """
    kind = suffix.lower()
    text = Text(source, gzipped=kind.endswith(".gz"))
    kind = kind.removesuffix(".gz")
    if kind in (".csv", ".tsv"):
        return read_rows(text, encoder, start, is_tsv=kind == ".tsv")
    return _read_json(text, encoder, start)


def _read_json(text: Text, encoder: RecordEncoder, start: Position) -> Iterator[Batch]:
    window = Window(text.blocks(), 0)
    number = 1 + sum(blank.count(b"\n") for blank in window.skip(_BLANK))
    first = window.text[:1]
    if start != START:
        window, number = Window(text.blocks(start.offset), start.offset), start.number
    if first == b"[":
        yield from ArrayReader(window, encoder, start).batches()
    elif first == b"{" and start == START and _is_one_object(window):
        yield _read_object(window, encoder)
    else:
        yield from read_lines(window, encoder, number)


def _is_one_object(window: Window) -> bool:
    """Return whether all of the text is one JSON object over several lines, now held whole."""
    while b"\n" not in window.text and not window.ended and len(window.text) <= MAX_RECORD_BYTES:
        window.grow_until(MAX_RECORD_BYTES + 1)
    line, _, _ = window.text.partition(b"\n")
    if len(line) > MAX_RECORD_BYTES or _is_value(line):
        return False
    window.grow(MAX_RECORD_BYTES + 1)
    return len(window.text) <= MAX_RECORD_BYTES and _is_value(window.text)


def _is_value(text: bytes) -> bool:
    """Return whether a text is one JSON value, or would be but for what makes a bad record."""
    try:
        check_size(text)
        with suppress(orjson.JSONDecodeError):
            orjson.loads(text)
            return True
        parse(text)
    except OutOfBoundsError:
        return long_value_end(text) == len(text.rstrip(_BLANK))
    except BadRecordError:
        return True
    except ValueError:
        return False
    return True


def _read_object(window: Window, encoder: RecordEncoder) -> Batch:
    batch = Batch()
    raw = window.drop(len(window.text)).rstrip(_BLANK)
    try:
        batch.add(encoder.encode_one(raw))
    except BadRecordError as error:
        batch.reject("row", 1, str(error), raw)
    batch.after = Position(window.offset, 2)
    return batch
