"""Evaluate resource policies as IAM does: statements, wildcards and conditions. Pure."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, cast

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
_OPERATORS: Final[dict[str, Callable[[str, str], bool]]] = {
    "StringEquals": lambda actual, expected: actual == expected,
    "StringEqualsIgnoreCase": lambda actual, expected: actual.lower() == expected.lower(),
    "StringLike": lambda actual, expected: matches(expected, actual),
    "ArnEquals": lambda actual, expected: matches(expected, actual),
    "ArnLike": lambda actual, expected: matches(expected, actual),
    "Bool": lambda actual, expected: actual.lower() == expected.lower(),
    "NumericEquals": lambda actual, expected: float(actual) == float(expected),
    "NumericLessThan": lambda actual, expected: float(actual) < float(expected),
    "NumericLessThanEquals": lambda actual, expected: float(actual) <= float(expected),
    "NumericGreaterThan": lambda actual, expected: float(actual) > float(expected),
    "NumericGreaterThanEquals": lambda actual, expected: float(actual) >= float(expected),
}
_NEGATED: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}
_IF_EXISTS: Final = "IfExists"


def allows(
    policy: Mapping[str, Any],
    *,
    service: str,
    action: str,
    resource: str,
    context: Mapping[str, str],
) -> bool:
    """Return whether a resource's policy allows an AWS service `action` on `resource`.

    `context` maps condition keys, in lower case, to what the request says of them. An explicit
    deny wins. Raises ValueError for a condition operator that is not known here.
    """
    effects = {
        statement["Effect"]
        for statement in as_list(policy.get("Statement", []))
        if _concerns(statement, service, action, resource)
        and holds(statement.get("Condition", {}), context)
    }
    return effects == {"Allow"}


def holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Return whether every condition of a statement holds for a request.

    Raises ValueError for a condition operator that is not known here.
    """
    return all(
        _condition_holds(operator, context.get(key.lower()), [str(one) for one in as_list(values)])
        for operator, block in conditions.items()
        for key, values in block.items()
    )


def matches(pattern: str, text: str) -> bool:
    """Return whether `text` matches an IAM pattern: `*` is any text, `?` any one character."""
    return _compiled(pattern).fullmatch(text) is not None


def as_list(value: Any) -> list[Any]:
    """Return a list of what a policy may write as one value or as a list."""
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _concerns(statement: Mapping[str, Any], service: str, action: str, resource: str) -> bool:
    return (
        _principal_fits(statement.get("Principal"), service)
        # Actions are case-insensitive: SQS:SendMessage is sqs:SendMessage.
        and any(matches(one.lower(), action.lower()) for one in as_list(statement["Action"]))
        and any(matches(one, resource) for one in as_list(statement.get("Resource", "*")))
    )


def _principal_fits(principal: Any, service: str) -> bool:
    if not isinstance(principal, dict):
        return principal == "*"
    named = cast("dict[str, Any]", principal)
    return service in as_list(named.get("Service", [])) or "*" in as_list(named.get("AWS", []))


def _condition_holds(operator: str, actual: str | None, expected: list[str]) -> bool:
    if operator == "Null":
        return (actual is None) == (expected[0].lower() == "true")
    name = operator.removesuffix(_IF_EXISTS)
    if actual is None:
        return operator.endswith(_IF_EXISTS) or name in _NEGATED
    test = _OPERATORS.get(_NEGATED.get(name, name))
    if test is None:
        msg = f"condition operator {operator!r}, known: {', '.join([*_OPERATORS, *_NEGATED])}"
        raise ValueError(msg)
    return any(test(actual, one) for one in expected) != (name in _NEGATED)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    translated = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(translated, re.DOTALL)
