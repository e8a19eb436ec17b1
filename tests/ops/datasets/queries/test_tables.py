"""A query only reads."""

import pytest

from ops.datasets.queries.tables import check_reads
from ops.terminal.problems import UsageError


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "  SELECT 1",
        "-- counts\nselect 1",
        "/* two\nlines */ (select 1) union (select 2)",
        "with few as (select 1) select * from few",
        "values 1, 2",
        "show tables",
        "describe orders",
        "explain select 1",
        "EXPLAIN ANALYZE VERBOSE select 1",
    ],
)
def test_what_reads_is_asked(sql: str) -> None:
    check_reads(sql)


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("drop table orders", "DROP"),
        ("insert into orders select 1", "INSERT"),
        ("-- select\nDelete from orders", "DELETE"),
        ("/* select */ unload (select 1) to 's3://bucket/'", "UNLOAD"),
        ("create table x as select 1", "CREATE"),
        ("explain analyze insert into orders select 1", "INSERT"),
        ("selection", "SELECTION"),
        ("", ""),
        ("-- nothing", "-- nothing"),
    ],
)
def test_what_may_write_is_refused(sql: str, word: str) -> None:
    with pytest.raises(UsageError, match="begins no query, allowed: SELECT") as caught:
        check_reads(sql)
    assert str(caught.value).startswith(repr(word))
