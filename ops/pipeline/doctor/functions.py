"""Check the functions: ready, of this stack, not throttled, their logs kept for a time."""

from collections.abc import Iterator
from typing import Any, Final, cast

from ops import aws
from ops.pipeline import polling
from ops.pipeline.doctor.findings import Deployment, Finding, judged, problem
from ops.stack import function_arn, function_name

_UP: Final = "`pulumi up --refresh` sets it again"
# A function that was idle for weeks is Inactive until its next invocation, which works.
# https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
_READY: Final = frozenset({"Active", "Inactive"})


def states(deployment: Deployment) -> Iterator[Finding]:
    """Check that each function can be invoked, and that its last update succeeded."""
    for name, found in (("processor", deployment.processor), ("archiver", deployment.archiver)):
        state, update = found.get("State"), found.get("LastUpdateStatus")
        problems = [] if state in _READY else [f"{state}: {found.get('StateReason', '')}"]
        if update != "Successful":
            why = found.get("LastUpdateStatusReason", "")
            problems.append(f"its last update: {update} {why}".rstrip())
        well = f"{state}, {found.get('Runtime')}, {found.get('MemorySize')} MB"
        yield judged(name, problems, well=well, mend="`pulumi up` deploys it again")


def environments(deployment: Deployment) -> Iterator[Finding]:
    """Check that the functions work on the buckets and queues that the outputs name."""
    stack = deployment.stack
    both = {
        "PROCESSED_BUCKET": stack.processed_bucket_name,
        "ARCHIVE_BUCKET": stack.archive_bucket_name,
    }
    raw = {
        "RAW_BUCKET": stack.raw_bucket_name,
        "PROCESSING_QUEUE_URL": stack.processing_queue_url,
        "DEAD_LETTER_QUEUE_URL": stack.dlq_url,
    }
    for name, function, wanted in (
        ("processor", deployment.processor, both | raw),
        ("archiver", deployment.archiver, both),
    ):
        variables = aws.read_environment(function)
        wrong = [
            f"{variable} is {variables.get(variable)}, expected: {value}"
            for variable, value in wanted.items()
            if variables.get(variable) != value
        ]
        yield judged(f"environment of the {name}", wrong, well="as the outputs say", mend=_UP)


def concurrency(deployment: Deployment) -> Iterator[Finding]:
    """Check that the mapping does not receive more than the processor may work on at once."""
    function = function_arn(deployment.stack.data_processor_lambda_arn)
    found = deployment.account.functions.get_function_concurrency(FunctionName=function)
    # Absent if none are, which the stubs do not know.
    reserved = cast("int | None", found.get("ReservedConcurrentExecutions"))
    mappings = cast("list[dict[str, Any]]", polling.mappings(deployment.account))
    wanted = max(
        (one.get("ScalingConfig", {}).get("MaximumConcurrency", 1) for one in mappings), default=1
    )
    yield judged(
        "concurrency of the processor",
        [f"{reserved} are reserved, the mapping wants {wanted}: what it receives is throttled"]
        if reserved is not None and reserved < wanted
        else [],
        well="not reserved" if reserved is None else f"{reserved} reserved",
        mend=f"`aws lambda delete-function-concurrency --function-name {function_name(function)}`"
        ", or `pulumi up --refresh`",
    )


def logs(deployment: Deployment) -> Iterator[Finding]:
    """Check that each function's log group exists and does not keep its lines for ever."""
    for name, found in (("processor", deployment.processor), ("archiver", deployment.archiver)):
        about, group = f"logs of the {name}", log_group(found)
        pages = deployment.account.logs.get_paginator("describe_log_groups").paginate(
            logGroupNamePrefix=group
        )
        groups = [
            one for page in pages for one in page["logGroups"] if one.get("logGroupName") == group
        ]
        if not groups:
            yield problem(about, f"the log group {group} does not exist", _UP)
            continue
        days = groups[0].get("retentionInDays")
        yield judged(
            about,
            [] if days else [f"{group} keeps its lines for ever"],
            well=f"{group}, {days} days",
            mend=_UP,
        )


def log_group(function: Any) -> str:
    """Return the name of a function's log group: the configured one, or Lambda's default."""
    configured = function.get("LoggingConfig", {}).get("LogGroup")
    return str(configured or f"/aws/lambda/{function['FunctionName']}")
