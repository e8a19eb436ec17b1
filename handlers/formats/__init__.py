"""Files ↔ records, as streams. Pure.

The suffix decides between JSON and delimited text; the content decides between a JSON object, an
array and lines. https://datatracker.ietf.org/doc/html/rfc8259, rfc4180.
"""

from collections.abc import Iterator
from itertools import chain

import orjson

from handlers.formats.array import ArrayReader
from handlers.formats.batch import START, BadFileError, Batch, Position, Reject, Source
from handlers.formats.delimited import read_rows
from handlers.formats.ndjson import read_lines
from handlers.formats.text import Text
from handlers.records import MAX_RECORD_BYTES, BadRecordError, RecordEncoder, parse

__all__ = ["START", "BadFileError", "Batch", "Position", "Reject", "Source", "transform"]

_BLANK = b" \t\r\n"


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
        return read_rows(text, encoder, start, delimiter="\t" if kind == ".tsv" else None)
    return _read_json(text, encoder, start)


def _read_json(text: Text, encoder: RecordEncoder, start: Position) -> Iterator[Batch]:
    blocks = text.blocks()
    head: list[bytes] = []
    for block in blocks:
        head.append(block)
        if block.lstrip(_BLANK):
            break
    first = (head[-1].lstrip(_BLANK) if head else b"")[:1]
    if start != START:
        blocks, head = text.blocks(start.offset), []
    if first == b"[":
        yield from ArrayReader(chain(head, blocks), encoder, start).batches()
        return
    if first == b"{" and start == START and not _starts_with_a_line(head, blocks):
        whole = _read_whole(head, blocks)
        if whole is not None:
            yield _read_object(whole, encoder)
            return
    yield from read_lines(chain(head, blocks), encoder, start)


def _starts_with_a_line(head: list[bytes], blocks: Iterator[bytes]) -> bool:
    """Return whether the first line is a JSON value; what had to be read is added to `head`."""
    held = b"".join(head).lstrip(_BLANK)
    while b"\n" not in held and len(held) <= MAX_RECORD_BYTES:
        block = next(blocks, None)
        if block is None:
            break
        head.append(block)
        held += block
    return len(held) <= MAX_RECORD_BYTES and _is_json(held.split(b"\n", 1)[0])


def _read_whole(head: list[bytes], blocks: Iterator[bytes]) -> bytes | None:
    """Return the text if it is one JSON value of a record's size; else it is added to `head`."""
    held = sum(map(len, head))
    for block in blocks:
        head.append(block)
        held += len(block)
        if held > MAX_RECORD_BYTES:
            return None
    whole = b"".join(head)
    return whole if _is_json(whole) else None


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            parse(text)
        except BadRecordError:
            return True
        except ValueError:
            return False
    return True


def _read_object(whole: bytes, encoder: RecordEncoder) -> Batch:
    batch = Batch(after=Position(len(whole), 2))
    raw = whole.strip(_BLANK)
    try:
        encoded = encoder.encode_one(raw)
    except BadRecordError as error:
        batch.reject("row", 1, str(error), raw)
    else:
        batch.lines, batch.written, batch.empty = [encoded.lines], *encoded[1:]
    return batch
