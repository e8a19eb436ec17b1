"""The transform against the slow reference, on files that Hypothesis generates."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.transform.formats.batch import BadFileError
from tests.handlers.transform.fuzz import NUMBERS, WORDS, check_resuming
from tests.handlers.transform.reference import FileFailsError, expected
from tests.handlers.transform.transformed import limits, transformed

EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

spaces = st.sampled_from(["", "", "", " ", "\t", "  "])
names = st.one_of(
    st.sampled_from(WORDS), st.text(max_size=8).map(lambda text: json.dumps(text)[1:-1])
)
strings = st.text(max_size=12).flatmap(
    lambda text: st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False)])
)
decimals = st.decimals(allow_nan=False, allow_infinity=False).map(str)
scalars = st.one_of(
    st.sampled_from(["null", "true", "false", '""', "{}", "[]", "NaN", "-Infinity", '"\\ud800"']),
    st.sampled_from(NUMBERS),
    st.integers().map(str),
    decimals,
    strings,
)


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    fields = [
        f'{draw(spaces)}"{draw(names)}"{draw(spaces)}:{draw(spaces)}{draw(values)}'
        for _ in range(draw(st.integers(0, 4)))
    ]
    return "{" + ",".join(fields) + draw(spaces) + "}"


def arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda items: f"[{','.join(items)}]")


values = st.recursive(scalars, lambda inner: st.one_of(objects(inner), arrays(inner)), max_leaves=6)
records = st.one_of(objects(values), objects(values), objects(values), values)
broken = st.sampled_from(
    ["{", "}", '{"a":', "x", '{"a":1}}', "[", '"', "1,2", '{"a":1},{"b":2}', "\\"]
)
cells = st.one_of(
    st.sampled_from(["", "x", '""', '"a,b"', '"a\nb"', '"a""b"', 'a"b', '"a"b', " ", "é", "\r"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\r\n,;\t|"'), max_size=6),
)
encodings = st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16"])
sizes = st.one_of(st.just([]), st.just([1]), st.lists(st.integers(1, 50), min_size=1, max_size=4))
blocks = st.sampled_from([64 * 1024, 64, 17, 5])
limit = st.sampled_from([8 * 1024 * 1024, 8 * 1024 * 1024, 90, 30])


def check(text: str, suffix: str, data: st.DataObject) -> None:
    """Compare transform and reference: records, rejects, counts, and reading from any batch on."""
    content = text.encode(data.draw(encodings), errors="surrogatepass")
    if data.draw(st.booleans()):
        content, suffix = (
            gzip.compress(content, 1),
            suffix + data.draw(st.sampled_from(["", ".gz"])),
        )
    chunks, record = data.draw(sizes), data.draw(limit)
    with limits(block=data.draw(blocks), record=record, parts=min(record, 500_000)):
        try:
            wanted = expected(content, suffix)
        except FileFailsError as failure:
            _check_failure(content, suffix, chunks, failure)
            return
        actual = transformed(content, suffix, *chunks)
        assert actual.records == wanted.records
        assert actual.rejects == wanted.rejects
        assert (actual.empty, actual.renamed) == (wanted.empty, wanted.renamed)
        check_resuming(content, suffix, chunks)


def _check_failure(content: bytes, suffix: str, chunks: list[int], failure: FileFailsError) -> None:
    with pytest.raises(BadFileError) as caught:
        transformed(content, suffix, *chunks)
    assert failure.place in ("", caught.value.place)


@EXAMPLES
@given(objects(values), st.data())
def test_one_object(record, data):
    check(record, ".json", data)


@EXAMPLES
@given(st.lists(st.one_of(records, records, broken), max_size=6), st.data())
def test_lines(items, data):
    check(data.draw(st.sampled_from(["\n", "\r\n", "\n\n"])).join(items), ".ndjson", data)


@EXAMPLES
@given(st.lists(records, max_size=6), st.sampled_from([",", " ,\n  "]), st.data())
def test_arrays(items, comma, data):
    check(f"[{comma.join(items)}]", ".json", data)


@EXAMPLES
@given(st.lists(st.one_of(records, records, records, broken), max_size=5), st.data())
def test_broken_arrays(items, data):
    text = f"[{','.join(items)}]"
    check(text[: data.draw(st.integers(0, len(text)))], ".json", data)


@EXAMPLES
@given(
    st.integers(1, 4), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n", "\r"]), st.data()
)
def test_tables(width, delimiter, end, data):
    row = st.lists(cells, min_size=width, max_size=width)
    ragged = st.lists(cells, max_size=5)
    rows = data.draw(st.lists(st.one_of(row, row, row, ragged), max_size=5))
    header = data.draw(
        st.lists(st.one_of(st.sampled_from(WORDS), cells), min_size=width, max_size=width)
    )
    text = end.join(delimiter.join(row) for row in [header, *rows]) + data.draw(
        st.sampled_from(["", end])
    )
    check(text, ".tsv" if delimiter == "\t" and data.draw(st.booleans()) else ".csv", data)


@EXAMPLES
@given(st.binary(max_size=120), st.sampled_from([".json", ".csv", ".tsv", ".json.gz"]), sizes)
def test_any_bytes_give_the_same_for_any_chunks(content, suffix, chunks):
    assert _end(content, suffix, *chunks) == _end(content, suffix)


def _end(content: bytes, suffix: str, *chunks: int) -> object:
    try:
        return transformed(content, suffix, *chunks)
    except BadFileError as error:
        return str(error)
