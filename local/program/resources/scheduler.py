"""Create schedules of EventBridge Scheduler."""

from typing import Any, Final

from local.program.resources import roles
from local.program.resources.creation import Created, Creation

_NAME_LENGTH: Final = 64
_DEFAULT_GROUP: Final = "default"
_SERVICE: Final = "scheduler.amazonaws.com"


def group(creation: Creation) -> Created:
    """Create a group of schedules."""
    name = creation.physical_name(_NAME_LENGTH)
    answer = creation.call(
        "scheduler", "create_schedule_group", Name=name, Tags=creation.tag_list or None
    )
    return Created(id=name, outputs={"name": name, "arn": answer["ScheduleGroupArn"]})


def schedule(creation: Creation) -> Created:
    """Create a schedule."""
    name = creation.physical_name(_NAME_LENGTH)
    where = creation.take("groupName", _DEFAULT_GROUP)
    target: dict[str, Any] = creation.take_shape("target")
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html:
    # the source ARN is the group's, not the schedule's.
    source = f"{_arn(creation)}:schedule-group/{where}"
    roles.require_trust(creation, target["RoleArn"], _SERVICE, source=source)
    answer = creation.call(
        "scheduler",
        "create_schedule",
        Name=name,
        GroupName=where,
        ScheduleExpression=creation.take("scheduleExpression"),
        ScheduleExpressionTimezone=creation.take("scheduleExpressionTimezone"),
        FlexibleTimeWindow=creation.take_shape("flexibleTimeWindow"),
        Target=target,
        State=creation.take("state"),
        Description=creation.take("description"),
        StartDate=creation.take("startDate"),
        EndDate=creation.take("endDate"),
        KmsKeyArn=creation.take("kmsKeyArn"),
        ActionAfterCompletion=creation.take("actionAfterCompletion"),
    )
    outputs = {"name": name, "groupName": where, "arn": answer["ScheduleArn"]}
    return Created(id=f"{where}/{name}", outputs=outputs)


def _arn(creation: Creation) -> str:
    return f"arn:aws:scheduler:{creation.region}:{creation.account.account_id}"
