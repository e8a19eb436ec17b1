import json
from typing import Any

import pytest

from handlers.environment import METRICS_NAMESPACE, Metric
from infra.settings import Settings
from tests.infra.recording import ACCOUNT, PROJECT, REGION, Graph, run_program, stack_config

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
ALARMS = {
    "oldest-message",
    "files-failed",
    "many-retries",
    "loops",
    "dead-letters",
    "archiver-dead-letters",
    "processor-errors",
    "processor-throttles",
    "processor-near-timeout",
    "processor-access-denied",
    "rejected-records",
    "dead-letters-lost",
    "archiver-errors",
    "archiver-throttles",
    "archiver-near-timeout",
    "archiver-access-denied",
    "archive-failures",
    "bundles-without-index",
    "archiver-reports-lost",
    "archiver-missed",
}


RUNAWAY = {
    f"{function}-{what}"
    for function in ("processor", "archiver")
    for what in ("bytes-written", "lambda-seconds")
}


def test_the_alarms(graph: Graph, full: Graph):
    limited = RUNAWAY if graph is full else set[str]()
    assert {it.name for it in graph.of(ALARM)} == ALARMS | limited


def test_an_alarm_goes_off_only_where_its_topic_takes_it(graph: Graph):
    for alarm in graph.of(ALARM):
        assert ("aws:sns/topicPolicy:TopicPolicy", "alarms-policy") in graph.before(alarm)


def test_an_alarm_is_published_when_it_begins_and_when_it_ends(graph: Graph):
    for alarm in graph.of(ALARM):
        assert alarm.inputs["alarmActions"] == [graph.arn("alarms")], alarm.name
        assert alarm.inputs["okActions"] == [graph.arn("alarms")], alarm.name


def test_an_alarms_description_is_its_run_book(graph: Graph):
    environment = "production" if graph.get("aws:s3/bucket:Bucket", "raw").inputs.get(
        "bucket"
    ) else graph.prefix.removeprefix(f"{PROJECT}-")  # fmt: skip
    for alarm in graph.of(ALARM):
        text = alarm.inputs["alarmDescription"]
        meaning, check, command = text.split("\n")
        assert meaning.startswith(f"[{environment}] Meaning: "), alarm.name
        assert check.startswith("First check: "), alarm.name
        assert command.startswith("Command: aws "), alarm.name
        # CloudWatch's limit, with room for longer names and addresses than the mock's.
        assert len(text) <= 1024 - 200, alarm.name


@pytest.mark.parametrize(
    ("name", "measure", "threshold"),
    [
        ("dead-letters", ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum"), 1),
        ("archiver-dead-letters", ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum"), 1),
        ("oldest-message", ("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum"), 15 * 60),
        ("processor-errors", ("AWS/Lambda", "Errors", "Sum"), 1),
        ("archiver-errors", ("AWS/Lambda", "Errors", "Sum"), 1),
        ("processor-throttles", ("AWS/Lambda", "Throttles", "Sum"), 1),
        ("archiver-throttles", ("AWS/Lambda", "Throttles", "Sum"), 1),
        ("processor-near-timeout", ("AWS/Lambda", "Duration", "Maximum"), 285_000),
        ("archiver-near-timeout", ("AWS/Lambda", "Duration", "Maximum"), 885_000),
        ("dead-letters-lost", ("AWS/Lambda", "DeadLetterErrors", "Sum"), 1),
        ("archiver-reports-lost", ("AWS/Lambda", "DestinationDeliveryFailures", "Sum"), 1),
        ("processor-access-denied", (METRICS_NAMESPACE, "AccessDenied", "Sum"), 1),
        ("archiver-access-denied", (METRICS_NAMESPACE, "AccessDenied", "Sum"), 1),
        ("files-failed", (METRICS_NAMESPACE, "FilesFailed", "Sum"), 1),
        ("loops", (METRICS_NAMESPACE, "LoopsStopped", "Sum"), 1),
        ("archive-failures", (METRICS_NAMESPACE, "ArchiveFailures", "Sum"), 1),
        ("bundles-without-index", (METRICS_NAMESPACE, "BundlesWithoutIndex", "Maximum"), 1),
    ],
)
def test_what_is_alarming(dev: Graph, name: str, measure: tuple[str, str, str], threshold: int):
    inputs = dev.get(ALARM, name).inputs

    assert (inputs["namespace"], inputs["metricName"], inputs["statistic"]) == measure
    assert inputs["threshold"] == threshold
    assert inputs["comparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert inputs["treatMissingData"] == "notBreaching"
    assert inputs["period"] == 300
    assert inputs["dimensions"] == dimensions(dev, name, measure[0])
    assert inputs["evaluationPeriods"] == inputs["datapointsToAlarm"]
    assert inputs["evaluationPeriods"] == (3 if "throttles" in name else 1)


def test_a_missed_run_is_alarming_but_not_on_the_first_day(dev: Graph):
    inputs = dev.get(ALARM, "archiver-missed").inputs

    assert inputs["metricName"] == "Invocations"
    assert inputs["dimensions"] == {"FunctionName": dev.name("data-archiver")}
    assert (inputs["comparisonOperator"], inputs["threshold"]) == ("LessThanThreshold", 1)
    assert inputs["period"] * inputs["evaluationPeriods"] == 26 * 3600
    assert inputs["treatMissingData"] == "breaching"
    assert inputs["warmUpConfiguration"] == {"warmUpPeriodDurationInMinutes": 26 * 60}


def test_the_share_of_retries_is_alarming_after_half_an_hour(dev: Graph):
    inputs = dev.get(ALARM, "many-retries").inputs

    *measures, result = inputs["metricQueries"]
    assert {it["id"]: it["metric"]["metricName"] for it in measures} == {
        "retried": "FilesRetried",
        "processed": "FilesProcessed",
    }
    assert result["expression"] == "100 * retried / (retried + processed)"
    assert (inputs["threshold"], inputs["evaluationPeriods"]) == (20, 2)
    assert {it["metric"]["period"] for it in measures} == {900}


def test_silence_is_alarming_where_files_are_expected():
    hourly = {f"{PROJECT}:expectFilesEveryHours": "6", f"{PROJECT}:maxLagMinutes": "45"}
    graph = run_program({"aws:region": REGION, **stack_config("dev"), **hourly}, stack="dev")

    inputs = graph.get(ALARM, "no-files").inputs
    assert (inputs["metricName"], inputs["statistic"]) == ("FilesProcessed", "Sum")
    assert (inputs["comparisonOperator"], inputs["threshold"]) == ("LessThanThreshold", 1)
    assert inputs["period"] * inputs["evaluationPeriods"] == 6 * 3600
    assert inputs["treatMissingData"] == "breaching"
    assert graph.get(ALARM, "oldest-message").inputs["threshold"] == 45 * 60


@pytest.mark.parametrize(("hours", "minutes"), [(6, 360), (48, 2880), (49, 2880), (168, 2880)])
def test_the_alarm_on_silence_warms_up_for_as_long_as_cloudwatch_lets_it(hours: int, minutes: int):
    hourly = {f"{PROJECT}:expectFilesEveryHours": str(hours)}
    graph = run_program({"aws:region": REGION, **stack_config("dev"), **hourly}, stack="dev")

    warm_up = graph.get(ALARM, "no-files").inputs["warmUpConfiguration"]
    assert warm_up == {"warmUpPeriodDurationInMinutes": minutes}


def test_a_run_that_is_not_daily_cannot_be_missed():
    weekly = {f"{PROJECT}:archiveSchedule": "cron(0 2 ? * SUN *)"}
    graph = run_program({"aws:region": REGION, **stack_config("dev"), **weekly}, stack="dev")

    assert {it.name for it in graph.of(ALARM)} == ALARMS - {"archiver-missed"}
    (warning,) = graph.warnings
    assert warning.startswith("archiveSchedule cron(0 2 ? * SUN *) does not run every day")


def test_a_protected_stack_whose_alarms_nobody_hears_says_so(dev: Graph, prod: Graph, full: Graph):
    (warning,) = prod.warnings
    assert warning.startswith("alarmEmail is empty: nobody hears the alarms of this stack")
    assert dev.warnings == full.warnings == []


def test_a_runaway_is_no_alarm_unless_a_limit_is_set(dev: Graph):
    names = {it.name for it in dev.of(ALARM)}
    assert not {name for name in names if "written" in name or "seconds" in name}


@pytest.mark.parametrize("function", ["processor", "archiver"])
def test_a_day_of_more_bytes_or_seconds_than_the_limits_is_alarming(full: Graph, function: str):
    written = full.get(ALARM, f"{function}-bytes-written").inputs
    seconds = full.get(ALARM, f"{function}-lambda-seconds").inputs

    assert (written["namespace"], written["metricName"]) == (METRICS_NAMESPACE, "BytesWritten")
    assert written["threshold"] == 50 * 10**9
    assert (seconds["namespace"], seconds["metricName"]) == ("AWS/Lambda", "Duration")
    assert seconds["threshold"] == 7200 * 1000
    for inputs in (written, seconds):
        assert inputs["statistic"] == "Sum"
        assert inputs["comparisonOperator"] == "GreaterThanOrEqualToThreshold"
        # One whole day: over more, CloudWatch looks only once an hour.
        assert (inputs["period"], inputs["evaluationPeriods"]) == (86_400, 1)
        assert inputs["treatMissingData"] == "notBreaching"
    assert written["dimensions"] == {
        "service": f"data-{function}",
        "function_name": full.name(f"data-{function}"),
    }
    assert seconds["dimensions"] == {"FunctionName": full.name(f"data-{function}")}


@pytest.mark.parametrize(
    ("key", "alarm"),
    [("dailyGigabytesAlarm", "bytes-written"), ("dailyLambdaSecondsAlarm", "lambda-seconds")],
)
def test_each_limit_makes_its_own_alarms(key: str, alarm: str):
    config = {"aws:region": REGION, **stack_config("dev"), f"{PROJECT}:{key}": "1"}
    graph = run_program(config, stack="dev")

    more = {it.name for it in graph.of(ALARM)} - ALARMS
    assert more == {f"processor-{alarm}", f"archiver-{alarm}"}


def test_the_share_of_rejected_records_is_alarming(dev: Graph):
    inputs = dev.get(ALARM, "rejected-records").inputs

    *measures, result = inputs["metricQueries"]
    assert {it["id"]: it["metric"]["metricName"] for it in measures} == {
        "rejected": "RecordsRejected",
        "records": "RecordsIn",
    }
    assert {it["metric"]["period"] for it in measures} == {3600}
    assert result["expression"] == "100 * rejected / records"
    assert result["returnData"] is True
    assert [it["id"] for it in inputs["metricQueries"] if it.get("returnData")] == ["result"]
    assert inputs["threshold"] == Settings(environment="x").max_rejected_percent / 2
    assert "metricName" not in inputs


def test_where_no_record_may_be_rejected_none_is_no_alarm():
    strict = {f"{PROJECT}:maxRejectedPercent": "0"}
    graph = run_program({"aws:region": REGION, **stack_config("dev"), **strict}, stack="dev")

    assert 0 < graph.get(ALARM, "rejected-records").inputs["threshold"] <= 0.01


def test_alarms_of_this_account_alone_are_published(graph: Graph):
    policy = json.loads(graph.one("aws:sns/topicPolicy:TopicPolicy").inputs["policy"])

    topic = graph.arn("alarms")
    assert policy["Statement"] == [
        {
            "Sid": "PublishAlarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": {
                "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"},
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
            },
        },
        {
            "Sid": "DenyUnencryptedTransport",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": [topic],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]


def test_alarms_are_mailed_where_an_address_is_given(dev: Graph, full: Graph):
    subscription = "aws:sns/topicSubscription:TopicSubscription"

    assert dev.of(subscription) == []
    assert full.one(subscription).inputs == {
        "topic": full.arn("alarms"),
        "protocol": "email",
        "endpoint": "ops@example.com",
    }


def test_the_dashboard_shows_every_alarm_and_metric(graph: Graph):
    dashboard = graph.one("aws:cloudwatch/dashboard:Dashboard").inputs

    widgets = json.loads(dashboard["dashboardBody"])["widgets"]
    (alarms,) = [it["properties"]["alarms"] for it in widgets if it["type"] == "alarm"]
    assert sorted(alarms) == sorted(graph.arn(it.name) for it in graph.of(ALARM))
    shown = {metric[1] for it in graphs_of(widgets) for metric in it["metrics"] if metric[1:]}
    assert {str(it) for it in Metric} <= shown
    assert {it["region"] for it in graphs_of(widgets)} == {REGION}
    # Dashboards are global in an account, and nobody else makes their names up.
    assert dashboard["dashboardName"] == f"{graph.prefix}-{REGION}-{graph.random}"


def test_the_dashboard_shows_a_pause(graph: Graph):
    dashboard = graph.one("aws:cloudwatch/dashboard:Dashboard").inputs

    (polls,) = [
        it
        for it in graphs_of(json.loads(dashboard["dashboardBody"])["widgets"])
        if "paused" in it["title"]
    ]
    *sources, [total] = polls["metrics"]
    queue = ["QueueName", graph.name("files")]
    assert sources == [
        ["AWS/SQS", name, *queue, {"stat": "Sum", "id": identifier, "visible": False}]
        for identifier, name in (
            ("received", "NumberOfMessagesReceived"),
            ("empty", "NumberOfEmptyReceives"),
        )
    ]
    assert total["expression"] == "FILL(received, 0) + FILL(empty, 0)"


def test_no_widget_covers_another(graph: Graph):
    dashboard = graph.one("aws:cloudwatch/dashboard:Dashboard").inputs

    cells = [
        (x, y)
        for it in json.loads(dashboard["dashboardBody"])["widgets"]
        for x in range(it["x"], it["x"] + it["width"])
        for y in range(it["y"], it["y"] + it["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def graphs_of(widgets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [it["properties"] for it in widgets if it["type"] == "metric"]


def dimensions(graph: Graph, alarm: str, namespace: str) -> dict[str, str]:
    if namespace == "AWS/SQS":
        return {"QueueName": graph.name("files" if alarm == "oldest-message" else alarm)}
    of_archiver = alarm.startswith(("archive", "bundles"))
    service = "data-archiver" if of_archiver else "data-processor"
    if namespace == "AWS/Lambda":
        return {"FunctionName": graph.name(service)}
    return {"service": service, "function_name": graph.name(service)}
