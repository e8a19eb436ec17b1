import pytest

from handlers.transform.formats.batch import Position
from tests.handlers.transform.datasets.declared import dataset, read, result
from tests.handlers.transform.transformed import bodies, limits

SCHEMA = {
    "type": "object",
    "properties": {"order": {"type": "string"}, "total": {"type": "number"}},
}


def declared(**csv: object):
    return dataset(SCHEMA, csv=csv)


def records(data: bytes, suffix: str, **csv: object) -> list[bytes]:
    return result(data, suffix, declared(**csv))[0]


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_the_delimiter_comes_before_a_guess_and_before_the_suffix(suffix):
    data = b"order|a,b;total\nx|1,2;3\n"
    assert records(data, suffix, delimiter=";") == [b'{"order_a_b":"x|1,2","total":3}']


def test_a_line_that_states_the_delimiter_comes_first():
    assert records(b"sep=|\norder|total\nx|3\n", ".csv", delimiter=";") == [
        b'{"order":"x","total":3}'
    ]


def test_the_encoding_is_not_tried_as_utf8_first():
    """Bytes that are valid UTF-8 as well."""
    assert records("order\nÃ¤\n".encode("cp1252"), ".csv", encoding="cp1252") == [
        '{"order":"Ã¤"}'.encode()
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_comes_before_the_encoding(encoding):
    assert records("order\nä\n".encode(encoding), ".csv", encoding="cp1252") == [
        '{"order":"ä"}'.encode()
    ]


def test_the_encoding_is_that_of_delimited_files_alone():
    assert records('{"order":"ä"}'.encode(), ".json", encoding="cp1252") == [
        '{"order":"ä"}'.encode()
    ]


@pytest.mark.parametrize("start", ["", "\n\n", "sep=;\n", '\n"sep=;"\r\n'])
@pytest.mark.parametrize("delimiter", [";", ""])
def test_a_file_without_a_header_has_the_names_of_its_dataset(start, delimiter):
    data = f"{start}x;1\ny;2\n".encode()
    options = {"header": ["Order", "Total"], "delimiter": delimiter}
    assert records(data, ".csv", **options) == [
        b'{"order":"x","total":1}',
        b'{"order":"y","total":2}',
    ]
    rejects = result(data.replace(b"y;2", b"y;z"), ".csv", declared(**options))[1]
    assert rejects == [(f"line {start.count(chr(10)) + 2}", "total", "type")]


def test_a_first_row_that_is_broken_is_one_reject_without_a_header():
    options = {"header": ["order", "total"], "delimiter": ","}
    written, rejects, _ = result(b'"x"y,1\nz,2\n', ".csv", declared(**options))
    assert (written, rejects) == ([b'{"order":"z","total":2}'], [("line 1", "", "")])


def test_an_empty_file_without_a_header_has_no_records():
    assert records(b"\n\n", ".csv", header=["order"]) == []


@pytest.mark.parametrize("guessed", [False, True])
def test_reading_goes_on_after_any_batch_without_a_header(guessed):
    options = {"header": ["order", "total"], "delimiter": "" if guessed else ";"}
    data = b"\n" + b"".join(b"r%d;%d\n" % (n, n) for n in range(200))
    with limits(block=100, record=8 * 1024 * 1024, parts=500_000):
        batches = read(data, ".csv", declared(**options))
        whole = bodies(batches)
        assert len(whole) == 200
        assert len(batches) > 5
        done = 0
        for batch in batches:
            done += batch.written
            rest = read(data, ".csv", declared(**options), start=batch.after)
            assert bodies(rest) == whole[done:]


def test_a_position_at_the_start_of_the_rows_is_not_read_as_a_header():
    rest = read(b"x;1\ny;2\n", ".csv", declared(header=["a", "b"]), start=Position(4, 2))
    assert bodies(rest) == [b'{"a":"y","b":"2"}']
