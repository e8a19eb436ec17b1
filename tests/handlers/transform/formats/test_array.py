import pytest

from handlers.transform.formats.batch import BadFileError
from handlers.transform.formats.elements import ValueEnd, long_value_end, value_end
from tests.handlers.transform.transformed import batches_of, bodies, limits, transformed

CHUNKS = ((), (1,), (5, 2), (64,))


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"[", "row 1"),
        (b"[ ", "row 1"),
        (b'[{"a":1}', "row 2"),
        (b'[{"a":1},', "row 2"),
        (b'[{"a":1},]', "row 2"),
        (b"[,]", "row 1"),
        (b'[,{"a":1}]', "row 1"),
        (b'[{"a":1},,{"a":2}]', "row 2"),
        (b'[{"a":1}{"a":2}]', "row 2"),
        (b'[{"a":1} {"a":2}]', "row 2"),
        (b'[{"a":1},{"a":2]', "row 2"),
        (b'[{"a":1},{"a":}]', "row 2"),
        (b'[{"a":1},{"a":2}}', "row 3"),
        (b'[{"a":1},{"a"', "row 2"),
        (b'[{"a":1},"x', "row 2"),
        (b'[{"a":1},12', "row 2"),
        (b'[{"a":1},tru]', "row 2"),
        (b'[{"a":1},{"a":1}] {"a":2}', "row 3"),
        (b"[][]", "row 1"),
        (b'[{"a":1}]]', "row 2"),
        (b'[{"a":1}\x00]', "row 2"),
    ],
)
def test_a_truncated_or_broken_array_fails_the_file(data, place, sizes, small):
    with (
        limits(block=4, record=40, parts=40)
        if small
        else limits(block=65536, record=2**23, parts=500_000),
        pytest.raises(BadFileError) as error,
    ):
        batches_of(data, ".json", *sizes)
    assert error.value.place == place


@pytest.mark.parametrize("sizes", CHUNKS)
@pytest.mark.parametrize(
    ("element", "problem"),
    [
        (b"[1]", "not an object"), (b'"},{"', "not an object"), (b"null", "not an object"),
        (b"-1.5", "not an object"), (b'{"a":NaN}', "not a number"), (b"NaN", "not a number"),
        (b'{"a":"\xff"}', "invalid UTF-8"), (b'{"a":"\\ud800"}', "lone surrogate"),
        (b'{"a":%b%b}' % (b"[" * 300, b"]" * 300), "too deep"),
    ],
)  # fmt: skip
def test_a_bad_element_is_rejected_and_the_rest_is_read(element, problem, sizes):
    data = b'[{"a":1}, %b ,{"a":2}]' % element
    outcome = transformed(data, ".json", *sizes)
    assert (len(outcome.records), outcome.rejects) == (2, [("row 2", problem)])


@pytest.mark.parametrize("sizes", CHUNKS)
def test_brackets_and_commas_inside_strings_end_nothing(sizes):
    data = b'[{"a":"},{"},{"b":"]"},{"c":"\\"},{\\\\"},{"d":[{"e":1},{"f":2}]}]'
    with limits(block=8, record=60, parts=60):
        assert bodies(batches_of(data, ".json", *sizes)) == [
            b'{"a":"},{"}', b'{"b":"]"}', b'{"c":"\\"},{\\\\"}', b'{"d":[{"e":1},{"f":2}]}',
        ]  # fmt: skip


@pytest.mark.parametrize("sizes", CHUNKS)
def test_an_element_of_the_limit_is_kept_and_a_longer_one_is_not(sizes):
    kept, long = b'{"a":"%b"}' % (b"x" * 12), b'{"a":"%b"}' % (b"x" * 13)
    elements = [
        kept,
        long,
        b"9" * 20,
        b"9" * 21,
        b'"%b"' % (b"]" * 90),
        b"[%b{}]" % (b'"]",[],' * 9),
        kept,
    ]
    with limits(block=16, record=20, parts=20):
        outcome = transformed(b"[%b]" % b" ,\n".join(elements), ".json", *sizes)
    assert len(outcome.records) == 2
    assert outcome.rejects == [
        ("row 2", "too long"), ("row 3", "not an object"), ("row 4", "too long"),
        ("row 5", "too long"), ("row 6", "too long"),
    ]  # fmt: skip


def test_white_space_between_elements_counts_for_no_element():
    data = b"[%b{}%b,%b{}%b]" % ((b" " * 300,) * 4)
    with limits(block=16, record=20, parts=20):
        assert transformed(data, ".json", 7).empty == 2


def test_odd_elements_do_not_affect_the_rest_of_a_large_array():
    element = b'{"id":%d,"big":%s,"x":null}'
    data = b"[%b]" % b",".join(
        element % (n, b"1" * 30 if n % 100 == 0 else b"2") for n in range(20_000)
    )
    outputs = bodies(batches_of(data, ".json", 65_536))
    assert len(outputs) == 20_000
    assert outputs[1900] == b'{"id":1900,"big":%b}' % (b"1" * 30)


@pytest.mark.parametrize("space", [b"", b"\n  "])
def test_elements_that_begin_like_objects_inside_them(space):
    parts = (b",%b" % space).join(b'{"id":%d,"x":"},{"}' % n for n in range(50))
    wanted = [b'{"id":%d,"parts":[%b]}' % (n, parts) for n in range(300)]
    array = b"[%b%b]" % (space, (b",%b" % space).join(wanted))
    batches = batches_of(array, ".json", 50_000)
    assert len(batches) > 5
    assert bodies(batches) == [line.replace(space, b"") if space else line for line in wanted]


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (b"{}", 2), (b"[[]],", 4), (b'{"a":"}"}x', 9), (b'"x",', 3), (b'"\\"",', 4), (b"12,", 2),
        (b"true]", 4), (b"}", 0), (b",", 0), (b"{", None), (b'{"a', None), (b'"x\\"', None),
        (b"12", None), (b'["\\', None), (b"[}", 2), (b'{"a":[{"b":"\\\\"}],"c":"]"} ', 26),
    ],
)  # fmt: skip
def test_where_a_value_ends(text, end):
    assert value_end(text, 0) == end
    assert value_end(b" " + text, 1) == (None if end is None else end + 1)
    assert long_value_end(text) == end
    finder = ValueEnd(text[0])
    ends = [finder.find(text[n : n + 1]) for n in range(0 if finder.is_word else 1, len(text))]
    found = [
        n + part
        for n, part in enumerate(ends, start=0 if finder.is_word else 1)
        if part is not None
    ]
    assert found[:1] == ([] if end is None else [end])


def test_dense_brackets_over_many_blocks():
    text = b"[" * 50_000 + b'"]]",' + b"[],{}," * 30_000 + b"1" + b"]" * 50_000 + b"x"
    assert long_value_end(text) == len(text) - 1
    assert long_value_end(text[:-2]) is None
