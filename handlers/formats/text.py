"""Files as text: gzip unpacked, UTF-16 made UTF-8, byte order marks gone. Pure, streaming."""

import codecs
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from handlers.formats.batch import BLOCK_BYTES, BadFileError, Source

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW_BITS: Final = 16 + zlib.MAX_WBITS  # https://docs.python.org/3/library/zlib.html
# What is unpacked fills many blocks, and each cuts its input off anew: short inputs, cheap cuts.
_PACKED_BYTES: Final = 8 * 1024
_UTF16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class Text:
    """The decoded text of a file, as UTF-8 bytes, readable from any of its offsets.

    A plain UTF-8 file is opened at the offset itself. What is compressed or in UTF-16 has no such
    place, so it is read from the start and skipped.
    """

    def __init__(self, source: Source, *, gzipped: bool) -> None:
        """`gzipped` says that the file's name promises gzip; its content decides either way."""
        self._source = source
        self._gzipped = gzipped

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the text from a decoded offset on, in blocks of at most `BLOCK_BYTES`.

        Raises BadFileError where gzip or UTF-16 is broken.
        """
        raw = iter(self._source(0))
        head = _read_head(raw)
        if self._gzipped and head and not head.startswith(_GZIP_MAGIC):
            msg = "the name says gzip, the content is not"
            raise BadFileError(msg)
        if offset and not head.startswith((_GZIP_MAGIC, *_UTF16)):
            mark = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
            return _sliced(self._source(offset + mark), BLOCK_BYTES)
        return _skipped(_sliced(_decoded(_chained(head, raw)), BLOCK_BYTES), offset)


def _read_head(raw: Iterator[bytes]) -> bytes:
    """Return the first blocks, joined, so that they hold any mark there is."""
    head = b""
    while len(head) < len(codecs.BOM_UTF8) and (block := next(raw, None)) is not None:
        head += block
    return head


def _chained(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _decoded(raw: Iterator[bytes]) -> Iterator[bytes]:
    head = _read_head(raw)
    if head.startswith(_GZIP_MAGIC):
        raw = _gunzipped(_chained(head, raw))
        head = _read_head(raw)
    for mark, encoding in _UTF16.items():
        if head.startswith(mark):
            return _transcoded(_chained(head[len(mark) :], raw), encoding)
    return _chained(head.removeprefix(codecs.BOM_UTF8), raw)


def _gunzipped(raw: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack members one behind another, as gzip does; zero bytes may pad the end of each."""
    unpacker = None
    for block in _sliced(raw, _PACKED_BYTES):
        rest = block
        while unpacker or (rest := rest.lstrip(b"\0")):
            unpacker = unpacker or zlib.decompressobj(_GZIP_WINDOW_BITS)
            try:
                text = unpacker.decompress(rest, BLOCK_BYTES)
            except zlib.error as error:
                msg = f"broken gzip: {error}"
                raise BadFileError(msg) from error
            if text:
                yield text
            rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            if unpacker.eof:
                unpacker = None
            elif not text and not rest:
                break
    if unpacker:
        msg = "broken gzip: it ends early"
        raise BadFileError(msg)


def _transcoded(raw: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Make UTF-8 of UTF-16; a lone surrogate stays one, so that its record is the bad one."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for block in raw:
        yield decoder.decode(block).encode(errors="surrogatepass")
    try:
        yield decoder.decode(b"", final=True).encode(errors="surrogatepass")
    except UnicodeDecodeError as error:
        msg = "broken UTF-16: it ends within a character"
        raise BadFileError(msg) from error


def _sliced(raw: Iterable[bytes], size: int) -> Iterator[bytes]:
    for block in raw:
        if 0 < len(block) <= size:
            yield block
            continue
        for start in range(0, len(block), size):
            yield block[start : start + size]


def _skipped(blocks: Iterator[bytes], offset: int) -> Iterator[bytes]:
    for block in blocks:
        if offset < len(block):
            yield block[offset:]
            offset = 0
        else:
            offset -= len(block)
