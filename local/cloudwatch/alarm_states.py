"""Evaluate the account's alarms on the local pipeline's metrics, as CloudWatch does.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

import ast
import logging
import operator
import statistics
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from local.account.server import Account
from local.cloudwatch.metrics import Measures

_LOOK_SECONDS: Final = 1.0
_STATISTICS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "Average": statistics.fmean,
    "SampleCount": len,
}
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_OPERATIONS: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: lambda one, other: one + other,
    ast.Sub: lambda one, other: one - other,
    ast.Mult: lambda one, other: one * other,
    ast.Div: lambda one, other: one / other,
}

_Known = TypeVar("_Known")
_log = logging.getLogger(__name__)


def state(alarm: Mapping[str, Any], measures: Measures, *, now: float, since: float) -> str:
    """Return the state of an alarm from DescribeAlarms: OK, ALARM or INSUFFICIENT_DATA.

    `now` is the current time, and `since` the time when measuring began, both in seconds since the
    epoch. Missing data counts as breaching only for periods after `since`.

    Raises ValueError for expressions, statistics and comparisons that are not supported here.
    """
    compare = _known(_COMPARISONS, alarm["ComparisonOperator"])
    missing = alarm.get("TreatMissingData") or "missing"
    breaching: list[bool] = []
    for number in range(alarm["EvaluationPeriods"]):
        period = _period_seconds(alarm)
        end = now - number * period
        value = _value(alarm, measures, end - period, end)
        if value is not None:
            breaching.append(compare(value, alarm["Threshold"]))
        elif missing == "breaching" and end - period >= since:
            breaching.append(True)
        elif missing in ("breaching", "notBreaching"):
            breaching.append(False)
    if not breaching:
        return alarm["StateValue"] if missing == "ignore" else "INSUFFICIENT_DATA"
    needed = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    return "ALARM" if sum(breaching) >= needed else "OK"


class AlarmWatch:
    """Keeps the states of an account's alarms up to date; a context manager."""

    def __init__(self, account: Account, measures: Measures) -> None:
        self._account = account
        self._measures = measures
        self._since = measures.now()
        self._unknown: set[str] = set()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="alarms", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def look(self) -> None:
        """Measure the queues, publish, and update the state of each alarm that has changed."""
        self._measures.add_queues(self._account)
        self._measures.publish(self._account)
        cloudwatch = self._account.client("cloudwatch")
        for page in cloudwatch.get_paginator("describe_alarms").paginate():
            for alarm in page.get("MetricAlarms", []):
                found = self._state(alarm)
                if found != alarm["StateValue"]:
                    cloudwatch.set_alarm_state(
                        AlarmName=alarm["AlarmName"], StateValue=found, StateReason="evaluated"
                    )

    def _state(self, alarm: Mapping[str, Any]) -> str:
        try:
            return state(alarm, self._measures, now=self._measures.now(), since=self._since)
        except ValueError as error:
            if alarm["AlarmName"] not in self._unknown:
                self._unknown.add(alarm["AlarmName"])
                _log.warning("alarm %s is not evaluated here: %s", alarm["AlarmName"], error)
            return "INSUFFICIENT_DATA"

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                self.look()
            except (BotoCoreError, ClientError):
                _log.warning("the alarms could not be looked at", exc_info=True)


def _period_seconds(alarm: Mapping[str, Any]) -> int:
    queries = alarm.get("Metrics")
    if not queries:
        return alarm["Period"]
    return max(one["MetricStat"]["Period"] for one in queries if "MetricStat" in one)


def _value(alarm: Mapping[str, Any], measures: Measures, begin: float, end: float) -> float | None:
    """Return an alarm's value for a period, or None if there is no data."""
    queries = alarm.get("Metrics")
    if not queries:
        return _statistic(alarm, alarm["Statistic"], measures, begin, end)
    values = {
        one["Id"]: _statistic(
            one["MetricStat"]["Metric"], one["MetricStat"]["Stat"], measures, begin, end
        )
        for one in queries
        if "MetricStat" in one
    }
    (result,) = [one for one in queries if one.get("ReturnData") is not False]
    if "Expression" not in result:
        return values[result["Id"]]
    return _calculated(ast.parse(result["Expression"], mode="eval").body, values)


def _statistic(
    metric: Mapping[str, Any], name: str, measures: Measures, begin: float, end: float
) -> float | None:
    dimensions = frozenset((one["Name"], one["Value"]) for one in metric.get("Dimensions", ()))
    values = measures.between((metric["Namespace"], metric["MetricName"], dimensions), begin, end)
    return _known(_STATISTICS, name)(values) if values else None


def _calculated(node: ast.expr, values: Mapping[str, float | None]) -> float | None:
    """Return the value of a metric expression, or None if one of its metrics has no data.

    Raises ValueError for anything but numbers, metrics and the four operations.
    """
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            one, other = _calculated(left, values), _calculated(right, values)
            if one is None or other is None or (isinstance(op, ast.Div) and other == 0):
                return None
            return _OPERATIONS[type(op)](one, other)
        case _:
            msg = f"{ast.unparse(node)!r}, allowed: numbers, metrics and + - * /"
            raise ValueError(msg)


def _known(table: Mapping[str, _Known], name: str) -> _Known:
    if name not in table:
        msg = f"{name!r}, allowed: {', '.join(table)}"
        raise ValueError(msg)
    return table[name]
