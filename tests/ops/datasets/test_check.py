"""`datasets check` tells what the processor would reject, by field and rule."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops.commands.app import app
from ops.datasets.observations import is_card_number

ORDERS = """\
prefix: shop/
schema:
  type: object
  required: [order]
  properties:
    order: {type: string, pattern: "^[A-Z]{2}-[0-9]+$"}
    total: {type: number, minimum: 0}
    lines: {type: array, items: {type: object, properties: {n: {type: integer}}}}
drop: [card_number]
"""
ROWS = """\
order,total,card_number
AB-1,1.50,4111111111111111
ab-2,1,4111111111111111
AB-3,"1,5",4111111111111111
AB-4,-1,4111111111111111
AB-5,-2
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("datasets").mkdir()
    Path("datasets/orders.yaml").write_text(ORDERS)
    Path("a.csv").write_text(ROWS)


def check(*words: str) -> Result:
    return CliRunner().invoke(app, ["datasets", "check", *words])


def told(*words: str) -> Any:
    return json.loads(check(*words, "--dataset", "orders", "--json").stdout)


def test_each_bad_record_is_told_with_its_field_and_rule() -> None:
    found = told("a.csv", "--max-rejected-percent", "80")
    assert (found["dataset"], len(found["version"])) == ("orders", 12)
    (file,) = found["files"]
    rejects = [(it["place"], it["field"], it["rule"]) for it in file["rejects"]]
    assert rejects == [
        ("line 3", "order", "pattern"),
        ("line 4", "total", "type"),
        ("line 5", "total", "minimum"),
        ("line 6", None, None),
    ]
    counts = {name: file[name] for name in ("records", "written", "empty", "rejected", "failure")}
    assert counts == {"records": 5, "written": 1, "empty": 0, "rejected": 4, "failure": None}
    table = check("a.csv", "--dataset", "orders").stdout
    assert "5 records, 1 good, 4 rejected" in table
    assert "minimum" in table
    assert "4111" not in table


def test_how_many_records_break_a_rule_is_told_apart_from_those_that_are_shown() -> None:
    lines = [{"order": "AB-1", "lines": [{"n": "x"}] * (at % 3 + 1)} for at in range(9)]
    lines[1]["lines"] = [{"n": 1}, {"n": True}]
    Path("a.ndjson").write_text("".join(json.dumps(one) + "\n" for one in lines))
    (file,) = told("a.ndjson", "--limit", "2")["files"]
    assert len(file["rejects"]) == 2
    assert file["rules"] == [{"field": "lines[].n", "rule": "type", "records": 9}]
    assert (
        "2 of 9 bad records are shown"
        in check("a.ndjson", "--dataset", "orders", "--limit", "2").stdout
    )


@pytest.mark.parametrize(
    ("percent", "code"),
    [("80", 0), ("79", 1), ("100", 0)],
)
def test_more_bad_records_than_the_stack_allows_fail_the_file(percent: str, code: int) -> None:
    result = check("a.csv", "--dataset", "orders", "--max-rejected-percent", percent)
    assert (result.exit_code, "the file would fail" in result.stdout) == (code, bool(code))


def test_what_the_dataset_allows_comes_before_the_stack() -> None:
    Path("datasets/orders.yaml").write_text(f"{ORDERS}maxRejectedPercent: 79\n")
    result = check("a.csv", "--dataset", "orders", "--max-rejected-percent", "100")
    assert (result.exit_code, "allowed: 79 %" in result.stdout) == (1, True)


def test_a_file_that_cannot_be_read_fails_alone() -> None:
    Path("b.json").write_text('[{"order":"AB-1"},')
    Path("c.json").write_text('{"order":"AB-1"}')
    result = check("b.json", "c.json", "--dataset", "datasets/orders.yaml", "--json")
    assert result.exit_code == 1
    bad, good = json.loads(result.stdout)["files"]
    assert bad["failure"]
    assert (good["failure"], good["written"]) == (None, 1)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (
            "others",
            "there is no dataset 'others'; the datasets in datasets/ are: more, orders, wrong",
        ),
        ("datasets", "there is no dataset 'datasets'; the datasets in datasets/ are: more"),
        ("datasets/x.yml", "there is no datasets/x.yml; the datasets in datasets/ are: more"),
        ("nowhere/x.yaml", "there is no nowhere/x.yaml; the datasets in nowhere/ are: none"),
        ("./datasets", "allowed: the name or the file of a dataset"),
        ("wrong", "prefix: is not set"),
    ],
)
def test_a_dataset_that_cannot_be_read_is_told(dataset: str, message: str) -> None:
    Path("datasets/wrong.yaml").write_text(ORDERS.replace("prefix", "prefixes"))
    Path("datasets/more.yaml").write_text(ORDERS.replace("shop/", "more/"))
    result = check("a.csv", "--dataset", dataset)
    assert (result.exit_code, message in result.stderr) == (2, True), result.output


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("4111111111111111", True),
        ("5500 0000 0000 0004", True),
        ("3400-000000-00009", True),
        ("4111111111111112", False),
        ("411111111111", False),
        ("00000000000000000000", False),
        ("4111  1111 1111 1111", False),
        ("x4111111111111111", False),
    ],
)
def test_the_number_of_a_bank_card_is_known_by_its_check_digit(text: str, is_one: bool) -> None:
    assert is_card_number(text) is is_one
