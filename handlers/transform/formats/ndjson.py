"""Reads newline-delimited JSON: one record per line. Pure, streaming."""

from collections.abc import Iterator
from json import JSONDecodeError

from handlers.transform.formats.batch import BLOCK_BYTES, RAW_BYTES, Batch, Position
from handlers.transform.formats.bulk import Bulk, OddTextError
from handlers.transform.formats.window import BLANK, Window
from handlers.transform.records.encoder import (
    MAX_RECORD_BYTES,
    MAX_RECORD_PARTS,
    RecordEncoder,
    too_long,
)
from handlers.transform.records.json_text import BadRecordError


def read_lines(window: Window, encoder: RecordEncoder, number: int) -> Iterator[Batch]:
    """Yield the records of a window's lines, in batches; `number` is that of the first line."""
    bulk = Bulk(encoder, _read_line, _reject_line)
    wanted = BLOCK_BYTES
    while True:
        window.grow(wanted)
        text = window.text
        cut = len(text) if window.ended else text.rfind(b"\n") + 1
        if not cut and window.ended:
            return
        if cut:
            lines = window.drop(cut).removesuffix(b"\n")
            batch, count = _read_block(lines, number, bulk)
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


def _read_block(text: bytes, number: int, bulk: Bulk) -> tuple[Batch, int]:
    """Return the records of whole lines, read at once if none is odd, and the number of lines."""
    batch, odd = Batch(), None
    if len(text) <= MAX_RECORD_PARTS:  # else one may have too many parts to parse uncounted
        joined = text.replace(b"\n", bulk.joint)
        count = 1 + (len(joined) - len(text)) // (len(bulk.joint) - len(b"\n"))
        try:
            bulk.encode(joined, count, number, batch)
        except OddTextError as error:
            odd = error.at
        else:
            return batch, count
    lines = text.split(b"\n")
    bulk.read(lines, number, batch, odd)
    return batch, len(lines)


def _read_line(line: bytes, number: int, encoder: RecordEncoder, batch: Batch) -> None:
    if not line.strip(BLANK):
        return
    try:
        batch.add(encoder.encode_one(line))
    except BadRecordError as error:
        _reject_line(line, number, error, batch)
    except JSONDecodeError as error:
        batch.reject("line", number, f"not JSON: {error.msg} at character {error.pos + 1}", line)


def _reject_line(line: bytes, number: int, error: BadRecordError, batch: Batch) -> None:
    batch.reject_for(error, "line", number, line)


def _skip_line(window: Window, number: int) -> Batch:
    """Reject a line that is too long to hold, without holding it; skip a blank one."""
    batch, raw, length, blank = Batch(), window.text[:RAW_BYTES], 0, True
    while (end := window.text.find(b"\n")) < 0 and not window.ended:
        blank = blank and not window.text.strip(BLANK)
        length += len(window.drop(len(window.text)))
        window.grow(1)
    rest = window.drop(end if end >= 0 else len(window.text))
    window.drop(1)
    if not blank or rest.strip(BLANK):
        batch.reject("line", number, too_long(), raw, length + len(rest))
    return batch
