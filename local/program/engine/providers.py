"""The AWS providers of a program: the region of their resources, and the tags that they add."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local.program.checks import schema

PROVIDER_TYPE: Final = schema.PROVIDER_TYPE
# The other inputs of a provider, which say how to reach AWS and have no effect here.
_OF_THE_CONNECTION: Final = frozenset(
    {
        "accessKey", "secretKey", "token", "profile", "maxRetries", "retryMode",
        "skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation",
        "skipRequestingAccountId", "stsRegion", "useDualstackEndpoint", "useFipsEndpoint",
    }
)  # fmt: skip
_WITH_EFFECT: Final = frozenset(
    {"region", "defaultTags", "allowedAccountIds", "forbiddenAccountIds"}
)


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider: the region of its resources, and the tags of all of them."""

    region: str
    default_tags: Mapping[str, str] = field(default_factory=dict[str, str])

    def tags_of(self, type_token: str, inputs: Mapping[str, Any]) -> dict[str, str]:
        """Return all tags of a resource, none for a type without tags; its own override others."""
        if not schema.takes(type_token, "tags"):
            return {}
        return {**self.default_tags, **inputs.get("tags", {})}


def default_provider(config: Mapping[str, str], region: str) -> Provider:
    """Return the provider of resources that name none, from the stack's `aws:` configuration."""
    tags = json.loads(config.get("aws:defaultTags", "{}")).get("tags", {})
    return Provider(region=config.get("aws:region", region), default_tags=tags)


def read_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return a provider's inputs as values: Pulumi sends all but text as JSON."""
    return {
        name: value
        if not isinstance(value, str) or schema.takes_text(PROVIDER_TYPE, name)
        else json.loads(value)
        for name, value in inputs.items()
    }


def make_provider(inputs: Mapping[str, Any], *, region: str, account_id: str) -> Provider:
    """Return a provider from its inputs; `region` is its default region.

    Raises ValueError for inputs that are wrong, or have no effect here, or forbid this account.
    """
    problems = schema.problems(PROVIDER_TYPE, inputs)
    known = _WITH_EFFECT | _OF_THE_CONNECTION
    problems += [
        f"{name} is without effect on this machine, allowed: {', '.join(sorted(known))}"
        for name in sorted(inputs)
        if name not in known
    ]
    if account_id not in inputs.get("allowedAccountIds", [account_id]):
        problems.append(f"account is {account_id}, allowed: {inputs['allowedAccountIds']}")
    if account_id in inputs.get("forbiddenAccountIds", []):
        problems.append(f"account is {account_id}, forbidden: {inputs['forbiddenAccountIds']}")
    if problems:
        raise ValueError("; ".join(problems))
    tags = inputs.get("defaultTags", {}).get("tags", {})
    return Provider(region=inputs.get("region", region), default_tags=tags)
