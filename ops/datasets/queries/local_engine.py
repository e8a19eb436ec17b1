"""Queries of the local pipeline, by DuckDB over the objects that Athena's tables would read."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.datasets.columns import PARTITION
from ops.aws import Account
from ops.datasets.queries import functions, listings, objects
from ops.datasets.queries.answers import Answer, Column, Row
from ops.datasets.queries.duckdb_types import duckdb_type
from ops.datasets.queries.interruptible import Worker, worker
from ops.datasets.queries.objects import Copy
from ops.datasets.queries.tables import QUOTES_HINT, Catalog, Table
from ops.terminal.problems import OperatorError, UsageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MISSING: Final = (
    "queries of the local pipeline need DuckDB, which `make setup` installs in the project's "
    ".venv: run .venv/bin/python -m ops query there; a deployed stack is asked by Athena"
)
# A line is one record, of at most 8 MiB before its fields are renamed and `_metadata` is added.
_LINE_BYTES: Final = 64 * 1024 * 1024
_ROWS: Final = 1000  # at once
_UNKNOWN_FUNCTION: Final = re.compile("Function with name .* does not exist", re.IGNORECASE)
_FUNCTION_HINT: Final = (
    "this function is not on the local pipeline: docs/datasets.md lists Athena's functions that are"
)
_NO_EXTENSIONS: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


@contextmanager
def asked(
    account: Account, sql: str, known: Catalog, *, report: Callable[[int], object]
) -> Generator[Answer]:
    """Give the answer to a query; its rows can be read within the block.

    A statement that lists tables or columns is answered by what is deployed. For a query, the
    objects of the tables that it names are copied to a temporary folder, into a database
    that can read and write nothing else. `report` is called with the bytes of each copy.

    Raises OperatorError for what DuckDB refuses, where it is not installed, and if Ctrl-C ends the
    query.
    """
    listed = listings.answer(sql, known, account.stack.glue_database_name)
    if listed:
        yield listed
        return
    try:
        import duckdb  # noqa: PLC0415 - a development dependency alone
    except ImportError:
        raise OperatorError(_MISSING) from None
    with tempfile.TemporaryDirectory(prefix="query-") as name:
        folder = Path(name)
        try:
            with (
                duckdb.connect(folder / "tables.db", config=dict(_NO_EXTENSIONS)) as database,
                worker(database) as work,
            ):
                for table in known.named_in(sql):
                    copies = objects.fetch(account, table, folder / table.name, report=report)
                    try:
                        work.run(partial(_create, database, table, copies))
                    except (duckdb.DataError, duckdb.InvalidInputException) as error:
                        raise _loading_failure(error, table, copies) from error
                _shut(database, account.stack.glue_database_name)
                answer = work.run(partial(_answer, database, sql))
                yield replace(answer, rows=_rows(database, work))
        except duckdb.Error as error:
            raise _failure(error, known) from error


def _create(database: DuckDBPyConnection, table: Table, copies: Sequence[Copy]) -> None:
    """Make a table of the records in files."""
    types = {name: duckdb_type(kind) for name, kind in table.columns.items()}
    named = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
    database.execute(f'create table "{table.name}" ({named}, "{PARTITION}" VARCHAR)')
    days: dict[str, list[str]] = {}
    for copy in copies:
        days.setdefault(copy.day, []).append(str(copy.path))
    for day, paths in days.items():
        database.execute(
            f'insert into "{table.name}" select *, ? from read_json(?, columns={_struct(types)},'  # noqa: S608 - names of the declaration, which its check allows
            f" format='newline_delimited', maximum_object_size={_LINE_BYTES})",
            [day, paths],
        )


def _struct(types: Mapping[str, str]) -> str:
    quoted = (f"\"{name}\": '{kind}'" for name, kind in types.items())
    return "{" + ", ".join(quoted) + "}"


def _loading_failure(error: Exception, table: Table, copies: Sequence[Copy]) -> OperatorError:
    """Return what a record has that the table's columns cannot hold, by the object's key."""
    told = str(error).splitlines()[0]
    for copy in copies:
        told = told.replace(str(copy.path), copy.key)
    hint = (
        "a query by Athena fails on most such values, too (docs/consumers.md); if the dataset has"
        f" changed since, `replay --dataset {table.dataset}` processes its files again"
    )
    return OperatorError(f"a record does not fit the columns of {table.name}: {told}", [hint])


def _shut(database: DuckDBPyConnection, schema: str | None) -> None:
    """Add Athena's functions, and leave the database no way to other files or the network."""
    for statement in functions.statements():
        database.execute(statement)
    if schema:  # a query may name Glue's database before a table, as on AWS
        database.execute(f'create schema "{schema}"')
        names = [row[0] for row in database.execute("show tables").fetchall()]
        for name in names:
            database.execute(f'create view "{schema}"."{name}" as from main."{name}"')
    database.execute("set enable_external_access = false")
    database.execute("set lock_configuration = true")


def _answer(database: DuckDBPyConnection, sql: str) -> Answer:
    """Return the answer to a query, without its rows."""
    statements = database.extract_statements(sql)
    if len(statements) != 1:
        msg = f"the query has {len(statements)} statements, allowed: one"
        raise UsageError(msg)
    answered = database.execute(statements[0])
    described: Sequence[Any] = answered.description or ()
    columns = tuple(Column(str(one[0]), str(one[1]).lower()) for one in described)
    return Answer(columns=columns, rows=iter(()), bytes_read=None)


def _rows(database: DuckDBPyConnection, work: Worker) -> Iterator[Row]:
    """Yield the rows of the answer to the last statement; most are computed as they are read."""
    while rows := work.run(partial(database.fetchmany, _ROWS)):
        yield from rows


def _failure(error: Exception, known: Catalog) -> OperatorError:
    """Return what DuckDB says of a query, and the tables where it knows one of them not."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    is_unknown = type(error).__name__ == "CatalogException" and "Table" in lines[0]
    hints = [known.listed()] if is_unknown else []
    if type(error).__name__ == "ParserException":
        hints.append(QUOTES_HINT)
    if _UNKNOWN_FUNCTION.search(lines[0]):
        hints.append(_FUNCTION_HINT)
    lines = [line for line in lines if not (is_unknown and "pg_" in line)]  # its guesses
    return OperatorError(f"the query failed: {lines[0]}", [*lines[1:], *hints])
