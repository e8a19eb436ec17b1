"""The part of a text that is held in memory. Pure."""

from collections.abc import Iterator


class Window:
    """A text's bytes from some offset on; what has been read of it is dropped at the front."""

    def __init__(self, blocks: Iterator[bytes], offset: int) -> None:
        """`blocks` is the text from `offset` on."""
        self.text = b""
        self.offset = offset  # of what `text` begins with
        self.ended = False  # nothing follows `text`
        self._blocks = blocks

    def grow(self, wanted: int) -> None:
        """Hold at least so many bytes, or all there are."""
        pieces, held = [self.text], len(self.text)
        while held < wanted and not self.ended:
            block = next(self._blocks, None)
            if block is None:
                self.ended = True
            else:
                pieces.append(block)
                held += len(block)
        self.text = b"".join(pieces)

    def grow_until(self, limit: int) -> None:
        """Hold twice as much, or `limit` bytes if that is less; at least one byte more."""
        held = len(self.text)
        self.grow(max(held + 1, min(2 * held, limit)))

    def drop(self, count: int) -> bytes:
        """Drop so many bytes and return them."""
        dropped, self.text = self.text[:count], self.text[count:]
        self.offset += len(dropped)
        return dropped

    def drop_to(self, offset: int) -> None:
        """Drop all that stands before an offset of the text."""
        while self.offset < offset and not self.ended:
            self.drop(offset - self.offset)
            self.grow(1)

    def skip(self, blank: bytes) -> Iterator[bytes]:
        """Drop such bytes until something else or the end is there; yield what is dropped."""
        while True:
            yield self.drop(len(self.text) - len(self.text.lstrip(blank)))
            if self.text or self.ended:
                return
            self.grow(1)
