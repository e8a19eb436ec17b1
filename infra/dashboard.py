"""Write the dashboard, which shows the pipeline on one page, by the alarms' measures. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from pulumi import Input, Output

from handlers.environment import Metric
from infra.measures import Measure, Watched, WatchedQueue

_WIDTH: Final = 8  # three widgets in CloudWatch's row of 24
_HEIGHT: Final = 6
_COLUMNS: Final = 3


def body(
    *,
    region: Input[str],
    alarms: Sequence[Input[str]],
    processor: Watched,
    archiver: Watched,
    queues: Sequence[tuple[str, WatchedQueue]],
) -> Output[str]:
    """Return the dashboard's JSON; `alarms` are ARNs, each of `queues` has its title.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    widgets = [
        _alarms(alarms),
        _graph("Files", region, _own(processor, _FILES)),
        _graph("Records", region, _own(processor, _RECORDS)),
        *(_graph(title, region, queue.measures()) for title, queue in queues),
        *(_polls(title, region, queue) for title, queue in queues[:1]),
        *(_graph(f"{watched.label}: invocations", region, _invocations(watched))
          for watched in (processor, archiver)),
        *(_graph(f"{watched.label}: duration (ms)", region, _duration(watched))
          for watched in (processor, archiver)),
        _graph("Archive", region, _own(archiver, _ARCHIVE)),
        _graph("Bundles", region, [*_own(archiver, _BUNDLES), _unindexed(archiver)]),
        _graph("Saved by bundles (dollars)", region, _own(archiver, [Metric.DOLLARS_SAVED])),
        _graph("Bytes", region, [*_own(processor, _BYTES), *_own(archiver, _BYTES_ARCHIVED)]),
    ]  # fmt: skip
    placed = [_place(index, widget) for index, widget in enumerate(widgets)]
    return Output.json_dumps({"widgets": placed})


_FILES: Final = (
    Metric.FILES_PROCESSED,
    Metric.FILES_FAILED,
    Metric.FILES_RETRIED,
    Metric.FILES_RECONCILED,
    Metric.LOOPS_STOPPED,
    Metric.ACCESS_DENIED,
)
_RECORDS: Final = (
    Metric.RECORDS_IN,
    Metric.RECORDS_OUT,
    Metric.RECORDS_REJECTED,
    Metric.RECORDS_EMPTY,
)
_ARCHIVE: Final = (Metric.OBJECTS_ARCHIVED, Metric.ARCHIVE_FAILURES, Metric.ACCESS_DENIED)
# Of the archived, what was not bundled was copied.
_BUNDLES: Final = (
    Metric.OBJECTS_ARCHIVED,
    Metric.OBJECTS_BUNDLED,
    Metric.BUNDLES_WRITTEN,
    Metric.ARCHIVER_CALLS,
)
_BYTES: Final = (Metric.BYTES_IN, Metric.BYTES_WRITTEN)
_BYTES_ARCHIVED: Final = (Metric.BYTES_ARCHIVED, Metric.BYTES_WRITTEN)


def _own(watched: Watched, metrics: Sequence[Metric]) -> list[Measure]:
    return [watched.own(metric) for metric in metrics]


def _unindexed(archiver: Watched) -> Measure:
    return archiver.own(Metric.BUNDLES_WITHOUT_INDEX, "Maximum")


def _invocations(watched: Watched) -> list[Measure]:
    return [watched.measure(name) for name in ("Invocations", "Errors", "Throttles")]


def _duration(watched: Watched) -> list[Measure]:
    return [watched.measure("Duration", statistic) for statistic in ("p50", "p95", "Maximum")]


def _graph(title: str, region: Input[str], measures: Sequence[Measure]) -> dict[str, Any]:
    return {
        "type": "metric",
        "properties": {
            "title": title,
            "view": "timeSeries",
            "region": region,
            "period": 300,
            "metrics": [_metric(measure) for measure in measures],
        },
    }


def _polls(title: str, region: Input[str], queue: WatchedQueue) -> dict[str, Any]:
    """Return a graph of how often a queue is polled: Lambda does it all the time, unless paused."""
    graph = _graph(f"{title}: polls (0 or no line: paused)", region, [])
    sources = [_named(name, measure) for name, measure in queue.receives().items()]
    total = [{"id": "polls", "label": "polls", "expression": "FILL(received, 0) + FILL(empty, 0)"}]
    return {**graph, "properties": {**graph["properties"], "metrics": [*sources, total]}}


def _named(identifier: str, measure: Measure) -> list[Any]:
    """Return a metric that an expression uses, and that is not shown itself."""
    *names, options = _metric(measure)
    return [*names, {**options, "id": identifier, "visible": False}]


def _metric(measure: Measure) -> list[Any]:
    dimensions = [part for pair in measure.dimensions.items() for part in pair]
    return [measure.namespace, measure.name, *dimensions, {"stat": measure.statistic}]


def _alarms(arns: Sequence[Input[str]]) -> dict[str, Any]:
    return {"type": "alarm", "properties": {"title": "Alarms", "alarms": list(arns)}}


def _place(index: int, widget: dict[str, Any]) -> dict[str, Any]:
    row, column = divmod(index, _COLUMNS)
    return {
        "x": column * _WIDTH,
        "y": row * _HEIGHT,
        "width": _WIDTH,
        "height": _HEIGHT,
        **widget,
    }
