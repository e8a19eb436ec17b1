"""Reads the regular rows at the start of a window, block by block. Pure."""

from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

from handlers.transform.delimited.block_encoder import RowBlock, RowBlockEncoder
from handlers.transform.delimited.lines import Lines, RowLines
from handlers.transform.formats.batch import BLOCK_BYTES
from handlers.transform.formats.window import Window
from handlers.transform.records.encoder import MAX_RECORD_BYTES, RecordEncoder

if TYPE_CHECKING:
    from handlers.transform.records.dataset_encoder import DatasetEncoder

_MOST_BLOCKS: Final = 4  # for one long row; its cells take many times its length
_LEAST: Final = 32  # as a fraction of a block: an odd part this small is read row by row


class RegularRows:
    """Reads regular rows from a window, as many at once as possible."""

    def __init__(self, names: list[str], delimiter: bytes, encoder: RecordEncoder) -> None:
        """`names` are distinct, but "" for a column that is dropped."""
        self.odd_bytes = 1  # to read row by row before the next try
        self._names, self._delimiter, self._records = names, delimiter, encoder
        self._most, self._least = BLOCK_BYTES, max(BLOCK_BYTES // _LEAST, 1)

    @cached_property
    def _encoder(self) -> RowBlockEncoder:
        """Made when needed: in a file of long rows it never is."""
        return RowBlockEncoder(len(self._names), self._delimiter, self._lines())

    def _lines(self) -> Lines:
        rules = self._records.rules
        if not rules:
            return RowLines(self._names, self._records.tail)
        from handlers.transform.delimited.declared_lines import DeclaredLines  # noqa: PLC0415 - no other file needs it

        return DeclaredLines(self._names, cast("DatasetEncoder", self._records), rules)

    def read(self, window: Window) -> RowBlock | None:
        """Return the rows at the start of the window, where a row begins; None if one is odd.

        An odd part is halved and tried again, so that one odd row excludes few regular ones. The
        more parts are odd, the more bytes are read row by row before the next try.
        """
        if len(self._names) > _limit() or not any(self._names):  # no row is short enough
            return None
        tried = _limit() + 2  # longer than any part, with the line break that a last row gets
        while (part := self._part(window)) and len(part) < tried:
            if rows := self._encoder.encode(part):
                self._most = min(2 * self._most, BLOCK_BYTES)
                self.odd_bytes = max(3 * self.odd_bytes // 4, 1)
                return rows
            if not self._least < len(part) <= self._most:
                break
            tried = len(part)
            self._most = max(min(self._most, tried) // 2, self._least)
        self.odd_bytes = min(max(2 * self.odd_bytes, self._least), BLOCK_BYTES)
        return None

    def _part(self, window: Window) -> bytes:
        """Return whole lines of at most `most` bytes, or one longer line; empty if none ends."""
        text, limit = window.text, _limit()
        most = min(self._most, limit)
        if window.ended and len(text) <= most and not text.endswith(b"\n"):
            return text + b"\n"
        end = text.rfind(b"\n", 0, most) + 1
        return text[: end or text.find(b"\n", 0, limit) + 1]


def _limit() -> int:
    return min(_MOST_BLOCKS * BLOCK_BYTES, MAX_RECORD_BYTES)
