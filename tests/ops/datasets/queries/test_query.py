"""`query` prints what was answered: a table with a chart, CSV or JSON."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from ops import aws
from ops.aws import Account
from ops.datasets.queries import athena, prices
from ops.stack import Stack
from tests.ops.conftest import Pipeline
from tests.ops.datasets.queries.conftest import execution, page

KINDS = {"country": "varchar", "total": "double"}
ROWS: list[list[str | None]] = [["CH", "20.5"], ["DE", "41.0"], [None, "-10.25"]]


@pytest.fixture
def stub(
    account: Account, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stubber]:
    """The command line's Athena; it answers the rows above to any query."""
    monkeypatch.setattr(athena, "sleep", lambda _: None)
    pipeline.outputs |= {
        "datasets": account.stack.datasets,
        "glue_database_name": "pipeline_dev",
        "athena_workgroup_name": "pipeline-dev",
    }
    client = aws.connect(Stack.from_outputs(pipeline.outputs, origin="a test")).athena
    with Stubber(client) as made:
        yield made


def answer(
    stub: Stubber, kinds: dict[str, str] = KINDS, rows: Any = ROWS, asked: Any = None
) -> None:
    stub.add_response("start_query_execution", {"QueryExecutionId": "1"}, asked)
    stub.add_response("get_query_execution", execution("1", "SUCCEEDED", 3 * 2**20))
    stub.add_response("get_query_results", page(kinds, [list(kinds), *rows]))


def test_a_table_and_its_chart(pipeline: Pipeline, stub: Stubber) -> None:
    answer(stub)
    result = pipeline.run("query", "select")
    assert result.exit_code == 0, result.output
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert [line.split() for line in lines[:4]] == [
        ["country", "total"], ["CH", "20.5"], ["DE", "41.0"], ["-", "-10.25"],
    ]  # fmt: skip
    drawn = {line.split()[0]: line.count("█") for line in lines[5:]}
    assert drawn["DE"] == 2 * drawn["CH"] == 4 * drawn["-"]
    assert max(map(len, lines)) <= 80
    assert "3.0 MiB read, some $0.00005 by list price" in result.stderr


@pytest.mark.parametrize(
    ("kinds", "row"),
    [
        ({"a": "varchar", "b": "varchar"}, ["x", "y"]),
        ({"a": "bigint", "b": "double"}, ["1", "2"]),
        ({"a": "varchar", "b": "double", "c": "double"}, ["x", "1", "2"]),
        ({"a": "double"}, ["1"]),
        ({"a": "array", "b": "double"}, ["[1]", "2"]),
    ],
)
def test_an_answer_of_another_form_has_no_chart(
    pipeline: Pipeline, stub: Stubber, kinds: dict[str, str], row: list[str]
) -> None:
    answer(stub, kinds, [row])
    assert "█" not in pipeline.run("query", "select").stdout
    answer(stub, kinds, [row])
    wanted = pipeline.run("query", "select", "--chart")
    assert (wanted.exit_code, "--chart needs two columns" in wanted.stderr) == (2, True)


def test_no_chart_where_none_is_wanted(pipeline: Pipeline, stub: Stubber) -> None:
    answer(stub)
    assert "█" not in pipeline.run("query", "select", "--no-chart").stdout


def test_only_the_first_rows_are_shown_on_a_terminal(pipeline: Pipeline, stub: Stubber) -> None:
    answer(stub)
    result = pipeline.run("query", "select", "--limit", "2")
    assert "10.25" not in result.stdout
    assert "the first 2 rows are shown" in result.stderr
    answer(stub)
    assert "are shown" not in pipeline.run("query", "select", "--limit", "3").stderr


def test_csv_holds_every_row(pipeline: Pipeline, stub: Stubber) -> None:
    kinds = {"a,b": "varchar", "ok": "boolean", "n": "bigint"}
    rows = [['x "y"\n', "true", "1"], [None, None, None]] * 80
    answer(stub, kinds, rows)
    result = pipeline.run("query", "select", "--csv", "--limit", "1")
    found = list(csv.reader(io.StringIO(result.stdout)))
    assert found == [list(kinds), *[['x "y"\n', "true", "1"], ["", "", ""]] * 80]


def test_json_holds_every_row_with_its_types(pipeline: Pipeline, stub: Stubber) -> None:
    answer(stub, {**KINDS, "n": "bigint"}, [["CH", "NaN", "9007199254740993"], [None] * 3])
    told = json.loads(pipeline.run("query", "select", "--json").stdout)
    assert told == {
        "columns": {**KINDS, "n": "bigint"},
        "bytes_read": 3 * 2**20,
        "dollars": "0.00005",
        "rows": [
            {"country": "CH", "total": "nan", "n": 9007199254740993},
            {"country": None, "total": None, "n": None},
        ],
    }


def test_json_refuses_two_columns_of_one_name(pipeline: Pipeline, stub: Stubber) -> None:
    stub.add_response("start_query_execution", {"QueryExecutionId": "1"})
    stub.add_response("get_query_execution", execution("1", "SUCCEEDED"))
    doubled = page({"a": "bigint"}, [["a", "a"], ["1", "2"]])
    doubled["ResultSet"]["ResultSetMetadata"]["ColumnInfo"] *= 2
    stub.add_response("get_query_results", doubled)
    result = pipeline.run("query", "select", "--json")
    assert (result.exit_code, "two columns are named a" in result.stderr) == (2, True)


@pytest.mark.usefixtures("stub")
def test_without_sql_the_tables_and_the_named_queries_are_listed(pipeline: Pipeline) -> None:
    told = json.loads(pipeline.run("query", "--json").stdout)
    tables = told["tables"]
    assert list(tables) == ["orders", "orders_archive", "orders_bundles", "orders_rejected"]
    assert tables["orders"]["address"] == "struct<city:string,floors:array<bigint>>"
    assert tables["orders_rejected"]["rule"] == "string"
    listed = pipeline.run("query").stdout
    assert listed.count("  partition_day") == 4
    assert all(query["name"] in listed for query in told["queries"])


def test_a_named_query_is_asked_by_its_name(pipeline: Pipeline, stub: Stubber) -> None:
    (query,) = (
        it
        for it in json.loads(pipeline.run("query", "--json").stdout)["queries"]
        if it["name"] == "orders_records_a_day"
    )
    asked = {
        "QueryString": query["sql"],
        "ClientRequestToken": ANY,
        "QueryExecutionContext": {"Database": "pipeline_dev"},
        "WorkGroup": "pipeline-dev",
    }
    answer(stub, asked=asked)
    assert pipeline.run("query", "--named", query["name"]).exit_code == 0
    wrong = pipeline.run("query", "--named", "others")
    assert (wrong.exit_code, query["name"] in wrong.stderr) == (2, True)
    assert pipeline.run("query", "select 1", "--named", query["name"]).exit_code == 2


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize("words", [("--csv", "--json"), ("--chart", "--csv")])
def test_options_that_exclude_each_other(pipeline: Pipeline, words: tuple[str, ...]) -> None:
    assert pipeline.run("query", "select 1", *words).exit_code == 2


def test_a_stack_without_datasets_says_what_to_do(pipeline: Pipeline) -> None:
    result = pipeline.run("query", "select 1")
    assert (result.exit_code, "docs/datasets.md" in result.stderr) == (1, True)
    pipeline.outputs["datasets"] = "[1]"
    assert pipeline.run("query", "select 1").exit_code == 2


@pytest.mark.parametrize(
    ("read", "price"),
    [(0, "0"), (1, "0.00005"), (10**7, "0.00005"), (10**7 + 1, "0.000055"), (10**12, "5")],
)
def test_athena_charges_whole_megabytes_and_ten_at_least(read: int, price: str) -> None:
    assert f"{prices.dollars(read).normalize():f}" == price
