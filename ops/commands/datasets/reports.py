"""Print the tables of a stack, and answers to queries: as a table with a chart, CSV or JSON."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, cast

from ops.datasets.queries import prices
from ops.datasets.queries.answers import Answer, Row, charted
from ops.datasets.queries.tables import Catalog
from ops.terminal import screen
from ops.terminal.problems import UsageError


def show_catalog(known: Catalog, *, as_json: bool) -> None:
    """Print the tables with their columns, and the named queries."""
    if as_json:
        tables = {table.name: table.types for table in known.tables}
        screen.document({"tables": tables, "queries": [asdict(it) for it in known.queries]})
        return
    for table in known.tables:
        screen.say(f"{table.name}: {table.declared.description}".removesuffix(": "))
        screen.table(("  column", "type"), [(f"  {name}", it) for name, it in table.types.items()])
    screen.table(
        ("named query", "what it shows"), [(it.name, it.description) for it in known.queries]
    )


def as_table(answer: Answer, *, limit: int, chart: bool | None) -> None:
    """Print the first `limit` rows, a bar chart where one fits, and what was read.

    Raises UsageError if `chart` asks for one that does not fit.
    """
    places = charted(answer.columns)
    if chart and not places:
        msg = "--chart needs two columns, allowed: one of texts or dates, the other of numbers"
        raise UsageError(msg)
    rows = list(islice(answer.rows, limit + 1))
    shown = rows[:limit]
    screen.table([it.name for it in answer.columns], ([_cell(it) for it in row] for row in shown))
    if places and chart is not False and shown:
        _draw(shown, *places)
    if len(rows) > limit:
        screen.warn(
            f"the first {limit} rows are shown: --limit N for more, --csv or --json for all"
        )
    _tell_bytes(answer.bytes_read)


def as_csv(answer: Answer) -> None:
    """Print all rows as CSV."""
    screen.csv_rows(
        [column.name for column in answer.columns], (list(map(_cell, row)) for row in answer.rows)
    )
    _tell_bytes(answer.bytes_read)


def as_json(answer: Answer) -> None:
    """Print all rows as JSON objects, with the columns' types and what was read.

    Raises UsageError if two columns have one name.
    """
    names = [column.name for column in answer.columns]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        msg = f"two columns are named {', '.join(twice)}, allowed: each a name of its own, by `as`"
        raise UsageError(msg)
    read = answer.bytes_read
    head = {
        "columns": {column.name: column.kind for column in answer.columns},
        "bytes_read": read,
        "dollars": None if read is None else str(prices.dollars(read)),
    }
    rows = (dict(zip(names, map(_plain, row), strict=True)) for row in answer.rows)
    screen.documents(head, "rows", rows)


def _tell_bytes(bytes_read: int | None) -> None:
    if bytes_read is not None:
        price = prices.dollars(bytes_read)
        screen.warn(f"{screen.size(bytes_read)} read, some ${price.normalize():f} by list price")


def _draw(rows: Sequence[Row], label: int, number: int) -> None:
    screen.say("")
    screen.chart([_cell(row[label]) or "-" for row in rows], [_number(row[number]) for row in rows])


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _cell(value: object) -> str | None:
    """Return a value as a cell's text: structures and truth values as JSON writes them."""
    plain = _plain(value)
    if plain is None or isinstance(plain, str):
        return plain
    return json.dumps(plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it; what JSON lacks, dates and decimals say, as text."""
    if isinstance(value, dict):
        fields = cast("dict[object, Any]", value)
        return {str(name): _plain(inner) for name, inner in fields.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in cast("list[Any]", value)]
    if value is None or isinstance(value, str | bool | int):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)
