"""The alarms of the local pipeline: their states follow what it measures."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.account.server import Account
from local.cloudwatch.alarm_states import AlarmWatch, state
from local.cloudwatch.metrics import Measures
from local.compute.outcome import Failure, Invocation

START = 1_700_000_000.0
BASE = {
    "AlarmName": "a", "Namespace": "N", "MetricName": "M",
    "Dimensions": [{"Name": "D", "Value": "d"}], "Statistic": "Sum", "Period": 60,
    "EvaluationPeriods": 1, "Threshold": 10.0, "StateValue": "OK",
    "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching",
}  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def found(points: list[tuple[float, float]], at: float, *, since: float = 0, **alarm: Any) -> str:
    """Return the state at so many seconds, of points at so many seconds."""
    clock = Clock()
    measures = Measures(now=clock)
    for seconds, value in points:
        clock.now = START + seconds
        measures.add("N", "M", {"D": "d"}, value)
    return state({**BASE, **alarm}, measures, now=START + at, since=START + since)


@pytest.mark.parametrize(
    ("statistic", "values", "value"),
    [
        ("Sum", [4, 6], 10), ("Maximum", [3, 10, 2], 10), ("Minimum", [11, 10], 10),
        ("Average", [5, 15], 10), ("SampleCount", [0] * 10, 10),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("comparison", "states"),
    [
        ("GreaterThanOrEqualToThreshold", ["OK", "ALARM", "ALARM"]),
        ("GreaterThanThreshold", ["OK", "OK", "ALARM"]),
        ("LessThanThreshold", ["ALARM", "OK", "OK"]),
        ("LessThanOrEqualToThreshold", ["ALARM", "ALARM", "OK"]),
    ],
)
def test_a_statistic_is_compared_with_the_threshold(
    statistic: str, values: list[float], value: float, comparison: str, states: list[str]
) -> None:
    points = [(1.0, float(one)) for one in values]
    told = [
        found(points, 5, Statistic=statistic, ComparisonOperator=comparison, Threshold=threshold)
        for threshold in (value + 1, value, value - 1)
    ]
    assert told == states


def test_a_point_counts_for_its_period_alone() -> None:
    assert [found([(10, 10)], at) for at in (9, 10, 69, 70)] == ["OK", "ALARM", "ALARM", "OK"]


def test_so_many_periods_have_to_be_breaching() -> None:
    points = [(10, 10.0), (70, 10.0), (130, 10.0)]
    three = {"EvaluationPeriods": 3, "DatapointsToAlarm": 3}
    assert found(points, 130, **three) == "ALARM"
    assert found(points[1:], 130, **three) == "OK"
    assert found(points[1:], 130, **{**three, "DatapointsToAlarm": 2}) == "ALARM"
    assert found(points[1:], 130, EvaluationPeriods=3) == "OK"


def test_a_days_sum_is_alarming_as_soon_as_it_is_passed_and_until_the_day_is_over() -> None:
    """As the alarms on a runaway are: bytes or seconds of the last 24 hours."""
    day, hour = 86_400, 3_600
    points = [(hour, 4.0), (5 * hour, 4.0), (20 * hour, 2.0)]
    told = [found(points, at, Period=day) for at in (20 * hour - 1, 20 * hour, 25 * hour - 1)]
    assert told == ["OK", "ALARM", "ALARM"]
    assert found(points, 25 * hour, Period=day) == "OK"


@pytest.mark.parametrize(
    ("missing", "before", "after"),
    [
        ("notBreaching", "OK", "OK"),
        ("breaching", "OK", "ALARM"),
        ("missing", "INSUFFICIENT_DATA", "INSUFFICIENT_DATA"),
        ("ignore", "ALARM", "ALARM"),
    ],
)
def test_missing_data_is_treated_as_the_alarm_says(missing: str, before: str, after: str) -> None:
    alarm = {"TreatMissingData": missing, "EvaluationPeriods": 2, "StateValue": "ALARM"}
    # What was before the measuring began is not known to be missing.
    assert found([], 119, since=0, **alarm) == before
    assert found([], 120, since=0, **alarm) == after


QUERIES = [
    {
        "Id": name,
        "ReturnData": False,
        "MetricStat": {
            "Metric": {"Namespace": "N", "MetricName": name, "Dimensions": []},
            "Stat": "Sum",
            "Period": 60,
        },
    }
    for name in ("bad", "all")
]


def calculated(expression: str, **values: float) -> str:
    clock = Clock()
    measures = Measures(now=clock)
    for name, value in values.items():
        measures.add("N", name, {}, value)
    queries = [*QUERIES, {"Id": "result", "Expression": expression, "ReturnData": True}]
    alarm = {**BASE, "Metrics": queries, "Period": None, "Statistic": None}
    return state(alarm, measures, now=START + 1, since=START)


def test_metric_mathematics_is_calculated() -> None:
    assert calculated("100 * bad / all", bad=1, all=10) == "ALARM"
    assert calculated("100 * bad / all", bad=1, all=11) == "OK"
    assert calculated("100 * bad / all", bad=1) == "OK"  # no data
    assert calculated("100 * bad / all", bad=1, all=0) == "OK"
    assert calculated("(bad + all) - 2", bad=6, all=6) == "ALARM"


def test_what_is_not_known_here_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="allowed: numbers, metrics and"):
        calculated("FILL(bad, 0)", bad=1)
    with pytest.raises(ValueError, match="'p90', allowed: Sum, Maximum"):
        found([(1, 1)], 5, Statistic="p90")


def test_invocations_are_measured() -> None:
    measures = Measures(now=Clock())
    failure = Failure(type="E", message="m")
    measures.add_invocation("f", Invocation(request_id="1", body=b"1", seconds=2.5))
    measures.add_invocation("f", Invocation(request_id="2", body=b"", failure=failure, seconds=1))

    def values(name: str) -> list[float]:
        key = ("AWS/Lambda", name, frozenset({("FunctionName", "f")}))
        return measures.between(key, START - 1, START)

    assert values("Invocations") == [1, 1]
    assert values("Errors") == [0, 1]
    assert values("Duration") == [2500, 1000]


EMBEDDED = {
    "_aws": {
        "Timestamp": 1,
        "CloudWatchMetrics": [
            {
                "Namespace": "S3DataPipeline",
                "Dimensions": [["service", "function_name"]],
                "Metrics": [{"Name": "RecordsIn", "Unit": "Count"}, {"Name": "AccessDenied"}],
            }
        ],
    },
    "service": "data-processor", "function_name": "f", "RecordsIn": [3.0, 4.0], "AccessDenied": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        '"_aws"',
        "_aws",
        '{"_aws": 1}',
        '{"_aws":' + "[" * 100_000,
        '{"_aws":{"CloudWatchMetrics":[1]}}',
    ],
)
def test_a_functions_own_metrics_are_read_from_its_lines(line: str) -> None:
    measures = Measures(now=Clock())
    measures.add_line(line)
    measures.add_line(json.dumps(EMBEDDED))
    dimensions = frozenset({("service", "data-processor"), ("function_name", "f")})
    for name, values in (("RecordsIn", [3, 4]), ("AccessDenied", [1])):
        assert measures.between(("S3DataPipeline", name, dimensions), 0, START) == values


@pytest.fixture
def account() -> Iterator[Account]:
    with Account() as opened:
        yield opened


def test_what_functions_measure_is_published_once_where_commands_read_it(account: Account) -> None:
    measures = Measures()
    for seconds in (2.5, 1):
        invocation = Invocation(request_id="1", body=b"1", seconds=seconds)
        measures.add_invocation("f", invocation)
    measures.add_queues(account)  # each second's: they are not published
    measures.publish(account)
    measures.publish(account)
    found = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda", MetricName="Duration", Period=86_400, Statistics=["Sum"],
        Dimensions=[{"Name": "FunctionName", "Value": "f"}],
        StartTime=time.time() - 3600, EndTime=time.time() + 3600,
    )  # fmt: skip
    assert [point["Sum"] for point in found["Datapoints"]] == [3500]


def test_an_alarm_follows_its_queue(account: Account) -> None:
    sqs, cloudwatch = account.client("sqs"), account.client("cloudwatch")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    for name, metric, threshold in (
        ("waiting", "ApproximateNumberOfMessagesVisible", 1),
        ("flying", "ApproximateNumberOfMessagesNotVisible", 1),
        ("old", "ApproximateAgeOfOldestMessage", 3600),
    ):
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="AWS/SQS", MetricName=metric, Statistic="Maximum", Period=60,
            Dimensions=[{"Name": "QueueName", "Value": "dead"}], EvaluationPeriods=1,
            Threshold=threshold, ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
        )  # fmt: skip
    clock = Clock()
    measures = Measures(now=clock)
    watch = AlarmWatch(account, measures)

    def ringing(later: float = 0) -> set[str]:
        clock.now += later
        watch.look()
        alarms = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
        return {one["AlarmName"] for one in alarms}

    sent = time.time()
    clock.now = sent
    assert ringing() == set()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert ringing(1) == {"waiting"}
    sqs.receive_message(QueueUrl=url)
    assert ringing(61) == {"flying"}
    assert ringing(3600) == {"flying", "old"}
    sqs.purge_queue(QueueUrl=url)
    assert ringing(61) == set()
