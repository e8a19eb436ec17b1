"""Newline-delimited JSON: one record a line. Pure, streaming."""

import secrets
from collections.abc import Iterable, Iterator
from json import JSONDecodeError
from typing import Any, Final, NamedTuple

import orjson

from handlers.formats.batch import RAW_BYTES, Batch, Position
from handlers.records import MAX_RECORD_BYTES, BadRecordError, RecordEncoder

TOO_LONG: Final = f"longer than {MAX_RECORD_BYTES} bytes"
_BLANK: Final = b" \t\r\n"


class _Lines(NamedTuple):
    """Whole lines, or, where `length` is set, the beginning of one line that is too long."""

    text: bytes
    length: int = 0


def read_lines(blocks: Iterable[bytes], encoder: RecordEncoder, start: Position) -> Iterator[Batch]:
    """Yield the records of a text of lines that begins at `start`."""
    # Between two lines stands a number that nobody can guess. Lines joined by a comma alone could
    # be broken each and valid together; with the number between them each must be one whole value.
    mark = secrets.randbits(60)
    offset, number = start
    for lines in _whole_lines(blocks):
        batch = Batch()
        if lines.length:
            batch.reject("line", number, TOO_LONG, lines.text)
            batch.rejects[-1] = batch.rejects[-1]._replace(raw_bytes=lines.length)
            offset, number = offset + lines.length + 1, number + 1
        else:
            text = lines.text.removesuffix(b"\n")
            records = _parse_lines(text, mark)
            encoded = encoder.encode(records, text) if records else None
            if encoded:
                batch.lines, batch.written, batch.empty = [encoded.lines], *encoded[1:]
            else:
                _read_each(text, number, encoder, batch)
            offset, number = offset + len(lines.text), number + text.count(b"\n") + 1
        batch.after = Position(offset, number)
        yield batch


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[_Lines]:
    pieces: list[bytes] = []
    held = dropped = 0
    for block in blocks:
        cut = block.find(b"\n") if dropped else block.rfind(b"\n")
        if dropped:
            if cut < 0:
                dropped += len(block)
                continue
            yield _Lines(pieces.pop(), dropped + cut)
            dropped, block = 0, block[cut + 1 :]  # noqa: PLW2901 - the rest is a block like any
            cut = block.rfind(b"\n")
        if cut >= 0:
            pieces.append(block[: cut + 1])
            yield _Lines(b"".join(pieces))
            pieces, held, block = [], 0, block[cut + 1 :]  # noqa: PLW2901
        if block:
            pieces.append(block)
            held += len(block)
        if held > MAX_RECORD_BYTES + 1:
            pieces, dropped, held = [b"".join(pieces)[:RAW_BYTES]], held, 0
    if pieces:
        yield _Lines(b"".join(pieces), dropped)


def _parse_lines(text: bytes, mark: int) -> list[Any] | None:
    """Return the values of lines, or None where a line is not exactly one value."""
    if len(text) > MAX_RECORD_BYTES:
        return None
    try:
        values: list[Any] = orjson.loads(b"[%b]" % text.replace(b"\n", b",%d," % mark))
    except orjson.JSONDecodeError:
        return None
    between = text.count(b"\n")
    whole = len(values) == 2 * between + 1 and values[1::2] == [mark] * between
    return values[::2] if whole else None


def _read_each(text: bytes, number: int, encoder: RecordEncoder, batch: Batch) -> None:
    for at, line in enumerate(text.split(b"\n"), start=number):
        if not line.strip(_BLANK):
            continue
        try:
            encoded = encoder.encode_one(line)
        except BadRecordError as error:
            batch.reject("line", at, str(error), line)
        except JSONDecodeError as error:
            batch.reject("line", at, f"not JSON: {error.msg} at character {error.pos + 1}", line)
        else:
            batch.lines.append(encoded.lines)
            batch.written += encoded.written
            batch.empty += encoded.empty
