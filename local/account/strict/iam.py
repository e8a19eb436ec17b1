"""Simulate what a role may do, which moto cannot.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.responses import IamResponse

from local.account.strict.s3_requests import resource_policies

_DENIED: Final = "explicitDeny"
_ALLOWED: Final = "allowed"
_NOT_ALLOWED: Final = "implicitDeny"
_STRICTEST_FIRST: Final = (_DENIED, _NOT_ALLOWED, _ALLOWED)
_ANY: Final = "*"


def decision(
    statements: list[dict[str, Any]], action: str, resource: str, context: Mapping[str, str]
) -> str:
    """Return IAM's decision on an action by the statements of identity-based policies.

    `context` maps condition keys, in lower case, to their values.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    effects = {
        statement["Effect"]
        for statement in statements
        if _concerns(statement, "Action", action.lower())
        and _concerns(statement, "Resource", resource)
        and resource_policies.holds(statement.get("Condition", {}), context)
    }
    if "Deny" in effects:
        return _DENIED
    return _ALLOWED if effects else _NOT_ALLOWED


def _concerns(statement: Mapping[str, Any], element: str, text: str) -> bool:
    """Return whether a statement's `Action` or `Resource`, or its `Not…`, includes a text."""
    excludes = f"Not{element}" in statement
    patterns = resource_policies.as_list(statement.get(f"Not{element}" if excludes else element))
    named = any(
        resource_policies.matches(one.lower() if element == "Action" else one, text)
        for one in patterns
    )
    return named != excludes


def _simulate(self: Any) -> ActionResult:
    """Answer SimulatePrincipalPolicy; a permissions boundary limits what the policies allow."""
    asked: Mapping[str, Any] = self._get_params()
    context = {
        one["ContextKeyName"].lower(): one["ContextKeyValues"][0]
        for one in asked.get("ContextEntries", [])
    }
    policies, boundary = _policies(self.backend, asked["PolicySourceArn"])

    def decide(action: str, resource: str) -> str:
        decided = decision(policies, action, resource, context)
        return _within(boundary, decided, (action, resource, context))

    resources = asked.get("ResourceArns", [])
    results = [
        _result(action, {one: decide(action, one) for one in resources})
        if resources
        else _evaluation(action, decide(action, _ANY))
        for action in asked["ActionNames"]
    ]
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def _result(action: str, decisions: Mapping[str, str]) -> dict[str, Any]:
    """Return the result for an action: the strictest decision, and that on each resource."""
    specific: list[dict[str, Any]] = [
        {
            "EvalResourceName": resource,
            "EvalResourceDecision": decided,
            "MatchedStatements": [],
            "MissingContextValues": [],
        }
        for resource, decided in decisions.items()
    ]
    whole = min(decisions.values(), key=_STRICTEST_FIRST.index)
    return {**_evaluation(action, whole), "ResourceSpecificResults": specific}


def _evaluation(action: str, decided: str) -> dict[str, Any]:
    """Return the result for an action; on AWS its resource is a template of ARNs, or `*`.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
    """
    return {
        "EvalActionName": action,
        "EvalResourceName": _ANY,
        "EvalDecision": decided,
        "MatchedStatements": [],
        "MissingContextValues": [],
    }


def _within(boundary: list[dict[str, Any]] | None, decided: str, asked: Any) -> str:
    if decided != _ALLOWED or boundary is None:
        return decided
    return decision(boundary, *asked)


def _policies(backend: Any, arn: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
    """Return the statements of a role's policies, and those of its boundary, None without one.

    A boundary that the account does not hold limits nothing: on AWS there could be none.
    """
    role = next((one for one in backend.roles.values() if one.arn == arn), None)
    if role is None:
        raise NotFoundException(f"The entity with ARN {arn} cannot be found.")
    managed = (_document(backend, one) for one in role.managed_policies)
    documents = (*role.policies.values(), *managed)
    boundary = role.permissions_boundary_arn
    return (
        [one for text in documents for one in _statements(text)],
        [*_statements(_document(backend, boundary))]
        if boundary in backend.managed_policies
        else None,
    )


def _document(backend: Any, arn: str) -> Any:
    """Return the document of a managed policy in its default version."""
    policy = backend.get_policy(arn)
    return backend.get_policy_version(arn, policy.default_version_id).document


def _statements(document: Any) -> Iterator[dict[str, Any]]:
    parsed = json.loads(document) if isinstance(document, str) else document
    yield from resource_policies.as_list(parsed.get("Statement", []))


# moto finds the method by the name of the operation.
IamResponse.simulate_principal_policy = _simulate  # pyright: ignore[reportAttributeAccessIssue]
