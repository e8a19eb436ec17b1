"""`doctor`: what it makes of a clock, of a denied call, and of no credentials at all."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.stub import Stubber

from ops import aws
from ops.pipeline.doctor import alarms, events, identity
from ops.pipeline.doctor.examination import CHECKS, examine
from ops.pipeline.doctor.findings import Deployment, Finding, Verdict, ok
from ops.stack import Stack
from tests.ops.conftest import RAW, Pipeline

NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
DATE = "Mon, 15 Jan 2024 10:30:00 GMT"


@pytest.mark.parametrize(
    ("seconds", "verdict", "said"),
    [
        (0, Verdict.OK, "within 1 s"),
        (-300, Verdict.OK, "within 300 s"),
        (301, Verdict.PROBLEM, "301 s ahead of"),
        (-301, Verdict.PROBLEM, "301 s behind"),
    ],
)
def test_a_clock_may_be_off_by_five_minutes(seconds, verdict, said):
    found = identity.clock(NOW + timedelta(seconds=seconds), DATE)
    assert found.verdict == verdict
    assert said in found.says


def test_without_a_date_the_clock_is_not_known():
    assert identity.clock(NOW, None).verdict == Verdict.UNKNOWN


def refused(code: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "no"}}
    return ClientError(answer, "GetBucketVersioning")


def examined(*errors: Exception) -> list[Finding]:
    def check(error: Exception) -> Any:
        def run(_: Deployment) -> Iterator[Finding]:
            yield ok("first", "fine")
            raise error

        return run

    checks = {f"{place}": check(error) for place, error in enumerate(errors)}
    return [*examine(Any, checks={**checks, "last": lambda _: iter([ok("last", "fine")])})]


def test_a_denied_call_is_unknown_with_its_permission_and_the_rest_goes_on():
    first, denied, last = examined(refused("AccessDenied"))
    assert (first.verdict, denied.verdict, last.about) == (Verdict.OK, Verdict.UNKNOWN, "last")
    assert "s3:GetBucketVersioning" in denied.says


@pytest.mark.parametrize("error", [NoCredentialsError(), refused("ExpiredToken")])
def test_without_credentials_there_is_one_problem_and_no_further_check(error):
    _, found = examined(error, refused("AccessDenied"))
    assert (found.about, found.verdict) == ("0", Verdict.PROBLEM)


def test_another_account_is_a_problem(pipeline: Pipeline):
    for name in ("data_processor_lambda_arn", "data_archiver_lambda_arn"):
        pipeline.outputs[name] = pipeline.outputs[name].replace("123456789012", "111122223333")
    found = identity.credentials(deployment(pipeline))
    assert "is in account 123456789012, the stack in 111122223333" in next(found).says


def test_a_bucket_that_is_gone_is_a_problem_and_what_it_is_needed_for_unknown(pipeline: Pipeline):
    pipeline.s3.delete_bucket(Bucket=RAW)
    found = json.loads(pipeline.run("doctor", "--json").stdout)["findings"]
    by_name = {one["about"]: one for one in found}
    assert by_name["raw bucket"]["verdict"] == "problem"
    assert by_name["versions"]["verdict"] == "unknown"
    assert by_name["subscribers of alarms"]["verdict"] in {"problem", "unknown"}


def test_environments_that_lambda_cannot_decrypt_for_the_caller_are_unknown(undecrypted: Pipeline):
    environments = {"environments": CHECKS["environments"]}
    (found,) = examine(deployment(undecrypted), checks=environments)
    assert found.verdict == Verdict.UNKNOWN
    assert "the permission kms:Decrypt" in found.says


def deployment(pipeline: Pipeline) -> Deployment:
    account = aws.connect(Stack.from_outputs(pipeline.outputs, origin="test"))
    return Deployment(account=account, now=lambda: datetime.now(UTC))


@pytest.mark.parametrize(
    ("arns", "verdict", "said"),
    [
        (["Deleted"], Verdict.PROBLEM, "none: nobody hears"),
        (["Deleted", "arn:aws:sns:eu-central-1:1:alarms:2"], Verdict.OK, "1 confirmed"),
        (["Deleted", "PendingConfirmation"], Verdict.PROBLEM, "0 confirmed; PendingConfirmation"),
    ],
)
def test_a_subscriber_is_who_confirmed_and_has_not_unsubscribed(pipeline, arns, verdict, said):
    examined = deployment(pipeline)
    listed = [{"SubscriptionArn": arn, "Endpoint": "a@b.example"} for arn in arns]
    with Stubber(examined.account.sns) as sns:
        sns.add_response("list_subscriptions_by_topic", {"Subscriptions": listed})
        (found,) = alarms.subscribers(examined)
    assert (found.verdict, said in found.says) == (verdict, True)


def statement(**changes: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Condition": {
            "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::raw"},
            "StringEquals": {"aws:SourceAccount": "1"},
        },
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "lets"),
    [
        ({}, True),
        ({"Action": ["SQS:SendMessage"]}, True),
        ({"Condition": {"ArnLike": {"AWS:SourceArn": ["arn:aws:s3:::raw"]}}}, True),
        ({"Effect": "Deny"}, False),
        ({"Principal": "*"}, False),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, False),
        ({"Action": "sqs:ReceiveMessage"}, False),
        ({"Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::other"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "2"}}}, False),
    ],
)
def test_the_policy_of_a_target_lets_s3_send_the_buckets_events(changes, lets):
    policy = {"Statement": [statement(**changes)]}
    found = events.lets_s3_send(policy, "sqs:SendMessage", bucket="arn:aws:s3:::raw", account="1")
    assert found is lets


def test_every_check_is_about_something_of_its_own():
    assert len(set(CHECKS.values())) == len(CHECKS)
