"""A JSON array of records, read as a stream. Pure.

A block is cut behind the last `},` of what is there: a guess, which holds if what is before it
parses as a whole, since inside brackets a prefix is valid JSON exactly if the cut is between two
elements. Where no guess holds, the elements are told apart bracket by bracket.
"""

import re
from collections.abc import Iterator
from json import JSONDecodeError
from typing import Any, Final

import orjson

from handlers.formats.batch import BLOCK_BYTES, START, BadFileError, Batch, Position
from handlers.formats.ndjson import TOO_LONG
from handlers.records import MAX_RECORD_BYTES, BadRecordError, RecordEncoder

_BLANK: Final = b" \t\r\n"
_GUESSES: Final = 3
_SPACE = re.compile(rb"[ \t\r\n]*+")
# Possessive throughout: nothing to remember, so nothing that grows with what is matched.
_REST_OF_STRING: Final = rb'[^"\\]*+(?:\\.[^"\\]*+)*+"'
_STRING_END = re.compile(_REST_OF_STRING, re.DOTALL)
_NO_BRACKET: Final = rb'(?:[^"\[\]{}]++|"' + _REST_OF_STRING + rb")*+"
_UP_TO_BRACKET = re.compile(_NO_BRACKET, re.DOTALL)
_SCALAR = re.compile(rb'"' + _REST_OF_STRING + rb'|[^"\[\]{},\s][^,\]\s]*+', re.DOTALL)
_ENDS_ESCAPED = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+\\\Z', re.DOTALL)
_SCALAR_END = re.compile(rb"[,\]\s]")
_OPENING: Final = b"{["


class ArrayReader:
    """Reads the elements of one array, from its beginning or from a later element."""

    def __init__(self, blocks: Iterator[bytes], encoder: RecordEncoder, start: Position) -> None:
        """`blocks` is the text from `start` on: `START`, or where an element begins."""
        self._blocks = blocks
        self._encoder = encoder
        self._text = b""
        self._ended = False  # no more blocks
        self._offset, self._row = start  # of what `_text` begins with
        self._element_due = start != START  # a comma stands before it

    def batches(self) -> Iterator[Batch]:
        """Yield the elements; raise BadFileError where the array is broken or ends early."""
        if not self._element_due:
            self._skip_blank()
            self._drop(1)  # the opening bracket, which is why this is read as an array
        wanted = BLOCK_BYTES
        while not self._closed():
            self._read(wanted)
            batch = self._guess() or self._split()
            if batch is None:
                if len(self._text) <= MAX_RECORD_BYTES + BLOCK_BYTES:
                    wanted = 2 * len(self._text)
                    continue
                batch = self._skip_element()
            wanted = BLOCK_BYTES
            batch.after = Position(self._offset, self._row)
            yield batch

    def _read(self, wanted: int) -> None:
        pieces, held = [self._text], len(self._text)
        while held < wanted and not self._ended:
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
            else:
                pieces.append(block)
                held += len(block)
        self._text = b"".join(pieces)

    def _skip_blank(self) -> None:
        """Drop white space, and read on until something else or the end is there."""
        while True:
            self._drop(len(self._text) - len(self._text.lstrip(_BLANK)))
            if self._text or self._ended:
                return
            self._read(1)

    def _drop(self, count: int) -> None:
        self._text = self._text[count:]
        self._offset += count

    def _closed(self) -> bool:
        """Return whether the array's end comes next, and then read the rest of the file."""
        self._skip_blank()
        if self._element_due or not self._text.startswith(b"]"):
            return False
        self._drop(1)
        self._skip_blank()
        if self._text:
            msg = "broken array: something follows its end"
            raise BadFileError(msg, f"row {self._row}")
        return True

    def _guess(self) -> Batch | None:
        """Return the elements up to a boundary that is guessed and then proved."""
        cut = len(self._text)
        for _ in range(_GUESSES):
            cut = self._text.rfind(b"},", 0, cut)
            if cut < 0:
                break
            block = self._text[: cut + 1]
            try:
                values: list[Any] = orjson.loads(b"[%b]" % block)
            except orjson.JSONDecodeError as error:
                if error.pos < len(error.doc) or not error.doc:
                    return None  # not the cut is wrong but something before it
                continue
            return self._encode(values, block, due=True)
        return self._guess_rest() if self._ended else None

    def _guess_rest(self) -> Batch | None:
        body = self._text.rstrip(_BLANK)
        try:
            values: list[Any] = orjson.loads(b"[" + body)
        except orjson.JSONDecodeError:
            return None
        return self._encode(values, body[:-1], due=False) if values else None

    def _encode(self, values: list[Any], block: bytes, *, due: bool) -> Batch | None:
        """Step over a block of whole elements; `due` if a comma follows it."""
        if len(block) > MAX_RECORD_BYTES or not (encoded := self._encoder.encode(values, block)):
            return None
        self._drop(len(block) + due)
        self._row += len(values)
        self._element_due = due
        return Batch([encoded.lines], encoded.written, encoded.empty)

    def _split(self) -> Batch | None:
        """Return the elements that are there whole, told apart one by one; None if none is."""
        batch = Batch()
        at, first_row = 0, self._row
        while (bounds := self._element_bounds(at)) is not None:
            begin, end, after = bounds
            self._read_element(self._text[begin:end], batch)
            self._row += 1
            self._element_due = self._text[after : after + 1] == b","
            at = after + self._element_due
            if not self._element_due:
                break
        self._drop(at)
        return batch if self._row > first_row else None

    def _element_bounds(self, at: int) -> tuple[int, int, int] | None:
        """Return where the next element begins and ends, and where what follows it stands."""
        text = self._text
        begin = _skip_space(text, at)
        if begin == len(text):
            return self._more("it ends early")
        if text[begin] in _OPENING:
            end = _matching_bracket(text, begin)
        else:
            scalar = _SCALAR.match(text, begin)
            if not scalar and text[begin] != b'"'[0]:
                raise self._broken(f"{chr(text[begin])!r} where an element is expected")
            end = scalar.end() if scalar else None
        if end is None:
            return self._more("it ends within an element")
        after = _skip_space(text, end)
        if after == len(text):
            return self._more("it ends early")
        if text[after] not in b",]":
            raise self._broken(f"{chr(text[after])!r} where a comma or the end is expected")
        return begin, end, after

    def _more(self, missing: str) -> None:
        if self._ended:
            raise self._broken(missing)

    def _broken(self, reason: str) -> BadFileError:
        return BadFileError(f"broken array: {reason}", f"row {self._row}")

    def _read_element(self, raw: bytes, batch: Batch) -> None:
        try:
            encoded = self._encoder.encode_one(raw)
        except BadRecordError as error:
            batch.reject("row", self._row, str(error), raw)
        except JSONDecodeError as error:
            raise self._broken(f"{error.msg} at character {error.pos + 1} of it") from error
        else:
            batch.lines.append(encoded.lines)
            batch.written += encoded.written
            batch.empty += encoded.empty

    def _skip_element(self) -> Batch:
        """Reject an element that is too long to hold, without holding it."""
        batch, skipper, length = Batch(), _ElementSkipper(self._text[:1]), 0
        batch.reject("row", self._row, TOO_LONG, self._text)
        while (end := skipper.find_end(self._text)) is None:
            length += len(self._text)
            self._drop(len(self._text))
            self._read(1)
            if not self._text:
                raise self._broken("it ends within an element")
        batch.rejects[-1] = batch.rejects[-1]._replace(raw_bytes=length + end)
        self._drop(end)
        self._skip_blank()
        if not self._text:
            raise self._broken("it ends early")
        if self._text[0] not in b",]":
            raise self._broken(f"{chr(self._text[0])!r} where a comma or the end is expected")
        self._element_due = self._text.startswith(b",")
        self._drop(int(self._element_due))
        self._row += 1
        return batch


def _skip_space(text: bytes, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _matching_bracket(text: bytes, at: int) -> int | None:
    level = 0
    while (match := _UP_TO_BRACKET.match(text, at)) and (at := match.end()) < len(text):
        if text[at] == b'"'[0]:
            return None  # a string that does not end here
        level += 1 if text[at] in _OPENING else -1
        at += 1
        if level == 0:
            return at
    return None


class _ElementSkipper:
    """Finds the end of an element through block after block, keeping nothing of them."""

    def __init__(self, first: bytes) -> None:
        self._begun = False
        self._level = 0
        self._in_string = False
        self._escaped = False
        self._scalar = first not in (b"{", b"[")

    def find_end(self, text: bytes) -> int | None:
        """Return where in the block the element ends, or None if it goes on."""
        if self._stays_inside(text):
            return None
        at = 0
        while at < len(text):
            if self._in_string:
                at = self._leave_string(text, at)
            elif self._scalar and text[at] != b'"'[0]:
                found = _SCALAR_END.search(text)
                return found.start() if found else None
            else:
                at = self._take_bracket(text, at)
            if self._ended():
                return at
        return None

    def _ended(self) -> bool:
        return self._begun and not self._in_string and self._level == 0

    def _stays_inside(self, text: bytes) -> bool:
        """Pass a block that has too few closing brackets to end the element, at once."""
        if self._in_string or b'"' in text:
            return False
        closing = text.count(b"}") + text.count(b"]")
        if closing >= self._level:
            return False
        self._level += text.count(b"{") + text.count(b"[") - closing
        return True

    def _take_bracket(self, text: bytes, at: int) -> int:
        """Step over the next bracket or into the next string that does not end here."""
        if not self._scalar:
            match = _UP_TO_BRACKET.match(text, at)
            at = match.end() if match else len(text)
            if at == len(text):
                return at
        self._begun = True
        if text[at] == b'"'[0]:
            self._in_string = True
        else:
            self._level += 1 if text[at] in _OPENING else -1
        return at + 1

    def _leave_string(self, text: bytes, at: int) -> int:
        if self._escaped:
            self._escaped, at = False, at + 1
        match = _STRING_END.match(text, at)
        if match:
            self._in_string = False
            return match.end()
        self._escaped = _ENDS_ESCAPED.match(text, at) is not None
        return len(text)
