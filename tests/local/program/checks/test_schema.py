from typing import Any

import pytest

from local.program.checks import schema
from local.program.resources import creators

# The SDK warns of its own former names as soon as a module of it is looked at.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws.*")

MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
FUNCTION = "aws:lambda/function:Function"


@pytest.mark.parametrize(
    ("type_token", "inputs", "problem"),
    [
        (
            NOTIFICATION,
            {"bucket": "b", "queues": [{"queueArn": "q", "events": ["e"], "filterPrefx": "p"}]},
            "queues[0].filterPrefx is not a property, allowed: events, filterPrefix, filterSuffix,",
        ),
        (
            NOTIFICATION,
            {"bucket": "b", "queues": [{"queueArn": "q"}]},
            "queues[0].events is missing, it is required",
        ),
        (NOTIFICATION, {"queues": []}, "bucket is missing, it is required"),
        (
            NOTIFICATION,
            {"bucket": "b", "queues": {"queueArn": "q"}},
            "queues is {'queueArn': 'q'}, allowed: a list",
        ),
        (
            MAPPING,
            {"functionName": "f", "batchSize": 1.5},
            "batchSize is 1.5, allowed: a whole number",
        ),
        (
            MAPPING,
            {"functionName": "f", "batchSize": "5"},
            "batchSize is '5', allowed: a whole number",
        ),
        (
            MAPPING,
            {"functionName": "f", "batchSize": True},
            "batchSize is True, allowed: a whole number",
        ),
        (
            MAPPING,
            {"functionName": "f", "enabled": "yes"},
            "enabled is 'yes', allowed: true or false",
        ),
        (
            FUNCTION,
            {"role": "r", "environment": {"variables": {"DAYS": 30}}},
            "environment.variables.DAYS is 30, allowed: text",
        ),
        (
            FUNCTION,
            {"role": "r", "environment": ["DAYS"]},
            "environment is ['DAYS'], allowed: an object of variables",
        ),
        (
            "aws:iam/role:Role",
            {"assumeRolePolicy": {"Version": "2012", "Statement": []}},
            "assumeRolePolicy.Version is '2012', allowed: 2012-10-17, 2008-10-17",
        ),
        # Two classes of the provider have this name; the resource's own counts.
        (
            "aws:s3/bucketVersioning:BucketVersioning",
            {"bucket": "b", "versioningConfiguration": {"state": "Enabled", "status": "Enabled"}},
            "versioningConfiguration.state is not a property, allowed: mfaDelete, status",
        ),
        ("pulumi:providers:aws", {"regoin": "r"}, "regoin is not a property, allowed: accessKey,"),
    ],
)
def test_a_wrong_input_is_named_with_what_is_allowed(
    type_token: str, inputs: dict[str, Any], problem: str
) -> None:
    found = schema.problems(type_token, inputs)
    assert len(found) == 1
    assert found[0].startswith(problem)


@pytest.mark.parametrize(
    ("type_token", "inputs"),
    [
        ("aws:cloudwatch/metricAlarm:MetricAlarm",
         {"comparisonOperator": "x", "evaluationPeriods": 1, "threshold": 5}),
        ("aws:iam/role:Role",
         {"assumeRolePolicy": {"Version": "2012-10-17", "Statement": [
             {"Effect": "Allow", "Action": "sts:AssumeRole"}]}}),
        ("aws:iam/role:Role", {"assumeRolePolicy": "{}", "tags": {"a": "b"}}),
        ("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
         {"bucket": "b", "rules": [{"bucketKeyEnabled": True}]}),
    ],
)  # fmt: skip
def test_right_inputs_have_no_problems(type_token: str, inputs: dict[str, Any]) -> None:
    assert schema.problems(type_token, inputs) == []


@pytest.mark.parametrize("token", ["aws:s3/bucket:Bukket", "random:index/id:Id", "aws:x", "a"])
def test_a_type_that_the_provider_does_not_have_is_an_error(token: str) -> None:
    with pytest.raises(LookupError, match="is not a type of the AWS provider"):
        schema.problems(token, {})


@pytest.mark.parametrize("token", list(creators.CREATORS))
def test_every_type_with_a_creator_is_a_type_of_the_provider(token: str) -> None:
    assert isinstance(schema.arguments_class(token), type)
