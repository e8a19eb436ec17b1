"""Reads JSON objects over several lines, one after another, as `jq .` writes. Pure, streaming.

The end of an object is found without counting brackets, so that a broken object costs no other. An
object has ended if a line ends in `}` and the next begins with no comma, closing bracket or quote.
It has also ended if a line begins with `{` and the one before ends in no comma, colon or `[`.
"""

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from json import JSONDecodeError
from typing import Final

from handlers.transform.formats.batch import BLOCK_BYTES, Batch, Position
from handlers.transform.formats.bulk import Bulk, OddTextError
from handlers.transform.formats.window import BLANK, Window
from handlers.transform.records.encoder import (
    MAX_RECORD_BYTES,
    MAX_RECORD_PARTS,
    RecordEncoder,
    too_long,
)
from handlers.transform.records.json_text import BadRecordError

_MOST_AT_ONCE: Final = 10_000  # millions of objects take memory, however short
_LINE = re.compile(rb"\n[ \t\r\n]*+(?=[^ \t\r\n,\]}\"])")


def first_object(window: Window) -> bytes:
    """Return the first object of a window, and the blanks after it, without dropping them.

    If the object is too long to hold, returns its start, which is too long as well.
    """
    while not (end := next(_begins(window.text), 0)) and not window.ended:
        if len(window.text) > MAX_RECORD_BYTES:
            break
        window.grow_until(MAX_RECORD_BYTES + 1)
    return window.text[:end] if end else window.text


def _begins(text: bytes) -> Iterator[int]:
    """Yield where each object of a text begins, except the first."""
    for line in _LINE.finditer(text):
        begin, end = line.end(), line.start()
        while end and text[end - 1] in BLANK:
            end -= 1
        is_object, before = text.startswith(b"{", begin), text[end - 1 : end]
        if before == b"}" or (is_object and before and before not in b",:["):
            yield begin


def read_objects(window: Window, encoder: RecordEncoder, number: int) -> Iterator[Batch]:
    """Yield the objects of a window, in batches; `number` is that of the first."""
    bulk = Bulk(encoder, _read_object, _reject_object)
    while True:
        window.grow(BLOCK_BYTES)
        while not (ends := _ends(window)) and len(window.text) <= MAX_RECORD_BYTES:
            window.grow_until(MAX_RECORD_BYTES + 1)
        if ends == [0]:
            return
        batch = Batch()
        if ends:
            _read_whole(window, ends, bulk, number, batch)
        else:
            _read_long(window, encoder, number, batch)
        number += max(len(ends), 1)
        batch.after = Position(window.offset, number)
        yield batch


def _ends(window: Window) -> list[int]:
    """Return the ends of the objects that the window holds whole, with the blanks after each."""
    ends = list(islice(_begins(window.text), _MOST_AT_ONCE))
    return [*ends, len(window.text)] if window.ended and len(ends) < _MOST_AT_ONCE else ends


def _read_whole(window: Window, ends: list[int], bulk: Bulk, number: int, batch: Batch) -> None:
    text = window.drop(ends[-1])
    texts, odd = [text[begin:end] for begin, end in pairwise([0, *ends])], None
    if len(text) <= MAX_RECORD_PARTS:  # else one may have too many parts to parse uncounted
        try:
            bulk.encode(bulk.joint.join(texts), len(texts), number, batch)
        except OddTextError as error:
            odd = error.at
        else:
            return
    bulk.read(texts, number, batch, odd)


def _read_object(text: bytes, number: int, encoder: RecordEncoder, batch: Batch) -> None:
    raw = text.rstrip(BLANK)
    try:
        batch.add(encoder.encode_one(raw))
    except BadRecordError as error:
        _reject_object(raw, number, error, batch)
    except JSONDecodeError as error:
        place = f"line {error.lineno} of it, character {error.colno}"
        batch.reject("row", number, f"not JSON: {error.msg} at {place}", raw)


def _reject_object(text: bytes, number: int, error: BadRecordError, batch: Batch) -> None:
    batch.reject_for(error, "row", number, text.rstrip(BLANK))


def _read_long(window: Window, encoder: RecordEncoder, number: int, batch: Batch) -> None:
    """Reject an object that is too long to hold, without holding it.

    If only the blanks after it make it too long, it is read.
    """
    head, begin, end, before, found = window.text, window.offset, window.offset, b"", 0
    while not found and window.text:
        found = next(_begins(before + window.text), 0)
        passed = window.drop(found - len(before) if found else len(window.text))
        if solid := passed.rstrip(BLANK):
            end = window.offset - len(passed) + len(solid)
        before = _shortened(before + passed)
        if not found:
            window.grow(1)
    if end - begin <= MAX_RECORD_BYTES:
        _read_object(head[: end - begin], number, encoder, batch)
    else:
        batch.reject("row", number, too_long(), head, end - begin)


def _shortened(text: bytes) -> bytes:
    """Return the last byte that is not blank, and a line feed if one follows it."""
    solid = text.rstrip(BLANK)
    return solid[-1:] + (b"\n" if b"\n" in text[len(solid) :] else b"")
