"""Reads a JSON array of records as a stream. Pure.

A block is cut before its last element that begins like the first, or else before the last `,` after
a `}`. That is a guess. It is right if the text before the cut parses as a whole: inside brackets, a
prefix is valid JSON exactly if the cut is between two elements. If no guess is right, the ends of
the elements are found by counting brackets.
"""

import re
from collections.abc import Iterator, Sequence
from json import JSONDecodeError
from typing import Any, Final

import orjson

from handlers.transform.formats.batch import BLOCK_BYTES, START, BadFileError, Batch, Position
from handlers.transform.formats.elements import ValueEnd, value_end
from handlers.transform.formats.window import BLANK, Window
from handlers.transform.records.encoder import (
    MAX_RECORD_BYTES,
    MAX_RECORD_PARTS,
    RecordEncoder,
    too_long,
)
from handlers.transform.records.json_text import BadRecordError

_GUESSES: Final = 3
_HEAD_BYTES: Final = 256  # most elements reach their first value within this
_SPACE = re.compile(rb"[ \t\r\n]*+")
_COMMA = re.compile(rb"[ \t\r\n]*+,")


class ArrayReader:
    """Reads the elements of one array, from its beginning or from after an element."""

    def __init__(self, window: Window, encoder: RecordEncoder, start: Position) -> None:
        """`window` begins with the opening bracket, or at a later `start`, after an element."""
        self._window = window
        self._encoder = encoder
        self._row = start.number
        self._inside = start != START

    def batches(self) -> Iterator[Batch]:
        """Yield the elements; raise BadFileError if the array is broken or ends early."""
        while self._step_to_element():
            batch = self._read_elements()
            batch.after = Position(self._window.offset, self._row)
            yield batch

    def _step_to_element(self) -> bool:
        """Drop the text before the next element; return whether there is one."""
        window = self._window
        opens = not self._inside
        if opens:
            window.drop(1)
        self._inside = True
        self._skip_blank()
        if window.text.startswith(b"]"):
            self._end()
            return False
        if not opens:
            self._take_comma()
        return True

    def _take_comma(self) -> None:
        found = self._window.drop(1)
        if not found:
            raise self._broken("it ends early")
        if found != b",":
            raise self._broken(f"{self._shown(found)} where a comma or the end is expected")
        self._skip_blank()

    def _end(self) -> None:
        self._window.drop(1)
        self._skip_blank()
        if self._window.text:
            raise self._broken("something follows its end")

    def _skip_blank(self) -> None:
        for _ in self._window.skip(BLANK):
            pass

    def _shown(self, found: bytes) -> str:
        """Return a character for a reason; it may be one of a field that the dataset drops."""
        return "something" if self._encoder.drops else repr(found.decode("latin-1"))

    def _broken(self, reason: str) -> BadFileError:
        return BadFileError(f"broken array: {reason}", f"row {self._row}")

    def _read_elements(self) -> Batch:
        """Return the elements that the window holds whole, at least one."""
        self._window.grow(BLOCK_BYTES // 2)  # the first block is already partly read
        return self._guess() or self._split() or self._read_long()

    def _guess(self) -> Batch | None:
        """Return the elements up to a boundary that is guessed and proved; None if none is."""
        text = self._window.text
        if len(text) > MAX_RECORD_PARTS:
            return None  # one may have too many parts: count before parsing
        # Most often all elements begin with the same name, which then finds the last of them.
        head = text[: text.find(b":", 0, _HEAD_BYTES) + 1]
        last = text.rfind(head, 1) if head else -1
        cut = last if last > 0 else len(text)
        for _ in range(_GUESSES):
            cut = text.rfind(b"},", 0, cut)
            if cut < 0:
                break
            array = b"[%b]" % text[: cut + 1]
            try:
                values: list[Any] = orjson.loads(array)
            except orjson.JSONDecodeError as error:
                if error.pos < len(error.doc) - 1:
                    return None  # the error is before the cut
                continue
            return self._encode(values, array)
        return self._guess_rest() if self._window.ended else None

    def _guess_rest(self) -> Batch | None:
        array = b"[" + self._window.text.rstrip(BLANK)
        try:
            values: list[Any] = orjson.loads(array)
        except orjson.JSONDecodeError:
            return None
        return self._encode(values, array) if values else None

    def _encode(self, values: list[Any], array: bytes) -> Batch | None:
        """Return whole elements, or None if one is odd; `array` is their text in brackets."""
        encoded = self._encoder.encode(values, array)
        if not encoded:
            return None
        self._window.drop(len(array) - len(b"[]"))
        batch = Batch()
        batch.add(encoded)
        elements = _elements(array, [at for at, _ in encoded.left_out])
        for (at, error), element in zip(encoded.left_out, elements, strict=True):
            batch.reject_for(error, "row", self._row + at, element)
        self._row += len(values)
        return batch

    def _split(self) -> Batch | None:
        """Return the elements that the window holds whole, read one by one; None if none is."""
        batch, text = Batch(), self._window.text
        at = done = 0
        while bounds := self._element_bounds(at):
            begin, done = bounds
            self._read_element(text[begin:done], self._row, batch)
            self._row += 1
            comma = _COMMA.match(text, done)
            if not comma:
                break
            at = comma.end()
        self._window.drop(done)
        return batch if done else None

    def _element_bounds(self, at: int) -> tuple[int, int] | None:
        """Return where the next element begins and ends; None if more must be read first."""
        text = self._window.text
        space = _SPACE.match(text, at)
        begin = space.end() if space else at
        if begin < len(text):
            end = value_end(text, begin)
            if end == begin:
                found = self._shown(text[begin : begin + 1])
                raise self._broken(f"{found} where an element is expected")
            if end is not None:
                return begin, end
        if self._window.ended:
            raise self._broken("it ends early")
        return None

    def _read_element(self, raw: bytes, number: int, batch: Batch) -> None:
        try:
            batch.add(self._encoder.encode_one(raw))
        except BadRecordError as error:
            batch.reject_for(error, "row", number, raw)
        except JSONDecodeError as error:
            raise self._broken(f"{error.msg} at character {error.pos + 1} of it") from error

    def _read_long(self) -> Batch:
        """Return one element longer than a block; one that is too long is rejected, not held."""
        window, batch = self._window, Batch()
        finder = ValueEnd(window.text[0])
        raw = b"" if finder.is_word else window.drop(1)
        parts, length = [raw], len(raw)
        while (end := finder.find(window.text)) is None:
            part = window.drop(len(window.text))
            length += len(part)
            if length <= MAX_RECORD_BYTES or len(parts) <= 2:  # noqa: PLR2004 - enough for a reject
                parts.append(part)
            window.grow(BLOCK_BYTES)
            if not window.text:
                raise self._broken("it ends early")
        length += end
        parts.append(window.drop(end))
        if length > MAX_RECORD_BYTES:
            batch.reject("row", self._row, too_long(), b"".join(parts[:3]), length)
        else:
            self._read_element(b"".join(parts), self._row, batch)
        self._row += 1
        return batch


def _elements(array: bytes, wanted: Sequence[int]) -> Iterator[bytes]:
    """Yield some elements of a valid array, by their ascending indexes."""
    at, begin = 0, 1
    for index in wanted:
        while True:
            space = _SPACE.match(array, begin)
            begin = space.end() if space else begin
            end = value_end(array, begin) or begin
            comma = _COMMA.match(array, end)
            element, begin, at = array[begin:end], comma.end() if comma else end, at + 1
            if at > index:
                yield element
                break
