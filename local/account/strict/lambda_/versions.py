"""Versions and aliases of functions: their snapshots, their policies and their ARNs.

moto forgets SnapStart, and has one policy for a function with all its versions and aliases.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html
"""

import json
from typing import Any, Final

from moto.awslambda.exceptions import GenericResourcNotFound
from moto.awslambda.models import LambdaBackend, LambdaFunction

from local.account.strict import limits
from local.account.strict.lambda_.functions import invalid
from local.account.strict.patches import around

_LATEST: Final = "$LATEST"
_SNAPSHOTS: Final = "PublishedVersions"
# The Python that AWS had before SnapStart.
_WITHOUT_SNAPSHOTS: Final = tuple(f"python3.{minor}" for minor in (8, 9, 10, 11))


def qualified_arn(function: Any, name: str, qualifier: str | None = None) -> str:
    """Return a function's ARN with the version or alias that a name, or a qualifier, gives."""
    arn: str = function.function_arn
    given = name.rpartition(":function:")[2].partition(":")[2] or qualifier
    whole = ":".join(arn.split(":")[:7])  # without the version that moto found
    return f"{whole}:{given}" if given else whole


@around(LambdaBackend, "create_function")
def _create_function(original: Any, self: Any, spec: dict[str, Any]) -> Any:
    if _applies(spec):
        runtime = spec.get("Runtime")
        if runtime in _WITHOUT_SNAPSHOTS:
            raise invalid(f"{runtime} is not supported for SnapStart enabled functions.")
        size = spec.get("EphemeralStorage", {}).get("Size", 0)
        if size > limits.max_snapshot_storage_mb:
            raise invalid(f"SnapStart is not supported with an ephemeral storage of {size} MB.")
    return original(self, spec)


@around(LambdaFunction, "__init__")
def _function(
    original: Any, self: Any, account_id: str, spec: dict[str, Any], *arguments: Any, **named: Any
) -> None:
    original(self, account_id, spec, *arguments, **named)
    self.has_snapshots = _applies(spec)


@around(LambdaFunction, "update_configuration")
def _update_configuration(original: Any, self: Any, changes: dict[str, Any]) -> Any:
    if "SnapStart" in changes:
        self.has_snapshots = _applies(changes)
    return original(self, changes)


@around(LambdaFunction, "get_configuration")
def _get_configuration(original: Any, self: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
    answer: dict[str, Any] = original(self, *arguments, **named)
    if self.has_snapshots:
        taken = self.version != _LATEST
        status = "On" if taken else "Off"
        answer["SnapStart"] = {"ApplyOn": _SNAPSHOTS, "OptimizationStatus": status}
    return answer


@around(LambdaBackend, "get_policy")
def _get_policy(original: Any, self: Any, name: str, qualifier: str | None = None) -> str:
    answer: dict[str, Any] = json.loads(original(self, name, qualifier))
    arn = qualified_arn(self.get_function(name, qualifier), name, qualifier)
    policy = json.loads(answer["Policy"])
    statements = [one for one in policy["Statement"] if one["Resource"] == arn]
    if not statements:
        raise GenericResourcNotFound
    return json.dumps({**answer, "Policy": json.dumps({**policy, "Statement": statements})})


def _applies(spec: dict[str, Any]) -> bool:
    snap_start: dict[str, str] = spec.get("SnapStart") or {}
    return snap_start.get("ApplyOn") == _SNAPSHOTS
