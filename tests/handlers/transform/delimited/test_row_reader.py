import csv
import gzip
import time
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO

import orjson
import pytest

from handlers.transform.delimited.rows import LineCounter, RowSkipper
from handlers.transform.files import transform
from handlers.transform.formats.batch import BadFileError
from handlers.transform.records.encoder import RecordEncoder
from tests.handlers.transform.fuzz import check_resuming
from tests.handlers.transform.transformed import TAIL, batches_of, bodies, limits, transformed

CHUNKS = ((), (1,), (5, 2), (64,))
NUL = "a NUL in the header: this is UTF-16 without a byte order mark, or no text at all"
WITHIN = "broken quotes: the line ends within them"


def rejects_of(data: bytes, suffix: str = ".csv", *sizes: int) -> list[tuple[str, str]]:
    return [(r.place, r.reason) for b in batches_of(data, suffix, *sizes) for r in b.rejects]


@pytest.mark.parametrize("sizes", CHUNKS)
def test_cells_stay_strings_and_empty_ones_are_removed(sizes):
    data = b'User Name,age,ok,note\nJohn,007,true,\n" ",1.50,null,""\n,,,\n'
    batches = batches_of(data, ".csv", *sizes)
    assert bodies(batches) == [
        b'{"user_name":"John","age":"007","ok":"true"}',
        b'{"user_name":" ","age":"1.50","ok":"null"}',
    ]
    assert sum(b.empty for b in batches) == 1


@pytest.mark.parametrize("sizes", CHUNKS)
def test_ragged_rows_are_rejected_and_the_rest_is_read(sizes):
    data = b"a,b\n1,2\n3\n4,5,6\n7,8\n"
    assert bodies(batches_of(data, ".csv", *sizes)) == [b'{"a":"1","b":"2"}', b'{"a":"7","b":"8"}']
    assert rejects_of(data, ".csv", *sizes) == [
        ("line 3", "1 cells, the header has 2"),
        ("line 4", "3 cells, the header has 2"),
    ]


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_line_break_ends_a_row_outside_quotes(end, sizes):
    data = end.join([b"a,b", b'1,"x', b'y"', b"", b"2,z", b'"', b'",""', b"3"])
    assert bodies(batches_of(data, ".csv", *sizes)) == [
        b'{"a":"1","b":"x%by"}' % end.replace(b"\r", b"\\r").replace(b"\n", b"\\n"),
        b'{"a":"2","b":"z"}',
        b'{"a":"%b"}' % end.replace(b"\r", b"\\r").replace(b"\n", b"\\n"),
    ]
    assert rejects_of(data, ".csv", *sizes) == [("line 8", "1 cells, the header has 2")]


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize(
    ("header", "suffix", "names"),
    [
        (b"a,b;c,d", ".csv", [b"a", b"b_c", b"d"]),
        (b"a;b,c;d", ".csv", [b"a", b"b_c", b"d"]),
        (b"a\tb c\td", ".csv", [b"a", b"b_c", b"d"]),
        (b"a|b,c|d", ".csv", [b"a", b"b_c", b"d"]),
        (b"a;b,c", ".csv", [b"a_b", b"c"]),  # of equally frequent ones, the comma
        (b'"x;y;z",b', ".csv", [b"x_y_z", b"b"]),  # within quotes none counts
        (b'"x\ny";b', ".csv", [b"x_y", b"b"]),
        (b'size 5";b', ".csv", [b"size_5", b"b"]),  # a quote inside a cell opens nothing
        (b'"a ""b""",c', ".csv", [b"a_b", b"c"]),
        (b"a,b\tc", ".tsv", [b"a_b", b"c"]),
        (b'a,"b\tc', ".tsv", [b"a_b", b"c"]),
        (b"only", ".csv", [b"only"]),
        (b"a,,b,", ".csv", [b"a", b"field", b"b", b"field_2"]),
        (b"a,A,a_2", ".csv", [b"a", b"a_3", b"a_2"]),
    ],
)
def test_the_header_gives_delimiter_and_names(header, suffix, names, sizes):
    delimiter = (
        b"\t"
        if suffix == ".tsv"
        else next(d for d in (b",", b";", b"\t", b"|") if _splits(header, d, len(names)))
    )
    data = b"\n\r\n" + header + b"\n" + delimiter.join(b"1" for _ in names) + b"\n"
    assert bodies(batches_of(data, suffix, *sizes)) == [
        b"{" + b",".join(b'"%b":"1"' % name for name in names) + b"}"
    ]


def _splits(header: bytes, delimiter: bytes, columns: int) -> bool:
    quoted, parts = False, 1
    for at in range(len(header)):
        if header[at : at + 1] == b'"' and (quoted or at == 0):
            quoted = not quoted
        parts += not quoted and header[at : at + 1] == delimiter
    return parts == columns


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize(
    ("data", "place", "reason"),
    [
        (b'a,b\n1,"x\n2,3\n', "line 2", "a quote that is opened in this row never closes"),
        (b'a,b\n1,2\n"', "line 3", "a quote that is opened in this row never closes"),
        (b'\na,"b\n1,2\n', "line 2", "a quote that is opened in the header never closes"),
        (b'a,"b"x\n1,2\n', "line 1", "broken header: ',' expected after '\"'"),
        (
            b"a,\xff\n1,2\n",
            "line 1",
            "the header: invalid UTF-8 at byte 2, maybe Windows-1252",
        ),
        ("a,b\n1,2\n".encode("utf-16-le"), "line 1", NUL),
        ("a,b\n1,2\n".encode("utf-16-be"), "line 1", NUL),
        (b"PK\x03\x04\x14\0\x06\0" + b"\x8d" * 90 + b'\n"', "line 1", NUL),
        (b'"PK\0' + b"x" * 90, "line 1", NUL),
        (b"\r\nsep=^\na^b\n", "line 2", "sep= states the delimiter '^', allowed: , ; | or a tab"),
    ],
)
def test_what_breaks_the_table_fails_the_file(data, place, reason, sizes):
    with pytest.raises(BadFileError) as error:
        batches_of(data, ".csv", *sizes)
    assert (error.value.place, error.value.reason) == (place, reason)


@pytest.mark.parametrize("sizes", CHUNKS)
def test_broken_quotes_and_encoding_are_bad_rows(sizes):
    data = b'a,b\n"x"y,1\n\xff,2\n3,"p\nq"r\n4,5\n'
    assert bodies(batches_of(data, ".csv", *sizes)) == [b'{"a":"4","b":"5"}']
    assert rejects_of(data, ".csv", *sizes) == [
        ("line 2", "broken quotes: ',' expected after '\"'"),
        ("line 3", "invalid UTF-8 at byte 0, maybe Windows-1252"),
        ("line 4", WITHIN),
        ("line 5", "1 cells, the header has 2"),
    ]


def test_the_raw_text_of_a_reject_has_all_its_lines_without_the_last_break():
    batches = batches_of(b'a,b\n3,"p\nq",r\r\n', ".csv")
    assert [r.raw for b in batches for r in b.rejects] == [b'3,"p\nq",r']


def parts_list(delimiter: bytes = b",", end: bytes = b"\n") -> bytes:
    """Return a list of parts in which two sizes begin with a stray quote."""
    screw = delimiter.join([b"screw", b'"2"" inch"', b"0.10"]) + end
    nails = [delimiter.join([b"nail", b'"%b inch' % size, b"0.20"]) + end for size in (b"5", b"6")]
    header = delimiter.join([b"item", b"size", b"price"]) + end
    plain = delimiter.join([b"pin", b"1 inch", b""]) + end
    return header + plain * 9 + screw + nails[0] + plain * 90 + nails[1] + plain * 9 + screw


@pytest.mark.parametrize("sizes", [*CHUNKS, (65_536,)])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("record", [8 * 1024 * 1024, 300, 40])
def test_two_stray_quotes_cost_no_good_row(record, end, sizes):
    """Also if the text between them is longer than a row may be."""
    data = parts_list(end=end)
    with limits(block=64, record=record, parts=500_000):
        outcome = transformed(data, ".csv", *sizes)
        batches = batches_of(data, ".csv", *sizes)
    assert len(outcome.records) == 9 + 90 + 9 + 2
    assert [(r.place, r.raw) for b in batches for r in b.rejects] == [
        ("line 12", b'nail,"5 inch,0.20'),
        ("line 103", b'nail,"6 inch,0.20'),
    ]


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("record", [8 * 1024 * 1024, 300, 40])
def test_in_a_tsv_a_stray_quote_is_a_character(record, sizes):
    data = parts_list(b"\t")
    with limits(block=64, record=record, parts=500_000):
        outcome = transformed(data, ".tsv", *sizes)
        written = bodies(batches_of(data, ".tsv", *sizes))
    assert (len(outcome.records), outcome.rejects) == (9 + 90 + 9 + 4, [])
    assert written[9] == b'{"item":"screw","size":"2\\" inch","price":"0.10"}'
    assert written[10] == b'{"item":"nail","size":"\\"5 inch","price":"0.20"}'


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("record", [8 * 1024 * 1024, 12])
@pytest.mark.parametrize(
    ("data", "cells"),
    [
        (b'a\tb\n1\t"x\n2\t3\n', [("1", '"x'), ("2", "3")]),  # it never closes
        (b'a\tb\n1\t2\n"x', [("1", "2")]),
        (b'a\tb\n"5" pipe\t2\n"q"\t3\n', [('"5" pipe', "2"), ("q", "3")]),
        (b'a\tb\n"p\nq"\t3\n', [("p\nq", "3")]),  # but quotes around a whole cell are quotes
        (b'"5 inch\tb\n1\t2\n', [("1", "2")]),
        (b'"5" inch\tb\n1\t2\n', [("1", "2")]),
    ],
)
def test_in_a_tsv_only_quotes_around_a_whole_cell_are_quotes(data, cells, record, sizes):
    with limits(block=8, record=record, parts=500_000):
        written = bodies(batches_of(data, ".tsv", *sizes))
    assert [tuple(orjson.loads(body).values()) for body in written] == cells


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_first_line_may_state_the_delimiter_as_for_excel(suffix, sizes):
    for stated in (b"sep=;\r\n", b'\n"sep=;"\n\n', b"SEP=;\r"):
        data = stated + b"a,x;b\n1;2,5\n3\n"
        assert bodies(batches_of(data, suffix, *sizes)) == [b'{"a_x":"1","b":"2,5"}']
        line = 3 + stated.count(b"\n") + (b"\n" not in stated)
        assert rejects_of(data, suffix, *sizes) == [(f"line {line}", "1 cells, the header has 2")]
    assert batches_of(b"sep=;\n", suffix, *sizes) == []
    assert bodies(batches_of(b"sep=a;b\n1;2\n", suffix)) != []  # an ordinary header


def test_continuing_within_broken_rows_gives_the_same_as_one_run():
    data = parts_list()
    for suffix, table in ((".csv", data), (".tsv", data.replace(b",", b"\t"))):
        for record in (40, 300, 8 * 1024 * 1024):
            with limits(block=32, record=record, parts=500_000):
                check_resuming(table, suffix, [17])


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_the_last_line_of_a_broken_row_stays_a_row_when_reading_continues_there(suffix):
    """Read alone, its quote would be open to the end, which fails a CSV file."""
    data = b'a\tb\nnail\t"5 inch\n' + b"pin\t1\n" * 50 + b'nail\t"6 ' + b"inch " * 50 + b"\n"
    data += b"pin\t1\n" * 50
    for record in (8 * 1024 * 1024, 300):
        with limits(block=16, record=record, parts=500_000):
            check_resuming(data, suffix, [17])
            batches = batches_of(data, suffix, 17)
    begins = {batch.after.offset for batch in batches}
    assert data.index(b"nail", 20) in begins


@pytest.mark.parametrize("block", [16, 32, 64, 128])
@pytest.mark.parametrize("rows", range(40, 60))
def test_a_line_of_a_broken_row_never_opens_a_row_over_lines(rows, block):
    """Everything from its quote to the next one would look like a quoted cell."""
    data = b'a,b\nnail,"5 inch\n' + b"pin,1\n" * rows + b'nail,"6\nx"\n' + b"pin,1\n" * 9
    with limits(block=block, record=8 * 1024 * 1024, parts=500_000):
        outcome = transformed(data, ".csv", 17)
    assert len(outcome.records) == rows + 9
    assert outcome.rejects == [
        ("line 2", "broken quotes"),
        (f"line {rows + 3}", "broken quotes"),
        (f"line {rows + 4}", "ragged"),
    ]


class _Read:
    """A source that counts the bytes read from it."""

    def __init__(self, data: bytes) -> None:
        self.bytes = 0
        self._data = data

    def __call__(self, offset: int) -> Iterator[bytes]:
        for at in range(offset, len(self._data), 1_000):
            block = self._data[at : at + 1_000]
            self.bytes += len(block)
            yield block


@pytest.mark.parametrize("packed", [False, True])
def test_a_text_is_read_at_most_twice_however_many_rows_are_broken(packed):
    """Two stray quotes are further apart than the longest row held; gzip cannot seek back."""
    pair = b'1,"2\n' + b"3,4\n" * 200
    data = b"a,b\n" + pair * 400
    source = _Read(gzip.compress(data, 0) if packed else data)
    with limits(block=64, record=100, parts=100):
        batches = list(transform(source, ".csv", RecordEncoder(TAIL)))
    assert sum(b.written for b in batches) == 400 * 200
    assert sum(len(b.rejects) for b in batches) == 400
    assert source.bytes <= 2.1 * len(data)


def _seconds(data: bytes, suffix: str) -> float:
    began = time.process_time()
    for _ in transform(lambda at: iter([data[at:]]), suffix, RecordEncoder(TAIL)):
        pass
    return time.process_time() - began


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize(
    "unit", [b'"a\n', b'"\n', b'x"\n', b'"",""\n', b'"\n\n\n\n"x\n', b'",\n,"\n"x\n', b'"""\n']
)
def test_quotes_take_time_in_proportion_to_their_number(unit, suffix):
    small, large = (unit * (size // len(unit)) + b'"x"\n' for size in (30_000, 240_000))
    with suppress(BadFileError):
        one = _seconds(b"a\n" + small, suffix)
    with suppress(BadFileError):
        many = _seconds(b"a\n" + large, suffix)
        assert many < 20 * one + 0.5


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_row_of_the_limit_is_kept_and_a_longer_one_is_not(end, sizes):
    rows = [
        b"a,b", b"x" * 18 + b",1", b"x" * 19 + b",1", b'"%b",1' % (b'""' * 40),
        b'"x"%b' % (b'y"' * 40), b'1,"%b"' % (b"\n" * 14), b'1,"%b"' % (b"\n" * 20), b"x," * 60,
        b"2,3",
    ]  # fmt: skip
    with limits(block=16, record=20, parts=20):
        outcome = transformed(end.join(rows) + end, ".csv", *sizes)
    assert len(outcome.records) == 3
    assert outcome.rejects == [
        ("line 3", "too long"), ("line 4", "too long"), ("line 5", "too long"),
        ("line 21", "too long"), ("line 42", "too long"),
    ]  # fmt: skip


def test_a_line_feed_within_quotes_ends_no_row_if_rows_end_in_returns():
    """A file with rows that end in `\\r`; its only `\\n` is in a cell of a block's first row."""
    data = b'a,b\r"\n",1\r' + b"x,y\r" * 100
    with limits(block=16, record=20, parts=20):
        assert len(transformed(data, ".csv", 7).records) == 101


def test_nul_bytes_are_ordinary_characters():
    assert bodies(batches_of(b"a,b\n\0,1\n", ".csv")) == [b'{"a":"\\u0000","b":"1"}']


def test_a_line_break_cut_in_two_counts_once():
    counter = LineCounter()
    for block in (b"a\r", b"\n", b"", b"\r", b"", b"\nb\n\r", b"c\r\r"):
        counter.count(block)
    assert counter.counted == 6


@pytest.mark.parametrize(
    ("row", "break_bytes"),
    [
        (b"a,b\n", 1), (b"a,b\r\n", 2), (b"a,b\rx", 1), (b'"a\n",b\n', 1), (b'x,"""\n",b\r\n', 2),
        (b'"a"b\n', 1), (b'"a"b,"\n', 1), (b'a"\n', 1), (b',"\n"\n', 1), (b'"","",""\n', 1),
        (b'"a","b\n","c"\n', 1), (b"\n", 1),
    ],
)  # fmt: skip
def test_a_row_ends_at_the_same_place_for_any_blocks(row, break_bytes):
    end = len(row.removesuffix(b"x"))
    for size in range(1, len(row) + 1):
        skipper, passed, found = RowSkipper(b","), 0, None
        for at in range(0, len(row) + 1, size):
            found = skipper.find_end(row[at : at + size])
            if found is not None:
                break
            passed += len(row[at : at + size])
        assert skipper.break_bytes == break_bytes
        if found is None:  # a return at the end may be half of a break
            assert row.endswith(b"\r")
        else:
            assert passed + found == end


def test_cells_of_many_lines_are_read_wherever_a_block_ends():
    wanted = [
        {"id": f"{n}", "note": "\n".join(f'a, "b" {n}' for _ in range(n % 40)), "last": "z"}
        for n in range(2_000)
    ]
    table = StringIO()
    writer = csv.DictWriter(table, ["id", "note", "last"])
    writer.writeheader()
    writer.writerows(wanted)
    batches = batches_of(table.getvalue().encode(), ".csv", 50_000)
    assert len(batches) > 10
    assert [orjson.loads(body) for body in bodies(batches)] == [
        {name: cell for name, cell in row.items() if cell} for row in wanted
    ]


@pytest.mark.parametrize("columns", [2, 1_000, 1_001])
def test_any_number_of_columns(columns):
    header = ",".join(f'"Column\'s {n} \\"' for n in range(columns))
    full = ",".join(f"{n}" for n in range(columns))
    data = f"{header}\n{full}\n{full},x\n,{full[2:]}\n".encode()
    names = [f"column_s_{n}" for n in range(columns)]
    every = {name: f"{n}" for n, name in enumerate(names)}
    kept = {name: cell for name, cell in every.items() if name != "column_s_0"}
    assert [orjson.loads(body) for body in bodies(batches_of(data, ".csv"))] == [every, kept]
    assert rejects_of(data) == [("line 3", f"{columns + 1} cells, the header has {columns}")]
