"""The provider takes every `aws:` key of the stack, or the program refuses the key."""

import inspect
import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from infra import provider
from infra.settings import SettingsError
from local.program.checks import schema
from tests.infra.recording import KEY, PROJECT, PROVIDER, REGION, parse_settings, run_program

# A value for each key, as `pulumi config set` stores it.
VALUES = {
    "accessKey": "AKIAIOSFODNN7EXAMPLE",
    "allowedAccountIds": '["123456789012", 210987654321]',
    "assumeRoleWithWebIdentity": '{"roleArn": "arn:aws:iam::123456789012:role/ci"}',
    "assumeRoles": '[{"roleArn": "arn:aws:iam::123456789012:role/deploy", "externalId": "x"}]',
    "customCaBundle": "/etc/ca.pem",
    "defaultTags": '{"tags": {"CostCenter": "42"}}',
    "ec2MetadataServiceEndpoint": "http://localhost",
    "ec2MetadataServiceEndpointMode": "IPv4",
    "endpoints": '[{"s3": "https://s3.example.com"}]',
    "forbiddenAccountIds": '["000000000000"]',
    "httpProxy": "http://proxy:3128",
    "httpsProxy": "http://proxy:3128",
    "ignoreTags": '{"keyPrefixes": ["aws-"]}',
    "insecure": "false",
    "maxRetries": "5",
    "noProxy": "localhost",
    "profile": "sandbox",
    "region": REGION,
    "retryMode": "adaptive",
    "s3UsEast1RegionalEndpoint": "regional",
    "s3UsePathStyle": "true",
    "secretKey": "secret",
    "sharedConfigFiles": '["/home/me/.aws/config"]',
    "sharedCredentialsFiles": '["/home/me/.aws/credentials"]',
    "skipCredentialsValidation": "true",
    "skipMetadataApiCheck": "true",
    "skipRegionValidation": "true",
    "skipRequestingAccountId": "true",
    "stsRegion": REGION,
    "tagPolicyCompliance": "warn",
    "token": "token",
    "tokenBucketRateLimiterCapacity": "100",
    "useDualstackEndpoint": "true",
    "useFipsEndpoint": "true",
    "userAgents": '["pipeline/1.0"]',
}


def inputs(values: dict[str, str]) -> dict[str, Any]:
    config = {"aws:region": REGION, **{f"aws:{key}": value for key, value in values.items()}}
    return dict(run_program(config, stack="dev").one(PROVIDER).inputs)


def problems(values: dict[str, str], region: str | None = REGION) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings({}, region=region, provider_values=values)
    _, *found = str(caught.value).split("\n  - ")
    return found


def test_the_keys_are_the_providers_own():
    taken = set(inspect.signature(aws.Provider._internal_init).parameters)
    own = taken - {"self", "__self__", "resource_name", "opts", "__props__"}

    assert {provider._argument(key) for key in provider.KEYS} == own
    assert set(VALUES) == provider.KEYS


def test_every_key_reaches_the_provider():
    found = inputs(VALUES)

    assert schema.problems(PROVIDER, _decoded(found)) == []
    texts = {key for key in VALUES if schema.takes_text(PROVIDER, key)}
    assert {key: found[key] for key in texts} == {key: VALUES[key] for key in texts}
    for key in VALUES.keys() - texts - {"allowedAccountIds", "defaultTags"}:
        assert json.loads(found[key]) == json.loads(VALUES[key]), key
    # The command line stores an account's digits, set by a path, as a number.
    assert json.loads(found["allowedAccountIds"]) == ["123456789012", "210987654321"]


def _decoded(found: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value if schema.takes_text(PROVIDER, key) else json.loads(value)
        for key, value in found.items()
    }


def test_no_key_that_is_unset_reaches_the_provider():
    assert inputs({"profile": ""}).keys() == inputs({}).keys()


def test_default_tags_are_merged_and_the_stacks_own_configuration_wins():
    tags = {"CostCenter": "42", "Environment": "Sandbox"}

    found = json.loads(inputs({"defaultTags": json.dumps({"tags": tags})})["defaultTags"])

    assert found == {
        "tags": {
            "Project": PROJECT,
            "Stack": "dev",
            "Environment": "Sandbox",
            "ManagedBy": "pulumi",
            "CostCenter": "42",
        }
    }


def test_a_default_tag_that_looks_like_a_number_is_a_text():
    # So the command line stores it: pulumi config set --path aws:defaultTags.tags.CostCenter 42
    found = inputs({"defaultTags": '{"tags": {"CostCenter": 42, "Shared": true}}'})

    tags = json.loads(found["defaultTags"])["tags"]
    assert (tags["CostCenter"], tags["Shared"]) == ("42", "true")


@pytest.mark.parametrize(
    ("key", "value", "stated"),
    [
        (
            "allowedAccountIds",
            "123456789012",
            "aws:allowedAccountIds is '123456789012', allowed: ",
        ),
        ("allowedAccountIds", "[true]", "aws:allowedAccountIds is '[true]', allowed: texts"),
        ("forbiddenAccountIds", "{}", "aws:forbiddenAccountIds is '{}', allowed: a list"),
        ("assumeRoles", '{"roleArn": "x"}', 'aws:assumeRoles is \'{"roleArn": "x"}\', allowed: a'),
        ("assumeRoles", '["x"]', "aws:assumeRoles is '[\"x\"]', allowed: objects"),
        ("endpoints", "http://localhost", "aws:endpoints is 'http://localhost', allowed: a list"),
        ("defaultTags", "[]", "aws:defaultTags is '[]', allowed: an object"),
        (
            "defaultTags",
            '{"Team": "data"}',
            'aws:defaultTags is \'{"Team": "data"}\', allowed: tags',
        ),
        ("defaultTags", '{"tags": null}', "aws:defaultTags is '{\"tags\": null}', allowed: tags"),
        (
            "defaultTags",
            '{"tags": {"a": []}}',
            'aws:defaultTags is \'{"tags": {"a": []}}\', allowed: t',
        ),
        ("ignoreTags", "x", "aws:ignoreTags is 'x', allowed: an object"),
        ("useFipsEndpoint", "yes", "aws:useFipsEndpoint is 'yes', allowed: true or false"),
        ("maxRetries", "many", "aws:maxRetries is 'many', allowed: a whole number"),
        ("maxRetries", "true", "aws:maxRetries is 'true', allowed: a whole number"),
        ("allowedAccountId", '["1"]', "aws:allowedAccountId is not a key of this program's"),
    ],
)
def test_a_key_that_the_provider_cannot_take_is_refused(key: str, value: str, stated: str):
    (problem,) = problems({key: value})

    assert problem.startswith(stated)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let two keys be secrets of the stack, and return what the program makes a secret."""
    kept: list[Any] = []
    make = pulumi.Output.secret

    def keep(value: Any) -> Any:
        kept.append(value)
        return make(value)

    keys = {"aws:profile", "aws:maxRetries"}
    monkeypatch.setattr(pulumi.runtime, "is_config_secret", keys.__contains__)
    monkeypatch.setattr(pulumi.Output, "secret", keep)
    return kept


def test_a_secret_stays_one(secret: list[Any]):
    found = inputs({"profile": "hush", "retryMode": "standard"})

    assert found["profile"] == "hush"
    assert "hush" in secret
    assert "standard" not in secret


@pytest.mark.usefixtures("secret")
def test_a_secret_that_is_wrong_is_not_shown():
    assert problems({"maxRetries": "hush"}) == [
        "aws:maxRetries is a secret, allowed: a whole number"
    ]


def test_a_stack_without_a_region_is_refused(monkeypatch: pytest.MonkeyPatch):
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)

    with pytest.raises(SettingsError, match="aws:region is not set, and neither is AWS_REGION"):
        run_program({}, stack="dev")


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_may_come_from_the_environment(variable: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv(variable, "us-west-2")

    graph = run_program({"aws:profile": "sandbox"}, stack="dev")

    assert graph.one(PROVIDER).inputs["region"] == "us-west-2"
    assert graph.one(PROVIDER).inputs["profile"] == "sandbox"


def test_the_stacks_own_region_goes_before_the_environments(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_REGION", "us-west-2")

    graph = run_program({"aws:region": REGION}, stack="dev")

    assert graph.one(PROVIDER).inputs["region"] == REGION
    # A key of that region is the stack's, then.
    key = KEY.replace(REGION, "us-west-2")
    with pytest.raises(SettingsError, match=f"arn:aws:kms:{REGION}:"):
        run_program({"aws:region": REGION, f"{PROJECT}:kmsKeyArn": key}, stack="dev")


def test_a_wrong_key_stops_the_program_before_any_resource():
    with pytest.raises(SettingsError, match="aws:allowedAccountIds is 'x'"):
        run_program({"aws:region": REGION, "aws:allowedAccountIds": "x"}, stack="dev")
