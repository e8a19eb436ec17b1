"""Damage bundles and their indexes: what is read is exact, or a BundleError (make bombs)."""

import gzip
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, TypeVar

from handlers.bundles import entries, indexes
from handlers.bundles.entries import BundleError, Entry, pack, read_bundle, unpack
from handlers.bundles.indexes import IndexWriter, find_all, find_entries

Result = TypeVar("Result")

DAY: Final = "processed/2024/01/15/"
MADE: Final = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
_BUNDLES: Final = 40
_LETTERS: Final = 'ab/é\u2028\U0001f600\x01\t"\\~- '


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A bundle as it was written: its bytes, its index, its entries and their outputs."""

    data: bytes
    index: bytes
    entries: list[Entry]
    bodies: list[bytes]


@cache
def whole(seed: int) -> Whole:
    """Return a bundle, the same for the same seed."""
    chance = random.Random(seed)
    names = {_text(chance) for _ in range(chance.randint(1, 6))}
    data, index, found, bodies = b"", IndexWriter(), list[Entry](), list[bytes]()
    for name in sorted(names):
        zipped = chance.random() < 0.4
        text = b"".join(b'{"n":%d}\n' % chance.getrandbits(30) for _ in range(chance.randrange(8)))
        body = gzip.compress(text, mtime=0) if zipped else text
        entry, packed = pack(
            body,
            key=f"{DAY}{name}.json{'.gz' if zipped else ''}",
            etag=f'"{chance.getrandbits(128):032x}"',
            modified=MADE + timedelta(seconds=chance.randrange(10**6)),
            headers={"ContentType": "application/x-ndjson"},
            metadata={"source-version": _text(chance), "records-out": "1"},
            tags={"team": _text(chance)} if chance.random() < 0.3 else {},
            offset=len(data),
        )
        data += packed
        found.append(entry)
        bodies.append(body)
    found.sort(key=lambda one: one.key)
    for entry in found:
        index.add(entry)
    return Whole(data=data, index=index.finish(), entries=found, bodies=bodies)


def fuzz(count: int, *, first_seed: int = 0) -> Counter[str]:
    """Check damaged bundles and indexes, and return how many ended how."""
    return Counter(check(seed) for seed in range(first_seed, first_seed + count))


def check(seed: int) -> str:
    """Read a damaged bundle, or a damaged index, in every way that they are read.

    Raises AssertionError for an output or entry that none of the originals has, and whatever a
    reader raises that is no BundleError.
    """
    chance = random.Random(seed)
    first, second = (whole(chance.randrange(_BUNDLES)) for _ in range(2))
    if chance.random() < 0.5:
        return _check_bundle(chance, first, second)
    return _check_index(chance, first, second)


def _check_bundle(chance: random.Random, first: Whole, second: Whole) -> str:
    damaged = damage(chance, first.data, second.data)
    known = [*_outputs(first), *_outputs(second)]
    for entry in first.entries:
        piece = damaged[entry.offset : entry.offset + entry.length]
        body = _or_error(lambda piece=piece, entry=entry: unpack(entry, piece))
        assert body is None or (entry_without_place(entry), body) in known
    read: list[tuple[Entry, bytes]] = []
    ended = _or_error(lambda: read.extend(read_bundle(_blocks(chance, damaged))) or "bundle read")
    for entry, body in read:
        assert (entry_without_place(entry), body) in known
    return ended or "bundle refused"


def _check_index(chance: random.Random, first: Whole, second: Whole) -> str:
    damaged = damage(chance, first.index, second.index)
    known = [*first.entries, *second.entries]
    read = _or_error(lambda: find_entries(_blocks(chance, damaged), ""))
    below = _or_error(lambda: find_entries(_blocks(chance, damaged), DAY))
    wanted = chance.choice(known)
    one = _or_error(lambda: find_all(_blocks(chance, damaged), [wanted.key]))
    assert read is None or read in (first.entries, second.entries)
    assert below is None or below in (first.entries, second.entries)
    assert not one or ([entry.key for entry in one] == [wanted.key] and one[0] in known)
    return "index refused" if read is None else "index read"


def damage(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Return bytes with one to three damages: some come from other such bytes."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        data = chance.choice(_DAMAGES)(chance, data, other)
    return data


def entry_without_place(entry: Entry) -> Entry:
    """Return an entry without its place, which a splice changes."""
    return replace(entry, offset=0, length=0)


def _outputs(one: Whole) -> Iterator[tuple[Entry, bytes]]:
    by_key = {entry.key: entry for entry in one.entries}
    ordered = sorted(by_key.values(), key=lambda entry: entry.offset)
    for entry, body in zip(ordered, one.bodies, strict=True):
        yield entry_without_place(entry), body


def _or_error(read: Callable[[], Result]) -> Result | None:
    try:
        return read()
    except BundleError:
        return None


def _blocks(chance: random.Random, data: bytes) -> Iterator[bytes]:
    size = chance.choice((1, 7, 64, 1 << 16))
    yield from (data[start : start + size] for start in range(0, len(data), size))


def _text(chance: random.Random) -> str:
    return "".join(chance.choices(_LETTERS, k=chance.randint(1, 12)))


def _flip(chance: random.Random, data: bytes, _: bytes) -> bytes:
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def _cut(chance: random.Random, data: bytes, _: bytes) -> bytes:
    start, end = sorted(chance.randint(0, len(data)) for _ in range(2))
    return chance.choice((data[:start], data[end:], data[:start] + data[end:]))


def _insert(chance: random.Random, data: bytes, _: bytes) -> bytes:
    place = chance.randint(0, len(data))
    return data[:place] + chance.randbytes(chance.randint(1, 20)) + data[place:]


def _duplicate(chance: random.Random, data: bytes, _: bytes) -> bytes:
    start, end = sorted(chance.randint(0, len(data)) for _ in range(2))
    return data[:end] + data[start:end] + data[end:]


def _swap(chance: random.Random, data: bytes, _: bytes) -> bytes:
    a, b, c = sorted(chance.randint(0, len(data)) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _splice(chance: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


def _splice_entries(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Take members of the one and of the other, whole: what a wrong copy of ranges would do."""
    begin = b"\x1f\x8b\x08\x04"
    places = [place for place in range(len(other)) if other.startswith(begin, place)]
    start = chance.choice([0, *places])
    ends = [place for place in range(len(data)) if data.startswith(begin, place)]
    return data[: chance.choice([*ends, len(data)])] + other[start:]


def _number(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Set four bytes to a large or small number, as a field of sizes."""
    if len(data) < 4:
        return data
    place = chance.randrange(len(data) - 3)
    number = chance.choice((0, 1, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
    return data[:place] + number.to_bytes(4, "little") + data[place + 4 :]


_DAMAGES: Final = (
    _flip, _cut, _insert, _duplicate, _swap, _splice, _splice_entries, _number,
)  # fmt: skip


def with_description(text: bytes, content: bytes = b"") -> bytes:
    """Return an entry whose description is any text, with the checksum that belongs to it."""
    return entries._carrier(text) + content


def index_of(text: bytes) -> bytes:
    """Return an index that says anything, whole for gzip."""
    packer = zlib.compressobj(6, zlib.DEFLATED, indexes._GZIP)
    return packer.compress(text) + packer.flush()
