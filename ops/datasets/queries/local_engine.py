"""Queries of the local pipeline, by DuckDB over the objects that Athena's tables would read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.datasets.columns import PARTITION
from ops.aws import Account
from ops.datasets.queries import objects
from ops.datasets.queries.answers import Answer, Column, Row
from ops.datasets.queries.objects import Copy
from ops.datasets.queries.tables import QUOTES_HINT, Catalog, Table
from ops.terminal.problems import OperatorError, UsageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MISSING: Final = (
    "queries of the local pipeline need DuckDB, which `make setup` installs in the project's "
    ".venv: run .venv/bin/python -m ops query there; a deployed stack is asked by Athena"
)
_SCALARS: Final = {
    "string": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN",
}  # fmt: skip
# A line is one record, of at most 8 MiB before its fields are renamed and `_metadata` is added.
_LINE_BYTES: Final = 64 * 1024 * 1024
_ROWS: Final = 1000  # at once
# Functions of Athena that DuckDB lacks: of the instants that the outputs hold as texts.
_FUNCTIONS: Final = (
    "create macro from_iso8601_timestamp(it) as cast(it as timestamptz) at time zone 'UTC'",
    "create macro from_iso8601_date(it) as cast(it as date)",
)
# What DuckDB's client raises on Ctrl-C, as a plain RuntimeError.
_INTERRUPTED: Final = "Query interrupted"
_NO_EXTENSIONS: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


@contextmanager
def asked(
    account: Account, sql: str, known: Catalog, *, report: Callable[[int], object]
) -> Generator[Answer]:
    """Give the answer to a query; its rows can be read within the block.

    The objects of the tables that the query names are copied to a temporary folder, into a database
    that can read and write nothing else. `report` is called with the bytes of each copy.

    Raises OperatorError for what DuckDB refuses, where it is not installed, and if Ctrl-C ends the
    query.
    """
    try:
        import duckdb  # noqa: PLC0415 - a development dependency alone
    except ImportError:
        raise OperatorError(_MISSING) from None
    with tempfile.TemporaryDirectory(prefix="query-") as name:
        folder = Path(name)
        try:
            with duckdb.connect(folder / "tables.db", config=dict(_NO_EXTENSIONS)) as database:
                for table in known.named_in(sql):
                    copies = objects.fetch(account, table, folder / table.name, report=report)
                    try:
                        _create(database, table, copies)
                    except (duckdb.DataError, duckdb.InvalidInputException) as error:
                        raise _loading_failure(error, table, copies) from error
                _shut(database, account.stack.glue_database_name)
                yield _answer(database, sql)
        except (KeyboardInterrupt, RuntimeError) as error:
            if isinstance(error, RuntimeError) and str(error) != _INTERRUPTED:
                raise
            msg = "stopped; the query was not answered in full"
            raise OperatorError(msg) from None
        except duckdb.Error as error:
            raise _failure(error, known) from error


def duckdb_type(glue: str) -> str:
    """Return the type of DuckDB for a type of Glue. Pure.

    Raises ValueError for one that no column has.
    """
    kind, rest = _read_type(glue)
    if rest:
        msg = f"{glue!r} is no type of a column: {rest!r} follows it"
        raise ValueError(msg)
    return kind


def _read_type(text: str) -> tuple[str, str]:
    """Return the type that a text begins with, and what follows it."""
    if text.startswith("array<"):
        inner, rest = _read_type(text.removeprefix("array<"))
        return f"{inner}[]", rest.removeprefix(">")
    if text.startswith("struct<"):
        fields: list[str] = []
        rest = text.removeprefix("struct<")
        while not rest.startswith(">"):
            name, _, rest = rest.removeprefix(",").partition(":")
            inner, rest = _read_type(rest)
            fields.append(f'"{name}" {inner}')
        return f"STRUCT({', '.join(fields)})", rest[1:]
    for name, kind in _SCALARS.items():
        if text.startswith(name):
            return kind, text.removeprefix(name)
    msg = f"{text!r} is no type of a column, allowed: {', '.join(_SCALARS)}, array<>, struct<>"
    raise ValueError(msg)


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
        "Athena cannot read it either; if the dataset has changed since, `replay --dataset "
        f"{table.dataset}` processes its files again"
    )
    return OperatorError(f"a record does not fit the columns of {table.name}: {told}", [hint])


def _shut(database: DuckDBPyConnection, schema: str | None) -> None:
    """Add Athena's functions, and leave the database no way to other files or the network."""
    for function in _FUNCTIONS:
        database.execute(function)
    if schema:  # a query may name Glue's database before a table, as on AWS
        database.execute(f'create schema "{schema}"')
        names = [row[0] for row in database.execute("show tables").fetchall()]
        for name in names:
            database.execute(f'create view "{schema}"."{name}" as from main."{name}"')
    database.execute("set enable_external_access = false")
    database.execute("set lock_configuration = true")


def _answer(database: DuckDBPyConnection, sql: str) -> Answer:
    statements = database.extract_statements(sql)
    if len(statements) != 1:
        msg = f"the query has {len(statements)} statements, allowed: one"
        raise UsageError(msg)
    answered = database.execute(statements[0])
    described: Sequence[Any] = answered.description or ()
    columns = tuple(Column(str(one[0]), str(one[1]).lower()) for one in described)
    return Answer(columns=columns, rows=_rows(answered), bytes_read=None)


def _rows(answered: DuckDBPyConnection) -> Iterator[Row]:
    while rows := answered.fetchmany(_ROWS):
        yield from rows


def _failure(error: Exception, known: Catalog) -> OperatorError:
    """Return what DuckDB says of a query, and the tables where it knows one of them not."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    is_unknown = type(error).__name__ == "CatalogException" and "Table" in lines[0]
    hints = [known.listed()] if is_unknown else []
    if type(error).__name__ == "ParserException":
        hints.append(QUOTES_HINT)
    lines = [line for line in lines if not (is_unknown and "pg_" in line)]  # its guesses
    return OperatorError(f"the query failed: {lines[0]}", [*lines[1:], *hints])
