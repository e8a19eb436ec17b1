"""The queries that each dataset brings along, in SQL that Athena and DuckDB both know. Pure."""

from dataclasses import dataclass
from typing import Final

from handlers.transform.datasets.dataset import Dataset
from infra.datasets.columns import PARTITION
from infra.datasets.tables import ARCHIVE_SUFFIX, BUNDLES_SUFFIX, REJECTED_SUFFIX

_SHOWN_ROWS: Final = 100
# How far the queries look back. Each day is a folder to list, and its bytes are what is paid for.
_WEEK_DAYS: Final = 7
_MONTH_DAYS: Final = 30
_QUARTER_DAYS: Final = 90


@dataclass(frozen=True, kw_only=True)
class NamedQuery:
    """A query that people find by its name."""

    name: str
    description: str
    sql: str


def named_queries(dataset: Dataset) -> list[NamedQuery]:
    """Return the queries of a dataset: its latest day, records a day wherever, rejects a day."""
    return [
        _latest_day(dataset),
        _records_a_day(dataset),
        _records_everywhere(dataset),
        _rejects_a_day(dataset),
    ]


def _latest_day(dataset: Dataset) -> NamedQuery:
    since = _since(_WEEK_DAYS)
    return NamedQuery(
        name=f"{dataset.name}_latest_day",
        description=f"Some records of the latest day with any, of the last {_WEEK_DAYS} days",
        sql=f"""\
SELECT *
FROM "{dataset.name}"
WHERE {PARTITION} >= {since}
  AND {PARTITION} = (
    SELECT max({PARTITION})
    FROM "{dataset.name}"
    WHERE {PARTITION} >= {since}
  )
LIMIT {_SHOWN_ROWS}
""",  # noqa: S608 - a dataset's name is letters, digits and underscores
    )


def _records_a_day(dataset: Dataset) -> NamedQuery:
    return NamedQuery(
        name=f"{dataset.name}_records_a_day",
        description=f"How many records each of the last {_MONTH_DAYS} days has",
        sql=f"""\
SELECT {PARTITION}, count(*) AS records
FROM "{dataset.name}"
WHERE {PARTITION} >= {_since(_MONTH_DAYS)}
GROUP BY {PARTITION}
ORDER BY {PARTITION}
""",  # noqa: S608 - a dataset's name is letters, digits and underscores
    )


def _records_everywhere(dataset: Dataset) -> NamedQuery:
    each = "\n  UNION ALL\n".join(
        f"""\
  SELECT {PARTITION}
  FROM "{dataset.name}{suffix}"
  WHERE {PARTITION} >= {_since(_QUARTER_DAYS)}"""  # noqa: S608 - as above
        for suffix in ("", ARCHIVE_SUFFIX, BUNDLES_SUFFIX)
    )
    return NamedQuery(
        name=f"{dataset.name}_records_everywhere",
        description=f"How many records each of the last {_QUARTER_DAYS} days has, archived or not",
        sql=f"""\
SELECT {PARTITION}, count(*) AS records
FROM (
{each}
) AS everywhere
GROUP BY {PARTITION}
ORDER BY {PARTITION}
""",  # noqa: S608 - a dataset's name is letters, digits and underscores
    )


def _rejects_a_day(dataset: Dataset) -> NamedQuery:
    return NamedQuery(
        name=f"{dataset.name}_rejects_a_day",
        description=f"Rejected records by day, field and rule, of the last {_MONTH_DAYS} days",
        sql=f"""\
SELECT {PARTITION}, "field", "rule", count(*) AS records
FROM "{dataset.name}{REJECTED_SUFFIX}"
WHERE {PARTITION} >= {_since(_MONTH_DAYS)}
GROUP BY {PARTITION}, "field", "rule"
ORDER BY {PARTITION}, count(*) DESC
""",  # noqa: S608 - a dataset's name is letters, digits and underscores
    )


def _since(days: int) -> str:
    """Return the partition of so many days ago, as SQL that is constant to Athena's planner.

    A filter that is not constant would let it read every day.
    """
    day = f"CAST(current_date - INTERVAL '{days}' DAY AS date)"
    return f"replace(CAST({day} AS varchar), '-', '/')"
