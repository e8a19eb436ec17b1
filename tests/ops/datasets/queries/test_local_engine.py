"""DuckDB answers over the objects, columns and partitions that Athena's tables have."""

import gzip
import os
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.bundles import entries
from infra.datasets.columns import column_type
from ops.aws import Account
from ops.datasets.queries import functions, interruptible, local_engine, tables
from ops.datasets.queries.duckdb_types import duckdb_type
from ops.terminal.problems import OperatorError
from tests.ops.conftest import DONE, OLD, Pipeline, today
from tests.ops.datasets.queries import athena_functions

NEW = "2024/01/15/shop/orders"
LINES = (
    b'{"order":"a","total":1.5,"count":3,"paid":true,"address":{"city":"Bern","floors":[1,2]},'
    b'"labels":{"x":1},"_metadata":{"processed_at":"2024-01-15T10:30:00.000Z"}}\n'
    b'{"order":"b","total":2}\n'
)


def ask(account: Account, sql: str) -> list[tuple[object, ...]]:
    known = tables.catalog(account.stack)
    with local_engine.asked(account, sql, known, report=lambda _: None) as answer:
        return [tuple(row) for row in answer.rows]


def test_the_tables_hold_what_athena_would_see(pipeline: Pipeline, account: Account) -> None:
    pipeline.put(f"processed/{NEW}/a.json", LINES, DONE)
    pipeline.put(f"processed/{NEW}/deep/b.json.gz", gzip.compress(b'{"order":"c"}\n'), DONE)
    pipeline.put("processed/2024/01/16/shop/orders/empty.json", b"", DONE)
    pipeline.put("processed/2024/01/16/shop/orders/d.json", b'{"order":"d"}', DONE)
    unseen = ("_x.json", ".x.json", "_deep/x.json", "of/")
    for name in unseen:
        pipeline.put(f"processed/{NEW}/{name}", b'{"order":"hidden"}', DONE)
    pipeline.put("processed/2024/01/15/shop/others/x.json", b'{"order":"other"}', DONE)
    pipeline.put("processed/shop/orders/x.json", b'{"order":"no day"}', DONE)

    rows = ask(account, 'select "order", partition_day from orders order by 1')
    assert rows == [
        ("a", "2024/01/15"), ("b", "2024/01/15"), ("c", "2024/01/15"), ("d", "2024/01/16"),
    ]  # fmt: skip
    values = ask(account, """select * from pipeline_dev.orders where "order" = 'a'""")
    metadata = {
        "processed_at": "2024-01-15T10:30:00.000Z", "environment": None, "processor_version": None,
    }  # fmt: skip
    address = {"city": "Bern", "floors": [1, 2]}
    assert values == [("a", 1.5, 3, True, address, '{"x":1}', metadata, "2024/01/15")]


def test_archived_and_rejected_records_have_tables_of_their_own(
    pipeline: Pipeline, account: Account
) -> None:
    pipeline.put(f"archive/{NEW}/a.json", LINES, OLD)
    pipeline.put(f"archive/{NEW}/cold.json", LINES, OLD, StorageClass="GLACIER")
    bad = b'{"line":3,"field":"total","rule":"type","reason":"total: a text","raw":"c,x"}\n'
    pipeline.put(f"rejected/{NEW}/a.ndjson", bad, DONE)
    assert ask(account, "select count(*) from orders_archive") == [(2,)]
    assert ask(account, "select count(*) from orders") == [(0,)]
    assert ask(account, "select * from orders_rejected") == [
        (3, None, "total", "type", "total: a text", "c,x", None, "2024/01/15")
    ]


def test_bundles_are_read_whole_and_their_indexes_not_at_all(
    pipeline: Pipeline, account: Account
) -> None:
    bodies = {
        f"processed/{NEW}/a.json": LINES,
        f"processed/{NEW}/b.json": b"",
        f"processed/{NEW}/c.json.gz": gzip.compress(b'{"order":"c"}\n') + gzip.compress(b""),
        f"processed/{NEW}/d.json": b'{"order":"d"}\n',
    }
    pipeline.put(f"bundles/{NEW}/000001.json.gz", bundle(bodies), OLD)
    pipeline.put(f"bundle-indexes/{NEW}/000001.json.gz", gzip.compress(b'{"order":"x"}\n'), OLD)
    pipeline.put("bundles/2024/01/15/000001.json.gz", bundle(bodies), OLD)  # of no dataset
    rows = ask(account, 'select "order", total, partition_day from orders_bundles order by 1')
    assert rows == [
        ("a", 1.5, "2024/01/15"), ("b", 2.0, "2024/01/15"), ("c", None, "2024/01/15"),
        ("d", None, "2024/01/15"),
    ]  # fmt: skip
    assert ask(account, "select count(*) from orders_archive") == [(0,)]


def bundle(bodies: dict[str, bytes]) -> bytes:
    """Return a bundle of outputs, given by their keys."""
    packed = b""
    for key, body in bodies.items():
        packed += entries.pack(
            body,
            key=key,
            etag='"1"',
            modified=datetime(2024, 2, 15, tzinfo=UTC),
            headers={},
            metadata={"source-version": "v"},
            tags={},
            offset=len(packed),
        )[1]
    return packed


def test_every_named_query_is_answered(pipeline: Pipeline, account: Account) -> None:
    day = f"{today():%Y/%m/%d}"
    pipeline.put(f"processed/{day}/shop/orders/a.json", LINES, DONE)
    pipeline.put(f"processed/{NEW}/a.json", LINES, DONE)
    bad = b'{"line":3,"field":"total","rule":"type","reason":"total: a text","raw":"c,x"}\n'
    pipeline.put(f"rejected/{day}/shop/orders/a.ndjson", bad, DONE)
    latest, counts, everywhere, rejects = (
        ask(account, it.sql) for it in tables.catalog(account.stack).queries
    )
    assert [row[-1] for row in latest] == [day, day]
    assert counts == everywhere == [(day, 2)]
    assert rejects == [(day, "total", "type", 1)]


def test_instants_in_texts_are_read_as_athena_reads_them(account: Account) -> None:
    told = "from_iso8601_timestamp('2024-01-15T01:30:00+02:00')"
    sql = f"select cast({told} as varchar), cast(from_iso8601_date('2024-01-15') as varchar)"
    assert ask(account, sql) == [("2024-01-14 23:30:00", "2024-01-15")]


def listed(account: Account, sql: str) -> tuple[list[str], list[object]]:
    """Return the names of an answer's columns, and the first cell of each row."""
    known = tables.catalog(account.stack)
    with local_engine.asked(account, sql, known, report=lambda _: None) as answer:
        return [it.name for it in answer.columns], [row[0] for row in answer.rows]


ALL = ["orders", "orders_archive", "orders_bundles", "orders_rejected"]


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("show tables", ALL),
        ("-- all\nSHOW  TABLES IN pipeline_dev;", ALL),
        ("show tables from `pipeline_dev`", ALL),
        ("show tables 'orders_*'", ["orders_archive", "orders_bundles", "orders_rejected"]),
        ("show tables in pipeline_dev 'orders|x'", ["orders"]),
        ("show tables '.*'", []),
    ],
)
def test_the_tables_of_the_stack_are_listed(account: Account, sql: str, names: list[str]) -> None:
    assert listed(account, sql) == (["tab_name"], names)


@pytest.mark.parametrize(
    ("sql", "first"),
    [
        ("describe orders", "col_name"),
        ("DESC FORMATTED pipeline_dev.Orders ;", "col_name"),
        ("describe `orders`", "col_name"),
        ('show columns from "pipeline_dev"."orders"', "field"),
        ("show columns in orders in pipeline_dev", "field"),
    ],
)
def test_the_columns_of_a_table_are_listed(account: Account, sql: str, first: str) -> None:
    names, fields = listed(account, sql)
    assert names[0] == first
    assert fields == [
        "order", "total", "count", "paid", "address", "labels", "_metadata", "partition_day",
    ]  # fmt: skip


def test_a_description_has_the_types_of_glue(account: Account) -> None:
    rows = ask(account, "describe orders")
    assert rows[0] == ("order", "string", "")
    assert rows[4] == ("address", "struct<city:string,floors:array<bigint>>", "")


@pytest.fixture(scope="module")
def evaluate() -> Iterator[Callable[[str], object]]:
    """A function that returns the value of an expression on the local pipeline."""
    import duckdb  # noqa: PLC0415 - heavy

    with duckdb.connect() as database:
        for statement in functions.statements():
            database.execute(statement)
        yield lambda sql: database.execute(f"select {sql}").fetchall()[0][0]


def test_functions_of_athena_answer_as_athena_does(evaluate: Callable[[str], object]) -> None:
    examples = [*athena_functions.EXAMPLES.values(), *athena_functions.MORE]
    found = [(sql, evaluate(sql)) for sql, _ in examples]
    assert found == examples
    assert [type(it) for _, it in found] == [type(it) for _, it in examples]


def test_every_function_that_is_made_has_an_example() -> None:
    assert functions.MACROS.keys() <= athena_functions.EXAMPLES.keys()
    for name, (sql, _) in athena_functions.EXAMPLES.items():
        assert re.search(rf"\b{name}\(", sql)


def test_a_query_has_athenas_functions(pipeline: Pipeline, account: Account) -> None:
    pipeline.put(f"processed/{NEW}/a.json", LINES, DONE)
    sql = (
        "select json_extract_scalar(labels, '$.x'), count / 2,"
        " any_match(address.floors, n -> n = 2) from orders where regexp_like(\"order\", '^a$')"
    )
    assert ask(account, sql) == [("1", 1, True)]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            "select * from orderz",
            "The tables are orders, orders_archive, orders_bundles, orders_rejected",
        ),
        ("show tables in others", "no database 'others', allowed: pipeline_dev"),
        (
            "describe orderz",
            "The tables are orders, orders_archive, orders_bundles, orders_rejected",
        ),
        ("describe other.orders", "no database 'other'"),
        ("show databases", "allowed: SHOW TABLES, SHOW COLUMNS FROM table, DESCRIBE table"),
        ("describe select 1", "allowed: SHOW TABLES"),
        ("select json_size('{}', '$')", "this function is not on the local pipeline"),
        ("select ngrams(array[1], 1)", "docs/datasets.md lists Athena's functions"),
        ("selct 1", "syntax error"),
        ("select missing from orders", "missing"),
        ("select 1; select 2", "2 statements"),
        (" ", "0 statements"),
        ("select * from read_text('/etc/hostname')", "disabled by configuration"),
        ("copy (select 1) to 'out.csv'", "disabled by configuration"),
        ("select * from 'https://127.0.0.1:9/x.json'", "disabled by configuration"),
        ("install httpfs", "disabled by configuration"),
        ("set enable_external_access = true", "locked"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(account: Account, sql: str, told: str) -> None:
    with pytest.raises(OperatorError) as raised:
        ask(account, sql)
    assert told in f"{raised.value} {raised.value.details}"


def test_ctrl_c_while_rows_are_read_ends_a_query_with_a_sentence(account: Account) -> None:
    known = tables.catalog(account.stack)
    with (
        pytest.raises(OperatorError, match=r"^stopped") as raised,
        local_engine.asked(account, "select 1", known, report=lambda _: None),
    ):
        raise KeyboardInterrupt
    assert raised.value.exit_code == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_query_that_runs(
    account: Account, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def send(futures: list[Future[object]], timeout: float) -> None:
        monkeypatch.undo()
        os.kill(os.getpid(), number)
        wait(futures, timeout)

    monkeypatch.setattr(interruptible, "wait", send)
    sql = "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"
    with pytest.raises(OperatorError, match=r"^stopped") as raised:
        ask(account, sql)
    assert raised.value.exit_code == 1


def test_another_error_while_rows_are_read_is_not_hidden(account: Account) -> None:
    known = tables.catalog(account.stack)
    with (
        pytest.raises(RuntimeError, match="another"),
        local_engine.asked(account, "select 1", known, report=lambda _: None),
    ):
        raise RuntimeError("another")


def test_a_record_of_another_type_fails_the_query(pipeline: Pipeline, account: Account) -> None:
    pipeline.put(f"processed/{NEW}/a.json", b'{"total":"much"}', DONE)
    with pytest.raises(OperatorError, match=f'columns of orders: .*processed/{NEW}/a.json.*"much"'):
        ask(account, "select total from orders")


def test_a_query_without_a_named_database_is_answered(account: Account) -> None:
    bare = replace(account, stack=replace(account.stack, glue_database_name=None))
    assert ask(bare, "select count(*) from orders") == [(0,)]


def test_without_a_dataset_there_is_nothing_to_ask(account: Account) -> None:
    bare = replace(account.stack, datasets=None)
    with pytest.raises(OperatorError, match="the stack has no dataset"):
        tables.catalog(bare)


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
SCHEMAS = st.recursive(
    st.sampled_from([{"type": name} for name in ("string", "integer", "number", "boolean")]),
    lambda inner: st.one_of(
        st.builds(lambda it: {"type": ["array", "null"], "items": it}, inner),
        st.builds(
            lambda them: {"type": "object", "properties": them},
            st.dictionaries(NAMES, inner, max_size=3),
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=50)
@given(SCHEMAS)
def test_every_type_of_a_column_is_one_of_duckdb(schema: dict[str, object]) -> None:
    assert _known(duckdb_type(column_type(schema)))


def _known(kind: str) -> bool:
    import duckdb  # noqa: PLC0415 - heavy

    return duckdb.sql(f"select null::{kind}").fetchall() == [(None,)]


@pytest.mark.parametrize("kind", ["date", "array<date>", "string>", "struct<a:>"])
def test_a_type_that_no_column_has_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="is no type of a column"):
        duckdb_type(kind)
