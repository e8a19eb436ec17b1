"""Query the tables of the datasets."""

from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Annotated

import typer

from ops import aws
from ops.commands.datasets import reports
from ops.commands.group import connect
from ops.commands.options import AsJson, OutputsFile, StackName
from ops.datasets.queries import athena, local_engine, tables
from ops.datasets.queries.answers import Answer
from ops.datasets.queries.tables import Catalog
from ops.terminal import screen
from ops.terminal.problems import UsageError


def query(
    sql: Annotated[
        str | None,
        typer.Argument(
            metavar="SQL",
            help="One statement, as 'select count(*) from orders'; without it, the tables and the"
            " named queries are listed.",
        ),
    ] = None,
    *,
    named: Annotated[
        str | None,
        typer.Option("--named", metavar="NAME", help="Run one of the named queries."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="Show N rows in the table.")
    ] = 100,
    chart: Annotated[
        bool | None,
        typer.Option(
            "--chart/--no-chart",
            help="Draw bars [default: if one column holds texts or dates, the other numbers].",
            show_default=False,
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, all rows.")] = False,
    as_json: AsJson = False,
    stack: StackName = None,
    outputs: OutputsFile = None,
) -> None:
    """Query the tables of the datasets with SQL.

    Each dataset has four tables: NAME, NAME_archive, NAME_bundles and NAME_rejected; their column
    partition_day is the day, as 2024/01/15. Each has named queries, too. On a deployed stack Athena
    answers: what the query read and its list price are shown at the end. On the local pipeline
    DuckDB answers, over the same files. Ctrl-C stops the query.

    Examples: `query`, `query "select * from orders limit 10"`, `query "select partition_day,
    count(*) from orders group by 1 order by 1"`.
    """
    if as_csv and as_json:
        msg = "--csv and --json exclude each other: give one"
        raise UsageError(msg)
    if chart and (as_csv or as_json):
        msg = "--chart is of the table, allowed: without --csv and --json"
        raise UsageError(msg)
    if sql and named:
        msg = "SQL and --named exclude each other: give one"
        raise UsageError(msg)
    account = connect(stack, outputs)
    known = tables.catalog(account.stack)
    sql = known.sql(named) if named else sql
    if sql is None:
        reports.show_catalog(known, as_json=as_json)
        return
    tables.check_reads(sql)
    with _asked(account, sql, known) as answer:
        if as_csv:
            reports.as_csv(answer)
        elif as_json:
            reports.as_json(answer)
        else:
            reports.as_table(answer, limit=limit, chart=chart)


@contextmanager
def _asked(account: aws.Account, sql: str, known: Catalog) -> Generator[Answer]:
    """Give the answer of Athena, or of DuckDB on the local pipeline."""
    engine = _local if account.stack.endpoint_url else _athena
    with ExitStack() as opened:
        with screen.working("asking") as spinner:
            answer = opened.enter_context(engine(account, sql, known, spinner))
        yield answer


def _athena(
    account: aws.Account, sql: str, known: Catalog, spinner: object
) -> AbstractContextManager[Answer]:
    def tell(state: athena.State) -> None:
        screen.renew(spinner, f"{state.name.lower()}, {screen.size(state.bytes_read)} read")

    return athena.asked(account, sql, known, report=tell)


def _local(
    account: aws.Account, sql: str, known: Catalog, spinner: object
) -> AbstractContextManager[Answer]:
    copied = 0

    def tell(size: int) -> None:
        nonlocal copied
        copied += size
        screen.renew(spinner, f"{screen.size(copied)} of files copied")

    return local_engine.asked(account, sql, known, report=tell)
