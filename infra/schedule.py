"""The daily run of a function: the schedule, its role, and a retry for missed deliveries."""

from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra import permissions
from infra.function import PipelineFunction
from infra.permissions import Statement
from infra.queues import DeadLetterQueue

TIMEZONE: Final = "UTC"
# The scheduler replaces this by the time for which the run was scheduled.
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
ARCHIVE_INPUT: Final = {"time": "<aws.scheduler.scheduled-time>"}
RECONCILE_INPUT: Final = {"reconcile": {"by_schedule": True}}
# A failed delivery is retried for an hour; after that the next day's run does its work.
_DELIVERY_RETRIES: Final = 10
_DELIVERY_SECONDS: Final = 3600


class DailyRun(pulumi.ComponentResource):
    """A schedule that invokes one function with one event, its input.

    A failed delivery becomes a dead letter.
    """

    def __init__(
        self,
        name: str,
        *,
        expression: str,
        function: PipelineFunction,
        event: Mapping[str, Any],
        dead_letters: DeadLetterQueue,
        account: Input[str],
        region: Input[str],
        partition: Input[str],
        kms_key_arn: str | None,
        permissions_boundary_arn: str | None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("s3-data-pipeline:index:DailyRun", name, None, opts)
        # A role can be limited to a group's schedules. A schedule itself has no tags, a group has.
        group = aws.scheduler.ScheduleGroup(name, opts=ResourceOptions(parent=self))
        trust = Output.all(group.arn, account).apply(
            lambda values: permissions.assume_role_for(
                "scheduler.amazonaws.com", source=values[0], account=values[1]
            )
        )
        role = aws.iam.Role(
            f"{name}-role",
            description=f"What the schedule {name} may do",
            assume_role_policy=Output.json_dumps(
                trust.apply(lambda statement: permissions.document([statement]))
            ),
            permissions_boundary=permissions_boundary_arn,
            opts=ResourceOptions(parent=self),
        )
        schedules = Output.format(
            "arn:{0}:scheduler:{1}:{2}:schedule/{3}/*", partition, region, account, group.name
        )
        statements = Output.all(
            function=function.invoked_arn,
            dead_letters=dead_letters.arn,
            schedules=schedules,
            region=region,
        ).apply(
            lambda it: [
                permissions.invoke(it["function"]),
                permissions.send_failures(it["dead_letters"]),
                *_use_key(kms_key_arn, schedules=it["schedules"], region=it["region"]),
            ]
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=Output.json_dumps(statements.apply(permissions.document)),
            opts=ResourceOptions(parent=self),
        )
        aws.scheduler.Schedule(
            name,
            description=Output.concat("Runs the function ", function.name),
            group_name=group.name,
            schedule_expression=expression,
            schedule_expression_timezone=TIMEZONE,
            kms_key_arn=kms_key_arn,
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn=function.invoked_arn,
                role_arn=role.arn,
                input=Output.json_dumps(event),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_retry_attempts=_DELIVERY_RETRIES,
                    maximum_event_age_in_seconds=_DELIVERY_SECONDS,
                ),
                dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(
                    arn=dead_letters.arn
                ),
            ),
            # The first run may be due at once: retries, permissions and the dead-letter queue must
            # exist before it.
            opts=ResourceOptions(parent=self, depends_on=[policy, function, dead_letters]),
        )
        self.register_outputs({})


def _use_key(key: str | None, *, schedules: str, region: str) -> list[Statement]:
    if key is None:
        return []
    return [
        permissions.decrypt_schedule(key, schedules=schedules),
        permissions.use_key(key, region=region, services=["sqs"]),
    ]
