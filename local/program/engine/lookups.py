"""Answer a program's calls to functions: of the AWS provider, and of Pulumi itself."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from local.account.server import Account
from local.program.engine.providers import Provider

_ANSWERS: Final[Mapping[str, Callable[[Account, str], dict[str, Any]]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": lambda account, _: {
        "id": account.account_id,
        "accountId": account.account_id,
        "arn": f"arn:aws:iam::{account.account_id}:root",
        "userId": account.account_id,
    },
    "aws:index/getRegion:getRegion": lambda _, region: {
        "id": region,
        "region": region,
        "name": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
        "description": region,
    },
    "aws:index/getPartition:getPartition": lambda _, __: {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    },
    # Of the stack's last deployment: there is none, since a stack is deployed once to an account.
    "pulumi:pulumi:readStackOutputs": lambda _, __: {"outputs": {}, "secretOutputNames": []},
}


def answer(token: str, account: Account, provider: Provider) -> dict[str, Any]:
    """Return the result of a function; raise LookupError for an unknown one."""
    if token not in _ANSWERS:
        msg = f"{token}: unknown function, allowed: {', '.join(_ANSWERS)}"
        raise LookupError(msg)
    return _ANSWERS[token](account, provider.region)
