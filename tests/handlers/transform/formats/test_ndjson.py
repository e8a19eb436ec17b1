import pytest

from tests.handlers.transform.transformed import batches_of, bodies, limits, transformed

CHUNKS = ((), (1,), (5, 2), (64,))


def rejects_of(data: bytes, *sizes: int) -> list[tuple[str, str]]:
    return [(r.place, r.reason) for b in batches_of(data, ".ndjson", *sizes) for r in b.rejects]


@pytest.mark.parametrize("sizes", CHUNKS)
def test_a_broken_line_is_rejected_and_the_rest_is_read(sizes):
    data = b'{"a":1}\n{"a":2\n{"a":3}\n'
    assert bodies(batches_of(data, ".ndjson", *sizes)) == [b'{"a":1}', b'{"a":3}']
    assert rejects_of(data, *sizes) == [
        ("line 2", "not JSON: Expecting ',' delimiter at character 7"),
    ]


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize(
    "lines",
    [
        [b'{"a":1,"b":[1', b"2]}"],  # valid if a comma joined them
        [b'{"a":[1', b"2]}", b'{"a":3}'],
        [b'{"a":1},{"b":2}', b'{"c":3}'],
        [b'{"a":1} {"b":2}', b'{"c":3}'],
        [b'{"a":"x', b'y"}'],
        [b"1", b"2"],
        [b"{}]", b"[{}"],
    ],
)
def test_lines_that_would_be_valid_together_are_still_broken(lines, sizes):
    outcome = transformed(b"\n".join(lines), ".ndjson", *sizes)
    good = sum(line in (b'{"a":3}', b'{"c":3}') for line in lines)
    assert (len(outcome.records), len(outcome.rejects)) == (good, len(lines) - good)


@pytest.mark.parametrize("sizes", CHUNKS)
def test_blank_lines_are_not_records_but_are_counted(sizes):
    data = b'\n\n{"a":1}\r\n \t\r\nx\n\n\n{"a":2}\n\n'
    assert bodies(batches_of(data, ".ndjson", *sizes)) == [b'{"a":1}', b'{"a":2}']
    assert [place for place, _ in rejects_of(data, *sizes)] == ["line 5"]


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n"])
def test_the_last_line_needs_no_break(end, sizes):
    assert bodies(batches_of(b'{"a":1}\n{"a":2}' + end, ".ndjson", *sizes)) == [
        b'{"a":1}',
        b'{"a":2}',
    ]


@pytest.mark.parametrize("sizes", CHUNKS)
def test_a_line_of_the_limit_is_kept_and_a_longer_one_is_not(sizes):
    with limits(block=16, record=20, parts=20):
        kept, long = b'{"a":"%b"}' % (b"x" * 12), b'{"a":"%b"}' % (b"x" * 13)
        outcome = transformed(b"\n".join([kept, long, b"y" * 500, kept, long]), ".ndjson", *sizes)
    assert len(outcome.records) == 2
    assert outcome.rejects == [
        ("line 2", "too long"),
        ("line 3", "too long"),
        ("line 5", "too long"),
    ]


@pytest.mark.parametrize("sizes", CHUNKS)
def test_a_blank_line_of_any_length_is_not_a_record(sizes):
    with limits(block=16, record=20, parts=20):
        data = b'{"a":1}\n' + b" " * 100 + b'\n{"a":2}\n' + b"\t" * 100
        outcome = transformed(data, ".ndjson", *sizes)
    assert (len(outcome.records), outcome.rejects) == (2, [])


def test_control_characters_of_other_alphabets_end_no_line():
    data = '{"a":"x\u2028y\u0085z"}\n{"a":"\x0b"}\n'.encode()
    outcome = transformed(data, ".ndjson")
    assert (len(outcome.records), outcome.rejects) == (1, [("line 2", "not JSON")])
