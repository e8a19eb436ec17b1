"""Read CloudWatch's daily values of many metrics, with few calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient

_DAY_SECONDS: Final = 86_400
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
_QUERIES: Final = 500


@dataclass(frozen=True, kw_only=True)
class Query:
    """A metric, by its dimensions in their order, and the statistic of a day."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str = "Sum"


@dataclass(frozen=True)
class Series:
    """The values of a metric by day, oldest first; days without data are missing."""

    values: tuple[float, ...] = ()
    first: datetime | None = None

    @property
    def total(self) -> float:
        """The sum of all days."""
        return sum(self.values)

    @property
    def latest(self) -> float | None:
        """The newest day's value, or None if there is none."""
        return self.values[-1] if self.values else None


def read(
    cloudwatch: "CloudWatchClient", queries: Sequence[Query], begin: datetime, end: datetime
) -> Mapping[Query, Series]:
    """Return each metric's values between two times; one without data has an empty series."""
    found: dict[Query, list[tuple[datetime, float]]] = {query: [] for query in queries}
    for start in range(0, len(queries), _QUERIES):
        named = {f"m{number}": it for number, it in enumerate(queries[start : start + _QUERIES])}
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[_asked(name, query) for name, query in named.items()],
            StartTime=begin,
            EndTime=end,
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                days = zip(result.get("Timestamps", []), result.get("Values", []), strict=True)
                found[named[result.get("Id", "")]] += days
    return {query: _series(days) for query, days in found.items()}


def _series(days: list[tuple[datetime, float]]) -> Series:
    ordered = sorted(days)
    return Series(tuple(value for _, value in ordered), ordered[0][0] if ordered else None)


def _asked(name: str, query: Query) -> Any:
    dimensions = [{"Name": key, "Value": value} for key, value in query.dimensions]
    metric = {"Namespace": query.namespace, "MetricName": query.name, "Dimensions": dimensions}
    return {
        "Id": name,
        "MetricStat": {"Metric": metric, "Period": _DAY_SECONDS, "Stat": query.statistic},
    }
