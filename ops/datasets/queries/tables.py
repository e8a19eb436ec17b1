"""The tables of a stack's datasets, by what the stack says that it has deployed. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from handlers import keys
from infra.datasets import tables as declared
from infra.datasets.columns import PARTITION
from infra.datasets.named_queries import NamedQuery, named_queries
from ops.datasets.deployed import read_datasets
from ops.stack import Stack
from ops.terminal.problems import OperatorError, UsageError

_DAY: Final = "[0-9]{4}/[0-9]{2}/[0-9]{2}"
# What may stand before the first word of a statement: blanks, comments and brackets.
BEFORE: Final = r"(?:\s|\(|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*"
_EXPLAIN: Final = rf"(?:explain\b{BEFORE}(?:(?:analyze|verbose)\b{BEFORE})*)?"
_FIRST_WORD = re.compile(rf"{BEFORE}{_EXPLAIN}(\w*)", re.DOTALL | re.IGNORECASE)
_READING: Final = ("SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC")
# What to do about SQL that cannot be parsed.
QUOTES_HINT: Final = (
    'a name that is a word of SQL too, such as order or group, has to be in double quotes: "order"'
)
# What Athena does not see: https://docs.aws.amazon.com/athena/latest/ug/create-table.html
_HIDDEN: Final = ("_", ".")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a stack: `declared` by a dataset, over the objects of a bucket."""

    declared: declared.Table
    dataset: str
    bucket: str

    @property
    def name(self) -> str:
        """Its name in SQL."""
        return self.declared.name

    @property
    def columns(self) -> dict[str, str]:
        """The Glue type of each column by its name, without the partition."""
        return {column.name: column.type for column in self.declared.columns}

    @property
    def types(self) -> dict[str, str]:
        """The Glue type of each column, and of the partition, by name."""
        return {**self.columns, PARTITION: declared.PARTITION_TYPE}

    def day_of(self, key: str) -> str | None:
        """Return the partition of an object of the table, None for an object that it has not."""
        found = self._pattern.fullmatch(key)
        hidden = any(part.startswith(_HIDDEN) for part in key.split("/"))
        return found.group(1) if found and not hidden else None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        root, prefix = re.escape(self.declared.root), re.escape(self.declared.prefix)
        return re.compile(f"{root}({_DAY})/{prefix}.*[^/]", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """What a stack can be asked: its tables, and the queries that its datasets bring along."""

    tables: Sequence[Table]
    queries: Sequence[NamedQuery]

    def sql(self, name: str) -> str:
        """Return the SQL of a named query. Raises UsageError if there is none of this name."""
        found = {query.name: query.sql for query in self.queries}
        if name not in found:
            msg = f"there is no named query {name!r}, allowed: {', '.join(found)}"
            raise UsageError(msg)
        return found[name]

    def named_in(self, sql: str) -> list[Table]:
        """Return the tables whose names stand in a query, be it only in a text or a comment."""
        words = {word.lower() for word in re.findall(r"\w+", sql)}
        return [table for table in self.tables if table.name in words]

    def listed(self) -> str:
        """Return a sentence that names the tables."""
        return f"The tables are {', '.join(table.name for table in self.tables)}."


def check_reads(sql: str) -> None:
    """Raise UsageError unless a statement only reads.

    Athena would take others from whoever may write: `drop table`, or `insert into` a folder that
    only the processor writes to.
    """
    found = _FIRST_WORD.match(sql)
    word = found.group(1).upper() if found else ""
    if word not in _READING:
        msg = (
            f"{(word or sql)!r} begins no query, allowed: {', '.join(_READING)}, or EXPLAIN of one"
        )
        raise UsageError(msg)


def catalog(stack: Stack) -> Catalog:
    """Return what a stack can be asked.

    Raises OperatorError if it has no dataset, UsageError for outputs of another form.
    """
    datasets = read_datasets(stack)
    if not datasets:
        msg = (
            "the stack has no dataset, so there is no table to ask: declare one in datasets/"
            " (docs/datasets.md; `datasets infer` writes a draft), and deploy"
        )
        raise OperatorError(msg)
    buckets = {
        keys.PROCESSED: stack.processed_bucket_name,
        keys.ARCHIVE: stack.archive_bucket_name,
        keys.BUNDLES: stack.archive_bucket_name,
        keys.REJECTED: stack.processed_bucket_name,
    }
    return Catalog(
        tables=[
            Table(declared=table, dataset=dataset.name, bucket=buckets[table.root])
            for dataset in datasets
            for table in declared.tables(dataset)
        ],
        queries=[query for dataset in datasets for query in named_queries(dataset)],
    )
