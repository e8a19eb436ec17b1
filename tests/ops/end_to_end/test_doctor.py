"""`doctor` on the local pipeline: well at first, then with one thing broken at a time."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ops import aws, stack
from ops.pipeline.doctor.examination import examine
from ops.pipeline.doctor.findings import Deployment
from ops.terminal import instants
from tests.local.served import Served

ELSEWHERE = "arn:aws:sqs:us-east-1:123456789012:elsewhere"


@cache
def deployment(outputs: Path) -> Deployment:
    """Return the stack, with clients that all tests here use: to make them takes longest."""
    return Deployment(account=aws.connect(stack.find(None, outputs, {})), now=instants.now)


def problems(served: Served) -> dict[str, str]:
    fresh = replace(deployment(served.file))  # which has read nothing yet
    wrong = [one for one in examine(fresh) if one.verdict == "problem"]
    assert all(one.mend for one in wrong)
    return {one.about: one.says for one in wrong}


def test_all_is_well_at_first_and_what_cannot_be_known_is_said(served: Served) -> None:
    result = served.ops("doctor", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["findings"]
    unknown = [one for one in found if one["verdict"] != "ok"]
    assert [(one["about"], one["verdict"]) for one in unknown] == [
        ("subscribers of alarms", "unknown")
    ]
    assert "not checked on the local pipeline" in unknown[0]["says"]


def test_a_problem_is_a_line_with_its_mend_and_the_exit_code(served: Served) -> None:
    with BROKEN["throttled"][0](served):
        result = served.ops("doctor")
    assert result.exit_code == 1
    (line,) = [one for one in result.stdout.splitlines() if one.startswith("problem")]
    assert line.startswith("problem  concurrency of the processor: 0 are reserved")
    assert " -> `aws lambda delete-function-concurrency --function-name s3-data-" in line


Break = Callable[[Served], Any]  # a context manager, in which the thing is broken
BROKEN: dict[str, tuple[Break, set[str]]] = {}


def breaks(*about: str) -> Callable[[Callable[[Served], Iterator[None]]], None]:
    """Register a way to break a thing, and the findings that are problems then."""

    def declare(function: Callable[[Served], Iterator[None]]) -> None:
        BROKEN[function.__name__] = contextmanager(function), set(about)

    return declare


@breaks("raw bucket, versions")
def raw_without_versions(served: Served) -> Iterator[None]:
    s3, raw = served.client("s3"), served.outputs["raw_bucket_name"]
    s3.put_bucket_versioning(Bucket=raw, VersioningConfiguration={"Status": "Suspended"})
    yield
    s3.put_bucket_versioning(Bucket=raw, VersioningConfiguration={"Status": "Enabled"})


@breaks("processed bucket, public access")
def public_outputs(served: Served) -> Iterator[None]:
    s3, bucket = served.client("s3"), served.outputs["processed_bucket_name"]
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={**blocked, "BlockPublicPolicy": False}
    )
    yield
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocked)


@breaks("archive bucket, public access")
def no_public_access_block(served: Served) -> Iterator[None]:
    s3, bucket = served.client("s3"), served.outputs["archive_bucket_name"]
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    s3.delete_public_access_block(Bucket=bucket)
    yield
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocked)


# The roles of this stack may use no key.
@breaks("KMS key", "role of the processor", "role of the archiver")
def a_key_about_to_be_deleted(served: Served) -> Iterator[None]:
    s3, kms = served.client("s3"), served.client("kms")
    bucket = served.outputs["archive_bucket_name"]
    before = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    key = kms.create_key()["KeyMetadata"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
        },
    )
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    yield
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=before)


@contextmanager
def notifying(served: Served, change: Callable[[dict[str, Any]], Any]) -> Iterator[None]:
    s3, raw = served.client("s3"), served.outputs["raw_bucket_name"]
    before = s3.get_bucket_notification_configuration(Bucket=raw)
    del before["ResponseMetadata"]
    (rule,) = before["QueueConfigurations"]
    s3.put_bucket_notification_configuration(
        Bucket=raw, NotificationConfiguration=change(rule), SkipDestinationValidation=True
    )
    yield
    s3.put_bucket_notification_configuration(Bucket=raw, NotificationConfiguration=before)


@breaks("notification of the raw bucket")
def no_notification(served: Served) -> Iterator[None]:
    with notifying(served, lambda _: {}):
        yield


@breaks("notification of the raw bucket")
def a_notification_to_another_queue(served: Served) -> Iterator[None]:
    with notifying(served, lambda it: {"QueueConfigurations": [{**it, "QueueArn": ELSEWHERE}]}):
        yield


@breaks("notification of the raw bucket")
def a_notification_of_some_creations(served: Served) -> Iterator[None]:
    some = ["s3:ObjectCreated:Put"]
    with notifying(served, lambda it: {"QueueConfigurations": [{**it, "Events": some}]}):
        yield


def queue_attribute(name: str, change: Callable[[str], str], queue: str) -> Any:
    def broken(served: Served) -> Iterator[None]:
        sqs, url = served.client("sqs"), served.outputs[queue]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        other = served.outputs["archiver_dlq_url"].rpartition("/")[2]
        # moto wipes a policy that is not named (see the facts of the local account).
        kept = {"Policy": found["Policy"]}
        before = {**kept, name: found[name]}
        changed = change(found[name]).replace("OTHER", other)
        sqs.set_queue_attributes(QueueUrl=url, Attributes={**before, name: changed})
        yield
        sqs.set_queue_attributes(QueueUrl=url, Attributes=before)

    return broken


def declare_queues() -> None:
    def add(name: str, about: str, *attribute: Any) -> None:
        BROKEN[name] = contextmanager(queue_attribute(*attribute)), {about}

    work = "processing_queue_url"
    target = "arn:aws:sqs:us-east-1:123456789012:OTHER"
    redrive = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 3})
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    add("no_policy", "policy for S3's events", "Policy", lambda _: policy, work)
    add("redrive", "redrive of the processing queue", "RedrivePolicy", lambda _: redrive, work)
    add("visibility", "visibility timeout", "VisibilityTimeout", lambda _: "400", work)
    seconds = "MessageRetentionPeriod"
    add("retention", "retention of messages", seconds, lambda _: "345600", "dlq_url")


declare_queues()


@breaks("mapping of the processing queue")
def whole_batches(served: Served) -> Iterator[None]:
    with mapped(served, FunctionResponseTypes=[]):
        yield


@breaks("mapping of the processing queue")
def a_filter(served: Served) -> Iterator[None]:
    with mapped(served, FilterCriteria={"Filters": [{"Pattern": "{}"}]}):
        yield


@contextmanager
def mapped(served: Served, **changes: Any) -> Iterator[None]:
    functions = served.client("lambda")
    (before,) = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=before["UUID"], **changes)
    yield
    functions.update_event_source_mapping(
        UUID=before["UUID"], FilterCriteria={}, FunctionResponseTypes=["ReportBatchItemFailures"]
    )


@breaks("polls of the processing queue")
def paused(served: Served) -> Iterator[None]:
    assert served.ops("pause").exit_code == 0
    yield
    assert served.ops("resume").exit_code == 0


@breaks("concurrency of the processor")
def throttled(served: Served) -> Iterator[None]:
    functions, name = served.client("lambda"), served.outputs["data_processor_lambda_arn"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    yield
    functions.delete_function_concurrency(FunctionName=name)


@breaks("environment of the archiver")
def another_archive(served: Served) -> Iterator[None]:
    functions, name = served.client("lambda"), served.outputs["data_archiver_lambda_arn"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]
    variables = {**before["Variables"], "ARCHIVE_BUCKET": "another"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    yield
    functions.update_function_configuration(FunctionName=name, Environment=before)


@breaks("logs of the processor")
def logs_for_ever(served: Served) -> Iterator[None]:
    logs = served.client("logs")
    (group,) = [
        one
        for one in logs.describe_log_groups()["logGroups"]
        if "data-processor" in one["logGroupName"]
    ]
    logs.delete_retention_policy(logGroupName=group["logGroupName"])
    yield
    logs.put_retention_policy(
        logGroupName=group["logGroupName"], retentionInDays=group["retentionInDays"]
    )


def role_policy(role: str, change: Callable[[list[dict[str, Any]]], Any]) -> Any:
    def broken(served: Served) -> Iterator[None]:
        iam = served.client("iam")
        (name,) = [it["RoleName"] for it in iam.list_roles()["Roles"] if role in it["RoleName"]]
        policy, *_ = iam.list_role_policies(RoleName=name)["PolicyNames"]
        before = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        after = {**before, "Statement": change(before["Statement"])}
        put = {"RoleName": name, "PolicyName": policy}
        iam.put_role_policy(**put, PolicyDocument=json.dumps(after))
        yield
        iam.put_role_policy(**put, PolicyDocument=json.dumps(before))

    return broken


def without(sid: str) -> Callable[[list[dict[str, Any]]], Any]:
    return lambda statements: [one for one in statements if one["Sid"] != sid]


def declare_roles() -> None:
    deny = {"Sid": "No", "Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}
    for name, about, role, change in (
        ("reading", "role of the processor", "data-processor", without("ReadIncomingFiles")),
        ("logging", "role of the processor", "data-processor", without("WriteLogs")),
        ("deny", "role of the archiver", "data-archiver", lambda them: [*them, deny]),
        ("run", "role of the schedule of the archiver", "daily", without("InvokeFunction")),
    ):
        BROKEN[f"role_{name}"] = contextmanager(role_policy(role, change)), {about}


declare_roles()


@breaks("schedule of the archiver")
def a_schedule_that_is_off(served: Served) -> Iterator[None]:
    scheduler = served.client("scheduler")
    every = scheduler.list_schedules()["Schedules"]
    (found,) = [one for one in every if "archive" in one["Name"]]
    before = scheduler.get_schedule(GroupName=found["GroupName"], Name=found["Name"])
    names = ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    same = {name: before[name] for name in names}
    same["ScheduleExpressionTimezone"] = before["ScheduleExpressionTimezone"]
    scheduler.update_schedule(**same, State="DISABLED")
    yield
    scheduler.update_schedule(**same, State="ENABLED")


def alarms(served: Served, name: str) -> list[dict[str, Any]]:
    found = served.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return [one for one in found if name in one["AlarmName"]]


def put_again(served: Served, alarm: dict[str, Any], **changes: Any) -> None:
    cloudwatch = served.client("cloudwatch")
    model = cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    kept = {name: value for name, value in alarm.items() if name in model and value != []}
    cloudwatch.put_metric_alarm(**{**kept, **changes})


@breaks("alarms")
def an_alarm_is_gone(served: Served) -> Iterator[None]:
    (alarm,) = alarms(served, "files-failed")
    served.client("cloudwatch").delete_alarms(AlarmNames=[alarm["AlarmName"]])
    yield
    put_again(served, alarm)


@breaks("what alarms watch")
def an_alarm_of_another_function(served: Served) -> Iterator[None]:
    (alarm,) = alarms(served, "processor-throttles")
    put_again(served, alarm, Dimensions=[{"Name": "FunctionName", "Value": "another"}])
    yield
    put_again(served, alarm)


@breaks("actions of alarms")
def an_alarm_that_is_silent(served: Served) -> Iterator[None]:
    (alarm,) = alarms(served, "loops")
    cloudwatch = served.client("cloudwatch")
    cloudwatch.disable_alarm_actions(AlarmNames=[alarm["AlarmName"]])
    yield
    cloudwatch.enable_alarm_actions(AlarmNames=[alarm["AlarmName"]])


@breaks("dead letters of the archiver")
def a_dead_letter(served: Served) -> Iterator[None]:
    sqs, url = served.client("sqs"), served.outputs["archiver_dlq_url"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    yield
    sqs.purge_queue(QueueUrl=url)


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found_and_nothing_else(served: Served, name: str) -> None:
    broken, about = BROKEN[name]
    with broken(served):
        found = problems(served)
    # The local pipeline evaluates its alarms, and they may go off for it.
    assert set(found) - {"alarms that are on"} == about
