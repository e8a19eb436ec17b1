"""Make the AWS provider of a stack, from the `aws:` keys of its configuration and its tags.

A provider that a program makes ignores the stack's `aws:` keys, so each key is passed to it here,
or refused.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws

NAMESPACE: Final = "aws"
# The provider's arguments by the type of their values, under their configuration keys. A test
# compares them with the provider's own: https://www.pulumi.com/registry/packages/aws/installation-configuration/
_TEXTS: Final = frozenset(
    {
        "accessKey", "customCaBundle", "ec2MetadataServiceEndpoint",
        "ec2MetadataServiceEndpointMode", "httpProxy", "httpsProxy", "noProxy", "profile",
        "region", "retryMode", "s3UsEast1RegionalEndpoint", "secretKey", "stsRegion",
        "tagPolicyCompliance", "token",
    }
)  # fmt: skip
_FLAGS: Final = frozenset(
    {
        "insecure", "s3UsePathStyle", "skipCredentialsValidation", "skipMetadataApiCheck",
        "skipRegionValidation", "skipRequestingAccountId", "useDualstackEndpoint",
        "useFipsEndpoint",
    }
)  # fmt: skip
_NUMBERS: Final = frozenset({"maxRetries", "tokenBucketRateLimiterCapacity"})
_TEXT_LISTS: Final = frozenset(
    {
        "allowedAccountIds", "forbiddenAccountIds", "sharedConfigFiles", "sharedCredentialsFiles",
        "userAgents",
    }
)  # fmt: skip
_OBJECT_LISTS: Final = frozenset({"assumeRoles", "endpoints"})
_OBJECTS: Final = frozenset({"assumeRoleWithWebIdentity", "defaultTags", "ignoreTags"})
KEYS: Final = _TEXTS | _FLAGS | _NUMBERS | _TEXT_LISTS | _OBJECT_LISTS | _OBJECTS

_REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")


def configured_region() -> str | None:
    """Return the region of the running stack: the configured one, or else the environment's."""
    own = pulumi.Config(NAMESPACE).get("region")
    return own or next(filter(None, map(os.environ.get, _REGION_VARIABLES)), None)


def problems(values: Mapping[str, str], region: str | None) -> list[str]:
    """Return a problem for each wrong `aws:` key: the key, its value, and what is allowed."""
    found = [problem for key, value in values.items() if (problem := _problem(key, value))]
    if not region:
        found.append(
            "aws:region is not set, and neither is AWS_REGION, allowed: a region, "
            "set with `pulumi config set aws:region eu-central-1`"
        )
    return found


def make_provider(values: Mapping[str, str], tags: Mapping[str, str]) -> aws.Provider:
    """Return the provider that a stack's `aws:` keys describe.

    `values` holds the keys without their namespace, with text as the engine passes it, and without
    `problems`. `tags` are added to every resource; `aws:defaultTags` overrides those of the same
    name.
    """
    parsed = {key: _parse(key, value) for key, value in values.items()}
    given: Mapping[str, Any] = parsed.get("defaultTags", {"tags": {}})
    parsed["defaultTags"] = {"tags": {**tags, **given["tags"]}}
    # A secret, or a value that contains one, stays secret in the stack's state.
    arguments: dict[str, Any] = {
        _argument(key): pulumi.Output.secret(value) if _is_secret(key) else value
        for key, value in parsed.items()
    }
    arguments.setdefault("region", configured_region())
    return aws.Provider(NAMESPACE, **arguments)


def _problem(key: str, value: str) -> str | None:
    if key not in KEYS:
        return f"aws:{key} is not a key of this program's provider, known keys: " + ", ".join(
            sorted(KEYS)
        )
    try:
        _parse(key, value)
    except ValueError as error:
        return f"aws:{key} is {'a secret' if _is_secret(key) else repr(value)}, allowed: {error}"
    return None


def _parse(key: str, value: str) -> Any:
    """Return a key's value as the provider needs it; raise ValueError with what is allowed."""
    if key in _TEXTS:
        return value
    try:
        parsed: Any = json.loads(value)
    except ValueError:
        parsed = None
    if key in _FLAGS:
        return _expect(parsed if isinstance(parsed, bool) else None, "true or false")
    if key in _NUMBERS:
        return _expect(parsed if type(parsed) is int else None, "a whole number")
    if key in _OBJECTS:
        allowed = f"an object, set with `pulumi config set --path 'aws:{key}.…' …`"
        given = _expect(parsed if isinstance(parsed, dict) else None, allowed)
        return _default_tags(given) if key == "defaultTags" else given
    allowed = f"a list, set with `pulumi config set --path 'aws:{key}[0]…' …`"
    parts: list[Any] = _expect(parsed if isinstance(parsed, list) else None, allowed)
    if key in _OBJECT_LISTS:
        return [_expect(part if isinstance(part, dict) else None, "objects") for part in parts]
    # With --path the command line stores an account's digits as a number.
    return [str(_expect(part if type(part) in {str, int} else None, "texts")) for part in parts]


def _default_tags(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return default tags with texts as values: with --path digits are stored as a number."""
    allowed = "tags alone, set with `pulumi config set --path 'aws:defaultTags.tags.NAME' VALUE`"
    found: Any = given.get("tags") if set(given) == {"tags"} else None
    tags: dict[str, Any] = _expect(found if isinstance(found, dict) else None, allowed)
    if not all(isinstance(value, str | int | float) for value in tags.values()):
        raise ValueError(allowed)
    return {
        "tags": {name: it if isinstance(it, str) else json.dumps(it) for name, it in tags.items()}
    }


def _is_secret(key: str) -> bool:
    return pulumi.runtime.is_config_secret(f"{NAMESPACE}:{key}")


def _expect(value: Any, allowed: str) -> Any:
    if value is None:
        raise ValueError(allowed)
    return value


def _argument(key: str) -> str:
    """Return the provider's argument for a key: `s3_us_east1_regional_endpoint`, say."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)
