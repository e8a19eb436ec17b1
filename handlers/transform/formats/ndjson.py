"""Newline-delimited JSON: one record a line. Pure, streaming."""

import secrets
from collections.abc import Iterator
from json import JSONDecodeError
from typing import Any, Final

import orjson

from handlers.transform.formats.batch import BLOCK_BYTES, RAW_BYTES, Batch, Position
from handlers.transform.formats.window import Window
from handlers.transform.records.encoder import (
    MAX_RECORD_BYTES,
    MAX_RECORD_PARTS,
    Encoded,
    RecordEncoder,
    too_long,
)
from handlers.transform.records.json_text import BadRecordError

_BLANK: Final = b" \t\r\n"
_MARK_BITS: Final = 49  # at most 15 digits, which a look for long numbers passes over


def read_lines(window: Window, encoder: RecordEncoder, number: int) -> Iterator[Batch]:
    """Yield the records of lines, from a window that begins with the line of this number."""
    mark = secret_mark()
    wanted = BLOCK_BYTES
    while True:
        window.grow(wanted)
        text = window.text
        cut = len(text) if window.ended else text.rfind(b"\n") + 1
        if not cut and window.ended:
            return
        if cut:
            lines = window.drop(cut).removesuffix(b"\n")
            batch, count = _read_block(lines, number, encoder, mark)
            number += count
        elif len(text) <= MAX_RECORD_BYTES:
            wanted = min(2 * len(text), MAX_RECORD_BYTES + 1)
            continue
        else:
            batch = _skip_line(window, number)
            number += 1
        wanted = BLOCK_BYTES
        batch.after = Position(window.offset, number)
        yield batch


def _read_block(text: bytes, number: int, encoder: RecordEncoder, mark: int) -> tuple[Batch, int]:
    """Return the records of whole lines, all at once if none is odd, and how many lines it is."""
    batch = Batch()
    if len(text) <= MAX_RECORD_PARTS:  # else a record may be too rich to be parsed unseen
        joint = b",%d," % mark
        array = b"[%b]" % text.replace(b"\n", joint)
        count = 1 + (len(array) - len(b"[]") - len(text)) // (len(joint) - len(b"\n"))
        encoded = encode_all(array, count, encoder, mark)
        if encoded:
            batch.add(encoded)
            return batch, count
    lines = text.split(b"\n")
    for at, line in enumerate(lines, start=number):
        if line.strip(_BLANK):
            _read_line(line, at, encoder, batch)
    return batch, len(lines)


def secret_mark() -> int:
    """Return a number that nobody can guess, to stand between the texts of two records.

    Texts joined by a comma alone could be broken each and valid together; with the number between
    them each must be one whole value.
    """
    return secrets.randbits(_MARK_BITS)


def encode_all(array: bytes, count: int, encoder: RecordEncoder, mark: int) -> Encoded | None:
    """Return the records of so many texts, or None where one is odd or not just one value."""
    try:
        values: list[Any] = orjson.loads(array)
    except orjson.JSONDecodeError:
        return None
    whole = len(values) == 2 * count - 1 and values[1::2] == [mark] * (count - 1)
    return encoder.encode(values, array, step=2) if whole else None


def _read_line(line: bytes, number: int, encoder: RecordEncoder, batch: Batch) -> None:
    try:
        batch.add(encoder.encode_one(line))
    except BadRecordError as error:
        batch.reject("line", number, str(error), line)
    except JSONDecodeError as error:
        batch.reject("line", number, f"not JSON: {error.msg} at character {error.pos + 1}", line)


def _skip_line(window: Window, number: int) -> Batch:
    """Reject a line that is too long to hold, without holding it; a blank one is no record."""
    batch, raw, length, blank = Batch(), window.text[:RAW_BYTES], 0, True
    while (end := window.text.find(b"\n")) < 0 and not window.ended:
        blank = blank and not window.text.strip(_BLANK)
        length += len(window.drop(len(window.text)))
        window.grow(1)
    rest = window.drop(end if end >= 0 else len(window.text))
    window.drop(1)
    if not blank or rest.strip(_BLANK):
        batch.reject("line", number, too_long(), raw, length + len(rest))
    return batch
