"""The part of a text that is held in memory. Pure."""

from collections.abc import Iterator
from typing import Final

BLANK: Final = b" \t\r\n"  # white space between the values of JSON


class Window:
    """The bytes of a text from some offset on. Bytes that have been read are dropped."""

    def __init__(self, blocks: Iterator[bytes], offset: int) -> None:
        """`blocks` is the text from `offset` on."""
        self.text = b""
        self.offset = offset  # of the first byte of `text`
        self.ended = False  # nothing follows `text`
        self._blocks = blocks

    def grow(self, wanted: int) -> None:
        """Hold at least `wanted` bytes, or all that are left."""
        parts, held = [self.text], len(self.text)
        while held < wanted and not self.ended:
            block = next(self._blocks, None)
            if block is None:
                self.ended = True
            else:
                parts.append(block)
                held += len(block)
        self.text = b"".join(parts)

    def grow_until(self, limit: int) -> None:
        """Hold twice as many bytes, up to `limit`, but at least one more."""
        held = len(self.text)
        self.grow(max(held + 1, min(2 * held, limit)))

    def drop(self, count: int) -> bytes:
        """Drop `count` bytes and return them."""
        dropped, self.text = self.text[:count], self.text[count:]
        self.offset += len(dropped)
        return dropped

    def drop_to(self, offset: int) -> None:
        """Drop all bytes before an offset of the text."""
        while self.offset < offset and not self.ended:
            self.drop(offset - self.offset)
            self.grow(1)

    def skip(self, blank: bytes) -> Iterator[bytes]:
        """Drop leading bytes that are in `blank`, up to another byte or the end; yield them."""
        while True:
            yield self.drop(len(self.text) - len(self.text.lstrip(blank)))
            if self.text or self.ended:
                return
            self.grow(1)
