"""The named queries, run by DuckDB; Athena's SQL has the same words for all that they use."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from handlers.transform.datasets.dataset import Dataset
from infra.datasets.named_queries import named_queries

DATASET = Dataset.read(
    "orders",
    {
        "prefix": "examples/orders/",
        "schema": {"type": "object", "properties": {"order": {"type": "string"}}},
    },
)
QUERIES = {it.name: it.sql for it in named_queries(DATASET)}


def today() -> date:
    return datetime.now(UTC).date()


def day(days_ago: int) -> str:
    return f"{today() - timedelta(days=days_ago):%Y/%m/%d}"


@pytest.fixture
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")  # as Athena's sessions are
    for name in ("orders", "orders_archive", "orders_bundles"):
        connection.execute(f'CREATE TABLE "{name}" ("order" VARCHAR, partition_day VARCHAR)')
    connection.execute(
        'CREATE TABLE "orders_rejected" ("field" VARCHAR, "rule" VARCHAR, partition_day VARCHAR)'
    )
    return connection


def ask(database: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    return database.execute(QUERIES[f"orders_{name}"]).fetchall()


def add(database: duckdb.DuckDBPyConnection, table: str, *rows: tuple[str | None, ...]) -> None:
    places = ", ".join("?" * len(rows[0]))
    database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608


def test_the_latest_day_is_the_last_with_records(database):
    add(database, "orders", ("old", day(5)), ("new", day(2)), ("newer", day(2)))
    assert sorted(ask(database, "latest_day")) == [("new", day(2)), ("newer", day(2))]


def test_the_latest_day_is_not_looked_for_further_back_than_a_week(database):
    add(database, "orders", ("in", day(7)))
    assert ask(database, "latest_day") == [("in", day(7))]
    database.execute("DELETE FROM orders")
    add(database, "orders", ("out", day(8)))
    assert ask(database, "latest_day") == []


def test_records_are_counted_by_day(database):
    add(database, "orders", *[("a", day(1))] * 3, ("b", day(30)), ("c", day(31)))
    assert ask(database, "records_a_day") == [(day(30), 1), (day(1), 3)]


def test_records_are_counted_wherever_they_are(database):
    add(database, "orders", ("a", day(1)), ("a", day(40)))
    add(database, "orders_archive", ("b", day(40)), ("b", day(91)))
    add(database, "orders_bundles", ("c", day(40)), ("c", day(90)))
    assert ask(database, "records_everywhere") == [(day(90), 1), (day(40), 3), (day(1), 1)]


def test_rejects_are_counted_by_day_field_and_rule(database):
    broken = [("total", "minimum", day(1))] * 2 + [("order", "pattern", day(1))]
    add(database, "orders_rejected", *broken, (None, None, day(3)), ("total", "type", day(31)))
    assert ask(database, "rejects_a_day") == [
        (day(3), None, None, 1),
        (day(1), "total", "minimum", 2),
        (day(1), "order", "pattern", 1),
    ]


def test_every_query_reads_some_days_alone():
    assert QUERIES.keys() == {
        "orders_latest_day", "orders_records_a_day", "orders_records_everywhere",
        "orders_rejects_a_day",
    }  # fmt: skip
    for sql in QUERIES.values():
        # Each time it names a table, a constant filter on the partition follows.
        assert sql.count('FROM "') == sql.count("partition_day >= replace(CAST(CAST(current_date")
