"""What a stack did in the last days, by CloudWatch, and what it stores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from handlers.environment import (
    ARCHIVER_SERVICE,
    FUNCTION_DIMENSION,
    METRICS_NAMESPACE,
    PROCESSOR_SERVICE,
    SERVICE_DIMENSION,
    Metric,
)
from ops.aws import Account
from ops.costs.plans import DAYS_OF_MONTH, Load
from ops.pipeline.usage import metrics, stored
from ops.pipeline.usage.metrics import Query, Series
from ops.pipeline.usage.settings import FunctionSettings, StackSettings
from ops.pipeline.usage.stored import Stored

_QUEUE: Final = (
    "NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted",
    "NumberOfEmptyReceives",
)  # fmt: skip
_DAY_SECONDS: Final = 86_400
_HOURS_OF_DAY: Final = 24
_SERVICES: Final = {"processor": PROCESSOR_SERVICE, "archiver": ARCHIVER_SERVICE}


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a stack did within so many days. None stands for what CloudWatch does not know."""

    days: float
    files: float
    retried: float
    bytes_in: float
    archived: float
    archived_bytes: float
    bundled: float  # of the archived
    bundles: float
    invocations: Mapping[str, float]  # by function
    seconds: Mapping[str, float]
    queue: Mapping[str, float] | None
    log_bytes: float | None
    metric_share: float  # how many custom metrics there were, each by its share of the hours
    stored: Stored | None

    @property
    def monthly(self) -> float:
        """What makes a month's number of a number of these days."""
        return DAYS_OF_MONTH / self.days

    @property
    def load(self) -> Load:
        """A month's files, of their average size, as many at once as an invocation got."""
        invocations = self.invocations["processor"]
        return Load(
            files=round(self.files * self.monthly),
            size=round(self.bytes_in / self.files) if self.files else 0,
            at_once=max(1, round(self.files / invocations)) if invocations else 1,
        )


def collect(
    account: Account, settings: StackSettings, now: datetime, *, days: int, count: bool
) -> Usage:
    """Return what a stack did in the last days, today included; `count` lists what it stores."""
    stack = account.stack
    buckets = [stack.raw_bucket_name, stack.processed_bucket_name, stack.archive_bucket_name]
    asked = _Asked.of(settings, stack.processing_queue_url)
    begin = (now - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    of_storage = [] if count else stored.queries(buckets)
    series = metrics.read(account.cloudwatch, [*asked.all, *of_storage], begin, now)
    first = min((it for query in asked.all if (it := series[query].first)), default=begin)
    lasted = max((now - max(first, begin)).total_seconds() / _DAY_SECONDS, 1.0)
    found = stored.counted(account.s3, buckets) if count else stored.measured(buckets, series)
    # CloudWatch bills a custom metric for each hour with a value of it, not for each day.
    valued = [query.hourly for query in asked.own.values() if series[query].values]
    by_hour = metrics.read(account.cloudwatch, valued, max(first, begin), now)
    hours = sum(len(it.values) for it in by_hour.values())
    return _used(asked, series, lasted, found, share=hours / (lasted * _HOURS_OF_DAY))


def _used(
    asked: "_Asked",
    series: Mapping[Query, Series],
    days: float,
    found: Stored | None,
    *,
    share: float,
) -> Usage:
    def did(name: Metric, label: str = "processor") -> float:
        return series[asked.own[label, name]].total

    def lasted(name: str) -> dict[str, float]:
        return {it: series[asked.lambdas[it, name]].total for it in _SERVICES}

    return Usage(
        days=days,
        files=did(Metric.FILES_PROCESSED),
        retried=did(Metric.FILES_RETRIED),
        bytes_in=did(Metric.BYTES_IN),
        archived=did(Metric.OBJECTS_ARCHIVED, "archiver"),
        archived_bytes=did(Metric.BYTES_ARCHIVED, "archiver"),
        bundled=did(Metric.OBJECTS_BUNDLED, "archiver"),
        bundles=did(Metric.BUNDLES_WRITTEN, "archiver"),
        invocations=lasted("Invocations"),
        seconds={it: total / 1000 for it, total in lasted("Duration").items()},
        queue=_known(asked.queue, series),
        log_bytes=_sum(asked.logs, series),
        metric_share=share,
        stored=found,
    )


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """The metrics of a stack's functions, queue and log groups."""

    own: Mapping[tuple[str, Metric], Query]
    lambdas: Mapping[tuple[str, str], Query]
    queue: Mapping[str, Query]
    logs: Sequence[Query]

    @classmethod
    def of(cls, settings: StackSettings, queue_url: str) -> Self:
        both = {"processor": settings.processor, "archiver": settings.archiver}
        return cls(
            own={
                (label, name): _own(both[label], service, name)
                for label, service in _SERVICES.items()
                for name in Metric
            },
            lambdas={
                (label, name): _lambda(function, name)
                for label, function in both.items()
                for name in ("Invocations", "Duration")
            },
            queue={name: _queue(queue_url, name) for name in _QUEUE},
            logs=[_logs(function) for function in both.values()],
        )

    @property
    def all(self) -> list[Query]:
        return [*self.own.values(), *self.lambdas.values(), *self.queue.values(), *self.logs]


def _known(queries: Mapping[str, Query], series: Mapping[Query, Series]) -> dict[str, float] | None:
    if not any(series[query].values for query in queries.values()):
        return None
    return {name: series[query].total for name, query in queries.items()}


def _sum(queries: Sequence[Query], series: Mapping[Query, Series]) -> float | None:
    if not any(series[query].values for query in queries):
        return None
    return sum(series[query].total for query in queries)


def _own(function: FunctionSettings, service: str, metric: Metric) -> Query:
    dimensions = ((SERVICE_DIMENSION, service), (FUNCTION_DIMENSION, function.name))
    return Query(namespace=METRICS_NAMESPACE, name=metric.value, dimensions=dimensions)


def _lambda(function: FunctionSettings, name: str) -> Query:
    return Query(namespace="AWS/Lambda", name=name, dimensions=(("FunctionName", function.name),))


def _queue(url: str, name: str) -> Query:
    dimensions = (("QueueName", url.rpartition("/")[2]),)
    return Query(namespace="AWS/SQS", name=name, dimensions=dimensions)


def _logs(function: FunctionSettings) -> Query:
    dimensions = (("LogGroupName", function.log_group),)
    return Query(namespace="AWS/Logs", name="IncomingBytes", dimensions=dimensions)
