"""JSON objects over several lines, one behind another, as `jq .` writes them. Pure, streaming.

Where one ends can be told without a look at its brackets, so that a broken one costs no other: no
object goes on where a line ends in `}` and the next begins with no comma, bracket or name, nor
where a line begins with `{` and the one before ends in no comma, colon or opening bracket.
"""

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from json import JSONDecodeError
from typing import Final

from handlers.transform.formats.batch import BLOCK_BYTES, Batch, Position
from handlers.transform.formats.bulk import Bulk, OddTextError
from handlers.transform.formats.window import Window
from handlers.transform.records.encoder import (
    MAX_RECORD_BYTES,
    MAX_RECORD_PARTS,
    RecordEncoder,
    too_long,
)
from handlers.transform.records.json_text import BadRecordError

_MOST_AT_ONCE: Final = 10_000  # objects by the million take memory, be they short
_BLANK: Final = b" \t\r\n"
_LINE = re.compile(rb"\n[ \t\r\n]*+(?=[^ \t\r\n,\]}\"])")


def first_object(window: Window) -> bytes:
    """Return the first object of a window, with what is blank behind it, without dropping it.

    Of one that is too long to hold, a part that is too long.
    """
    while not (end := next(_begins(window.text), 0)) and not window.ended:
        if len(window.text) > MAX_RECORD_BYTES:
            break
        window.grow_until(MAX_RECORD_BYTES + 1)
    return window.text[:end] if end else window.text


def _begins(text: bytes) -> Iterator[int]:
    """Yield where the second object of a text begins, and the others."""
    for line in _LINE.finditer(text):
        begin, end = line.end(), line.start()
        while end and text[end - 1] in _BLANK:
            end -= 1
        is_object, before = text.startswith(b"{", begin), text[end - 1 : end]
        if before == b"}" or (is_object and before and before not in b",:["):
            yield begin


def read_objects(window: Window, encoder: RecordEncoder, number: int) -> Iterator[Batch]:
    """Yield the objects of a window that begins with the one of this number."""
    bulk = Bulk(encoder, _read_object)
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
    """Return where the objects end that are there whole, with what is blank behind them."""
    ends = list(islice(_begins(window.text), _MOST_AT_ONCE))
    return [*ends, len(window.text)] if window.ended and len(ends) < _MOST_AT_ONCE else ends


def _read_whole(window: Window, ends: list[int], bulk: Bulk, number: int, batch: Batch) -> None:
    text = window.drop(ends[-1])
    texts, odd = [text[begin:end] for begin, end in pairwise([0, *ends])], None
    if len(text) <= MAX_RECORD_PARTS:  # else one may be too rich to be parsed unseen
        try:
            bulk.encode(bulk.joint.join(texts), len(texts), batch)
        except OddTextError as error:
            odd = error.at
        else:
            return
    bulk.read(texts, number, batch, odd)


def _read_object(text: bytes, number: int, encoder: RecordEncoder, batch: Batch) -> None:
    raw = text.rstrip(_BLANK)
    try:
        batch.add(encoder.encode_one(raw))
    except BadRecordError as error:
        batch.reject("row", number, str(error), raw)
    except JSONDecodeError as error:
        place = f"line {error.lineno} of it, character {error.colno}"
        batch.reject("row", number, f"not JSON: {error.msg} at {place}", raw)


def _read_long(window: Window, encoder: RecordEncoder, number: int, batch: Batch) -> None:
    """Reject an object that is too long to hold, without holding it.

    It may be no longer than what is held, and blanks without end may follow: then it is read.
    """
    head, begin, end, before, found = window.text, window.offset, window.offset, b"", 0
    while not found and window.text:
        found = next(_begins(before + window.text), 0)
        passed = window.drop(found - len(before) if found else len(window.text))
        if solid := passed.rstrip(_BLANK):
            end = window.offset - len(passed) + len(solid)
        before = _shortened(before + passed)
        if not found:
            window.grow(1)
    if end - begin <= MAX_RECORD_BYTES:
        _read_object(head[: end - begin], number, encoder, batch)
    else:
        batch.reject("row", number, too_long(), head, end - begin)


def _shortened(text: bytes) -> bytes:
    """Return the last byte that is not blank, and whether a line ends behind it."""
    solid = text.rstrip(_BLANK)
    return solid[-1:] + (b"\n" if b"\n" in text[len(solid) :] else b"")
