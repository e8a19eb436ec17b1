"""`datasets infer` drafts what accepts its samples, and `datasets check` says what it rejects."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from handlers.transform.datasets.dataset import CsvOptions, Dataset
from infra.datasets import files
from ops.commands.app import app
from ops.datasets import checking, drafts, observations, samples
from ops.terminal.problems import OperatorError

ORDERS = """\
Order,placed,Total,items,paid,Country,card_number,zip
AB-1,2024-01-15T10:30:00Z,12.50,1,TRUE,CH,4111111111111111,007
AB-2,2024-01-16T10:30:00Z,3,-2,false,DE,5500 0000 0000 0004,
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["datasets", *map(str, words)])


def drafted(*words: object) -> dict[str, Any]:
    """Return the declaration that the draft of `infer` loads as."""
    result = run("infer", *words, "--name", "it", "-o", "it.yaml")
    assert result.exit_code == 0, result.output
    found = files.load("it.yaml")["it"]
    Path("it.yaml").unlink()
    return found


def fields(found: dict[str, Any]) -> dict[str, Any]:
    return found["schema"]["properties"]


def schema_of(*records: Any) -> dict[str, Any]:
    Path("a.ndjson").write_text("".join(json.dumps(one) + "\n" for one in records))
    return drafted("a.ndjson")["schema"]


def test_the_draft_of_a_csv() -> None:
    Path("orders.csv").write_text(ORDERS)
    assert (
        run("infer", "orders.csv").stdout
        == """\
# A draft from 2 records in orders.csv.
# It knows only what these hold: read it, correct it, and try it with other files, by
# `python -m ops datasets check FILE --dataset orders`.

prefix: orders/ # the folder of its files below incoming/
description: Records of orders.

schema:
  type: object
  required: [order, placed, total, items, paid, country, card_number]
  properties:
    order:
      type: string
    placed:
      type: string
      format: date-time
    total:
      type: number
    items:
      type: integer
    paid:
      type: boolean
    country:
      type: string
    card_number:
      type: string
    zip: # in 1 of 2
      type: string

unknownFields: keep # other fields: keep them, reject the record, or rescue them
# These look like secrets. To never write them, take them out of `properties` and
# `required`, and take the # off the next line:
# drop: [card_number]
maxRejectedPercent: 10 # a file with more bad records fails as a whole
"""
    )


def test_the_draft_of_nested_json() -> None:
    schema = schema_of(
        {"a": {"b": [1, None, 2.5]}, "c": [{"d": "x"}, {}], "e": [[True]], "f": 1, "straße": 1},
        {"a": {"b": []}, "f": "x", "partition_day": "x", "g": 2**70, "h": {"1x": "2024-01-15"}},
    )
    assert schema == {
        "type": "object",
        "properties": {
            "a": {  # not in the second record, where it is empty
                "type": "object",
                "required": ["b"],
                "properties": {"b": {"type": "array", "items": {"type": ["number", "null"]}}},
            },
            "c": {
                "type": "array",
                "items": {"type": "object", "properties": {"d": {"type": "string"}}},
            },
            "e": {"type": "array", "items": {"type": "array", "items": {"type": "boolean"}}},
            "g": {"type": "number"},
            "h": {
                "type": "object",
                "required": ["1x"],
                "properties": {"1x": {"type": "string", "format": "date"}},
            },
        },
    }
    text = run("infer", "a.ndjson").stdout
    assert '# "f" is not declared: it has several types (integer in 1, string in 1)' in text
    assert '# "straße" is not declared' in text


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["0", "-12", str(2**63 - 1)], "integer"),
        (["1", "1.0"], "number"),
        (["1e3", "-0"], "number"),
        (["TRUE", "False"], "boolean"),
        (["1", "true"], "string"),
        (["007", "8"], "string"),
        (["+5"], "string"),
        ([" 5"], "string"),
        (["1,5"], "string"),
        (["yes"], "string"),
        (["NaN"], "string"),
        (["1e999"], "string"),
        ([str(2**63)], "string"),  # an id, rather: a double would lose its end
        (["٣"], "string"),
    ],
)
def test_cells_are_of_the_type_that_all_can_be_read_as(cells: list[str], kind: str) -> None:
    Path("a.csv").write_text("".join(f'"{cell}",x\n' for cell in ["a", *cells]))
    assert fields(drafted("a.csv"))["a"]["type"] == kind


@pytest.mark.parametrize(
    ("digits", "kind"),
    [
        (str(2**63 - 1), "integer"),
        (str(-(2**63)), "integer"),
        (str(2**63), "number"),
        (str(2**64 - 1), "number"),
        (str(-(2**63) - 1), "number"),
        ("1e999", "number"),
        ("9" * 5_000, "number"),
    ],
)
def test_a_whole_number_of_json_that_no_column_of_integers_holds_is_a_number(
    digits: str, kind: str
) -> None:
    content = f'{{"a": {digits}, "b": [{digits}], "c": 1}}\n'.encode()
    Path("a.ndjson").write_bytes(content)
    a, b, c = fields(drafted("a.ndjson")).values()
    assert (a["type"], b["items"]["type"], c["type"]) == (kind, kind, "integer")
    accepted(Path(), "a.ndjson", content)


def test_a_column_with_few_bad_cells_is_told() -> None:
    rows = "".join(f"{cell},{cell}\n" for cell in ["1", "2.5", "x", "4", "5"])
    Path("a.csv").write_text(f"a,b\n{rows}6,y\n")
    text = run("infer", "a.csv").stdout
    assert "    a: # 5 of 6 cells fit the type number\n" in text
    assert "    b:\n" in text


def test_a_field_of_csv_and_json_files_is_of_a_type_for_both() -> None:
    Path("a.csv").write_text("n,s,mixed\n1,2,x\n")
    Path("b.json").write_text('{"n": 2.5, "s": "3", "mixed": true}')
    found = {name: one["type"] for name, one in fields(drafted("a.csv", "b.json")).items()}
    assert found == {"n": "number", "s": "string"}


def test_few_texts_that_repeat_are_an_enum() -> None:
    def texts(*values: str) -> Any:
        return schema_of(*({"a": value, "b": 1} for value in values))["properties"]["a"]

    assert texts(*["x", "é"] * 10) == {"type": "string", "enum": ["x", "é"]}
    assert texts(*["x", "y"] * 9, "y") == {"type": "string"}  # nine times, on average
    assert texts(*["x"] * 100) == {"type": "string"}  # one: the samples are few, rather
    assert texts(*(f"{number % 21}" for number in range(400))) == {"type": "string"}
    assert texts(*["2024-01-15", "2024-01-16"] * 50) == {"type": "string", "format": "date"}


def test_data_used_as_names_are_no_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = schema_of({"a": {f"id_{number}": 1 for number in range(100)}, "b": 1})
    assert schema["properties"]["a"] == {"type": "object"}
    monkeypatch.setattr(observations, "MAX_ROOT_FIELDS", 3)
    wide = schema_of({f"c{number}": 1 for number in range(5)})
    assert list(wide["properties"]) == ["c0", "c1", "c2"]


def test_what_the_content_cannot_say_is_an_option() -> None:
    Path("a.csv.gz").write_bytes(gzip.compress("a|b,c\né|1\n".encode("cp1252")))
    found = drafted("a.csv.gz", "--delimiter", "|", "--encoding", "cp1252")
    assert found["csv"] == {"delimiter": "|", "encoding": "cp1252"}
    assert {name: one["type"] for name, one in fields(found).items()} == {
        "a": "string", "b_c": "integer",
    }  # fmt: skip
    Path("b.csv").write_bytes(b"a,b\n\xe9,1\nx,2\n")
    told = run("infer", "b.csv").stderr
    assert "1 record would be rejected" in told
    assert "line 2" in told
    assert "b.csv is not UTF-8: give its encoding, as --encoding cp1252" in told


@pytest.mark.parametrize("name", ["a.csv", "a.tsv.gz"])
def test_files_without_a_header_get_names_for_their_columns(name: str) -> None:
    text = "7;2024-01-15;CH;12.50\n8;2024-01-16;;1\n".replace(";", "\t" if "tsv" in name else ";")
    Path(name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    Path("first.json").write_text('{"column_1": 9}')
    found = drafted("first.json", name, "--no-header")
    assert found["csv"] == {"header": ["column_1", "column_2", "column_3", "column_4"]}
    kinds = {field: one["type"] for field, one in fields(found).items()}
    assert kinds == {
        "column_1": "integer", "column_2": "string", "column_3": "string", "column_4": "number",
    }  # fmt: skip
    assert found["schema"]["required"] == ["column_1"]


def test_a_draft_without_a_header_accepts_all_rows() -> None:
    Path("a.csv").write_text("7,x\n8,y\n")
    assert run("infer", "a.csv", "--no-header", "-o", "it.yaml").exit_code == 0
    result = run("check", "a.csv", "--dataset", "it.yaml")
    assert (result.exit_code, "2 records, 2 good" in result.stdout) == (0, True)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1001,2024-01-15,CH,12.50", "(1001, 2024-01-15, 12.50)"),
        ("a,2024-01-15T10:30:00Z", "(2024-01-15T10:30:00Z)"),
        ("a@example.org,TRUE,x", "(a@example.org, TRUE)"),
        ("1,2,3,4", "(1, 2, 3, …)"),
        ('"1,5",15.01.2024', "(1,5, 15.01.2024)"),
        ("order,total 2,address_1,%,,q1/2024,t,12 EUR", ""),
    ],
)
def test_a_first_row_that_looks_like_data_is_told(row: str, told: str) -> None:
    Path("a.csv").write_text(f"{row}\n{row}\n")
    Path("b.csv").write_text("a,b\n1,2\n")
    errors = run("infer", "b.csv", "a.csv").stderr
    assert ("a.csv: the first row" in errors, "--no-header" in errors) == (bool(told), bool(told))
    assert told in errors
    assert "b.csv" not in errors
    assert "looks like data" not in run("infer", "a.csv", "--no-header").stderr


def test_a_header_that_is_not_utf8_names_the_option() -> None:
    Path("a.csv").write_bytes("né,b\n1,2\n".encode("cp1252"))
    result = run("infer", "a.csv")
    assert (result.exit_code, "as --encoding cp1252" in result.stderr) == (1, True), result.output
    assert list(fields(drafted("a.csv", "--encoding", "cp1252"))) == ["b"]


def test_a_draft_is_written_into_a_folder_under_its_name() -> None:
    Path("orders.csv").write_text("a,b\n1,2\n")
    Path("datasets").mkdir()
    for words, name in [((), "orders"), (("--name", "sales"), "sales")]:
        told = run("infer", "orders.csv", "-o", "datasets/", *words)
        assert f"datasets/{name}.yaml is a draft" in told.stderr
        assert files.load("datasets")[name]["prefix"] == f"{name}/"
    again = run("infer", "orders.csv", "-o", "datasets")
    assert (again.exit_code, "datasets/orders.yaml exists" in again.stderr) == (2, True)


def test_the_file_of_a_draft_names_its_dataset() -> None:
    Path("orders.csv").write_text("a,b\n1,2\n")
    assert run("infer", "orders.csv", "-o", "sales.yml").exit_code == 0
    text = Path("sales.yml").read_text()
    assert files.load("sales.yml")["sales"]["prefix"] == "sales/"
    assert "--dataset sales`" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("a.csv", "-o", "a"), "--output a declares no dataset"),
        (("a.csv", "-o", "missing/it.yaml"), "missing/it.yaml cannot be written"),
        (("a.json", "--no-header"), "--no-header needs a file with a row"),
        (("blank.csv", "--no-header"), "--no-header needs a file with a row"),
        (("a.csv", "--name", "2x"), "2x"),
        (("a.csv", "--prefix", "/x"), "prefix"),
        (("a.csv", "--encoding", "klingon"), "encoding"),
        (("a.csv", "--delimiter", "x"), "delimiter"),
        (("a.csv", "-o", "a.yaml"), "a.yaml exists"),
        (("a.txt",), "unknown suffix"),
        (("missing.csv",), "missing.csv"),
        (("é.csv",), "é"),
    ],
)
def test_what_cannot_be_used_is_refused(words: tuple[str, ...], told: str) -> None:
    for name in ("a.csv", "a.txt", "é.csv", "a.yaml"):
        Path(name).write_text("a,b\n1,2\n")
    Path("a.json").write_text('{"a": 1}')
    Path("blank.csv").write_text("\n")
    result = run("infer", *words)
    assert (result.exit_code, told in result.stderr) == (2, True), result.output
    assert Path("a.yaml").read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "a,b\n", "no record of the files can be read"),
        ("a.json", '[{"a":1},', "dead-lettered"),
        ("a.json", '{"é":1}', "no field of the samples can be declared"),
    ],
)
def test_samples_without_records_or_fields_make_no_draft(name: str, text: str, told: str) -> None:
    Path(name).write_text(text)
    result = run("infer", name)
    assert (result.exit_code, told in result.stderr) == (1, True), result.output


# --- whatever the samples are, the draft of them is a declaration that accepts them

NAMES = st.sampled_from(
    [
        "a",
        "b",
        "userName",
        "n",
        "null",
        "1x",
        "partition_day",
        "Card Number",
        "é",
        "_metadata",
        "--",
    ]
) | st.text(max_size=6)
TEXTS = st.text(max_size=8) | st.sampled_from(
    ["2024-01-15", "2024-01-15T10:30:00Z", "10:30:00Z", "a@example.org", "1.2.3.4", "::1", "x", "y"]
)
NUMBERS = st.integers(-(10**25), 10**25) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
CELLS = (
    TEXTS
    | NUMBERS.map(str)
    | st.sampled_from(["", "true", "FALSE", "0", "-0", "007", "1e5", "1E400", "+1", "1.", ".5"])
)


def accepted(folder: Path, name: str, content: bytes) -> None:
    """Assert that the draft of a file is checked as it is loaded, and accepts all its records."""
    file = folder / name
    file.write_bytes(content)
    try:
        found = samples.read([file], CsvOptions(), report=lambda _: None)
        draft = drafts.Draft(name="it", prefix="it/", csv=CsvOptions(), origin="samples")
        text = drafts.write(draft, found.seen)
    except OperatorError:  # the file would fail, or no field can be declared
        reject()
    (folder / "it.yaml").write_text(text, encoding="utf-8")
    dataset = Dataset.read("it", files.load(folder / "it.yaml")["it"])
    checked = checking.check(file, dataset, max_rejected_percent=0, kept=5, report=lambda _: None)
    assert checked.rejected == found.rejected, (checked.rejects, text)
    assert checked.written == found.seen.count


@settings(max_examples=25)
@given(st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), min_size=1, max_size=5))
def test_a_draft_accepts_every_sample_of_json(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    lines = "".join(json.dumps(one) + "\n" for one in records)
    accepted(tmp_path_factory.mktemp("it"), "a.ndjson", lines.encode())


@settings(max_examples=25)
@given(st.data())
def test_a_draft_accepts_every_row_of_csv(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    width = data.draw(st.integers(1, 4))
    row = st.lists(CELLS, min_size=width, max_size=width)
    header = data.draw(st.lists(NAMES, min_size=width, max_size=width))
    text = io.StringIO()
    csv.writer(text).writerows([header, *data.draw(st.lists(row, max_size=5))])
    accepted(tmp_path_factory.mktemp("it"), "a.csv", text.getvalue().encode())
