"""Check a role when a resource that uses it is created, as AWS does and moto does not.

A role's policy that does not stand yet is refused here as AWS refuses it, so that a dependency
which the program forgot is found.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from local.account.strict.s3_requests import resource_policies
from local.program.resources.creation import Creation

# The action that a role needs to send to each service, for a dead-letter queue or a destination.
_DELIVERIES: Final = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "events": "events:PutEvents",
}


def require_trust(
    creation: Creation, role_arn: str, service: str, *, source: str | None = None
) -> None:
    """Refuse a role that `service` may not assume for this account and the ARN `source`.

    Raises ResourceError.
    """
    on_behalf = {"aws:sourcearn": source} if source else {}
    name = _name(role_arn)
    role = creation.call("iam", "get_role", RoleName=name)["Role"]
    trusted = resource_policies.allows(
        role["AssumeRolePolicyDocument"],
        service=service,
        action="sts:AssumeRole",
        resource="*",
        context=_context(creation) | on_behalf,
    )
    if not trusted:
        raise creation.error(f"role {name} cannot be assumed by {service}")


def require_delivery(creation: Creation, role_arn: str, target_arn: str) -> None:
    """Refuse a role that may not send to a queue, a topic, a function or a bus.

    Raises ResourceError.
    """
    service = target_arn.split(":")[2] if target_arn.count(":") > 1 else ""
    if service not in _DELIVERIES:
        raise creation.error(f"target is {target_arn!r}, allowed: {', '.join(_DELIVERIES)}")
    require_permission(creation, role_arn, _DELIVERIES[service], target_arn)


def require_permission(creation: Creation, role_arn: str, action: str, resource: str) -> None:
    """Refuse a role whose present policies do not allow `action` on `resource`.

    Raises ResourceError.
    """
    name = _name(role_arn)
    effects = {
        statement["Effect"]
        for document in _documents(creation, name)
        for statement in resource_policies.as_list(document.get("Statement", []))
        if _concerns(statement, action, resource)
        and resource_policies.holds(statement.get("Condition", {}), _context(creation))
    }
    if effects != {"Allow"}:
        raise creation.error(f"role {name} does not have the permission {action} on {resource}")


def _documents(creation: Creation, name: str) -> Iterator[Mapping[str, Any]]:
    for policy in creation.call("iam", "list_role_policies", RoleName=name)["PolicyNames"]:
        inline = creation.call("iam", "get_role_policy", RoleName=name, PolicyName=policy)
        yield _parsed(inline["PolicyDocument"])
    attached = creation.call("iam", "list_attached_role_policies", RoleName=name)
    for policy in attached["AttachedPolicies"]:
        arn = policy["PolicyArn"]
        version = creation.call("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
        managed = creation.call("iam", "get_policy_version", PolicyArn=arn, VersionId=version)
        yield _parsed(managed["PolicyVersion"]["Document"])


def _parsed(document: Any) -> Mapping[str, Any]:
    return json.loads(unquote(document)) if isinstance(document, str) else document


def _concerns(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    actions = resource_policies.as_list(statement.get("Action", statement.get("NotAction", [])))
    resources = resource_policies.as_list(
        statement.get("Resource", statement.get("NotResource", []))
    )
    acts = any(resource_policies.matches(one.lower(), action.lower()) for one in actions)
    concerns = any(resource_policies.matches(one, resource) for one in resources)
    return acts != ("NotAction" in statement) and concerns != ("NotResource" in statement)


def _context(creation: Creation) -> dict[str, str]:
    return {"aws:securetransport": "true", "aws:sourceaccount": creation.account.account_id}


def _name(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]
