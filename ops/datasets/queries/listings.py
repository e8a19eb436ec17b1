"""Statements that list tables and columns, answered by what the stack has deployed. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from ops.datasets.queries.answers import Answer, Column
from ops.datasets.queries.tables import BEFORE, Catalog, Table
from ops.terminal.problems import OperatorError, UsageError

_QUOTE: Final = '["`]?'
_NAME: Final = rf"{_QUOTE}(?:(?P<schema>\w+){_QUOTE}\.{_QUOTE})?(?P<table>\w+){_QUOTE}"
_IN: Final = rf"(?:\s+(?:in|from)\s+{_QUOTE}(?P<of>\w+){_QUOTE})?"
# https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html
_STATEMENT: Final = (
    rf"show\s+(?P<tables>tables){_IN}(?:\s+'(?P<pattern>[^']*)')?",
    rf"show\s+(?P<columns>columns)\s+(?:in|from)\s+{_NAME}{_IN}",
    rf"desc(?:ribe)?(?:\s+(?:extended|formatted))?\s+{_NAME}",
)
_STATEMENTS: Final = tuple(
    re.compile(rf"{BEFORE}{it}\s*;?\s*", re.IGNORECASE | re.DOTALL) for it in _STATEMENT
)
_LISTING = re.compile(rf"{BEFORE}(?:show|desc|describe)\b", re.IGNORECASE | re.DOTALL)
_ALLOWED: Final = "SHOW TABLES, SHOW COLUMNS FROM table, DESCRIBE table"


def answer(sql: str, known: Catalog, schema: str | None) -> Answer | None:
    """Return the answer to a statement that lists tables or columns, None for any other statement.

    It has the columns of Athena's answer. `schema` is the name of Glue's database.

    Raises UsageError for one that only Athena answers, OperatorError for a table or a database that
    is not the stack's.
    """
    if not _LISTING.match(sql):
        return None
    found = next((it for one in _STATEMENTS if (it := one.fullmatch(sql))), None)
    if not found:
        msg = f"the local pipeline does not know {sql.strip()!r}, allowed: {_ALLOWED}"
        raise UsageError(msg)
    given = found.groupdict()
    for name in filter(None, (given.get("schema"), given.get("of"))):
        if name.lower() != schema:
            msg = f"there is no database {name!r}, allowed: {schema}"
            raise OperatorError(msg)
    if given.get("tables"):
        names = (table.name for table in known.tables)
        return _answer(["tab_name"], ([it] for it in names if _matches(given["pattern"], it)))
    table = _find(known, given["table"])
    if given.get("columns"):
        return _answer(["field"], ([name] for name in table.types))
    columns = ([name, kind, ""] for name, kind in table.types.items())
    return _answer(["col_name", "data_type", "comment"], columns)


def _find(known: Catalog, name: str) -> Table:
    for table in known.tables:
        if table.name == name.lower():
            return table
    msg = f"there is no table {name!r}"
    raise OperatorError(msg, [known.listed()])


def _matches(pattern: str | None, name: str) -> bool:
    """Return whether a name has the pattern of SHOW TABLES: `*` is any text, `|` an alternative."""
    if pattern is None:
        return True
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\|", "|")
    return re.fullmatch(escaped, name, re.IGNORECASE) is not None


def _answer(names: Iterable[str], rows: Iterable[list[str]]) -> Answer:
    columns = tuple(Column(name, "string") for name in names)
    return Answer(columns=columns, rows=iter([*rows]), bytes_read=None)
