"""Reads files as UTF-8 text, from gzip and other encodings. Pure, streaming."""

import codecs
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from handlers.transform.formats.batch import BLOCK_BYTES, BadFileError, Source

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW_BITS: Final = 16 + zlib.MAX_WBITS  # https://docs.python.org/3/library/zlib.html
# Decompressed, a slice of input may fill many blocks, and each block copies the rest of the slice.
# Short slices make short copies.
_COMPRESSED_BYTES: Final = 8 * 1024
_UTF16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
UTF8: Final = "utf-8"


class NotUtf8Error(Exception):
    """A file that must be UTF-8 is not; all of it may be in another encoding."""


def has_byte_order_mark(head: bytes) -> bool:
    """Return whether a file that begins with these bytes, gzip or not, has a byte order mark."""
    if head.startswith(_GZIP_MAGIC):
        with suppress(zlib.error):
            unpacker = zlib.decompressobj(_GZIP_WINDOW_BITS)
            head = unpacker.decompress(head, len(codecs.BOM_UTF8))
    return head.startswith((codecs.BOM_UTF8, *_UTF16))


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    """Keep bytes that cannot be decoded, so that they make their record a bad one."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return bad.decode("ascii", errors="surrogateescape"), error.end


codecs.register_error("s3-data-pipeline.keep-bytes", _keep_bytes)


class Text:
    """The decoded text of a file as UTF-8 bytes, without a byte order mark, from any offset.

    A plain UTF-8 file is opened at the offset. A compressed file, or one in another encoding, is
    read from its start, and the text before the offset is dropped.
    """

    def __init__(self, source: Source, *, gzipped: bool, encoding: str = "") -> None:
        """`gzipped` is whether the file's name ends in `.gz`; gzip content is decompressed anyway.

        `encoding` is that of a file without a byte order mark. If empty, the file is UTF-8, and
        invalid bytes make bad records; if `UTF8`, invalid bytes raise NotUtf8Error.
        """
        self._source = source
        self._gzipped = gzipped
        self._encoding = encoding

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the text from an offset on, in blocks of at most `BLOCK_BYTES`.

        `offset` counts bytes of the decoded text.

        Raises:
            BadFileError: gzip or UTF-16 is broken, or the name ends in `.gz` without gzip content.
            NotUtf8Error: `encoding` is `UTF8`, and the file is not.
        """
        raw = iter(self._source(0))
        head = _read_head(raw)
        if self._gzipped and head and not head.startswith(_GZIP_MAGIC):
            msg = "the name says gzip, the content is not"
            raise BadFileError(msg)
        if not offset or head.startswith((_GZIP_MAGIC, *_UTF16)):
            return _skipped(_sliced(self._decoded(_chained(head, raw)), BLOCK_BYTES), offset)
        if head.startswith(codecs.BOM_UTF8):
            return _sliced(self._source(offset + len(codecs.BOM_UTF8)), BLOCK_BYTES)
        if self._encoding in ("", UTF8):
            return _sliced(self._unmarked(iter(self._source(offset))), BLOCK_BYTES)
        return _skipped(_sliced(self._unmarked(_chained(head, raw)), BLOCK_BYTES), offset)

    def _decoded(self, raw: Iterator[bytes]) -> Iterator[bytes]:
        head = _read_head(raw)
        if head.startswith(_GZIP_MAGIC):
            raw = _gunzipped(_chained(head, raw))
            head = _read_head(raw)
        for mark, encoding in _UTF16.items():
            if head.startswith(mark):
                return _transcoded(_chained(head[len(mark) :], raw), encoding)
        if head.startswith(codecs.BOM_UTF8):
            return _chained(head.removeprefix(codecs.BOM_UTF8), raw)
        return self._unmarked(_chained(head, raw))

    def _unmarked(self, raw: Iterator[bytes]) -> Iterator[bytes]:
        if not self._encoding:
            return raw
        return _checked(raw) if self._encoding == UTF8 else _converted(raw, self._encoding)


def _read_head(raw: Iterator[bytes]) -> bytes:
    """Return the first blocks, joined: enough to hold any byte order mark."""
    head = b""
    while len(head) < len(codecs.BOM_UTF8) and (block := next(raw, None)) is not None:
        head += block
    return head


def _chained(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _gunzipped(raw: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress gzip members, one after another; zero bytes may pad the end of each."""
    unpacker = None
    for block in _sliced(raw, _COMPRESSED_BYTES):
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
    """Convert UTF-16 to UTF-8. A lone surrogate stays, and makes its record a bad one."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for block in raw:
        yield decoder.decode(block).encode(errors="surrogatepass")
    try:
        yield decoder.decode(b"", final=True).encode(errors="surrogatepass")
    except UnicodeDecodeError as error:
        msg = "broken UTF-16: it ends within a character"
        raise BadFileError(msg) from error


def _checked(raw: Iterable[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(UTF8)()
    try:
        for block in raw:
            decoder.decode(block)
            yield block
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise NotUtf8Error from error


def _converted(raw: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Convert to UTF-8. A byte that the encoding does not have stays, as invalid UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)("s3-data-pipeline.keep-bytes")
    for block in raw:
        yield decoder.decode(block).encode(errors="surrogateescape")
    yield decoder.decode(b"", final=True).encode(errors="surrogateescape")


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
