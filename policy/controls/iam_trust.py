"""Controls: who may assume a role, and a role's policies and boundary."""

from typing import Final

from policy import statements, tokens
from policy.control import control, unless
from policy.controls.tagging import is_tagged
from policy.graph import Graph, Resource

_TRUST: Final = "assumeRolePolicy"
_HOUR_SECONDS: Final = 3600
# AWS's own trust policy for it has no condition, and no page says that it sends the account:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-iam-role-policies.html
_NAMES_NO_ACCOUNT: Final = ["batchoperations.s3.amazonaws.com"]


@control("IAM.24", "IAM roles should be tagged", tokens.ROLE)
def carries_tags(role: Resource, graph: Graph) -> list[str]:
    return is_tagged(role, graph)


@control(
    "CKV_AWS_60",
    "IAM role allows only specific services or principals to assume it",
    tokens.ROLE,
)
def trusts_one_service(role: Resource) -> list[str]:
    named = [name for it in statements.allowing(role, _TRUST) for name in statements.principals(it)]
    return unless(
        len(named) == 1 and "*" not in named[0] and named[0].endswith(".amazonaws.com"),
        f"trusts {named}, not one service",
    )


@control(
    "CKV_AWS_61",
    "AWS IAM policy does not allow assume role permission across all services",
    tokens.ROLE,
)
def trusts_no_account(role: Resource) -> list[str]:
    return [
        f"trusts the account {name}"
        for it in statements.allowing(role, _TRUST)
        for name in statements.principals(it, "AWS")
    ]


@control(
    "PIPE.41",
    "A service may assume a role only for this account, if it names the account",
    tokens.ROLE,
)
def is_assumed_for_this_account(role: Resource) -> list[str]:
    return [
        f"{statements.label(it)} names no aws:SourceAccount"
        for it in statements.allowing(role, _TRUST)
        if statements.principals(it) != _NAMES_NO_ACCOUNT
        and not statements.conditions(it).get("aws:sourceaccount")
    ]


@control("PIPE.42", "The scheduler may assume a role only for the stack's schedules", tokens.ROLE)
def is_assumed_for_the_stacks_schedules(role: Resource) -> list[str]:
    return [
        f"{statements.label(it)} names no aws:SourceArn"
        for it in statements.allowing(role, _TRUST)
        if "scheduler.amazonaws.com" in statements.principals(it)
        and not statements.conditions(it).get("aws:sourcearn")
    ]


@control(
    "PIPE.43",
    "A role has no managed policy, whose content others change",
    tokens.ROLE,
    also=("CKV2_AWS_56",),
)
def has_no_managed_policy(role: Resource, graph: Graph) -> list[str]:
    attached = graph.referring(role, tokens.ROLE_ATTACHMENT, "role")
    return unless(not attached and not role.get("managedPolicyArns"), "has a managed policy")


@control("PIPE.44", "A role's session ends after an hour", tokens.ROLE)
def has_short_sessions(role: Resource) -> list[str]:
    found = role.get("maxSessionDuration") or _HOUR_SECONDS
    return unless(found <= _HOUR_SECONDS, f"a session may last {found} s")


@control("PIPE.45", "A role has a description", tokens.ROLE)
def is_described(role: Resource) -> list[str]:
    return unless(bool(role.get("description")), "has no description")


@control(
    "PIPE.46",
    "Each role has a permissions boundary",
    tokens.ROLE,
    option="permissionsBoundaryArn",
)
def is_bounded(role: Resource) -> list[str]:
    return unless(bool(role.get("permissionsBoundary")), "has no permissions boundary")
