"""Athena's calls: what is asked, how its answers are read, and what stops a query."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from ops.aws import Account
from ops.datasets.queries import athena, tables
from ops.datasets.queries.answers import Column
from ops.terminal.problems import OperatorError, UsageError
from tests.ops.datasets.queries.conftest import execution, page

ID = "0123"


@pytest.fixture
def asked(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Athena, which answers what the test tells it, and only calls in that order."""
    monkeypatch.setattr(athena, "sleep", lambda _: None)
    with Stubber(account.athena) as stub:
        yield stub
        stub.assert_no_pending_responses()


def start(stub: Stubber, sql: str = "select 1") -> None:
    stub.add_response(
        "start_query_execution",
        {"QueryExecutionId": ID},
        {
            "QueryString": sql,
            "ClientRequestToken": ANY,
            "QueryExecutionContext": {"Database": "pipeline_dev"},
            "WorkGroup": "pipeline-dev",
        },
    )


def state(stub: Stubber, name: str, read: int = 0, reason: str = "") -> None:
    stub.add_response(
        "get_query_execution", execution(ID, name, read, reason), {"QueryExecutionId": ID}
    )


def stop(stub: Stubber) -> None:
    stub.add_response("stop_query_execution", {}, {"QueryExecutionId": ID})


def ask(account: Account, sql: str = "select 1", report: Any = lambda _: None) -> Any:
    with athena.asked(account, sql, tables.catalog(account.stack), report=report) as answer:
        return answer.columns, [list(row) for row in answer.rows], answer.bytes_read


def test_a_list_of_columns_is_read_cell_by_cell(account: Account, asked: Stubber) -> None:
    """Athena sends a row of DESCRIBE as one text: cells that are padded, with tabs between them."""
    kinds = {"col_name": "string", "data_type": "string", "comment": "string"}
    start(asked, "describe orders")
    ended = execution(ID, "SUCCEEDED")
    ended["QueryExecution"]["StatementType"] = "UTILITY"
    asked.add_response("get_query_execution", ended, {"QueryExecutionId": ID})
    rows = ["order               \tstring              \tThe number          ", "total\tdouble", ""]
    asked.add_response(
        "get_query_results", page(kinds, [[it] for it in rows]), {"QueryExecutionId": ID}
    )
    _, found, _ = ask(account, "describe orders")
    assert found == [["order", "string", "The number"], ["total", "double", ""], ["", "", ""]]


def test_an_answer_over_pages_is_read_with_its_types(account: Account, asked: Stubber) -> None:
    kinds = {"a": "varchar", "n": "bigint", "d": "double", "ok": "boolean", "p": "decimal"}
    start(asked, "select * from orders")
    for name, read in (("QUEUED", 0), ("RUNNING", 5), ("RUNNING", 900), ("SUCCEEDED", 1234)):
        state(asked, name, read)
    rows = [list(kinds), ["x", "1", "1.5E10", "true", "1.50"], ["", None, "NaN", "false", None]]
    asked.add_response(
        "get_query_results", page(kinds, rows, token="more"), {"QueryExecutionId": ID}
    )
    # A later page has no header, whatever its first row holds.
    asked.add_response(
        "get_query_results",
        page(kinds, [["a", "-9223372036854775808", "-Infinity", "true", "0"]]),
        {"QueryExecutionId": ID, "NextToken": "more"},
    )
    seen: list[athena.State] = []
    columns, found, read = ask(account, "select * from orders", seen.append)
    assert columns == tuple(Column(name, kind) for name, kind in kinds.items())
    assert found[0] == ["x", 1, 1.5e10, True, "1.50"]
    assert found[1][:2] + found[1][3:] == ["", None, False, None]
    assert str(found[1][2]) == "nan"
    assert found[2] == ["a", -(2**63), float("-inf"), True, "0"]
    assert read == 1234
    assert [one.bytes_read for one in seen] == [0, 5, 900, 1234]


def test_a_statement_without_a_header_loses_no_row(account: Account, asked: Stubber) -> None:
    """`show tables` answers without one."""
    start(asked, "show tables")
    state(asked, "SUCCEEDED")
    asked.add_response(
        "get_query_results",
        page({"tab_name": "string"}, [["orders"], ["orders_archive"]]),
        {"QueryExecutionId": ID},
    )
    assert ask(account, "show tables")[1] == [["orders"], ["orders_archive"]]


def test_every_run_has_a_token_of_its_own(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[str] = []

    def refuse(**call: Any) -> None:
        tokens.append(call["ClientRequestToken"])
        raise OperatorError

    monkeypatch.setattr(account.athena, "start_query_execution", refuse)
    for _ in range(2):
        with pytest.raises(OperatorError):
            ask(account)
    assert len(set(tokens)) == 2
    assert min(map(len, tokens)) >= 32  # what Athena asks for


@pytest.mark.parametrize(
    ("name", "reason", "told"),
    [
        (
            "CANCELLED",
            "Query cancelled! : Bytes scanned limit was exceeded",
            "has read 77 bytes",
        ),
        (
            "FAILED",
            "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.orderz' does not exist",
            "The tables are orders, orders_archive, orders_bundles, orders_rejected",
        ),
        (
            "FAILED",
            "Insufficient permissions to execute the query: not authorized to glue:GetTable",
            "policy query",
        ),
        ("FAILED", "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved", "line 1:8"),
        ("FAILED", "", "the query failed: FAILED"),
    ],
)
def test_a_query_that_fails_says_why_and_what_to_do(
    account: Account, asked: Stubber, name: str, reason: str, told: str
) -> None:
    start(asked)
    state(asked, name, 77, reason)
    with pytest.raises(OperatorError) as raised:
        ask(account)
    assert told in f"{raised.value} {raised.value.details}"
    assert reason in str(raised.value)


def test_ctrl_c_stops_the_query_in_athena(account: Account, asked: Stubber) -> None:
    start(asked)
    state(asked, "RUNNING", 4096)
    stop(asked)

    def press(_: athena.State) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(OperatorError, match="4096 bytes"):
        ask(account, report=press)


def test_an_error_while_it_runs_stops_the_query(account: Account, asked: Stubber) -> None:
    start(asked)
    asked.add_client_error("get_query_execution", "ExpiredTokenException")
    stop(asked)
    with pytest.raises(account.athena.exceptions.ClientError, match="ExpiredToken"):
        ask(account)


def test_a_stop_that_fails_hides_no_reason(account: Account, asked: Stubber) -> None:
    start(asked)
    asked.add_client_error("get_query_execution", "ExpiredTokenException")
    asked.add_client_error("stop_query_execution", "Other")
    with pytest.raises(account.athena.exceptions.ClientError, match="ExpiredToken"):
        ask(account)


@pytest.mark.parametrize("missing", ["athena_workgroup_name", "glue_database_name"])
def test_a_stack_without_a_workgroup_cannot_be_asked(account: Account, missing: str) -> None:
    bare = replace(account, stack=replace(account.stack, **{missing: None}))
    with pytest.raises(UsageError, match="workgroup"):
        ask(bare)
