"""The topic for alarms, the alarms, and the dashboard."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra import permissions
from infra.alarms import Alarm
from infra.measures import Measure


class AlarmTopic(pulumi.ComponentResource):
    """The topic that alarms are published to, with an e-mail subscription if one is set.

    It is not encrypted with a KMS key: an alarm contains no data, and CloudWatch silently drops
    alarms for a topic whose key does not allow it.

    Attributes:
        arn: the topic's ARN.
        name: the topic's name.
    """

    def __init__(
        self,
        name: str,
        *,
        account: Input[str],
        region: Input[str],
        partition: Input[str],
        email: str | None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("s3-data-pipeline:index:AlarmTopic", name, None, opts)
        topic = aws.sns.Topic(name, opts=ResourceOptions(parent=self))
        self.arn = topic.arn
        self.name = topic.name
        policy = Output.all(
            topic=topic.arn, account=account, region=region, partition=partition
        ).apply(lambda it: _topic_policy(**it))
        aws.sns.TopicPolicy(
            f"{name}-policy",
            arn=topic.arn,
            policy=Output.json_dumps(policy),
            opts=ResourceOptions(parent=self),
        )
        if email:
            aws.sns.TopicSubscription(
                f"{name}-email",
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                opts=ResourceOptions(parent=self),
            )
        self.register_outputs({"arn": self.arn})


class Alarms(pulumi.ComponentResource):
    """The pipeline's alarms.

    Attributes:
        arns: the alarms' ARNs, in the order of `alarms`.
    """

    def __init__(
        self,
        name: str,
        *,
        alarms: Sequence[Alarm],
        topic: AlarmTopic,
        environment: str,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("s3-data-pipeline:index:Alarms", name, None, opts)
        self.arns = [
            _create(f"{name}-{alarm.name}", alarm, topic, environment, parent=self)
            for alarm in alarms
        ]
        self.register_outputs({"arns": self.arns})


class Dashboard(pulumi.ComponentResource):
    """The dashboard, with a name of ours, since neither AWS nor the provider generates one.

    The dashboards of all regions of an account share one set of names. To differ between stacks,
    the name contains the region, and the random end of another resource's generated name.

    Attributes:
        url: the dashboard's URL in the AWS console.
    """

    def __init__(
        self,
        name: str,
        *,
        region: Input[str],
        neighbour: Input[str],
        body: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("s3-data-pipeline:index:Dashboard", name, None, opts)
        random = Output.from_input(neighbour).apply(lambda text: text.rpartition("-")[2])
        dashboard = aws.cloudwatch.Dashboard(
            name,
            dashboard_name=Output.concat(name, "-", region, "-", random),
            dashboard_body=body,
            opts=ResourceOptions(parent=self),
        )
        self.url = Output.format(
            "https://{0}.console.aws.amazon.com/cloudwatch/home?region={0}#dashboards/dashboard/{1}",
            region,
            dashboard.dashboard_name,
        )
        self.register_outputs({"url": self.url})


def _create(
    name: str, alarm: Alarm, topic: AlarmTopic, environment: str, *, parent: pulumi.Resource
) -> Output[str]:
    comparison = "LessThanThreshold" if alarm.below else "GreaterThanOrEqualToThreshold"
    warm_up = (
        aws.cloudwatch.MetricAlarmWarmUpConfigurationArgs(
            warm_up_period_duration_in_minutes=alarm.quiet_minutes
        )
        if alarm.quiet_minutes
        else None
    )
    created = aws.cloudwatch.MetricAlarm(
        name,
        alarm_description=_run_book(alarm, environment),
        comparison_operator=comparison,
        threshold=alarm.threshold,
        evaluation_periods=alarm.periods,
        datapoints_to_alarm=alarm.periods,
        treat_missing_data=alarm.missing,
        warm_up_configuration=warm_up,
        alarm_actions=[topic.arn],
        ok_actions=[topic.arn],
        **_watched(alarm),
        # An alarm that goes off before the topic has its policy is not published.
        opts=ResourceOptions(parent=parent, depends_on=[topic]),
    )
    return created.arn


def _watched(alarm: Alarm) -> dict[str, Any]:
    """Return the inputs of an alarm: one metric, or an expression over several."""
    if alarm.expression is None:
        (measure,) = alarm.measures.values()
        return {
            "namespace": measure.namespace,
            "metric_name": measure.name,
            "dimensions": dict(measure.dimensions),
            "statistic": measure.statistic,
            "period": alarm.period_seconds,
        }
    inputs = [
        aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id=identifier, metric=_query(measure, alarm.period_seconds)
        )
        for identifier, measure in alarm.measures.items()
    ]
    result = aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id="result", expression=alarm.expression, label=alarm.name, return_data=True
    )
    return {"metric_queries": [*inputs, result]}


def _query(
    measure: Measure, period_seconds: int
) -> aws.cloudwatch.MetricAlarmMetricQueryMetricArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
        namespace=measure.namespace,
        metric_name=measure.name,
        dimensions=dict(measure.dimensions),
        stat=measure.statistic,
        period=period_seconds,
    )


def _run_book(alarm: Alarm, environment: str) -> Output[str]:
    return Output.concat(
        f"[{environment}] Meaning: {alarm.meaning}\nFirst check: {alarm.check}\nCommand: ",
        alarm.command,
    )


def _topic_policy(*, topic: str, account: str, region: str, partition: str) -> dict[str, Any]:
    return permissions.document(
        [
            permissions.publish_alarms(
                topic=topic, account=account, region=region, partition=partition
            ),
            permissions.tls_only("sns:Publish", [topic]),
        ]
    )
