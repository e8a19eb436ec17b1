"""What a query answers: columns, and rows as they come. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

Row = Sequence[object]

_NUMBERS: Final = frozenset(
    {
        "tinyint", "smallint", "int", "integer", "bigint", "hugeint", "real", "float", "double",
        "decimal", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint",
    }
)  # fmt: skip
_LABELS: Final = frozenset({"varchar", "string", "char", "date", "time", "timestamp", "boolean"})


@dataclass(frozen=True)
class Column:
    """A column of an answer; `kind` is its SQL type in lower case, `bigint` say."""

    name: str
    kind: str

    @property
    def base(self) -> str:
        """The type without its parameters: `decimal` of `decimal(38,2)`."""
        return self.kind.partition("(")[0].partition(" ")[0]

    @property
    def holds_numbers(self) -> bool:
        """Whether its values are numbers."""
        return self.base in _NUMBERS

    @property
    def holds_labels(self) -> bool:
        """Whether its values can stand beside the bars of a chart: texts, dates and times."""
        return self.base in _LABELS


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The columns and rows that a query answers; the rows can be read once.

    Attributes:
        columns: the columns, in the order of the query.
        rows: the rows, each with a value for each column; None where SQL has NULL.
        bytes_read: what the query read, in bytes; None where nothing is paid for it.
    """

    columns: tuple[Column, ...]
    rows: Iterator[Row]
    bytes_read: int | None


def charted(columns: Sequence[Column]) -> tuple[int, int] | None:
    """Return the positions of the labels and of the numbers of a bar chart, or None.

    An answer makes a chart if it has two columns: one of texts or dates, and one of numbers.
    """
    labels = [index for index, column in enumerate(columns) if column.holds_labels]
    numbers = [index for index, column in enumerate(columns) if column.holds_numbers]
    if len(columns) == len(labels) + len(numbers) and len(labels) == len(numbers) == 1:
        return labels[0], numbers[0]
    return None
