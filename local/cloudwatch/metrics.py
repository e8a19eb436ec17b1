"""Keep in memory the metrics that CloudWatch would have of the pipeline's functions and queues.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html and
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final, cast

from moto.sqs.models import sqs_backends

from local.account.server import Account
from local.compute.outcome import Invocation

# Points that are kept of a metric: a day of a queue that is measured each second.
_POINTS: Final = 86_400
_LAMBDA: Final = "AWS/Lambda"
_SQS: Final = "AWS/SQS"
_EMBEDDED: Final = "_aws"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
_DATA: Final = 1_000
Key = tuple[str, str, frozenset[tuple[str, str]]]


class Measures:
    """The newest points of each metric; `now` returns the time in seconds since the epoch."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._points: defaultdict[Key, deque[tuple[float, float]]] = defaultdict(
            lambda: deque(maxlen=_POINTS)
        )
        self._fresh: list[tuple[str, str, Mapping[str, str], float, float]] = []
        self._lock = Lock()

    def add(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float) -> None:
        """Add a point at the current time."""
        with self._lock:
            points = self._points[namespace, name, frozenset(dimensions.items())]
            moment = self.now()
            points.append((moment, value))
            if namespace != _SQS:  # those are of each second
                self._fresh.append((namespace, name, dimensions, moment, value))

    def publish(self, account: Account) -> None:
        """Put what the functions measured since the last call into the account's CloudWatch.

        There, commands that read metrics find it.
        """
        with self._lock:
            fresh, self._fresh = self._fresh, []
        cloudwatch = account.client("cloudwatch")
        for namespace in {one[0] for one in fresh}:
            data = [_datum(*one[1:]) for one in fresh if one[0] == namespace]
            for start in range(0, len(data), _DATA):
                cloudwatch.put_metric_data(
                    Namespace=namespace, MetricData=data[start : start + _DATA]
                )

    def between(self, key: Key, begin: float, end: float) -> list[float]:
        """Return the values later than `begin` and no later than `end`."""
        with self._lock:
            return [value for moment, value in self._points.get(key, ()) if begin < moment <= end]

    def add_invocation(self, function: str, invocation: Invocation) -> None:
        """Add the metrics that Lambda publishes for an invocation."""
        measured = {
            "Invocations": 1,
            "Errors": 1 if invocation.failure else 0,
            "Duration": invocation.seconds * 1000,
        }
        for name, value in measured.items():
            self.add(_LAMBDA, name, {"FunctionName": function}, value)

    def add_line(self, line: str) -> None:
        """Add the metrics in a function's log line, if it holds any.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
        """
        if _EMBEDDED not in line:
            return
        try:
            document: Any = json.loads(line)
            for directive in document[_EMBEDDED]["CloudWatchMetrics"]:
                self._add_directive(document, directive)
        except (ValueError, LookupError, TypeError, RecursionError):
            return  # a line that only looks like metrics

    def add_queues(self, account: Account) -> None:
        """Add the metrics that SQS publishes for each queue, from the messages that moto holds."""
        for name, queue in list(sqs_backends[account.account_id][account.region].queues.items()):
            # Hidden messages included, which no call to moto returns.
            messages: list[Any] = list(queue._messages)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            sent: list[int] = [one.sent_timestamp for one in messages]
            oldest = self.now() - min(sent) / 1000 if sent else 0
            measured = {
                "ApproximateNumberOfMessagesVisible": queue.approximate_number_of_messages,
                "ApproximateNumberOfMessagesNotVisible": (
                    queue.approximate_number_of_messages_not_visible
                ),
                "ApproximateAgeOfOldestMessage": max(oldest, 0),
            }
            for metric, value in measured.items():
                self.add(_SQS, metric, {"QueueName": name}, value)

    def _add_directive(self, document: Mapping[str, Any], directive: Mapping[str, Any]) -> None:
        for names in directive["Dimensions"]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive["Metrics"]:
                given: Any = document[metric["Name"]]
                values = cast("list[Any]", given if isinstance(given, list) else [given])
                for value in values:
                    self.add(directive["Namespace"], metric["Name"], dimensions, float(value))


def _datum(name: str, dimensions: Mapping[str, str], moment: float, value: float) -> dict[str, Any]:
    return {
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
        "Timestamp": datetime.fromtimestamp(moment, UTC),
        "Value": value,
    }
