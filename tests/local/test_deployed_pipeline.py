import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers.environment import ArchiverEnvironment, ProcessorEnvironment, variable_names
from local.account.server import Account
from local.program.deployment import Deployment, deploy
from local.program.execution import DeploymentError
from tests.local.driving import EVERY_OPTION
from tests.local.stored_outputs import OUTPUTS

# The SDK warns of its own former names as soon as a module of it is looked at.
pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws.*"),
]

VARIANTS: dict[str, dict[str, Any]] = {
    "dev": {"stack": "dev"},
    "prod": {"stack": "prod", "config": {"alarmEmail": "ops@example.com", "tracing": "true"}},
    "direct": {"stack": "dev", "config": {"processingQueue": "false"}},
    "every-option": {"stack": "prod", "config": EVERY_OPTION},
    "direct-snapshots": {
        "stack": "dev",
        "config": {"processingQueue": "false", "snapStart": "true"},
    },
}


LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
# Held back in two of the variants: whatever needs one of them and does not wait for it is refused.
LATE = ("Policy", "Permission", "BucketVersioning")


class Stack:
    """A deployed stack and the account that it stands on."""

    def __init__(self, account: Account, variant: str) -> None:
        self.account = account
        self.variant = variant
        self.late = variant != "prod"
        self.deployment: Deployment = deploy(
            account,
            held_back=lambda token, _name: self.late and token.endswith(LATE),
            **VARIANTS[variant],
        )

    @property
    def is_direct(self) -> bool:
        return VARIANTS[self.variant].get("config", {}).get("processingQueue") == "false"

    @property
    def outputs(self) -> Any:
        return self.deployment.outputs

    def function(self, output: str) -> dict[str, Any]:
        client = self.account.client("lambda")
        return client.get_function(FunctionName=self.outputs[output])


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with Account() as opened:
        yield opened


@pytest.fixture(scope="module", params=VARIANTS)
def stack(account: Account, request: pytest.FixtureRequest) -> Stack:
    account.reset()
    return Stack(account, request.param)


def test_the_outputs_are_those_that_are_promised(stack: Stack) -> None:
    optional = {"batch_operations_role_arn"} if stack.variant == "every-option" else set[str]()
    assert set(stack.outputs) == OUTPUTS | optional
    assert json.loads(json.dumps(dict(stack.outputs))) == stack.outputs


@pytest.mark.parametrize("kind", ["raw", "processed", "archive"])
def test_every_bucket_stands_as_it_is_described(stack: Stack, kind: str) -> None:
    s3, name = stack.account.client("s3"), stack.outputs[f"{kind}_bucket_name"]

    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    owner = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    tags = {one["Key"]: one["Value"] for one in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags["Project"] == "s3-data-pipeline"
    assert tags["Environment"] == stack.deployment.stack
    s3.put_object(Bucket=name, Key="any", Body=b"x")  # the TLS policy lets loopback in


def test_nobody_deletes_from_a_protected_archive(stack: Stack) -> None:
    s3, bucket = stack.account.client("s3"), stack.outputs["archive_bucket_name"]
    version = s3.put_object(Bucket=bucket, Key="archive/x.json", Body=b"{}")["VersionId"]

    codes: list[int] = []
    for named in ({}, {"VersionId": version}):
        try:
            answer = s3.delete_object(Bucket=bucket, Key="archive/x.json", **named)
        except ClientError as error:
            answer = error.response
        codes.append(answer["ResponseMetadata"]["HTTPStatusCode"])
    protected = stack.variant in {"prod", "every-option"}
    assert codes == ([403, 403] if protected else [204, 204])


def test_the_options_are_on_where_they_are_wanted(stack: Stack) -> None:
    client, outputs = stack.account.client, stack.outputs
    wanted = VARIANTS[stack.variant].get("config", {})
    key = wanted.get("kmsKeyArn")

    functions = [stack.function(f"data_{name}_lambda_arn") for name in ("processor", "archiver")]
    assert [it["Configuration"].get("KMSKeyArn") for it in functions] == [key, key]
    groups = client("logs").describe_log_groups()["logGroups"]
    assert {it.get("kmsKeyId") for it in groups} == {key}
    for url in (outputs["dlq_url"], outputs["archiver_dlq_url"]):
        attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        assert attributes["Attributes"].get("KmsMasterKeyId") == key
    roles = client("iam").list_roles()["Roles"]
    bounds = {
        client("iam").get_role(RoleName=it["RoleName"])["Role"].get("PermissionsBoundary", {})
        .get("PermissionsBoundaryArn")
        for it in roles
    }  # fmt: skip
    assert bounds == {wanted.get("permissionsBoundaryArn")}
    for kind in ("raw", "processed", "archive"):
        logging = client("s3").get_bucket_logging(Bucket=outputs[f"{kind}_bucket_name"])
        prefix = logging.get("LoggingEnabled", {}).get("TargetPrefix")
        assert prefix == (f"{kind}/" if wanted.get("accessLogs") else None)


def test_an_upload_reaches_its_queue_or_function(stack: Stack) -> None:
    s3, sqs = stack.account.client("s3"), stack.account.client("sqs")
    url = stack.outputs["processing_queue_url"]
    found = s3.get_bucket_notification_configuration(Bucket=stack.outputs["raw_bucket_name"])
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    if stack.is_direct:
        (target,) = found["LambdaFunctionConfigurations"]
        assert target["LambdaFunctionArn"] == stack.outputs["data_processor_lambda_arn"]
        assert messages == []
    else:
        (target,) = found["QueueConfigurations"]
        assert target["QueueArn"].endswith(url.rpartition("/")[2])
        (message,) = messages
        assert json.loads(message["Body"])["Event"] == "s3:TestEvent"


def test_both_ways_to_the_processor_stand(stack: Stack) -> None:
    functions, sqs = stack.account.client("lambda"), stack.account.client("sqs")
    processor = stack.outputs["data_processor_lambda_arn"]

    policy = functions.get_policy(FunctionName=processor)
    (statement,) = json.loads(policy["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    attributes = sqs.get_queue_attributes(
        QueueUrl=stack.outputs["processing_queue_url"], AttributeNames=["All"]
    )["Attributes"]
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 6
    assert "s3.amazonaws.com" in attributes["Policy"]
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    assert mapping["FunctionArn"] == processor
    assert mapping["EventSourceArn"] == attributes["QueueArn"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    reserved = functions.get_function_concurrency(FunctionName=processor.split(":")[6])
    limit = 10 if stack.is_direct else None
    assert reserved.get("ReservedConcurrentExecutions") == limit


def test_the_functions_have_the_variables_that_they_read(stack: Stack) -> None:
    processor = stack.function("data_processor_lambda_arn")["Configuration"]
    archiver = stack.function("data_archiver_lambda_arn")["Configuration"]

    variables = processor["Environment"]["Variables"]
    assert set(variables) == variable_names(ProcessorEnvironment)
    assert set(archiver["Environment"]["Variables"]) == variable_names(ArchiverEnvironment)
    read = ProcessorEnvironment.read(variables)
    assert read.raw_bucket == stack.outputs["raw_bucket_name"]
    assert read.processing_queue_url == stack.outputs["processing_queue_url"]
    assert read.dead_letter_queue_url == stack.outputs["dlq_url"]
    assert read.environment == stack.deployment.stack
    assert processor["Handler"] == "handlers.data_processor.handler"
    assert (processor["Runtime"], processor["Architectures"]) == ("python3.13", ["arm64"])


def test_the_functions_log_to_groups_of_their_own(stack: Stack) -> None:
    groups = {one.outputs["name"] for one in stack.deployment.of_type(LOG_GROUP)}
    used = {
        stack.function(output)["Configuration"]["LoggingConfig"]["LogGroup"]
        for output in ("data_processor_lambda_arn", "data_archiver_lambda_arn")
    }
    assert used == groups
    assert len(groups) == 2


def test_the_archive_runs_on_this_machine(stack: Stack, tmp_path: Path) -> None:
    archives = {one.archive for one in stack.deployment.of_type("aws:lambda/function:Function")}
    assert len(archives) == 2
    for archive in archives:
        assert archive is not None
        unpacked = tmp_path / archive.stem
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(unpacked)
        code = "import orjson, aws_lambda_powertools, handlers.keys as k; print(orjson.__file__)"
        done = subprocess.run(
            [sys.executable, "-S", "-B", "-c", code],
            cwd=unpacked, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert done.stdout.startswith(str(unpacked))


def test_the_daily_runs_are_scheduled(stack: Stack) -> None:
    found: dict[str, str] = {}
    for schedule in stack.deployment.of_type("aws:scheduler/schedule:Schedule"):
        group, _, name = (schedule.id or "").partition("/")
        made = stack.account.client("scheduler").get_schedule(Name=name, GroupName=group)
        found[made["ScheduleExpression"]] = made["Target"]["Arn"]
    assert found == {
        "cron(0 2 * * ? *)": stack.outputs["data_archiver_lambda_arn"],
        "cron(30 2 * * ? *)": stack.outputs["data_processor_lambda_arn"],
    }


def test_alarms_go_to_the_topic(stack: Stack) -> None:
    alarms = stack.account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(alarms) >= 9
    assert {one["AlarmActions"][0] for one in alarms} == {stack.outputs["alarm_topic_arn"]}
    listeners = stack.deployment.of_type("aws:sns/topicSubscription:TopicSubscription")
    assert len(listeners) == (1 if stack.variant in {"prod", "every-option"} else 0)


def test_buckets_and_queues_are_protected_in_prod_alone(stack: Stack) -> None:
    for kind in ("aws:s3/bucket:Bucket", "aws:sqs/queue:Queue"):
        protected = {one.protect for one in stack.deployment.of_type(kind)}
        assert protected == {stack.deployment.stack == "prod"}


def test_everything_that_takes_tags_carries_them(stack: Stack) -> None:
    tagged = [one for one in stack.deployment.resources if "tagsAll" in one.outputs]
    assert len(tagged) > 10
    for one in tagged:
        assert one.outputs["tagsAll"]["Stack"] == stack.deployment.stack, one.urn


def test_no_dependency_is_forgotten(stack: Stack) -> None:
    """What AWS would refuse before its policy or permission stands was refused: nothing was."""
    assert len(stack.deployment.resources) > 60
    late = [one.type.endswith(LATE) for one in stack.deployment.resources]
    if stack.late:
        assert late.index(True) > 25  # they were held back indeed


def test_wrong_settings_stop_it_with_every_problem(account: Account) -> None:
    account.reset()
    with pytest.raises(DeploymentError) as caught:
        deploy(account, config={"retentionDays": "0", "maxAttempts": "0"})
    message = str(caught.value)
    assert "retentionDays" in message
    assert "maxAttempts" in message
    assert account.client("s3").list_buckets()["Buckets"] == []


def test_each_dataset_has_its_tables_over_its_objects(stack: Stack) -> None:
    outputs = stack.outputs
    glue, athena = (stack.account.client(it) for it in ("glue", "athena"))

    found = glue.get_tables(DatabaseName=outputs["glue_database_name"])["TableList"]
    templates = {it["Name"]: it["Parameters"]["storage.location.template"] for it in found}
    day, prefix = "${partition_day}", json.loads(outputs["datasets"])["orders"]["prefix"]
    done, old = outputs["processed_bucket_name"], outputs["archive_bucket_name"]
    assert templates == {
        "orders": f"s3://{done}/processed/{day}/{prefix}",
        "orders_archive": f"s3://{old}/archive/{day}/{prefix}",
        "orders_bundles": f"s3://{old}/bundles/{day}/{prefix}",
        "orders_rejected": f"s3://{done}/rejected/{day}/{prefix}",
    }
    workgroup = outputs["athena_workgroup_name"]
    assert athena.get_work_group(WorkGroup=workgroup)["WorkGroup"]["State"] == "ENABLED"
    assert len(athena.list_named_queries(WorkGroup=workgroup)["NamedQueryIds"]) == 4
