"""Controls: the schedule."""

from policy import statements, tokens
from policy.control import control, unless
from policy.controls.tagging import is_tagged
from policy.graph import Graph, Resource


@control(
    "CKV_AWS_297",
    "EventBridge Scheduler Schedule uses Customer Managed Key (CMK)",
    tokens.SCHEDULE,
    option="kmsKeyArn",
)
def is_encrypted_with_a_kms_key(schedule: Resource) -> list[str]:
    return unless(bool(schedule.get("kmsKeyArn")), "no KMS key of the account encrypts it")


@control("PIPE.74", "A run that cannot be delivered goes to a dead-letter queue", tokens.SCHEDULE)
def keeps_undelivered_runs(schedule: Resource, graph: Graph) -> list[str]:
    return unless(
        schedule.get("target.deadLetterConfig.arn") is not None
        and bool(graph.referred(schedule, "target", tokens.QUEUE)),
        "a run that cannot be delivered is lost",
    )


@control("PIPE.75", "The retries of a delivery and its maximum age are set", tokens.SCHEDULE)
def states_its_retries(schedule: Resource) -> list[str]:
    return unless(
        schedule.get("target.retryPolicy.maximumRetryAttempts") is not None
        and schedule.get("target.retryPolicy.maximumEventAgeInSeconds") is not None,
        "its retries are left to the scheduler's defaults",
    )


@control("PIPE.76", "A schedule belongs to a group of the stack's, which its role names",
         tokens.SCHEDULE)  # fmt: skip
def is_in_a_group(schedule: Resource, graph: Graph) -> list[str]:
    groups = graph.referred(schedule, "groupName", tokens.SCHEDULE_GROUP)
    roles = graph.referred(schedule, "target", tokens.ROLE)
    return unless(
        bool(groups)
        and bool(roles)
        and all(role.refers_to(group, "assumeRolePolicy") for group in groups for role in roles),
        "has no group that its role names",
    )


@control("PIPE.77", "A schedule's time zone is set to UTC", tokens.SCHEDULE)
def is_in_utc(schedule: Resource) -> list[str]:
    found = schedule.get("scheduleExpressionTimezone")
    return unless(found == "UTC", f"the time zone is {found}")


@control("PIPE.78", "A schedule is enabled", tokens.SCHEDULE)
def is_enabled(schedule: Resource) -> list[str]:
    return unless(schedule.get("state") in {None, "ENABLED"}, "is disabled")


@control(
    "PIPE.79", "A schedule's role may invoke its function, and is created first", tokens.SCHEDULE
)
def may_invoke_its_function(schedule: Resource, graph: Graph) -> list[str]:
    granting = [
        policy
        for role in graph.referred(schedule, "target", tokens.ROLE)
        for policy in graph.referring(role, tokens.ROLE_POLICY, "role")
        if any(statements.covers(it, "lambda:InvokeFunction") for it in statements.allowing(policy))
    ]
    return unless(
        bool(granting)
        and all(
            any(policy.refers_to(function, "policy") for policy in granting)
            for function in graph.referred(schedule, "target", tokens.FUNCTION)
        )
        and all(graph.comes_before(it, schedule) for it in granting),
        "its role may not invoke its function from the start",
    )


@control("PIPE.89", "A schedule is created after its function's retries, recursion and permissions",
         tokens.SCHEDULE)  # fmt: skip
def waits_for_its_function(schedule: Resource, graph: Graph) -> list[str]:
    needed = [
        it
        for function in graph.referred(schedule, "target", tokens.FUNCTION)
        for it in (
            *graph.referring(function, tokens.FUNCTION_RETRIES, "functionName"),
            *graph.referring(function, tokens.FUNCTION_RECURSION, "functionName"),
            *_own_policies(function, graph),
        )
    ]
    return [f"does not wait for {it.name}" for it in needed if not graph.comes_before(it, schedule)]


def _own_policies(function: Resource, graph: Graph) -> list[Resource]:
    """Return the policies of a function's own role that name it; others may invoke it as well."""
    roles = graph.referred(function, "role", tokens.ROLE)
    return [
        policy
        for policy in graph.referring(function, tokens.ROLE_POLICY, "policy")
        if any(role in roles for role in graph.referred(policy, "role", tokens.ROLE))
    ]


@control("PIPE.80", "Schedule groups are tagged", tokens.SCHEDULE_GROUP)
def carries_tags(group: Resource, graph: Graph) -> list[str]:
    return is_tagged(group, graph)
