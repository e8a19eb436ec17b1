"""Read CloudWatch's values of many metrics by day or hour, with few calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient

_DAY_SECONDS: Final = 86_400
_HOUR_SECONDS: Final = 3600
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
_QUERIES: Final = 500


@dataclass(frozen=True, kw_only=True)
class Query:
    """A metric, by its dimensions in their order, and the statistic of a period."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str = "Sum"
    period_seconds: int = _DAY_SECONDS

    @property
    def hourly(self) -> Self:
        """The same metric by the hour."""
        return replace(self, period_seconds=_HOUR_SECONDS)


@dataclass(frozen=True)
class Series:
    """The values of a metric by period, oldest first; periods without data are missing."""

    values: tuple[float, ...] = ()
    first: datetime | None = None

    @property
    def total(self) -> float:
        """The sum of all periods."""
        return sum(self.values)

    @property
    def latest(self) -> float | None:
        """The newest period's value, or None if there is none."""
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
                values = zip(result.get("Timestamps", []), result.get("Values", []), strict=True)
                found[named[result.get("Id", "")]] += values
    return {query: _series(values) for query, values in found.items()}


def _series(values: list[tuple[datetime, float]]) -> Series:
    ordered = sorted(values)
    return Series(tuple(value for _, value in ordered), ordered[0][0] if ordered else None)


def _asked(name: str, query: Query) -> Any:
    dimensions = [{"Name": key, "Value": value} for key, value in query.dimensions]
    metric = {"Namespace": query.namespace, "MetricName": query.name, "Dimensions": dimensions}
    return {
        "Id": name,
        "MetricStat": {"Metric": metric, "Period": query.period_seconds, "Stat": query.statistic},
    }
