import gzip
import zlib

import pytest

from handlers.transform.files import is_utf8
from handlers.transform.formats.batch import BadFileError
from handlers.transform.formats.text import UTF8, NotUtf8Error, Text
from handlers.transform.records.encodings import utf8_problem
from tests.handlers.transform.transformed import batches_of, bodies, source, transformed

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
def test_encodings_are_detected_by_their_byte_order_mark(data, packed, sizes):
    data = gzip.compress(data) if packed else data
    assert bodies(batches_of(data, ".json", *sizes)) == WANTED


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".CSV.GZ"])
def test_gzip_is_detected_by_its_content(suffix, sizes):
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
@pytest.mark.parametrize("change", ["check", "body", "after"])
def test_gzip_that_is_damaged_fails_the_file(change, sizes):
    data = bytearray(gzip.compress(b'{"a":1}\n' * 10, mtime=0))
    if change == "after":
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


MENU = "dish;preis\nCafé crème;3,50 €\nSmørrebrød – „klein“;7\n"
WINDOWS = MENU.encode("cp1252")


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_must_be_utf8_and_is_not_is_refused_as_a_whole(packed, sizes):
    data = gzip.compress(WINDOWS) if packed else WINDOWS
    with pytest.raises(NotUtf8Error):
        batches_of(data, ".csv", *sizes, encoding=UTF8)
    assert not is_utf8(source(data, *sizes), ".csv")
    assert len(bodies(batches_of(data, ".csv", *sizes, encoding="cp1252"))) == 2


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (MENU.encode(), True), (b"", True), (b"a\n1\n", True),
        (b"\xef\xbb\xbfa\n\xe9\n", True),  # its byte order mark says UTF-8, so the row is bad
        (MENU.encode("utf-16"), True),
        (b"a\n" + "é".encode()[:1], False), (b"a\n\xed\xa0\x80\n", False),
    ],
)  # fmt: skip
def test_utf8_or_a_byte_order_mark_needs_no_other_encoding(data, whole, sizes):
    assert is_utf8(source(data, *sizes), ".csv") == whole
    if whole:
        wanted = transformed(data, ".csv", *sizes)
        assert transformed(data, ".csv", *sizes, encoding=UTF8) == wanted


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Smørrebrød – „klein“ 7 €"), ("iso8859-1", "Größe"), ("cp1251", "имя — Иван"),
        ("shift_jis", "表示ソ"), ("gb18030", "价格€𠀀"), ("big5", "許功蓋"), ("euc_kr", "가격"),
    ],
)  # fmt: skip
def test_encodings_of_all_alphabets_are_read(encoding, text, sizes):
    """In some, the second byte of a letter may be a backslash or a bracket."""
    data = f'[{{"a":"{text}"}},{{"{text}":1}}]'.encode(encoding)
    first, second = bodies(batches_of(data, ".json", *sizes, encoding=encoding))
    assert first.decode() == f'{{"a":"{text}"}}'
    assert second.decode().endswith('":1}')


@pytest.mark.parametrize("sizes", CHUNKS)
def test_a_byte_that_the_encoding_does_not_have_is_a_bad_record(sizes):
    data = b"a\n\xe9\n\x81\nx\x8d\n\xe8\n"
    outcome = transformed(data, ".csv", *sizes, encoding="cp1252")
    assert [record[1][0][1] for record in outcome.records] == [("str", "é"), ("str", "è")]
    assert outcome.rejects == [("line 3", "invalid UTF-8"), ("line 4", "invalid UTF-8")]
    cut = transformed(b'{"a":1}\n{"a":"\x82', ".ndjson", *sizes, encoding="gb18030")
    assert (len(cut.records), len(cut.rejects)) == (1, 1)


def test_text_in_another_encoding_is_readable_from_any_offset():
    text = Text(source(WINDOWS, 7), gzipped=False, encoding="cp1252")
    for offset in range(len(MENU.encode()) + 1):
        assert b"".join(text.blocks(offset)) == MENU.encode()[offset:]


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ("Größe; naïve – „café“ 5 €".encode("cp1252"), "maybe Windows-1252"),
        ("¿Qué año?".encode("latin-1"), "maybe Windows-1252"),
        ("имя и фамилия".encode("cp1251"), "maybe another encoding"),
        ("日本語".encode("shift_jis"), "maybe another encoding"),
        ("é".encode() + b"\xe9", "maybe another encoding"),  # partly UTF-8
        (b"a\x81", "maybe another encoding"),
        (b"\xed\xa0\x80", "maybe another encoding"),
    ],
)
def test_invalid_utf8_gets_a_guess_at_its_encoding(data, hint):
    assert utf8_problem(data).endswith(hint)
    assert utf8_problem(data).startswith("invalid UTF-8 at byte ")


def test_valid_utf8_has_no_problem():
    assert utf8_problem(MENU.encode()) == utf8_problem(b"") == ""
