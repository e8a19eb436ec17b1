"""The index of a bundle: its entries as gzipped JSON lines, in the order of their keys. Pure."""

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import orjson

from handlers.bundles.entries import MAX_ENTRIES, BundleError, Entry

# User metadata of an index: the beginnings of its first and last key, so that a key is looked for
# only in an index that may hold it. Both fit into S3's 2 KB.
_FIRST: Final = "first-key"
_LAST: Final = "last-key"
_BEGINNING_BYTES: Final = 512
_GZIP: Final = 31
_LEVEL: Final = 6
# More than the longest line: a description of 64 KiB, and a place.
_MAX_LINE_BYTES: Final = 66_000
# What is unpacked at once: a damaged index may promise gigabytes.
_STEP_BYTES: Final = 256 * 1024


class IndexWriter:
    """Makes an index, entry by entry; only the compressed bytes are held.

    `first` and `last` are keys, "" before the first entry; `bundle_bytes` is how much of the bundle
    the entries take.
    """

    def __init__(self) -> None:
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._packed = bytearray()
        self.first = self.last = ""
        self.bundle_bytes = 0

    def add(self, entry: Entry) -> None:
        """Add the entry that follows in the order of the keys."""
        self.first, self.last = self.first or entry.key, entry.key
        self.bundle_bytes = entry.offset + entry.length
        self._packed += self._packer.compress(entry.to_json(placed=True) + b"\n")

    def finish(self) -> bytes:
        """Return the index; the same entries give the same bytes."""
        return bytes(self._packed + self._packer.flush())

    def metadata(self) -> dict[str, str]:
        """Return the user metadata of the index, for `may_hold`."""
        return {_FIRST: _encode(self.first), _LAST: _encode(self.last)}


def may_hold(metadata: Mapping[str, str], wanted: Iterable[str]) -> bool:
    """Return whether the index with this user metadata may name one of some keys."""
    first, last = _range(metadata)
    return any(first <= _beginning(key) <= last for key in wanted)


def may_hold_below(metadata: Mapping[str, str], beginning: str) -> bool:
    """Return whether the index with this user metadata may name a key that begins so."""
    first, last = _range(metadata)
    wanted = _beginning(beginning)
    return wanted <= last and (first <= wanted or first.startswith(wanted))


def find_all(blocks: Iterable[bytes], wanted: Collection[str]) -> list[Entry]:
    """Return the entries of some keys, in the order of their keys, in one pass.

    Raises BundleError where the index is not whole.
    """
    names = {orjson.dumps(key) for key in wanted}
    found = [line for line in _lines(blocks) if _name(line) in names]
    return [Entry.from_json(line, placed=True) for line in found]


def find_entries(blocks: Iterable[bytes], beginning: str) -> list[Entry]:
    """Return the entries whose keys begin so, in the order of their keys.

    All of them for "". Raises BundleError where the index is not whole.
    """
    named = b'{"key":' + orjson.dumps(beginning)[:-1]
    found = [line for line in _lines(blocks) if line.startswith(named)]
    return [Entry.from_json(line, placed=True) for line in found]


def _name(line: bytes) -> bytes:
    """Return the key of a line as JSON; a quotation mark within it has a backslash before it."""
    return line[len(b'{"key":') : line.find(b',"etag":')]


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest, count = b"", 0
    for text in _texts(blocks):
        *lines, rest = (rest + text).split(b"\n")
        count += len(lines)
        if count > MAX_ENTRIES or len(rest) > _MAX_LINE_BYTES:
            msg = f"the index has more than {MAX_ENTRIES} lines, or one that is too long"
            raise BundleError(msg)
        yield from lines
    if rest:
        msg = "the index is cut off"
        raise BundleError(msg)


def _texts(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what one gzip member holds, a step at a time; raises BundleError if it is not whole."""
    unpacker, is_followed = zlib.decompressobj(_GZIP), False
    try:
        for block in blocks:
            is_followed = unpacker.eof and bool(block)
            if is_followed:
                break
            text = unpacker.decompress(block, _STEP_BYTES)
            while text:
                yield text
                text = unpacker.decompress(unpacker.unconsumed_tail, _STEP_BYTES)
    except zlib.error as error:
        msg = f"the index is damaged: {error}"
        raise BundleError(msg) from error
    if is_followed or unpacker.unused_data or not unpacker.eof:
        msg = "the index is cut off, or something follows it"
        raise BundleError(msg)


def _range(metadata: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Return the beginnings of the first and the last key of an index, by its user metadata."""
    try:
        first, last = (urlsafe_b64decode(metadata[name]) for name in (_FIRST, _LAST))
    except (LookupError, ValueError):
        return b"", b"\xff"  # somebody else wrote it, and no key has such a byte: any may be there
    return first, last


def _encode(key: str) -> str:
    return urlsafe_b64encode(_beginning(key)).decode()


def _beginning(key: str) -> bytes:
    return key.encode()[:_BEGINNING_BYTES]
