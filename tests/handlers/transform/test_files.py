import gzip
import json

import pytest

from handlers.transform.files import transform
from handlers.transform.formats.batch import RAW_BYTES, START, BadFileError, Position, Reject
from handlers.transform.records.encoder import RecordEncoder
from tests.handlers.transform.transformed import (
    TAIL,
    batches_of,
    bodies,
    limits,
    source,
    transformed,
)

CHUNKS = ((), (1,), (7,))


def rejects_of(data: bytes, suffix: str, *sizes: int) -> list[tuple[str, str]]:
    return [(r.place, r.reason) for b in batches_of(data, suffix, *sizes) for r in b.rejects]


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("suffix", [".json", ".ndjson", ".jsonl", ".JSON"])
@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1}\n{"a":2}\n{"a":3}',
        b'[{"a":1},{"a":2},{"a":3}]',
        b'\n \n[{"a":1} , {"a":2} \n, {"a":3} ] \n\n',
        b'\xef\xbb\xbf{"a":1}\r\n\r\n{"a":2}\r\n  \n{"a":3}\r\n',
    ],
)
def test_the_content_decides_between_array_and_lines(data, suffix, sizes):
    assert bodies(batches_of(data, suffix, *sizes)) == [b'{"a":1}', b'{"a":2}', b'{"a":3}']


@pytest.mark.parametrize("sizes", CHUNKS)
def test_an_object_over_several_lines_is_one_record(sizes):
    data = b'\n{\n  "a": {"b": 1},\n  "c": [\n    1\n  ]\n}\n\n'
    (batch,) = batches_of(data, ".json", *sizes)
    assert bodies([batch]) == [b'{"a":{"b":1},"c":[1]}']
    assert batch.after == Position(len(data), 2)


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{\n"a": NaN\n}', "NaN is not a JSON number"),
        (b'{\n"a": "\\ud800"\n}', "a lone surrogate cannot be written as UTF-8"),
        (b'{\n"a": "\xff"\n}', "invalid UTF-8 at byte 8, maybe Windows-1252"),
        (b'{\n"a": %b1%b\n}' % (b"[" * 300, b"]" * 300), "nested 301 levels deep, allowed: 200"),
    ],
)
def test_a_bad_object_over_several_lines_is_one_reject(data, reason, sizes):
    assert rejects_of(data, ".json", *sizes) == [("row 1", reason)]


@pytest.mark.parametrize("sizes", CHUNKS)
def test_a_broken_first_line_does_not_make_the_file_one_record(sizes):
    data = b'{"a":\n' + b'{"a":1}\n' * 3
    outcome = transformed(data, ".json", *sizes)
    assert (len(outcome.records), outcome.rejects) == (3, [("line 1", "not JSON")])


def test_many_cut_lines_are_not_taken_for_one_deep_record():
    """Each lacks its closing bracket, so together they nest deeper than a record may."""
    data = b'{"a":[{"b":1}\n' * 201 + b'{"a":1}\n' * 3000
    outcome = transformed(data, ".ndjson")
    assert (len(outcome.records), len(outcome.rejects)) == (3000, 201)


@pytest.mark.parametrize("sizes", CHUNKS)
def test_text_that_begins_with_neither_bracket_is_read_as_lines(sizes):
    data = b'hello\n{"a":1}\n'
    outcome = transformed(data, ".json", *sizes)
    assert (len(outcome.records), outcome.rejects) == (1, [("line 1", "not JSON")])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b"", ".json"), (b" \n\t\r\n ", ".json"), (b"\xef\xbb\xbf", ".json"), (b"[]", ".json"),
        (b" [ \n ] \n", ".json"), (b"", ".ndjson"), (b"\n\n", ".ndjson"), (b"", ".csv"),
        (b"\r\n\n", ".csv"), (b"a,b\n", ".csv"), (b"a,b", ".csv"), (b"a\tb\r\n\r\n", ".tsv"),
    ],
)  # fmt: skip
def test_empty_files_succeed_with_zero_records(data, suffix, packed):
    if packed:
        data, suffix = gzip.compress(data), suffix + ".gz"
    for sizes in CHUNKS:
        outcome = transformed(data, suffix, *sizes)
        assert (outcome.records, outcome.rejects, outcome.empty) == ([], [], 0)


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b'{"a":1}\n{"b":null}\nx\n[1]\n\n{}', ".ndjson"),
        (b'[{"a":1},{"b":null},[1],{"c":NaN},{}]', ".json"),
        (b'a,b\n1,2\n,\nx\n\n"a"b,1\n,""\n', ".csv"),
    ],
)
def test_every_record_is_written_empty_or_rejected(data, suffix):
    for sizes in CHUNKS:
        batches = batches_of(data, suffix, *sizes)
        counts = [
            sum(b.written for b in batches),
            sum(b.empty for b in batches),
            sum(len(b.rejects) for b in batches),
        ]
        assert counts == [1, 2, 2]
        assert len(bodies(batches)) == 1


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b"".join(b'{"a":%d}\n' % n for n in range(50)), ".ndjson"),
        (b"[%b]" % b",\n".join(b'{"a":%d}' % n for n in range(50)), ".json"),
        (b"a\n" + b"".join(b"%d\n" % n for n in range(50)), ".csv"),
        (("\ufeffa\n" + "".join(f"{n}\r\n" for n in range(50))).encode("utf-16-le"), ".csv"),
        (b"\xef\xbb\xbf" + b"".join(b'{"a":%d}\n' % n for n in range(50)), ".json"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_reading_continues_after_any_batch(data, suffix, packed):
    data = gzip.compress(data) if packed else data
    with limits(block=40, record=30, parts=30):
        batches = batches_of(data, suffix, 11)
        assert len(batches) >= 3
        for done in range(1, len(batches) + 1):
            rest = batches_of(data, suffix, 11, start=batches[done - 1].after)
            assert bodies(rest) == bodies(batches[done:])
            assert [b.after for b in rest[-1:]] == [b.after for b in batches[done:][-1:]]


def test_renamed_columns_are_counted_once_when_reading_continues():
    encoder = RecordEncoder(TAIL)
    data = b"a,A\n1,2\n3,4\n"
    with limits(block=4, record=30, parts=30):
        first = next(iter(transform(source(data, 1), ".csv", encoder)))
        rest = list(transform(source(data, 1), ".csv", encoder, first.after))
    assert bodies([first, *rest]) == [b'{"a":"1","a_2":"2"}', b'{"a":"3","a_2":"4"}']
    assert encoder.renamed == 1


def test_reading_from_the_start_is_the_default():
    data = b'{"a":1}\n'
    assert bodies(batches_of(data, ".json", start=START)) == bodies(batches_of(data, ".json"))


def test_a_reject_has_place_reason_and_text():
    reject = Reject("line", 17, "not JSON", b'{"a": "\xff"', 9)
    assert reject.place == "line 17"
    assert json.loads(reject.line()) == {"line": 17, "reason": "not JSON", "raw": '{"a": "\\xff"'}
    assert reject.line().endswith(b"}\n")


def test_a_long_reject_keeps_its_start_and_its_length():
    data = b'{"a":1}\n' + b"x" * 100_000 + b"\n"
    (reject,) = [r for b in batches_of(data, ".ndjson") for r in b.rejects]
    report = json.loads(reject.line())
    assert (report["line"], report["raw"], report["raw_bytes"]) == (2, "x" * RAW_BYTES, 100_000)


@pytest.mark.parametrize(
    ("data", "suffix", "length"),
    [
        (b"x" * 9_000_000 + b"\n", ".ndjson", 9_000_000),
        (b"[%b]" % (b'"%b"' % (b"x" * 9_000_000)), ".json", 9_000_002),
        (b"a,b\n" + b"x" * 9_000_000 + b"\r\n", ".csv", 9_000_000),
    ],
)
def test_a_record_that_is_too_long_is_rejected_with_its_length(data, suffix, length):
    for sizes in ((), (65_536,)):
        (reject,) = [r for b in batches_of(data, suffix, *sizes) for r in b.rejects]
        assert reject.reason == "longer than 8388608 bytes"
        assert (reject.raw_bytes, len(reject.raw)) == (length, RAW_BYTES)


def test_a_bad_file_names_its_place():
    error = BadFileError("the reason", "row 3")
    assert (str(error), error.reason, error.place) == ("row 3: the reason", "the reason", "row 3")
    assert str(BadFileError("the reason")) == "the reason"
