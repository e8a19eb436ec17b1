"""Queries of a deployed stack, by Athena."""

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from ops import aws
from ops.aws import Account
from ops.datasets.queries.answers import Answer, Column, Row
from ops.datasets.queries.tables import QUOTES_HINT, Catalog
from ops.terminal.interruptions import held_back
from ops.terminal.problems import OperatorError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_athena.type_defs import QueryExecutionTypeDef

_FIRST_POLL_SECONDS: Final = 0.25
_LAST_POLL_SECONDS: Final = 3.0
_POLL_GROWTH: Final = 1.5
_QUERY: Final = "DML"  # the type of SELECT
_ENDED: Final = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
_WHOLE: Final = frozenset({"tinyint", "smallint", "integer", "int", "bigint"})
_FLOATING: Final = frozenset({"double", "float", "real"})
_CUT_OFF: Final = re.compile("bytes scanned limit", re.IGNORECASE)
_NO_TABLE: Final = re.compile("TABLE_NOT_FOUND|Table .* does not exist", re.IGNORECASE)
_NOT_PARSED: Final = re.compile("mismatched input|extraneous input", re.IGNORECASE)
_DENIED: Final = re.compile(
    "insufficient permissions|access ?denied|permission denied|not authorized", re.IGNORECASE
)
_MISSING: Final = (
    "the stack's outputs name no Athena workgroup and Glue database: it declares no dataset, or "
    "was deployed before datasets were there; deploy it again"
)

_Texts = Sequence[str | None]  # of the cells of a row


@dataclass(frozen=True, kw_only=True)
class State:
    """How far a query is; `bytes_read` are those that it has read until now."""

    name: str
    bytes_read: int


@contextmanager
def asked(
    account: Account, sql: str, known: Catalog, *, report: Callable[[State], object]
) -> Generator[Answer]:
    """Give the answer to a query; its rows come from Athena page by page, within the block.

    `report` is called with each state that is seen. Ctrl-C, and an error while it runs, stop the
    query in Athena. If this process is killed it runs on, to the workgroup's limit of bytes.

    Raises OperatorError for what Athena refuses and for a query that was stopped, UsageError for
    outputs without a workgroup.
    """
    with held_back() as stopped:
        ended = _run(account, sql, report, stopped)
    identifier, bytes_read = ended.get("QueryExecutionId", ""), _state(ended).bytes_read
    if _state(ended).name != "SUCCEEDED":
        raise _failure(ended, known)
    # Statements that list something are no DML: DESCRIBE is DDL or UTILITY, say.
    read = _read if ended.get("StatementType", _QUERY) == _QUERY else _read_listed
    columns, rows = _results(account, identifier, read)
    yield Answer(columns=columns, rows=rows, bytes_read=bytes_read)


def _run(
    account: Account, sql: str, report: Callable[[State], object], stopped: Callable[[], bool]
) -> "QueryExecutionTypeDef":
    """Run a query to its end, and return how it ended."""
    stack = account.stack
    if not stack.athena_workgroup_name or not stack.glue_database_name:
        raise UsageError(_MISSING)
    identifier = account.athena.start_query_execution(
        QueryString=sql,
        ClientRequestToken=str(uuid4()),  # a call that botocore repeats runs the query once
        QueryExecutionContext={"Database": stack.glue_database_name},
        WorkGroup=stack.athena_workgroup_name,
    )["QueryExecutionId"]
    try:
        return _await(account, identifier, report, stopped)
    except BaseException:
        with suppress(*aws.AwsError):
            account.athena.stop_query_execution(QueryExecutionId=identifier)
        raise


def _await(
    account: Account,
    identifier: str,
    report: Callable[[State], object],
    stopped: Callable[[], bool],
) -> "QueryExecutionTypeDef":
    pause = _FIRST_POLL_SECONDS
    while True:
        answer = account.athena.get_query_execution(QueryExecutionId=identifier)
        execution = answer["QueryExecution"]
        state = _state(execution)
        report(state)
        if state.name in _ENDED:
            return execution
        if stopped():
            msg = f"stopped; the query had read {state.bytes_read} bytes, which Athena charges"
            raise OperatorError(msg)
        sleep(pause)
        pause = min(pause * _POLL_GROWTH, _LAST_POLL_SECONDS)


def _state(execution: "QueryExecutionTypeDef") -> State:
    return State(
        name=execution.get("Status", {}).get("State", "QUEUED"),
        bytes_read=execution.get("Statistics", {}).get("DataScannedInBytes", 0),
    )


def _results(
    account: Account, identifier: str, read: Callable[[_Texts, Sequence[Column]], Row]
) -> tuple[tuple[Column, ...], Iterator[Row]]:
    """Return the columns of a query's results, and their rows, which are fetched as they are read.

    The first row of a SELECT's first page holds the names of the columns.
    https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
    """
    pages = iter(
        account.athena.get_paginator("get_query_results").paginate(QueryExecutionId=identifier)
    )
    first: Any = next(pages)
    described = first.get("ResultSet", {}).get("ResultSetMetadata", {}).get("ColumnInfo", [])
    columns = tuple(Column(one["Name"], one["Type"].lower()) for one in described)

    def rows() -> Iterator[Row]:
        names = [column.name for column in columns]
        here = _texts(first)
        yield from (read(row, columns) for row in here[int(here[:1] == [names]) :])
        for page in pages:
            yield from (read(row, columns) for row in _texts(page))

    return columns, rows()


def _texts(page: Any) -> list[list[str | None]]:
    found: Sequence[Mapping[str, Any]] = page.get("ResultSet", {}).get("Rows", [])
    return [[cell.get("VarCharValue") for cell in row.get("Data", [])] for row in found]


def _read(texts: _Texts, columns: Sequence[Column]) -> Row:
    return [_value(text, column.base) for text, column in zip(texts, columns, strict=False)]


def _read_listed(texts: _Texts, columns: Sequence[Column]) -> Row:
    """Read a row of a list of tables or columns: one text, whose cells are padded, between tabs."""
    cells = [cell.rstrip() for text in texts for cell in (text or "").split("\t")]
    return [*cells, *[""] * len(columns)][: len(columns)]


def _value(text: str | None, kind: str) -> object:
    """Return the value of a text of Athena, which writes each value as text."""
    if text is None:
        return None
    if kind in _WHOLE:
        return int(text)
    if kind in _FLOATING:
        return float(text)
    return text == "true" if kind == "boolean" else text


def _failure(execution: "QueryExecutionTypeDef", known: Catalog) -> OperatorError:
    """Return why a query has no results, and what to do about it."""
    status = execution.get("Status", {})
    reason = status.get("StateChangeReason", "") or status.get("State", "")
    hints: list[str] = []
    if _CUT_OFF.search(reason):
        read = _state(execution).bytes_read
        hints.append(
            f"it has read {read} bytes, and the workgroup allows no more: ask for fewer days, as"
            " where partition_day >= '2024/01/15', or raise the limit"
        )
    if _NO_TABLE.search(reason):
        hints.append(known.listed())
    if _NOT_PARSED.search(reason):
        hints.append(QUOTES_HINT)
    if _DENIED.search(reason):
        hints.append(
            "`python -m ops policy query` prints what your role has to allow; "
            "`aws sts get-caller-identity` shows who you are"
        )
    return OperatorError(f"the query failed: {reason}", hints)
