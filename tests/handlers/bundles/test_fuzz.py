"""The reader of bundles: whatever damages one, it gives the exact output or a BundleError."""

import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import orjson
import pytest

from handlers.bundles.entries import (
    MAX_BUNDLE_BYTES,
    MAX_ENTRIES,
    BundleError,
    Entry,
    UnbundledError,
    pack,
    read_bundle,
    unpack,
)
from handlers.bundles.indexes import find_all, find_entries
from tests.handlers.bundles import fuzz
from tests.handlers.bundles.fuzz import DAY, MADE, index_of, whole, with_description

MIB = 1024**2


@pytest.mark.bombs
def test_a_hundred_thousand_damaged_bundles_and_indexes():
    ends = fuzz.fuzz(100_000)
    print(f"{ends.total()} damaged bundles and indexes, 0 wrong outputs: {dict(ends)}")
    assert ends.total() == 100_000
    # A reader that took nothing, or anything, would be no proof.
    assert all(ends[end] > 50 for end in ENDS)


ENDS = ("bundle read", "bundle refused", "index read", "index refused")


def test_some_damaged_bundles_and_indexes():
    ends = fuzz.fuzz(1_000, first_seed=10_000_000)
    assert set(ends) == set(ENDS)


def test_what_is_not_damaged_is_read_whole():
    for seed in range(20):
        one = whole(seed)
        read = [*read_bundle([one.data])]
        assert sorted(entry.key for entry, _ in read) == [entry.key for entry in one.entries]
        assert [body for _, body in read] == one.bodies
        assert find_entries([one.index], "") == one.entries


def test_the_fuzzer_sees_a_reader_that_checks_nothing(monkeypatch):
    monkeypatch.setattr("handlers.bundles.entries._body", lambda _, content: b"?" + content)
    with pytest.raises(AssertionError):
        fuzz.fuzz(200)


def test_the_fuzzer_sees_an_index_whose_end_is_not_checked(monkeypatch):
    def careless(blocks: Iterable[bytes]) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(31)
        with suppress(zlib.error):
            yield from (unpacker.decompress(block) for block in blocks)

    monkeypatch.setattr("handlers.bundles.indexes._texts", careless)
    with pytest.raises(AssertionError):
        fuzz.fuzz(2_000)


def test_the_fuzzer_lets_no_other_exception_pass(monkeypatch):
    def crash(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr("handlers.bundles.entries.Entry.from_json", crash)
    with pytest.raises(RecursionError):
        fuzz.fuzz(50)


def described(**changed: Any) -> bytes:
    """Return the description of an entry of an empty output, with fields changed or left out."""
    entry, _ = pack(
        b"",
        key=f"{DAY}a.json",
        etag='"e"',
        modified=MADE,
        headers={},
        metadata={"a": "b"},
        tags={},
        offset=0,
    )
    fields = orjson.loads(entry.to_json(placed=False)) | changed
    return orjson.dumps({name: value for name, value in fields.items() if value is not ...})


WRONG = [None, True, False, -1, 1.5, 2**64 - 1, "", "1", [], [1], {}, {"a": 1}, {"a": None}, ...]
FIELDS = ("key", "etag", "size", "modified", "crc32", "content", "headers", "metadata", "tags")


SHAPELESS = (
    b"", b"[]", b"1", b"null", b"{}", b"[" * 50_000, b"\xff", b'{"key":1}', b'"\\ud800"',
)  # fmt: skip


def reads(read: Callable[[], object]) -> bool:
    try:
        read()
    except BundleError:
        return False
    return True


def test_a_description_of_another_shape_is_refused_whatever_its_checksum():
    """A checksum keeps out accidents; what is behind it may still be anything."""
    assert reads(lambda: [*read_bundle([with_description(described())])])
    taken = [
        (field, value)
        for field in FIELDS
        for value in WRONG
        if reads(
            lambda field=field, value=value: [
                *read_bundle([with_description(described(**{field: value}))])
            ]
        )
    ]
    # Of another name, or without metadata and tags, an entry is one like any other.
    assert taken == [
        ("key", ""), ("key", "1"), ("etag", ""), ("etag", "1"), ("headers", {}),
        ("metadata", {}), ("tags", ...),
    ]  # fmt: skip
    for text in SHAPELESS:
        assert not reads(lambda text=text: [*read_bundle([with_description(text)])])
        line = b'{"key":"' + text + b"\n"
        assert not reads(lambda line=line: find_entries([index_of(line)], ""))


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(size: int, *, wbits: int = 31) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    piece = b"\n" * MIB
    return b"".join([*(packer.compress(piece) for _ in range(size // MIB)), packer.flush()])


def test_content_that_unpacks_to_more_than_it_says_takes_no_memory():
    content = bomb(32 * MIB)
    for size in (0, 5):
        text = described(size=size, content=len(content))
        damaged = with_description(text, content)
        assert (
            peak_bytes(lambda damaged=damaged: reads(lambda: [*read_bundle([damaged])])) < 4 * MIB
        )
        assert not reads(lambda damaged=damaged: [*read_bundle([damaged])])


@pytest.mark.parametrize("field", ["size", "content"])
def test_a_size_beyond_a_bundles_is_refused_before_anything_is_read(field):
    text = described(**{field: MAX_BUNDLE_BYTES + 1})
    taken: list[int] = []

    def blocks() -> Any:
        yield with_description(text)
        taken.append(1)
        yield b"x"

    assert not reads(lambda: [*read_bundle(blocks())])
    assert taken == []


@pytest.mark.parametrize(
    "read",
    [
        lambda it: find_all(it, ["a"]),
        lambda it: find_entries(it, ""),
    ],
)
def test_an_index_that_unpacks_to_gigabytes_takes_no_memory(read):
    endless_line = index_of(b"x" * (32 * MIB))
    many_lines = bomb(32 * MIB)
    for damaged in (endless_line, many_lines):
        assert peak_bytes(lambda damaged=damaged: reads(lambda: read([damaged]))) < 8 * MIB
        assert not reads(lambda damaged=damaged: read([damaged]))


def test_what_follows_an_index_is_refused_at_once():
    one = whole(1)
    taken: list[int] = []

    def blocks() -> Any:
        yield one.index
        while True:
            taken.append(1)
            yield b"x" * 10

    assert not reads(lambda: find_entries(blocks(), ""))
    assert len(taken) == 1


def test_an_index_holds_as_many_lines_as_a_bundle_has_entries():
    line = b'{"key":"a",' + b"}\n"
    assert find_all([index_of(line * MAX_ENTRIES)], "b") == []
    assert not reads(lambda: find_all([index_of(line * (MAX_ENTRIES + 1))], "b"))


def test_an_output_whose_gzip_holds_gigabytes_is_packed_in_little_memory():
    body = bomb(32 * MIB)

    def packed() -> tuple[Entry, bytes]:
        return pack(
            body,
            key=f"{DAY}a.json.gz",
            etag='"e"',
            modified=MADE,
            headers={},
            metadata={},
            tags={},
            offset=0,
        )

    assert peak_bytes(packed) < 6 * MIB
    entry, data = packed()
    assert unpack(entry, data) == body
    with pytest.raises(BundleError):
        unpack(replace(entry, etag='"f"'), data)


def test_what_is_larger_than_a_bundle_is_not_packed(monkeypatch):
    monkeypatch.setattr("handlers.bundles.entries.MAX_BUNDLE_BYTES", 100)
    text = random.Random(1).randbytes(90).hex().encode() + b"\n"
    told: dict[str, Any] = {"etag": "e", "modified": MADE, "headers": {}, "metadata": {}}
    with pytest.raises(UnbundledError, match="181 bytes"):
        pack(text, key=f"{DAY}a.json", offset=0, tags={}, **told)
