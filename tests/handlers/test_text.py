import gzip
import zlib

import pytest

from handlers.formats import BadFileError
from handlers.formats.text import Text
from tests.handlers.transformed import batches_of, bodies, source, transformed

CHUNKS = ((), (1,), (3, 1), (64,))
LINES = '{"a":"é😀"}\n{"a":2}\n'
WANTED = ['{"a":"é😀"}'.encode(), b'{"a":2}']


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        LINES.encode(),
        b"\xef\xbb\xbf" + LINES.encode(),
        b"\xff\xfe" + LINES.encode("utf-16-le"),
        b"\xfe\xff" + LINES.encode("utf-16-be"),
    ],
)
def test_encodings_are_told_by_their_mark(data, packed, sizes):
    data = gzip.compress(data) if packed else data
    assert bodies(batches_of(data, ".json", *sizes)) == WANTED


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".CSV.GZ"])
def test_gzip_is_told_by_its_content(suffix, sizes):
    assert bodies(batches_of(gzip.compress(b"a\n1\n"), suffix, *sizes)) == [b'{"a":"1"}']


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize(
    "data", [b'{"a":1}', "\ufeff{}".encode("utf-16-le"), b"\x1f", b"PK\x03\x04"]
)
def test_a_name_that_says_gzip_must_be_right(data, sizes):
    with pytest.raises(BadFileError, match="the name says gzip, the content is not"):
        batches_of(data, ".json.gz", *sizes)


def test_an_empty_file_is_empty_whatever_its_name_says():
    assert transformed(b"", ".json.gz").records == []


@pytest.mark.parametrize("sizes", CHUNKS)
def test_members_of_gzip_follow_one_another_and_zeros_may_pad_them(sizes):
    data = (
        gzip.compress(b'{"a":1}\n{"a"')
        + b"\0" * 9
        + gzip.compress(b':2}\n{"a":3}')
        + gzip.compress(b"")
        + b"\0\0"
    )
    assert bodies(batches_of(data, ".json.gz", *sizes)) == [b'{"a":1}', b'{"a":2}', b'{"a":3}']


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("cut", [1, 8, 9, 15])
def test_gzip_that_ends_early_fails_the_file(cut, sizes):
    data = gzip.compress(b'{"a":1}\n' * 10)
    with pytest.raises(BadFileError, match="broken gzip: it ends early"):
        batches_of(data[:-cut], ".json.gz", *sizes)


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("change", ["check", "body", "behind"])
def test_gzip_that_is_damaged_fails_the_file(change, sizes):
    data = bytearray(gzip.compress(b'{"a":1}\n' * 10, mtime=0))
    if change == "behind":
        data += b"garbage"
    else:
        data[-8 if change == "check" else 12] ^= 0xFF
    with pytest.raises(BadFileError, match="broken gzip: "):
        batches_of(bytes(data), ".json.gz", *sizes)


@pytest.mark.parametrize("sizes", CHUNKS)
def test_utf16_that_ends_within_a_character_fails_the_file(sizes):
    with pytest.raises(BadFileError, match="broken UTF-16: it ends within a character"):
        batches_of("\ufeffa\n1\n".encode("utf-16-le")[:-1], ".csv", *sizes)


@pytest.mark.parametrize("sizes", CHUNKS)
def test_a_lone_surrogate_of_utf16_is_a_bad_record(sizes):
    data = '\ufeff{"a":"\ud800"}\n{"a":1}\n'.encode("utf-16-le", errors="surrogatepass")
    outcome = transformed(data, ".ndjson", *sizes)
    assert (len(outcome.records), outcome.rejects) == (1, [("line 1", "invalid UTF-8")])


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"\xff\xfe"])
@pytest.mark.parametrize("packed", [False, True])
def test_text_is_readable_from_any_offset(packed, mark, sizes):
    plain = LINES.encode("utf-16-le") if mark == b"\xff\xfe" else LINES.encode()
    data = gzip.compress(mark + plain) if packed else mark + plain
    text = Text(source(data, *sizes), gzipped=False)
    for offset in range(len(LINES.encode()) + 1):
        assert b"".join(text.blocks(offset)) == LINES.encode()[offset:]


def test_plain_text_is_opened_at_the_offset_itself():
    opened: list[int] = []

    def remembered(offset: int):
        opened.append(offset)
        return iter([b"\xef\xbb\xbfabcdef"[offset:]])

    assert b"".join(Text(remembered, gzipped=False).blocks(4)) == b"ef"
    assert opened == [0, 7]


def test_blocks_are_never_larger_than_64_kib_nor_empty():
    packed = zlib.compress(b"x" * 10_000_000, 9, wbits=31)
    for data in (b"x" * 1_000_000, packed):
        sizes = {len(block) for block in Text(source(data), gzipped=False).blocks()}
        assert max(sizes) <= 64 * 1024
        assert min(sizes) > 0
