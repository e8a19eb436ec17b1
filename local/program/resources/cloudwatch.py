"""Create alarms, dashboards, log groups and event rules: the provider's module `cloudwatch`."""

from collections.abc import Mapping
from typing import Any, Final

from local.program.resources.creation import Created, Creation, shape

_ALARM_NAME_LENGTH: Final = 255
_LOG_GROUP_NAME_LENGTH: Final = 512
_FILTER_NAME_LENGTH: Final = 512
_RULE_NAME_LENGTH: Final = 64
_TARGET_ID_LENGTH: Final = 64
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_RETENTION_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip
_CRITERIA_NAMES: Final = {"promqlCriteria": "PromQLCriteria"}
_ACTIONS: Final = ("alarmActions", "okActions", "insufficientDataActions")
_ALARM_INPUTS: Final = (
    "actionsEnabled", "alarmDescription", "comparisonOperator", "datapointsToAlarm",
    "evaluationCriteria", "evaluationInterval", "evaluationPeriods", "evaluationWindow",
    "extendedStatistic", "metricName", "namespace", "period", "statistic", "threshold",
    "thresholdMetricId", "treatMissingData", "unit", "warmUpConfiguration",
)  # fmt: skip


def metric_alarm(creation: Creation) -> Created:
    """Create an alarm over a metric or an expression."""
    name = creation.physical_name(_ALARM_NAME_LENGTH)
    queries = [_metric_query(query) for query in creation.take("metricQueries", [])]
    creation.call(
        "cloudwatch",
        "put_metric_alarm",
        AlarmName=name,
        Dimensions=_dimensions(creation.take("dimensions")),
        Metrics=queries or None,
        EvaluateLowSampleCountPercentile=creation.take("evaluateLowSampleCountPercentiles"),
        Tags=creation.tag_list or None,
        **shape({key: creation.take(key) for key in _ALARM_INPUTS}, _CRITERIA_NAMES),
        **_actions(creation),
    )
    return Created(id=name, outputs={"name": name, "arn": _alarm_arn(creation, name)})


def composite_alarm(creation: Creation) -> Created:
    """Check a composite alarm, which moto does not have."""
    name = creation.take("alarmName")
    creation.check_call(
        "cloudwatch",
        "PutCompositeAlarm",
        AlarmName=name,
        AlarmRule=creation.take("alarmRule"),
        AlarmDescription=creation.take("alarmDescription"),
        ActionsEnabled=creation.take("actionsEnabled"),
        Tags=creation.tag_list or None,
        **_actions(creation),
    )
    return Created(id=name, outputs={"arn": _alarm_arn(creation, name)})


def dashboard(creation: Creation) -> Created:
    """Create a dashboard."""
    name = creation.take("dashboardName")
    creation.call(
        "cloudwatch",
        "put_dashboard",
        DashboardName=name,
        DashboardBody=creation.take_document("dashboardBody"),
    )
    arn = f"arn:aws:cloudwatch::{creation.account.account_id}:dashboard/{name}"
    return Created(id=name, outputs={"dashboardArn": arn})


def log_group(creation: Creation) -> Created:
    """Create a log group with its retention."""
    name = creation.physical_name(_LOG_GROUP_NAME_LENGTH)
    creation.take("skipDestroy")  # only about deletion
    creation.call(
        "logs",
        "create_log_group",
        logGroupName=name,
        kmsKeyId=creation.take("kmsKeyId"),
        logGroupClass=creation.take("logGroupClass"),
        tags=dict(creation.tags) or None,
    )
    days = creation.take("retentionInDays", 0)
    if days:  # 0 means for ever
        if days not in _RETENTION_DAYS:
            allowed = ", ".join(map(str, _RETENTION_DAYS))
            raise creation.error(f"retentionInDays is {days}, allowed: {allowed}")
        creation.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=days)
    arn = f"arn:aws:logs:{creation.region}:{creation.account.account_id}:log-group:{name}"
    return Created(id=name, outputs={"name": name, "arn": arn})


def log_metric_filter(creation: Creation) -> Created:
    """Create a metric from the lines of a log group."""
    name = creation.physical_name(_FILTER_NAME_LENGTH)
    given: Mapping[str, Any] = creation.take("metricTransformation")
    names = {"name": "metricName", "namespace": "metricNamespace", "value": "metricValue"}
    transformation = {names.get(key, key): value for key, value in given.items()}
    if "defaultValue" in transformation:
        transformation["defaultValue"] = float(transformation["defaultValue"])
    creation.call(
        "logs",
        "put_metric_filter",
        logGroupName=creation.take("logGroupName"),
        filterName=name,
        filterPattern=creation.take("pattern"),
        metricTransformations=[transformation],
    )
    return Created(id=name, outputs={"name": name})


def event_rule(creation: Creation) -> Created:
    """Create an EventBridge rule."""
    name = creation.physical_name(_RULE_NAME_LENGTH)
    answer = creation.call(
        "events",
        "put_rule",
        Name=name,
        ScheduleExpression=creation.take("scheduleExpression"),
        EventPattern=creation.take("eventPattern"),
        State=creation.take("state"),
        Description=creation.take("description"),
        RoleArn=creation.take("roleArn"),
        EventBusName=creation.take("eventBusName"),
        Tags=creation.tag_list or None,
    )
    return Created(id=name, outputs={"name": name, "arn": answer["RuleArn"]})


def event_target(creation: Creation) -> Created:
    """Set the target of an EventBridge rule."""
    rule = creation.take("rule")
    target = {
        "Id": creation.physical_name(_TARGET_ID_LENGTH, key="targetId"),
        "Arn": creation.take("arn"),
        "RoleArn": creation.take("roleArn"),
        "Input": creation.take("input"),
        "InputPath": creation.take("inputPath"),
        "DeadLetterConfig": creation.take_shape("deadLetterConfig"),
        "RetryPolicy": creation.take_shape("retryPolicy"),
    }
    answer = creation.call(
        "events",
        "put_targets",
        Rule=rule,
        EventBusName=creation.take("eventBusName"),
        Targets=[{key: value for key, value in target.items() if value is not None}],
    )
    if answer["FailedEntryCount"]:
        raise creation.error(f"PutTargets: {answer['FailedEntries'][0]['ErrorMessage']}")
    return Created(id=f"{rule}-{target['Id']}", outputs={"targetId": target["Id"]})


def _actions(creation: Creation) -> dict[str, Any]:
    given = {key: creation.take(key) for key in _ACTIONS}
    return shape(given, {"okActions": "OKActions"})


def _metric_query(query: Mapping[str, Any]) -> dict[str, Any]:
    written = shape({key: value for key, value in query.items() if key != "metric"})
    # The provider's default; CloudWatch's own is true, and one query alone may return data.
    written.setdefault("ReturnData", False)
    if "metric" in query:
        metric: Mapping[str, Any] = query["metric"]
        source = {
            "Namespace": metric.get("namespace"),
            "MetricName": metric["metricName"],
            "Dimensions": _dimensions(metric.get("dimensions")),
        }
        known = ("namespace", "metricName", "dimensions")
        written["MetricStat"] = {
            "Metric": {key: value for key, value in source.items() if value is not None},
            **shape({key: value for key, value in metric.items() if key not in known}),
        }
    return written


def _dimensions(given: Mapping[str, str] | None) -> list[dict[str, str]] | None:
    return [{"Name": name, "Value": value} for name, value in given.items()] if given else None


def _alarm_arn(creation: Creation, name: str) -> str:
    return f"arn:aws:cloudwatch:{creation.region}:{creation.account.account_id}:alarm:{name}"
