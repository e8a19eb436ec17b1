"""The output of a block of rows, and each thing that makes a block odd."""

import csv
from io import StringIO

import orjson
import pytest

from handlers.transform.delimited.block_encoder import RowBlockEncoder
from handlers.transform.delimited.lines import RowLines
from handlers.transform.records.encoder import RecordEncoder
from handlers.transform.records.row_texts import row_texts
from tests.handlers.transform.transformed import TAIL

NAMES = ["a", "größe", "c"]


def encoder(columns: int = 3, delimiter: bytes = b",") -> RowBlockEncoder:
    return RowBlockEncoder(columns, delimiter, RowLines(NAMES[:columns], TAIL))


def by_row(rows: bytes, columns: int = 3, delimiter: str = ",") -> object:
    """Return the output of the row reader for some rows."""
    reader = csv.reader(StringIO(rows.decode(), newline=""), delimiter=delimiter, strict=True)
    filled = [row for row in reader if row]
    return RecordEncoder(TAIL).encode_rows(filled, row_texts(NAMES[:columns]))


@pytest.mark.parametrize("rows", [
    b"1,2,3\n", b"1,2,3\n4,5,6\n", b"1,,3\n,5,\n,,\n", b",,\n,,\n", b",2,3\n1,2,3\n", b",,3\n",
    b'"1",2,"3"\n', b'"1","2","3"\n"4","","6"\n', b'"","",""\n', b'"",2,""\n', b'"1, 2",2,3\n',
    b'1,"x\ny",3\n', b'"x\ny","\n","z\n"\n', b'"1\r\n2",2,3\r\n', b'"\r","\t",3\n', b'"\r\n",,\r\n',
    b'"a""b",2,3\n', b'"""a","a""",""""\n', b'"""""",2,"a""""b"\n', b'"a"",""b",2,3\n',
    b'"' + b'""' * 9 + b'","x","y"\n1,"z",3\n', b'"a""","b","c"\n' * 9 + b'"d","e","f"\n' * 40,
    b"\\,\\n,\\\\\n", b'"\\""",2,"\\"\n', b"\0,\x01\x1f,\x1e\n", b'"\x1c","\x1d\x1e","\x1f"\n',
    b"\\\x01,\x1f\\,\\u0001\n", b"\x08\x0c,\x0b\x7f,\t\n", b"1,\xc3\xa9,\xf0\x9f\x98\x80\n",
    b"1,\xe2\x80\xa8,3\n",
    b'"a\rb\nc",2,3\n', b'"a""b","""c",3\n' * 150,  # some and very many doubled quotes
    b"1,2,3\r\n4,5,6\r\n", b"1,2,3\r\n4,5,6\n", b"\n1,2,3\n\n\n4,5,6\n\n", b"\r\n1,2,3\r\n\r\n",
    b'"1",2,3\n\n"4",5,6\n', b"a, b ,\t\n", b"a;b,c|d,e\n",
])  # fmt: skip
def test_regular_rows_give_the_same_as_the_row_reader(rows):
    block = encoder().encode(rows)
    assert block is not None
    assert block.encoded == by_row(rows)
    assert block.length == len(rows)
    assert block.lines == len(list(StringIO(rows.decode(), newline="")))


@pytest.mark.parametrize("rows", [
    b"1\n\n2\n", b"\n\n1\n", b'""\n1\n', b'"1"\n""\n\n"2"\n', b'"\n"\n', b"1\r\n\r\n2\r\n",
])  # fmt: skip
def test_a_blank_line_is_not_a_row_of_one_column(rows):
    block = encoder(1).encode(rows)
    assert block is not None
    assert block.encoded == by_row(rows, 1)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("form", [
    "1{0}{0}3\n", '1{0}"x{0}y"{0}3\n', '"{0}"{0}"x"{0}"3"\n', '"x\n{0}"{0}"\\"{0}"{0}"\r\n',
])  # fmt: skip
def test_any_delimiter_splits_cells_except_within_quotes(form, delimiter):
    rows = form.format(delimiter).encode()
    block = encoder(3, delimiter.encode()).encode(rows)
    assert block is not None
    assert block.encoded == by_row(rows, 3, delimiter)


@pytest.mark.parametrize("odd", [
    b"1,2\n", b"1,2,3,4\n", b"1\n", b"1,2\n1,2,3,4\n", b"1,2,3,4\n1,2\n", b"1,2,3,1,2,3\n",
    b"1,2,3,4,5,6,7\n",
    b'1,5" pipe,3\n1,6" pipe,3\n', b'"1"x,2,3\n', b'"1" ,2,3\n', b' "1",2,3\n', b'1,a""b,3\n',
    b'1,"a""b"c,3\n', b'1,"2"","3"\n4,"5"",6\n', b'"1"2"3",2,3\n', b'1,"2"\n,3\n',
    b'1,2,3"\n"4,5,6\n', b'1,2"\n,3\n",5,6\n', b'"1","2","3""4","5","6"\n',
    b'"1","2"\n"3","4","5","6"\n', b'"1","2"x"3"\n', b'"1",,"2"\n"3"\n',
    b"1,\xff,3\n", b"1,2,\xe9\n", b"1,\xed\xa0\x80,3\n", b'1,"\xc3",3\n',
    b"1,2\r,3\n", b"1,2,3\r4,5,6\n", b"1,2,3\r\r\n", b'"1"\r,2,3\n', b'"1"\r"2",3,4\n',
    b'"1","2","3"\r"4","5","6"\n', b'1,2,3\r"\n4",5,6\n', b"\n\n", b"\n", b"\r\n",
])  # fmt: skip
@pytest.mark.parametrize("where", ["alone", "first", "last"])
def test_an_odd_row_is_found(odd, where):
    good = b'1,2,3\n"4",5,6\n' * 3
    rows = {"alone": odd, "first": odd + good, "last": good + odd}[where]
    if rows.strip(b"\r\n") and not odd.strip(b"\r\n"):
        assert encoder().encode(rows) is not None  # blank lines next to rows are skipped
    else:
        assert encoder().encode(rows) is None


def test_a_row_that_continues_after_the_block_is_left_out():
    block = encoder().encode(b'1,2,3\n4,"5\r\n6",7\n8,"9\n10\n\n')
    assert block is not None
    assert (block.length, block.lines) == (len(b'1,2,3\n4,"5\r\n6",7\n'), 3)
    assert block.encoded == by_row(b'1,2,3\n4,"5\r\n6",7\n')
    again = encoder().encode(b'1,2,3\n4,"5\n6""\n7\n')
    assert again is not None
    assert again.length == len(b"1,2,3\n")
    assert encoder().encode(b'8,"9\n10\n\n') is None


def test_many_short_rows_of_long_names_are_odd():
    """Their lines would take a thousand times the memory of the rows."""
    name = "n" * 1_000_000
    long = RowBlockEncoder(1, b",", RowLines([name], TAIL))
    assert long.encode(b"1\n" * 5) is None
    assert long.encode(b"\n" * 5 + b"1\n") is None
    assert long.encode(b'"1"\n' * 5) is None
    block = long.encode(b"1\n2\n")
    assert block is not None
    lines = block.encoded.lines.splitlines()
    assert [orjson.loads(line)[name] for line in lines] == ["1", "2"]


def test_a_block_after_one_with_many_empty_cells_is_right():
    """Whether most columns have empty cells is remembered, and changes how lines are made."""
    rows, sparse = b"1,2,3\n4,5,6\n", b",,3\n,5,\n1,,\n,,\n"
    shared = encoder()
    for block in (sparse, rows, sparse, b"1,2,\n", sparse, sparse):
        encoded = shared.encode(block)
        assert encoded is not None
        assert encoded.encoded == by_row(block)
