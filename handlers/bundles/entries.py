"""The entries of a bundle: outputs behind one another, each with all that S3 says of it. Pure.

An entry is an empty gzip member, whose extra field describes the output, and behind it the output's
content as gzip: its own bytes if it is gzip already. So whatever reads gzip reads the records of
all outputs (RFC 1952, 2.2 and 2.3.1.1), and a bundle alone tells what is in it.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Self

import orjson

from handlers import keys

# A bundle is read back in minutes, and its index is a matter of megabytes.
MAX_BUNDLE_BYTES: Final = 256 * 1024**2
MAX_ENTRIES: Final = 100_000

# Deflate, with an extra field, of no known time, by an unknown system.
_HEADER: Final = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff"
_SUBFIELD: Final = b"s3"
# An empty deflate stream, the CRC-32 of nothing, and its size.
_NOTHING: Final = b"\x03\0" + bytes(8)
_EXTRA: Final = struct.Struct("<H2sHI")  # sizes of field and subfield, CRC-32 of the description
_MAX_DESCRIPTION_BYTES: Final = 65_535 - _EXTRA.size + 2
_GZIP: Final = 31  # window bits that stand for gzip, in zlib.decompressobj
_LEVEL: Final = 6
# What is unpacked at once: a megabyte of gzip may hold a gigabyte of text.
_STEP_BYTES: Final = 1024**2


class BundleError(ValueError):
    """A bundle or its index is not what the archiver wrote."""


class UnbundledError(ValueError):
    """An object that a bundle cannot hold: its lines would not be lines of the whole."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One output in a bundle; `size`, `offset` and `length` are in bytes.

    `key` is the key in `processed/`, `crc32` the checksum of the output, `content` the number of
    bytes behind the entry's own gzip member. `offset` and `length` are the entry's place.
    """

    key: str
    etag: str
    size: int
    modified: datetime
    crc32: int
    content: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    offset: int = 0
    length: int = 0

    @property
    def is_gzip(self) -> bool:
        """Whether the output is gzip itself, and so in the bundle as it is."""
        return self.key.endswith(keys.GZIP_SUFFIX)

    def to_json(self, *, placed: bool) -> bytes:
        """Return the entry as JSON; its place only if `placed`."""
        described: dict[str, Any] = {
            "key": self.key,
            "etag": self.etag,
            "size": self.size,
            "modified": self.modified.isoformat().replace("+00:00", "Z"),
            "crc32": self.crc32,
            "content": self.content,
            "headers": dict(self.headers),
            "metadata": dict(self.metadata),
        }
        if self.tags:
            described["tags"] = dict(self.tags)
        if placed:
            described |= {"offset": self.offset, "length": self.length}
        return orjson.dumps(described)

    def is_sound(self) -> bool:
        """Return whether every field is of its type and within its limits."""
        texts = (self.key, self.etag, *_texts(self.headers, self.metadata, self.tags))
        numbers = (self.size, self.crc32, self.content, self.offset, self.length)
        return (
            all(type(one) is str for one in texts)
            and all(type(one) is int and one >= 0 for one in numbers)
            and max(self.size, self.content) <= MAX_BUNDLE_BYTES
        )

    @classmethod
    def from_json(cls, text: bytes, *, placed: bool) -> Self:
        """Return the entry that `to_json` wrote; raises BundleError for anything else."""
        try:
            given = orjson.loads(text)
            entry = cls(**given | {"modified": datetime.fromisoformat(given["modified"])})
            is_whole = entry.is_sound() and entry.to_json(placed=placed) == text
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            msg = f"the description of an entry cannot be read: {error}"
            raise BundleError(msg) from error
        if not is_whole or entry.modified.tzinfo != UTC:
            msg = f"the description of the entry {entry.key!r} is not whole"
            raise BundleError(msg)
        return entry


def pack(
    body: bytes,
    *,
    key: str,
    etag: str,
    modified: datetime,
    headers: Mapping[str, str],
    metadata: Mapping[str, str],
    tags: Mapping[str, str],
    offset: int,
) -> tuple[Entry, bytes]:
    """Return the entry of an output that begins at an offset of a bundle, and its bytes.

    Raises UnbundledError where it is no gzip though its key says so, does not end a line, is larger
    than a bundle may be, or has a description beyond the 64 KiB of an extra field.
    """
    is_gzip = key.endswith(keys.GZIP_SUFFIX)
    ending = _gzip_ending(body, key) if is_gzip else body[-1:]
    if ending not in (b"", b"\n"):
        msg = f"{key!r} does not end with the end of a line"
        raise UnbundledError(msg)
    content = body if is_gzip else _gzip(body)
    if max(len(body), len(content)) > MAX_BUNDLE_BYTES:
        msg = f"{key!r} has {len(body)} bytes, allowed: {MAX_BUNDLE_BYTES} with its compression"
        raise UnbundledError(msg)
    entry = Entry(
        key=key,
        etag=etag,
        size=len(body),
        modified=modified,
        crc32=zlib.crc32(body),
        content=len(content),
        headers=headers,
        metadata=metadata,
        tags=tags,
    )
    description = entry.to_json(placed=False)
    if len(description) > _MAX_DESCRIPTION_BYTES:
        msg = f"{key!r} has {len(description)} bytes of metadata and tags"
        raise UnbundledError(msg)
    whole = _carrier(description) + content
    return _placed(entry, offset, len(whole)), whole


def unpack(entry: Entry, data: bytes) -> bytes:
    """Return the output that an entry's bytes hold, `entry.length` of them from `entry.offset` on.

    Raises BundleError where they are not exactly those of the entry.
    """
    found = next(read_bundle([data], start=entry.offset), None)
    if found is None or found[0] != entry:
        msg = f"the bundle does not hold {entry.key!r} at byte {entry.offset}"
        raise BundleError(msg)
    return found[1]


def read_bundle(blocks: Iterable[bytes], *, start: int = 0) -> Iterator[tuple[Entry, bytes]]:
    """Yield each entry of a bundle and its output, from the bytes from `start` on.

    Raises BundleError at the first byte that is not as the archiver wrote it.
    """
    source = _Source(blocks)
    offset = start
    while header := source.take(len(_HEADER), end_allowed=True):
        field_bytes, name, size, crc = _EXTRA.unpack(source.take(_EXTRA.size))
        if header != _HEADER or name != _SUBFIELD or field_bytes != size + 4:
            msg = f"byte {offset} of the bundle begins no entry"
            raise BundleError(msg)
        description = source.take(max(size - 4, 0))
        if zlib.crc32(description) != crc or source.take(len(_NOTHING)) != _NOTHING:
            msg = f"the entry at byte {offset} of the bundle is damaged"
            raise BundleError(msg)
        entry = Entry.from_json(description, placed=False)
        content = source.take(entry.content)
        length = len(_carrier(description)) + len(content)
        yield _placed(entry, offset, length), _body(entry, content)
        offset += length


def _body(entry: Entry, content: bytes) -> bytes:
    body = content
    if content and not entry.is_gzip:
        try:
            body = _inflate(content, entry.size)
        except (zlib.error, ValueError) as error:
            msg = f"the content of {entry.key!r} is damaged: {error}"
            raise BundleError(msg) from error
    if (len(body), zlib.crc32(body)) != (entry.size, entry.crc32):
        msg = f"the content of {entry.key!r} is not the output that was bundled"
        raise BundleError(msg)
    return body


def _texts(*some: Mapping[str, str]) -> Iterator[str]:
    for one in some:
        for name, text in one.items():
            yield name
            yield text


def _placed(entry: Entry, offset: int, length: int) -> Entry:
    return replace(entry, offset=offset, length=length)


def _carrier(description: bytes) -> bytes:
    size = len(description) + 4
    extra = _EXTRA.pack(size + 4, _SUBFIELD, size, zlib.crc32(description))
    return _HEADER + extra + description + _NOTHING


def _gzip(body: bytes) -> bytes:
    """Return a text as one gzip member, the same at any time; nothing for nothing."""
    if not body:
        return b""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


def _gzip_ending(body: bytes, key: str) -> bytes:
    """Return the last byte of the text that a gzip holds, nothing of none; never all of it."""
    ending, rest = b"", body
    while rest:
        member = zlib.decompressobj(_GZIP)
        try:
            while not member.eof and (text := member.decompress(rest, _STEP_BYTES)):
                ending, rest = text[-1:], member.unconsumed_tail
        except zlib.error as error:
            msg = f"{key!r} is no gzip: {error}"
            raise UnbundledError(msg) from error
        if not member.eof:
            msg = f"{key!r} is no whole gzip"
            raise UnbundledError(msg)
        rest = member.unused_data
    return ending


def _inflate(content: bytes, size: int) -> bytes:
    """Return the text of one gzip member; one byte more than `size` at most."""
    member = zlib.decompressobj(_GZIP)
    body = member.decompress(content, size + 1)
    if not member.eof or member.unused_data:
        msg = "it is not one whole gzip member"
        raise ValueError(msg)
    return body


class _Source:
    """Bytes that are taken off the blocks of a stream."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._held = bytearray()

    def take(self, size: int, *, end_allowed: bool = False) -> bytes:
        """Return so many bytes; none at the end, if that is allowed, else raise BundleError."""
        while len(self._held) < size:
            block = next(self._blocks, None)
            if block is None:
                if end_allowed and not self._held:
                    return b""
                msg = "the bundle is cut off"
                raise BundleError(msg)
            self._held += block
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken
