"""Finds the ends of rows and lines in delimited text, block by block. Pure."""

import re
from enum import Enum, auto
from typing import Final

BREAKS: Final = b"\r\n"
BREAK = re.compile(rb"\r?\n|\r")
QUOTED: Final = rb'"(?:[^"]++|"")*+"'  # a cell in quotes
_UP_TO_BREAK = re.compile(rb"[^\r\n]*+")


class LineCounter:
    """Counts line breaks. A return with a line feed is one, even across two blocks."""

    def __init__(self) -> None:
        self.counted = 0
        self._after_return = False

    def count(self, text: bytes) -> int:
        """Count the line breaks of the next block, and return its length."""
        breaks = text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
        self.counted += breaks - (self._after_return and text.startswith(b"\n"))
        if text:
            self._after_return = text.endswith(b"\r")
        return len(text)


class _State(Enum):
    CELL_START = auto()
    PLAIN = auto()
    QUOTED = auto()
    CLOSING = auto()  # after a quote that ends the cell, unless another follows
    BROKEN = auto()  # something follows a closing quote


class RowSkipper:
    """Finds the end of a row block by block, without keeping the blocks.

    Follows csv.reader: a quote has a meaning only at the start of a cell. Text after a closing
    quote breaks the row, which then ends with the line.
    """

    def __init__(self, delimiter: bytes, *, quotes: bool = True) -> None:
        """Without `quotes` each line is a row."""
        self.break_bytes = 0  # of the line break that ended the row
        self._after_return = False  # a return ended the row, so a line feed may belong to it
        self._state = _State.CELL_START if quotes else _State.BROKEN
        self._delimiter = delimiter
        # All up to a line break, or to a quote that opens a cell which the block does not end.
        begins = b"(?<=" + re.escape(delimiter) + b")"
        whole = begins + QUOTED + b"(?=" + re.escape(delimiter) + b")"
        not_begins = begins.replace(b"?<=", b"?<!")
        self._plain = re.compile(rb"(?:[^\r\n\"]++|%b\"|%b)*+" % (not_begins, whole))

    @property
    def is_quoted(self) -> bool:
        """Whether the row continues within quotes."""
        return self._state is _State.QUOTED

    @property
    def is_broken(self) -> bool:
        """Whether something follows a closing quote."""
        return self._state is _State.BROKEN

    def find_end(self, block: bytes) -> int | None:
        """Return where in the block the row ends, after its line break; None if it continues."""
        at = 0
        while at < len(block) and not self.break_bytes:
            at = self._step(block, at)
        if not self.break_bytes or (self._after_return and at == len(block)):
            return None
        pair = self._after_return and block[at : at + 1] == b"\n"
        self.break_bytes += pair
        return at + pair

    def _step(self, block: bytes, at: int) -> int:
        """Go to the next byte that has a meaning; return the offset after it."""
        byte = block[at : at + 1]
        if byte in (b"\r", b"\n") and self._state is not _State.QUOTED:
            self.break_bytes = 1
            self._after_return = byte == b"\r"
            return at + 1
        if self._state is _State.QUOTED:
            return self._leave_quotes(block, at)
        if byte == b'"' and self._state in (_State.CELL_START, _State.CLOSING):
            self._state = _State.QUOTED
            return at + 1
        if self._state is _State.CLOSING and byte != self._delimiter:
            self._state = _State.BROKEN
        return self._pass_plain(block, at)

    def _leave_quotes(self, block: bytes, at: int) -> int:
        inside = block[at:].replace(b'""', b"xx")  # each is one quote of the cell
        quote = inside.find(b'"')
        if quote < 0:
            return len(block)
        self._state = _State.CLOSING
        return at + quote + 1

    def _pass_plain(self, block: bytes, at: int) -> int:
        passed = (_UP_TO_BREAK if self._state is _State.BROKEN else self._plain).match(block, at)
        end = passed.end() if passed else at
        if self._state is not _State.BROKEN:
            begins = block.endswith(self._delimiter, at, end)
            self._state = _State.CELL_START if begins else _State.PLAIN
        return end
