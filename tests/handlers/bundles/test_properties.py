"""What is put into a bundle comes out of it again, whatever its name and content are."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.bundles.entries import (
    BundleError,
    Entry,
    UnbundledError,
    pack,
    read_bundle,
    unpack,
)
from handlers.bundles.indexes import (
    IndexWriter,
    find_all,
    find_entries,
    may_hold,
    may_hold_below,
)

DAY = "processed/2024/01/15/"
NOTHING: dict[str, Any] = {
    "etag": "",
    "modified": datetime(2024, 1, 15, tzinfo=UTC),
    "headers": {},
    "metadata": {},
    "tags": {},
}

# Control characters, other planes, quotes; some names differ only behind 900 bytes.
texts = st.text(st.characters(codec="utf-8"), max_size=20)
beginnings = st.sampled_from(["", "a", "é" * 450, "x" * 900, "\U0001f600" * 225])
names = st.builds("{}{}".format, beginnings, texts)
lines = st.lists(st.binary(max_size=60).map(lambda one: one.replace(b"\n", b" ") + b"\n"))
moments = st.datetimes(datetime(2006, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it
described = st.dictionaries(st.text("abc-", min_size=1, max_size=5), texts, max_size=3)


@st.composite
def outputs(draw: Any) -> tuple[str, bytes, dict[str, Any]]:
    """Return a key, a body, and what S3 says of it."""
    text = b"".join(draw(lines))
    form = draw(st.sampled_from(["plain", "gzip", "members"]))
    body = text
    if form == "gzip":
        body = gzip.compress(text, mtime=0)
    elif form == "members":
        body = b"".join(gzip.compress(line, mtime=0) for line in text.splitlines(keepends=True))
    key = f"{DAY}{draw(names)}.json{'' if form == 'plain' else '.gz'}"
    told = {
        "etag": draw(texts),
        "modified": draw(moments),
        "headers": draw(described),
        "metadata": draw(described),
        "tags": draw(described),
    }
    return key, body, told


bundles = st.lists(outputs(), max_size=6, unique_by=lambda one: one[0]).map(
    lambda some: sorted(some, key=lambda one: one[0])
)
sizes = st.integers(1, 400)


def bundle(given: list[tuple[str, bytes, dict[str, Any]]]) -> tuple[bytes, list[Entry]]:
    whole, found = b"", list[Entry]()
    for key, body, told in given:
        entry, data = pack(body, key=key, offset=len(whole), **told)
        whole += data
        found.append(entry)
    return whole, found


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    yield from (data[start : start + size] for start in range(0, len(data), size))


def indexed(found: list[Entry]) -> IndexWriter:
    index = IndexWriter()
    for entry in found:
        index.add(entry)
    return index


@settings(max_examples=40, deadline=None)
@given(bundles, sizes)
def test_all_comes_out_as_it_went_in(given, size):
    whole, entries = bundle(given)
    assert [(entry.key, body) for entry, body in read_bundle(blocks(whole, size))] == [
        (key, body) for key, body, _ in given
    ]
    assert [entry for entry, _ in read_bundle(blocks(whole, size))] == entries
    for entry, (key, body, told) in zip(entries, given, strict=True):
        piece = whole[entry.offset : entry.offset + entry.length]
        assert unpack(entry, piece) == body
        assert (entry.key, entry.size) == (key, len(body))
        assert {name: getattr(entry, name) for name in told} == told


@settings(max_examples=40, deadline=None)
@given(bundles)
def test_any_reader_of_gzip_reads_all_records(given):
    """As zcat does: `gzip` reads member behind member."""
    whole, _ = bundle(given)
    texts = [gzip.decompress(body) if key.endswith(".gz") else body for key, body, _ in given]
    assert (gzip.decompress(whole) if whole else b"") == b"".join(texts)


@settings(max_examples=40, deadline=None)
@given(bundles, bundles, sizes)
def test_an_index_names_all_of_its_bundle_and_nothing_else(given, others, size):
    whole, entries = bundle(given)
    index = indexed(entries)
    data = index.finish()
    assert find_entries(blocks(data, size), "") == entries
    held = {entry.key: entry for entry in entries}
    for key in [*held, *(key for key, _, _ in others)]:
        assert find_all(blocks(data, size), [key]) == [one for one in entries if one.key == key]
        if key in held:
            assert may_hold(index.metadata(), ["a", key, "z"])
    some = {entry.key for entry in entries[::2]} | {key for key, _, _ in others} - held.keys()
    assert find_all(blocks(data, size), some) == entries[::2]
    if entries:
        beside = ["processed/2024/01/14/z", "processed/2024/01/16/a"]
        assert not may_hold(index.metadata(), beside)
    assert whole or not entries


@settings(max_examples=40, deadline=None)
@given(bundles, sizes, st.data())
def test_keys_are_found_by_what_they_begin_with(given, size, data):
    _, entries = bundle(given)
    index = indexed(entries)
    key = data.draw(st.sampled_from([f"{DAY}a", "", *(entry.key for entry in entries)]))
    beginning = key[: data.draw(st.integers(0, len(key)))]
    wanted = [entry for entry in entries if entry.key.startswith(beginning)]
    assert find_entries(blocks(index.finish(), size), beginning) == wanted
    if wanted:
        assert may_hold_below(index.metadata(), beginning)
    if entries:
        assert may_hold_below(index.metadata(), DAY)
        assert not may_hold_below(index.metadata(), "processed/2024/01/14/")
        assert not may_hold_below(index.metadata(), "processed/2024/01/16/")


def test_the_metadata_of_an_index_fits_into_s3_for_the_longest_keys():
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html: 2 KB, ASCII."""
    key = DAY + "\U0001f600" * 250
    _, entries = bundle([(key, b"", NOTHING)])
    metadata = indexed(entries).metadata()
    assert sum(len(name) + len(text) for name, text in metadata.items()) < 2048
    assert all(text.isascii() for text in metadata.values())
    assert may_hold(metadata, [key])


@pytest.mark.parametrize(
    "metadata", [{}, {"first-key": "?", "last-key": "x"}, {"first-key": "YQ=="}]
)
def test_an_index_that_somebody_else_wrote_may_hold_anything(metadata):
    assert may_hold(metadata, ["a"])
    assert may_hold_below(metadata, "a")


@pytest.mark.parametrize(
    ("key", "body", "why"),
    [
        ("a.json", b'{"a":1}', "does not end with the end of a line"),
        ("a.json.gz", gzip.compress(b'{"a":1}'), "does not end with the end of a line"),
        ("a.json.gz", gzip.compress(b"1\n") + gzip.compress(b"2"), "the end of a line"),
        ("a.json.gz", b"1\n", "is no gzip"),
        ("a.json.gz", gzip.compress(b"1\n" * 999)[:-1], "is no whole gzip"),
        ("a.json.gz", gzip.compress(b"1\n") + b"\n", "is no"),
    ],
    ids=["open line", "open line in gzip", "two members", "no gzip", "cut off", "more behind it"],
)
def test_what_would_break_the_lines_of_the_whole_is_not_packed(key, body, why):
    with pytest.raises(UnbundledError, match=why):
        pack(body, key=key, offset=0, **NOTHING)


def test_a_description_beyond_an_extra_field_is_not_packed():
    told = NOTHING | {"metadata": {"a": "b" * 65_536}}
    with pytest.raises(UnbundledError, match="bytes of metadata"):
        pack(b"", key="a", offset=0, **told)


def test_an_entry_that_says_otherwise_than_its_index_is_refused():
    entry, data = pack(b"1\n", key=f"{DAY}a.json", offset=0, **NOTHING)
    with pytest.raises(BundleError, match="does not hold"):
        unpack(replace(entry, etag="another"), data)


def test_a_changed_description_is_refused_though_it_is_still_json():
    _, data = pack(b"1\n", key=f"{DAY}a.json", offset=0, **NOTHING)
    with pytest.raises(BundleError, match="is damaged"):
        list(read_bundle([data.replace(b"a.json", b"b.json")]))


def test_a_changed_byte_of_an_output_that_is_gzip_itself_is_refused():
    """Its time, say, which gzip's own checksum does not cover."""
    body = gzip.compress(b"1\n", mtime=7)
    _, data = pack(body, key=f"{DAY}a.json.gz", offset=0, **NOTHING)
    changed = data.replace(body, gzip.compress(b"1\n", mtime=8))
    assert changed != data
    with pytest.raises(BundleError, match="not the output"):
        list(read_bundle([changed]))
