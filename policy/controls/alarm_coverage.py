"""Controls: what has an alarm."""

from collections.abc import Iterable, Iterator
from typing import Any

from policy import tokens
from policy.control import control, unless
from policy.graph import Graph, Resource


@control("PIPE.64", "A dead letter raises an alarm", tokens.QUEUE)
def has_an_alarm_for_dead_letters(queue: Resource, graph: Graph) -> list[str]:
    if graph.referring(queue, tokens.MAPPING, "eventSourceArn"):
        return []
    return _missing(queue, graph, "ApproximateNumberOfMessagesVisible")


@control("PIPE.65", "A file that waits too long raises an alarm", tokens.MAPPING)
def has_an_alarm_for_waiting(mapping: Resource, graph: Graph) -> Iterable[str]:
    for queue in graph.referred(mapping, "eventSourceArn", tokens.QUEUE):
        yield from _missing(queue, graph, "ApproximateAgeOfOldestMessage")


@control("PIPE.66", "A function that fails raises an alarm", tokens.FUNCTION)
def has_an_alarm_for_errors(function: Resource, graph: Graph) -> list[str]:
    return _missing(function, graph, "Errors")


@control("PIPE.67", "A function that is throttled raises an alarm", tokens.FUNCTION)
def has_an_alarm_for_throttles(function: Resource, graph: Graph) -> list[str]:
    return _missing(function, graph, "Throttles")


@control("PIPE.68", "A function that nears its time-out raises an alarm", tokens.FUNCTION)
def has_an_alarm_for_its_time(function: Resource, graph: Graph) -> list[str]:
    limit = 1000 * function.inputs["timeout"]
    return unless(
        any(
            0 < alarm.inputs["threshold"] < limit for alarm in _alarms(function, graph, "Duration")
        ),
        "no alarm comes before its time-out",
    )


@control("PIPE.69", "A denied permission raises an alarm", tokens.FUNCTION)
def has_an_alarm_for_denials(function: Resource, graph: Graph) -> list[str]:
    return _missing(function, graph, "AccessDenied")


@control("PIPE.70", "A failure that reached no queue raises an alarm", tokens.FUNCTION)
def has_an_alarm_for_lost_failures(function: Resource, graph: Graph) -> list[str]:
    to_queue = graph.referred(function, "deadLetterConfig", tokens.QUEUE)
    return _missing(
        function, graph, "DeadLetterErrors" if to_queue else "DestinationDeliveryFailures"
    )


@control("PIPE.71", "A run of the archiver that is missed raises an alarm", tokens.SCHEDULE)
def has_an_alarm_for_missed_runs(schedule: Resource, graph: Graph) -> list[str]:
    functions = graph.referred(schedule, "target", tokens.FUNCTION)
    if any(graph.referring(it, tokens.MAPPING, "functionName") for it in functions):
        return []  # of a function that messages invoke too, no metric counts the schedule's runs
    alarms = [it for function in functions for it in _alarms(function, graph, "Invocations")]
    return unless(
        any(
            it.inputs["comparisonOperator"].startswith("LessThan")
            and it.get("treatMissingData") == "breaching"
            for it in alarms
        ),
        "no alarm tells that it did not run",
    )


def _missing(watched: Resource, graph: Graph, metric: str) -> list[str]:
    return unless(bool(_alarms(watched, graph, metric)), f"no alarm watches {metric}")


def _alarms(watched: Resource, graph: Graph, metric: str) -> list[Resource]:
    return [
        alarm
        for alarm in graph.referring(watched, tokens.ALARM, "dimensions", "metricQueries")
        if metric in _metrics(alarm)
    ]


def _metrics(alarm: Resource) -> Iterator[str]:
    if alarm.get("metricName"):
        yield alarm.get("metricName")
    queries: list[dict[str, Any]] = alarm.get("metricQueries") or []
    yield from (it["metric"]["metricName"] for it in queries if it.get("metric"))
