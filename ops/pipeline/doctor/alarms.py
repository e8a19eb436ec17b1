"""Check the alarms, and that somebody hears them."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ops.pipeline.doctor.findings import Deployment, Finding, judged, ok, problem, unknown
from ops.stack import function_name, queue_name

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricAlarmTypeDef

# The alarms that every stack has; a test compares them with the program's.
ALARMS: Final = (
    "dead-letters", "archiver-dead-letters", "oldest-message",
    "processor-errors", "processor-throttles", "processor-near-timeout", "processor-access-denied",
    "files-failed", "many-retries", "loops", "rejected-records", "dead-letters-lost",
    "archiver-errors", "archiver-throttles", "archiver-near-timeout", "archiver-access-denied",
    "archive-failures", "bundles-without-index", "archiver-reports-lost",
)  # fmt: skip
_DIGITS: Final = re.compile("-[0-9a-f]{7}$")  # which Pulumi adds to a name
_UP: Final = "`pulumi up --refresh` makes it again"
# What the program's alarms name, and which the stack's outputs tell.
_FUNCTION_DIMENSIONS: Final = ("FunctionName", "function_name")
_QUEUE_DIMENSION: Final = "QueueName"
# A new alarm has no data for its first minutes.
_YOUNG: Final = timedelta(hours=1)
# What SNS lists in place of a subscription's ARN. For three days after somebody unsubscribed it
# lists "Deleted" (AWS re:Post, "Why can't I delete my Amazon SNS topic subscription?").
_PENDING: Final = "PendingConfirmation"


def existence(deployment: Deployment) -> Iterator[Finding]:
    """Check that the alarms exist, watch this stack's resources, and have data."""
    if not deployment.stack.alarm_topic_arn:
        yield unknown("alarms", "the outputs have no alarm_topic_arn")
        return
    found = _alarms(deployment)
    prefix = deployment.stack.name_prefix
    names = {_DIGITS.sub("", one.get("AlarmName", "")).removeprefix(prefix) for one in found}
    missing = [name for name in ALARMS if name not in names]
    yield judged(
        "alarms",
        [f"missing: {', '.join(missing)}"] if missing else [],
        well=f"{len(found)}",
        mend=_UP,
    )
    apart = [text for one in found for text in _foreign(deployment, one)]
    yield judged("what alarms watch", apart, well="this stack's functions and queues", mend=_UP)
    yield _data(deployment, found)
    yield _ringing(found)


def actions(deployment: Deployment) -> Iterator[Finding]:
    """Check that each alarm tells the topic when it goes off."""
    if not deployment.stack.alarm_topic_arn:
        return
    silent = [
        one.get("AlarmName", "") for one in _alarms(deployment) if not one.get("ActionsEnabled")
    ]
    yield judged(
        "actions of alarms",
        [f"off for {', '.join(silent)}"] if silent else [],
        well="on",
        mend=f"`aws cloudwatch enable-alarm-actions --alarm-names {' '.join(silent)}`",
    )


def subscribers(deployment: Deployment) -> Iterator[Finding]:
    """Check that somebody has subscribed to the alarms' topic, and confirmed it."""
    about, topic = "subscribers of alarms", deployment.stack.alarm_topic_arn
    if not topic:
        return
    pages = deployment.account.sns.get_paginator("list_subscriptions_by_topic").paginate(
        TopicArn=topic
    )
    found = [one for page in pages for one in page.get("Subscriptions", [])]
    pending = [one.get("Endpoint", "") for one in found if one.get("SubscriptionArn") == _PENDING]
    confirmed = sum(one.get("SubscriptionArn", "").startswith("arn:") for one in found)
    if pending:
        yield problem(
            about,
            f"{confirmed} confirmed; {_PENDING}: {', '.join(pending)}",
            "follow the link in AWS's message to that address; it is valid for two days",
        )
    elif confirmed:
        yield ok(about, f"{confirmed} confirmed")
    elif deployment.is_local:
        yield unknown(about, "not checked on the local pipeline, which tells nobody")
    else:
        yield problem(about, "none: nobody hears the alarms", "set alarmEmail and run `pulumi up`")


def _alarms(deployment: Deployment) -> "list[MetricAlarmTypeDef]":
    """Return the alarms that tell the stack's topic."""
    prefix = deployment.stack.name_prefix
    paginator = deployment.account.cloudwatch.get_paginator("describe_alarms")
    pages = paginator.paginate(AlarmNamePrefix=prefix) if prefix else paginator.paginate()
    topic = deployment.stack.alarm_topic_arn
    return [
        alarm
        for page in pages
        for alarm in page["MetricAlarms"]
        if topic in alarm.get("AlarmActions", [])
    ]


def _foreign(deployment: Deployment, alarm: "MetricAlarmTypeDef") -> Iterator[str]:
    """Yield what an alarm watches that is not of this stack, so that it never has data."""
    stack = deployment.stack
    functions = {
        function_name(arn)
        for arn in (stack.data_processor_lambda_arn, stack.data_archiver_lambda_arn)
    }
    urls = (stack.processing_queue_url, stack.dlq_url, stack.archiver_dlq_url)
    queues = {queue_name(url) for url in urls if url}
    allowed = dict.fromkeys(_FUNCTION_DIMENSIONS, functions) | {_QUEUE_DIMENSION: queues}
    for one in _dimensions(alarm):
        if one["Value"] not in allowed.get(one["Name"], {one["Value"]}):
            yield f"{alarm.get('AlarmName')} watches {one['Name']} {one['Value']}"


def _dimensions(alarm: "MetricAlarmTypeDef") -> "Iterator[DimensionTypeDef]":
    """Yield the dimensions of an alarm's metric, or of those in its expression."""
    yield from alarm.get("Dimensions", [])
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            yield from query["MetricStat"]["Metric"].get("Dimensions", [])


def _data(deployment: Deployment, alarms: "list[MetricAlarmTypeDef]") -> Finding:
    about, now = "data of alarms", deployment.now()
    old = [
        one for one in alarms if now - one.get("AlarmConfigurationUpdatedTimestamp", now) > _YOUNG
    ]
    blind = [one for one in old if one.get("StateValue") == "INSUFFICIENT_DATA"]
    if old and len(blind) == len(old):
        return problem(
            about,
            "all are in INSUFFICIENT_DATA, an hour after they were made",
            "see whether their metrics exist: `aws cloudwatch list-metrics`",
        )
    return ok(about, f"{len(old) - len(blind)} of {len(old)} have some" if old else "too new")


def _ringing(alarms: "list[MetricAlarmTypeDef]") -> Finding:
    on = [one.get("AlarmName", "") for one in alarms if one.get("StateValue") == "ALARM"]
    return judged(
        "alarms that are on",
        [", ".join(on)] if on else [],
        well="none",
        mend="docs/runbook.md has a section on each",
    )
