"""Corrected rows as they are sent: what the file says, no more and no less, or nothing."""

import csv
import json
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.files.rejects import corrections
from ops.files.rejects.corrections import correct, csv_rows, json_rows
from ops.terminal.problems import UsageError
from tests.handlers.transform.transformed import transformed


def sent(text: str, form=json_rows) -> list[str]:
    return correct("fix", text.encode(), form).content.decode().splitlines()


def refused(text: str | bytes, form=json_rows) -> str:
    with pytest.raises(UsageError) as caught:
        correct("fix", text if isinstance(text, bytes) else text.encode(), form)
    assert "nothing is sent" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('{"a":1}\n\n {"b":2} \r\n', ['{"a":1}', '{"b":2}']),
        ('[{"a":1},\n {"b":\n2}]', ['{"a":1}', '{"b": 2}']),
        ('{\n"a":1\n}\n{\n"b":2}', ['{ "a":1 }', '{ "b":2}']),
        ('\ufeff{"a":1}', ['{"a":1}']),
        # The words of the file, since a double would change them.
        (f'{{"a":0.1000000000000000055511151231257827,"b":{"9" * 5000}}}', None),
        ('{"a":1,"a":2}', None),
        ('{"a":"\u2028"}', None),
    ],
)
def test_json_is_sent_in_its_own_words(text, rows):
    assert correct("fix", text.encode(), json_rows).content.decode().split("\n")[:-1] == (
        rows or [text]
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a":1}\n{"a":\n[1]\n3\n"x"', ["line 2: not JSON", "line 3: not an object but an array",
                                         "line 4: not an object but a number",
                                         "line 5: not an object but a string"]),
        ('[{"a":1},\n{"a"}]', ["line 2: not JSON"]),
        ('[{"a":1}\n{"b":2}]', ["line 2: the array is broken here"]),
        ('[{"a":1}', ["line 1: the array is broken here"]),
        ('[{"a":1}]\nmore', ["line 2: text behind the end"]),
        ('{"a":NaN}', ["line 1: NaN is no JSON"]),
        ('{"a":"\\ud800"}', ["line 1: a lone surrogate"]),
        ("[" * 100_000, ["nested too deep"]),
        ("\n\n", ["no row in it"]),
        ("[]", ["no row in it"]),
        (b'{"a":1}\n\xff', ["line 2: not UTF-8"]),
    ],
)  # fmt: skip
def test_every_row_that_is_no_record_is_named_and_nothing_is_sent(text, said):
    message = refused(text)
    assert [one for one in said if one not in message] == []


def test_a_csv_row_is_an_object_of_strings():
    text = 'sep=;\r\n"User Name";b\r\n"x;""y""\nz";\r\n\r\n1;2\r\n'
    assert [json.loads(row) for row in sent(text, csv_rows)] == [
        {"User Name": 'x;"y"\nz', "b": ""},
        {"User Name": "1", "b": "2"},
    ]


def test_every_broken_csv_row_is_named_by_its_line():
    message = refused('a,b\n1\n"x"y,2\n1,2\n1,2,3\n', csv_rows)
    for said in ("line 2: 1 cells, allowed: 2", "line 3: broken CSV", "line 5: 3 cells"):
        assert said in message
    assert "line 4" not in message
    assert "no row in it" in refused("a,b\n", csv_rows)
    assert "line 2: broken CSV" in refused('a\n"open', csv_rows)


def test_of_many_problems_the_first_are_told_and_the_rest_counted():
    message = refused("1\n" * 50)
    assert "line 20:" in message
    assert "line 21:" not in message
    assert "and 30 more" in message


@pytest.mark.parametrize(
    ("name", "said"), [("a.xlsx", "of no known form"), ("a.csv.gz", "of no known form")]
)
def test_a_file_of_another_form_is_refused(tmp_path, name, said):
    (tmp_path / name).write_text("x")
    with pytest.raises(UsageError, match=said):
        corrections.read(tmp_path / name)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    terabyte = 1024**4  # none of it is on the disk, and no memory holds it
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(terabyte)
    with pytest.raises(UsageError, match=f"{terabyte} bytes, allowed: {corrections.MAX_BYTES}"):
        corrections.read(tmp_path / "a.json")


# No character that only the pipeline takes for a byte order mark, NUL or a line of `sep=`.
CELLS = st.text(st.sampled_from("ab \"\\'é日,;\t|\n\r1."), max_size=5)


@settings(max_examples=30)
@given(
    names=st.lists(CELLS.filter(lambda one: one.strip(" \n\r\t")), min_size=2, max_size=4),
    delimiter=st.sampled_from(",;\t|"),
    data=st.data(),
)
def test_csv_is_sent_as_the_pipeline_reads_it(names, delimiter, data):
    rows = data.draw(st.lists(st.tuples(*[CELLS] * len(names)), min_size=1, max_size=3))
    written = StringIO()
    written.write(f"sep={delimiter}\n")
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    text = written.getvalue().encode()
    content = correct("fix", text, csv_rows).content
    theirs, ours = transformed(text, ".csv"), transformed(content, ".ndjson")
    assert (ours.records, ours.empty) == (theirs.records, theirs.empty)
    assert not ours.rejects


@settings(max_examples=30)
@given(
    st.lists(
        st.dictionaries(
            st.text(st.sampled_from("abé\u2028"), max_size=3),
            st.integers() | CELLS,
            min_size=1,
            max_size=3,
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([None, 2]),
)
def test_json_of_every_form_is_sent_as_the_pipeline_reads_it(records, indent):
    forms = [
        json.dumps(records, indent=indent, ensure_ascii=False),
        "\n".join(json.dumps(one, indent=indent, ensure_ascii=False) for one in records),
    ]
    for text in forms:
        content = correct("fix", text.encode(), json_rows).content
        ours, theirs = transformed(content, ".ndjson"), transformed(text.encode(), ".json")
        assert (ours.records, ours.empty) == (theirs.records, theirs.empty)
        assert not ours.rejects
