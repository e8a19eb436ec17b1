"""Check the schedules that invoke the stack's functions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ops.pipeline import grants
from ops.pipeline.doctor import roles
from ops.pipeline.doctor.findings import Deployment, Finding, judged, problem
from ops.stack import function_name

if TYPE_CHECKING:
    from mypy_boto3_scheduler.type_defs import GetScheduleOutputTypeDef

_UP: Final = "`pulumi up --refresh` sets it again"
_GO_ON: Final = "to go on with a scheduled run"


def daily_run(deployment: Deployment) -> Iterator[Finding]:
    """Check that the archiver has a schedule, and each schedule of the stack that it can run."""
    found = _schedules(deployment)
    archiver = deployment.stack.data_archiver_lambda_arn
    if not any(one["Target"]["Arn"] == archiver for one in found):
        name = function_name(archiver)
        yield problem("schedule of the archiver", f"no schedule invokes {name}", _UP)
    for one in found:
        name, target = one["Name"], one["Target"]
        state = one.get("State", "unknown")
        yield judged(
            f"schedule of {_label(deployment, target['Arn'])}",
            [] if state == "ENABLED" else [f"{name} is {state}"],
            well=f"{one['ScheduleExpression']} {one.get('ScheduleExpressionTimezone', 'UTC')}",
            mend=_UP,
        )
        letters = target.get("DeadLetterConfig", {}).get("Arn")
        wanted = [grants.invoke(target["Arn"]), *([grants.send(letters)] if letters else [])]
        about = f"role of the schedule of {_label(deployment, target['Arn'])}"
        yield roles.simulated(deployment, about, target["RoleArn"], wanted)
        # The archiver's role is checked for that without a schedule: it always has it.
        if target["Arn"] == deployment.stack.data_processor_lambda_arn:
            about, own = f"role of the processor, {_GO_ON}", deployment.processor["Role"]
            yield roles.simulated(deployment, about, own, [grants.invoke(target["Arn"])])


def _schedules(deployment: Deployment) -> "list[GetScheduleOutputTypeDef]":
    """Return the schedules whose targets are the stack's functions.

    They are listed by the beginning of their names: an account can have a million schedules.
    """
    scheduler, stack = deployment.account.scheduler, deployment.stack
    functions = (stack.data_processor_lambda_arn, stack.data_archiver_lambda_arn)
    paginator, prefix = scheduler.get_paginator("list_schedules"), stack.name_prefix
    pages = paginator.paginate(NamePrefix=prefix) if prefix else paginator.paginate()
    return [
        scheduler.get_schedule(GroupName=one.get("GroupName", ""), Name=one.get("Name", ""))
        for page in pages
        for one in page["Schedules"]
        if one.get("Target", {}).get("Arn") in functions
    ]


def _label(deployment: Deployment, function: str) -> str:
    return (
        "the archiver"
        if function == deployment.stack.data_archiver_lambda_arn
        else ("the processor")
    )
