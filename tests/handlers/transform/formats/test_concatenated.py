import json

import pytest

from tests.handlers.transform.fuzz import check_resuming
from tests.handlers.transform.transformed import batches_of, bodies, limits, transformed

CHUNKS = ((), (1,), (5, 2), (64,))
ORDERS = [
    {"id": n, "ship to": {"city": "Köln", "lines": [{"sku": "a}\n{"}, {"sku": "b"}]}, "tags": []}
    for n in range(40)
]
WANTED = [
    {"id": n, "ship_to": {"city": "Köln", "lines": [{"sku": "a}\n{"}, {"sku": "b"}]}}
    for n in range(40)
]


def rejects_of(data: bytes, *sizes: int) -> list[tuple[str, str]]:
    return [(r.place, r.reason) for b in batches_of(data, ".json", *sizes) for r in b.rejects]


def records_of(data: bytes, *sizes: int) -> list[object]:
    return [json.loads(body) for body in bodies(batches_of(data, ".json", *sizes))]


def written_by_jq(indent: int = 2, end: str = "\n") -> bytes:
    texts = (json.dumps(one, indent=indent, ensure_ascii=False) for one in ORDERS)
    return "".join(text.replace("\n", end) + end for text in texts).encode()


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("block", [64 * 1024, 48])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n\n"])
@pytest.mark.parametrize("indent", [2, 0])
def test_objects_over_lines_are_read_one_after_another(indent, end, block, sizes):
    """As `jq .` writes, and without indentation: then nested objects begin lines, too."""
    data = written_by_jq(indent, end)
    with limits(block=block, record=8 * 1024 * 1024, parts=500_000):
        assert records_of(data, *sizes) == WANTED
        assert rejects_of(data, *sizes) == []


@pytest.mark.parametrize("sizes", CHUNKS)
def test_broken_objects_and_other_text_cost_no_good_object(sizes):
    data = written_by_jq().split(b"}\n{")
    data[3] = data[3].replace(b'"id": 3,', b'"id": 3')
    data[5] = data[5][:30]  # cut off
    data[9] = b'"compact":1},"more":{"a":1'
    text = b"}\n{".join(data).replace(b'"id": 7', b'"id": NaN')
    text = text.replace(b'{\n  "id": 11,', b'2024-01-15 a line of a log\n{\n  "id": 11,')
    outcome = transformed(text + b'{\n  "id": 40', ".json", *sizes)
    assert outcome.rejects == [
        ("row 4", "not JSON"), ("row 6", "not JSON"), ("row 8", "not a number"),
        ("row 10", "not JSON"), ("row 12", "not JSON"), ("row 42", "not JSON"),
    ]  # fmt: skip
    assert len(outcome.records) == 40 - 4


def test_a_broken_object_is_reported_with_line_and_character():
    data = b'{\n  "a": 1\n}\n{\n  "a": 1\n  "b": 2\n}\n'
    assert rejects_of(data) == [
        ("row 2", "not JSON: Expecting ',' delimiter at line 3 of it, character 3")
    ]


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("blank", [b"\n", b"\n" * 50 + b" " * 90 + b"\n"])
def test_an_object_that_is_too_long_is_rejected_and_blanks_do_not_count(blank, sizes):
    kept = b'{\n"a":"%b"\n}' % (b"x" * 10)
    long = b'{\n"a":"%b"\n}' % (b"x" * 300)
    one_more = b'{\n"a":"%b"\n}' % (b"x" * 11)
    with limits(block=16, record=len(kept), parts=500_000):
        data = b'{\n"a":1}\n' + blank.join([kept, long, kept, one_more, long, kept]) + blank
        outcome = transformed(data, ".json", *sizes)
        rejects = [r for b in batches_of(data, ".json", *sizes) for r in b.rejects]
    assert len(outcome.records) == 4
    assert [(r.place, r.raw_bytes) for r in rejects] == [
        ("row 3", len(long)), ("row 5", len(one_more)), ("row 6", len(long)),
    ]  # fmt: skip


def test_reading_continues_after_any_object():
    with limits(block=64, record=400, parts=500_000):
        check_resuming(written_by_jq(), ".json", [11])


@pytest.mark.parametrize("sizes", CHUNKS)
def test_lines_stay_lines_even_if_the_first_is_cut_off(sizes):
    data = b'{"a": 1, "note": "half a li\n' + b'{"a":2}\n' * 9
    outcome = transformed(data, ".json", *sizes)
    assert (len(outcome.records), outcome.rejects) == (9, [("line 1", "not JSON")])


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("first", [b"17", b"[]", b"[1, 2]", b'["{", [null]]', b" [ ] ", b"[NaN]"])
@pytest.mark.parametrize("blank", [b"\n", b"\r\n\n \n"])
def test_a_first_line_without_a_record_costs_one_record(blank, first, sizes):
    data = first + blank + b'{"a":1}\n' * 20
    outcome = transformed(data, ".ndjson", *sizes)
    assert len(outcome.records) == 20
    assert [place for place, _ in outcome.rejects] == ["line 1"]
    with limits(block=16, record=40, parts=40):
        check_resuming(data, ".ndjson", [7])


@pytest.mark.parametrize("sizes", CHUNKS)
def test_an_array_alone_is_an_array(sizes):
    assert transformed(b"[]\n \n", ".json", *sizes).rejects == []
    assert transformed(b"[1,\n2]\n", ".json", *sizes).rejects == [
        ("row 1", "not an object"), ("row 2", "not an object"),
    ]  # fmt: skip
