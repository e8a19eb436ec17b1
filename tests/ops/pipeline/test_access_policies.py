"""What the commands call is what the operator's policy allows, and no grant is idle."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.client import BaseClient
from moto.s3control.models import s3control_backends

from handlers import keys
from infra.deployer import MAX_POLICY_CHARACTERS
from local.account.strict.s3_requests.resource_policies import matches
from ops import aws
from ops.files import copies, following
from ops.pipeline import access_policies
from ops.pipeline.access_policies import Role
from ops.pipeline.reconciling import COUNTS
from ops.stack import Stack
from ops.terminal.problems import UsageError
from tests.contracts import authorization, policy_parts
from tests.contracts.authorization import Request
from tests.contracts.tables import COMMANDS
from tests.ops import bundling
from tests.ops.bundling import Made
from tests.ops.conftest import DONE, OLD, RAW, REGION, Pipeline, client, commit, today

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
OWN = {"aws:ResourceAccount": ACCOUNT}
READING = ("status", "failures", "show", "rejects", "cost")
# `rejects` changes something with this option, so it is recorded as a command of its own.
FIXING = "rejects --fix"
DATABASE, WORKGROUP = "pipeline_dev_1a2b3c4", "pipeline-dev-queries-1a2b3c4"
DATASETS = {
    "orders": {
        "prefix": "examples/orders/",
        "schema": {"type": "object", "properties": {"order": {"type": "string"}}},
    }
}
# What no command calls by itself.
NOT_CALLED = {"s3:AbortMultipartUpload": "an upload in parts that breaks off"}
BATCHES = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
    "SendMessageBatch": "SendMessage",
}

Call = tuple[str, Mapping[str, Any]]


def requests(  # noqa: C901, PLR0912, PLR0915 - a table
    operation: str, call: Mapping[str, Any]
) -> Iterator[Request]:
    """Yield what IAM asks for a call, by the service authorization reference."""
    bucket = f"arn:aws:s3:::{call.get('Bucket')}"
    key = f"{bucket}/{call.get('Key')}"
    version = "Version" if call.get("VersionId") else ""
    match operation:
        case "ListObjectsV2":
            yield Request("s3:ListBucket", bucket, OWN)
        case "ListObjectVersions":
            yield Request("s3:ListBucketVersions", bucket, OWN)
        case "GetObject" | "HeadObject":
            yield Request(f"s3:GetObject{version}", key, OWN)
            yield Request("s3:ListBucket", bucket, OWN)  # or what is not there answers 403
        case "GetObjectTagging" | "PutObjectTagging":
            action = operation.removesuffix("Tagging")
            yield Request(f"s3:{action}{version}Tagging", key, OWN)
            return
        case "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload":
            yield Request("s3:PutObject", key, OWN)
        case "CopyObject" | "UploadPartCopy":
            yield Request("s3:PutObject", key, OWN)
            if operation == "CopyObject" and "TaggingDirective" not in call:
                yield Request("s3:PutObjectTagging", key, OWN)
            yield from copied(call["CopySource"])
        case "RestoreObject":
            yield Request("s3:RestoreObject", key, OWN)
        case (
            "ReceiveMessage" | "GetQueueAttributes" | "ChangeMessageVisibilityBatch"
            | "DeleteMessageBatch" | "SendMessageBatch"
        ):  # fmt: skip
            name = call["QueueUrl"].rpartition("/")[2]
            action = BATCHES.get(operation, operation)
            yield Request(f"sqs:{action}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
        case "GetFunctionConfiguration":
            yield Request("lambda:GetFunctionConfiguration", call["FunctionName"])
        case "ListEventSourceMappings":
            yield Request("lambda:ListEventSourceMappings", "*")
        case "UpdateEventSourceMapping":
            mapping = f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{call['UUID']}"
            function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:data-processor"
            context = {"lambda:FunctionArn": function}
            yield Request("lambda:UpdateEventSourceMapping", mapping, context)
        case "GetBucketNotificationConfiguration":
            yield Request("s3:GetBucketNotification", bucket, OWN)
        case "HeadBucket":
            yield Request("s3:ListBucket", bucket, OWN)
        case "GetBucketVersioning":
            yield Request("s3:GetBucketVersioning", bucket, OWN)
        case "GetBucketEncryption":
            yield Request("s3:GetEncryptionConfiguration", bucket, OWN)
        case "GetPublicAccessBlock":
            yield Request("s3:GetBucketPublicAccessBlock", bucket, OWN)
        case "GetCallerIdentity":  # "No permissions are required", API_GetCallerIdentity.html
            return
        case "GetPolicy" | "GetFunctionConcurrency":
            yield Request(f"lambda:{operation}", call["FunctionName"])
        case "SimulatePrincipalPolicy":
            yield Request("iam:SimulatePrincipalPolicy", call["PolicySourceArn"])
        case "DescribeKey":
            yield Request("kms:DescribeKey", call["KeyId"])
        case "DescribeLogGroups":
            yield Request("logs:DescribeLogGroups", "*")
        case "ListSchedules":
            yield Request("scheduler:ListSchedules", "*")
        case "GetSchedule":
            name = f"schedule/{call['GroupName']}/{call['Name']}"
            yield Request("scheduler:GetSchedule", f"arn:aws:scheduler:{REGION}:{ACCOUNT}:{name}")
            # The scheduler decrypts the schedule's input for the caller.
            through = {"kms:ViaService": f"scheduler.{REGION}.amazonaws.com"}
            yield Request("kms:Decrypt", KEY, through)
        case "GetTables":
            database = call["DatabaseName"]
            for place in ("catalog", f"database/{database}", f"table/{database}/orders"):
                yield Request("glue:GetTables", f"arn:aws:glue:{REGION}:{ACCOUNT}:{place}")
        case "StartQueryExecution" | "GetQueryExecution" | "GetQueryResults":
            group = f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{WORKGROUP}"
            yield Request(f"athena:{operation}", group)
        case "GetWorkGroup":
            group = f"workgroup/{call['WorkGroup']}"
            yield Request("athena:GetWorkGroup", f"arn:aws:athena:{REGION}:{ACCOUNT}:{group}")
        case "ListSubscriptionsByTopic":
            yield Request("sns:ListSubscriptionsByTopic", call["TopicArn"])
        case "DeleteObject":
            yield Request(f"s3:DeleteObject{version}", key, OWN)
        case "Invoke":
            yield Request("lambda:InvokeFunction", call["FunctionName"])
        case "FilterLogEvents":
            group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{call['logGroupName']}"
            yield Request("logs:FilterLogEvents", group)
        case "CreateJob":
            yield Request("s3:CreateJob", "*")
            service = {"iam:PassedToService": "batchoperations.s3.amazonaws.com"}
            yield Request("iam:PassRole", call["RoleArn"], service)
        case "DescribeJob" | "UpdateJobStatus":
            job = f"arn:aws:s3:{REGION}:{ACCOUNT}:job/{call['JobId']}"
            yield Request(f"s3:{operation}", job)
        case "DescribeAlarms":
            alarms = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"
            yield Request("cloudwatch:DescribeAlarms", alarms)
        case "GetMetricStatistics" | "GetMetricData":
            yield Request(f"cloudwatch:{operation}", "*")
        case "ListEventSourceMappings":
            yield Request("lambda:ListEventSourceMappings", "*")
        case "GetBucketLifecycleConfiguration":
            yield Request("s3:GetLifecycleConfiguration", bucket, OWN)
        case "GetBucketEncryption":
            yield Request("s3:GetEncryptionConfiguration", bucket, OWN)
        case "DescribeLogGroups":
            yield Request("logs:DescribeLogGroups", "*")
        case _:
            pytest.fail(f"{operation} is new here: say which permissions it needs")
    if call.get("Tagging"):
        yield Request("s3:PutObjectTagging", key, OWN)


def copied(given: str | Mapping[str, str]) -> Iterator[Request]:
    if isinstance(given, str):  # botocore made a header's text of it
        path, _, version = given.partition("?versionId=")
        bucket, _, key = unquote(path).partition("/")
        given = {"Bucket": bucket, "Key": key, "VersionId": version}
    arn = f"arn:aws:s3:::{given['Bucket']}/{given['Key']}"
    version = "Version" if given.get("VersionId") else ""
    yield Request(f"s3:GetObject{version}", arn, OWN)
    if not version:  # an output, whose tags S3 itself copies
        yield Request("s3:GetObjectTagging", arn, OWN)


EMPTY = {"files": [], "notes": [], "next": None}


def stack(pipeline: Pipeline) -> Stack:
    return Stack.from_outputs(pipeline.outputs, origin="test")


class Recorded:
    """The calls of each command; what a test itself calls is not among them."""

    def __init__(self, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: dict[str, list[Call]] = {}
        self._pipeline = pipeline
        account = aws.connect(stack(pipeline))
        services = ("s3", "sqs", "functions", "cloudwatch", "logs", "scheduler")
        services += ("sts", "iam", "kms", "sns", "s3control", "glue", "athena")
        own = {getattr(account, service) for service in services}
        original = BaseClient._make_api_call

        def record(client: Any, operation: str, call: dict[str, Any]) -> Any:
            if client in own:
                self.calls[self._command].append((operation, call))
            return original(client, operation, call)

        monkeypatch.setattr(BaseClient, "_make_api_call", record)

    def run(self, *words: str, code: int = 0) -> None:
        self._command = FIXING if "--fix" in words else words[0]
        self.calls.setdefault(self._command, [])
        result = self._pipeline.run(*words)
        assert result.exit_code == code, (words, result.output)

    def requests(self, *commands: str) -> set[Request]:
        return {
            request
            for command in commands or self.calls
            for call in self.calls[command]
            for request in requests(*call)
        }


@pytest.fixture(autouse=True)
def _jobs(pipeline: Pipeline) -> None:
    """Give the stack a role for jobs, as `batchOperations` does."""
    trust = '{"Statement": [{"Principal": {"Service": "batchoperations.s3.amazonaws.com"}}]}'
    made = client("iam").create_role(RoleName="jobs", AssumeRolePolicyDocument=trust)
    pipeline.outputs["batch_operations_role_arn"] = made["Role"]["Arn"]


Run = Callable[..., None]


def replay(run: Run, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    run("replay", key, "--yes")
    with monkeypatch.context() as patched:
        patched.setattr(copies, "ONE_COPY_BYTES", 0)
        run("replay", "--prefix", "incoming/", "--yes")
    run("replay", "--prefix", "completed/done", "--batch-operations", "--yes")
    (job,) = s3control_backends[ACCOUNT]["aws"].jobs
    run("replay", "--job", job, "--cancel", "--yes")


def restore(pipeline: Pipeline, run: Run, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    run("restore", key, "--yes", "--to", "here")
    pipeline.put("archive/2024/01/15/large.json", b"{}\n", OLD, Tagging="team=data")
    pipeline.put("archive/2024/01/15/old.json", b"{}\n", OLD, StorageClass="GLACIER")
    with monkeypatch.context() as patched:
        patched.setattr(copies, "ONE_COPY_BYTES", 0)
        run("restore", "--day", "2024-01-15", "--yes")
    bundle, _ = bundling.store(
        pipeline.s3,
        OLD,
        [Made(key="processed/2024/01/15/bundled.json", tags={"team": "data"})],
        storage_class="GLACIER",
    )
    run("show", bundle)
    run("restore", bundle, "--yes")
    bundling.store(pipeline.s3, OLD, [Made(key="processed/2024/01/16/bundled.json")])
    run("restore", "--day", "2024-01-16", "--yes")


_RECORDED: list[Recorded] = []


@pytest.fixture
def recorded(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Let every command do all that it can do; once, since that takes seconds."""
    if _RECORDED:
        return _RECORDED[0]
    pipeline.outputs |= {
        "datasets": json.dumps(DATASETS),
        "glue_database_name": DATABASE,
        "athena_workgroup_name": WORKGROUP,
    }
    recorded = Recorded(pipeline, monkeypatch)
    run = recorded.run
    small, large = pipeline.file.with_name("small.csv"), pipeline.file.with_name("large.csv")
    small.write_text("a\n1\n")
    large.write_bytes(b"a\n" + b"1\n" * 5_000_000)  # above what boto3 sends in one part
    key, rejects = "incoming/done.json", "rejected/2024/01/15/done.ndjson"
    version, output = pipeline.complete(key, Tagging="team=data")
    told = {**commit(key, version), keys.REJECTED_KEY: rejects}
    pipeline.put(rejects, b"{}\n", DONE, Metadata=commit(key, version))
    pipeline.put(output, b"{}\n", DONE, Metadata=told)
    archived = keys.archive_key(output)
    pipeline.put(archived, b"{}\n", OLD, Metadata=told)
    pipeline.put("incoming/waits.json")
    corrected = pipeline.file.with_name("corrected.ndjson")
    corrected.write_text('{"a":1}\n')
    _, moved = pipeline.complete("incoming/archived.json")
    pipeline.put(keys.archive_key(moved), b"{}\n", OLD, Metadata=pipeline.metadata(moved))
    pipeline.s3.delete_object(Bucket=DONE, Key=moved)
    # A name that is shortened in completed/: its metadata alone tells where it came from.
    long = f"{keys.INCOMING}{'x' * (keys.MAX_KEY_BYTES - len(keys.INCOMING) - 5)}.json"
    pipeline.complete(long, Metadata={keys.SOURCE_KEY: long})
    pipeline.dead_letter(key="incoming/bad.csv", version="v1", reason=None)
    pipeline.dead_letter(
        queue="archiver_dlq_url", reason=None, body='{"time":"2024-01-15T02:00:00Z"}'
    )
    run("status", code=1)
    run("failures")
    run("restore", archived, "--yes")
    restored = keys.restored_key(archived)
    run("rejects", key)
    run("rejects", rejects)
    run("rejects", key, "--fix", str(corrected), "--yes")
    run("rejects", key, "--fix", str(corrected), "--yes")
    known = (
        key,
        "incoming/archived.json",
        "incoming/waits.json",
        output,
        archived,
        restored,
        keys.completed_key(long),
    )
    for shown in known:
        run("show", shown)
    run("upload", str(small), str(large))
    run("upload", str(small), "--prefix", "later/", "--wait", "--timeout", "1", code=1)
    replay(run, monkeypatch, key)
    restore(pipeline, run, monkeypatch, key)
    run("redrive", "--all", "--yes")
    pipeline.dead_letter(key="incoming/worse.csv", version=pipeline.put("incoming/worse.csv"))
    run("discard", "--all", "--yes")
    pipeline.answers.append(json.dumps({**dict.fromkeys(COUNTS, 0), **EMPTY}))
    for command in (["reconcile"], ["archive-now"], ["cost", "--count"], ["pause"], ["resume"]):
        run(*command)
    send_samples(pipeline, run, monkeypatch)
    examine(pipeline, run)
    run("query", "SELECT 1")
    run("policy", "reader")
    _RECORDED.append(recorded)
    return recorded


def send_samples(
    pipeline: Pipeline, run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run `smoke` on files that become something else, one with a dead letter."""

    def process(_: float) -> None:
        waiting = pipeline.s3.list_object_versions(Bucket=RAW, Prefix="incoming/_smoke-")
        failing, *others = waiting.get("Versions", [])
        pipeline.dead_letter(key=failing["Key"], version=failing["VersionId"])
        for one in others:
            pipeline.finish(one["Key"], one["VersionId"])
            rejects = keys.rejected_keys(one["Key"], one["VersionId"], today())[0]
            pipeline.put(rejects, b"{}\n", DONE)

    with monkeypatch.context() as patched:
        patched.setattr(following, "sleep", process)
        patched.setattr(following, "_ROUNDS_BETWEEN_READS", 1)
        run("smoke", "--timeout", "1", code=1)
    for bucket in (RAW, DONE):
        found = pipeline.s3.list_object_versions(Bucket=bucket)
        listed = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
        assert not [one["Key"] for one in listed if "smoke-" in one["Key"]]
    assert pipeline.bodies("dlq_url") == []


def examine(pipeline: Pipeline, run: Callable[..., None]) -> None:
    """Run `doctor` on a stack with a key and a schedule, in both modes."""
    client("athena").create_work_group(Name=WORKGROUP)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    pipeline.s3.put_bucket_encryption(Bucket=OLD, ServerSideEncryptionConfiguration=encryption)
    archiver = pipeline.outputs["data_archiver_lambda_arn"]
    role = client("iam").get_role(RoleName="data-archiver")["Role"]["Arn"]
    client("scheduler").create_schedule(
        Name="daily",
        GroupName="default",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": archiver, "RoleArn": role},
    )
    run("doctor", code=1)
    function = pipeline.outputs["data_processor_lambda_arn"]
    rules = [{"Name": "prefix", "Value": keys.INCOMING}]
    target = {
        "LambdaFunctionArn": function,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    pipeline.s3.put_bucket_notification_configuration(
        Bucket=RAW,
        NotificationConfiguration={"LambdaFunctionConfigurations": [target]},
        SkipDestinationValidation=True,
    )
    run("doctor", code=1)


def grants(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {
        (action, resource)
        for statement in authorization.statements([document])
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def idle(document: Mapping[str, Any], asked: set[Request]) -> set[tuple[str, str]]:
    return {
        (action, resource)
        for action, resource in grants(document)
        if not any(one.action == action and matches(resource, one.resource) for one in asked)
    }


def test_the_operator_may_call_what_the_commands_call_and_no_more(recorded, pipeline):
    assert set(recorded.calls) == {*COMMANDS, FIXING}
    assert recorded.calls["policy"] == []
    document = access_policies.policy(stack(pipeline), Role.OPERATOR)
    asked = recorded.requests(*set(recorded.calls) - {"doctor", "smoke", "query"})
    assert [one for one in asked if not authorization.allows([document], one)] == []
    assert {action for action, _ in idle(document, asked)} == set(NOT_CALLED)


def test_a_query_may_call_what_it_calls_and_what_athena_calls_for_it(recorded, pipeline):
    document = access_policies.policy(queried(pipeline), Role.QUERY)
    asked = recorded.requests("query")
    assert [one for one in asked if not authorization.allows([document], one)] == []
    assert {action for action, _ in idle(document, asked)} == {
        "athena:StopQueryExecution",  # after Ctrl-C
        # Of the console and of drivers.
        "athena:GetQueryResultsStream", "athena:GetWorkGroup", "athena:ListNamedQueries",
        "athena:GetNamedQuery", "athena:BatchGetNamedQuery", "athena:GetDataCatalog",
        "athena:ListQueryExecutions", "athena:BatchGetQueryExecution", "athena:ListWorkGroups",
        "athena:ListEngineVersions", "athena:ListDataCatalogs", "athena:ListDatabases",
        "athena:GetDatabase", "athena:ListTableMetadata", "athena:GetTableMetadata",
        "glue:GetDatabases",
        # Of Athena, as whoever asks.
        "glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions",
        "s3:GetBucketLocation",
    }  # fmt: skip


def test_smoke_may_call_what_it_calls_beside_an_operator_and_no_more(recorded, pipeline):
    document = access_policies.policy(stack(pipeline), Role.SMOKE)
    operator = access_policies.policy(stack(pipeline), Role.OPERATOR)
    asked = recorded.requests("smoke")
    assert [one for one in asked if not authorization.allows([document, operator], one)] == []
    assert idle(document, asked) == set()
    run = "_smoke-20240115-1a2b3c4d"
    for key in (
        f"{RAW}/incoming/a.csv",
        f"{RAW}/incoming/smoke-detectors/a.csv",
        f"{RAW}/completed/_smoke-detectors/a.csv",
        f"{RAW}/incoming/site/{run}/a.csv",
        f"{DONE}/processed/2024/01/15/site/{run}/a.json",
        f"{DONE}/rejected/2024/01/15/site/smoke-detectors/a.ndjson",
        f"{OLD}/archive/2024/01/15/{run}/a.json",
    ):
        other = Request("s3:DeleteObjectVersion", f"arn:aws:s3:::{key}", OWN)
        assert not authorization.allows([document, operator], other), key


def test_the_doctor_may_call_what_it_calls_beside_a_reader_and_no_more(recorded, pipeline):
    document = access_policies.policy(queried(pipeline), Role.DOCTOR, kms_key_arn=KEY)
    reader = access_policies.policy(stack(pipeline), Role.READER)
    asked = recorded.requests("doctor")
    assert [one for one in asked if not authorization.allows([document, reader], one)] == []
    assert idle(document, asked) == set()
    assert grants(document) & grants(reader) == set()


def test_the_reader_may_call_what_its_commands_call_and_no_more(recorded, pipeline):
    document = access_policies.policy(stack(pipeline), Role.READER)
    asked = recorded.requests(*READING)
    assert [one for one in asked if not authorization.allows([document], one)] == []
    assert idle(document, asked) == set()
    assert grants(document) < grants(access_policies.policy(stack(pipeline), Role.OPERATOR))
    for command in set(recorded.calls) - {*READING, "policy", "doctor"}:
        asked = recorded.requests(command)
        assert [one for one in asked if not authorization.allows([document], one)], command


def test_a_producer_puts_files_into_incoming_and_does_nothing_else(pipeline):
    document = access_policies.policy(stack(pipeline), Role.PRODUCER)
    raw = f"arn:aws:s3:::{RAW}"
    assert authorization.allows([document], Request("s3:PutObject", f"{raw}/incoming/a.csv", OWN))
    assert not authorization.allows([document], Request("s3:PutObject", f"{raw}/completed/a", OWN))
    assert authorization.actions([document]) == {"s3:PutObject", "s3:AbortMultipartUpload"}


def test_a_consumer_reads_and_lists_outputs_and_nothing_else(pipeline):
    document = access_policies.policy(stack(pipeline), Role.CONSUMER)
    done = f"arn:aws:s3:::{DONE}"

    def may(action: str, resource: str, **context: str) -> bool:
        return authorization.allows([document], Request(action, resource, {**OWN, **context}))

    assert may("s3:GetObject", f"{done}/processed/2024/01/15/a.json")
    assert not may("s3:GetObject", f"{done}/rejected/2024/01/15/a.ndjson")
    assert may("s3:GetObject", f"{done}/restored/2024/01/15/a.json")
    assert may("s3:ListBucket", done, **{"s3:prefix": "processed/2024/"})
    assert may("s3:ListBucket", done, **{"s3:prefix": "restored/2024/"})
    assert not may("s3:ListBucket", done, **{"s3:prefix": ""})
    assert not may("s3:ListBucket", done)
    assert authorization.actions([document]) == {"s3:GetObject", "s3:ListBucket"}


def queried(pipeline: Pipeline) -> Stack:
    """Return the stack as one with datasets."""
    return replace(stack(pipeline), glue_database_name=DATABASE, athena_workgroup_name=WORKGROUP)


@pytest.mark.parametrize("role", [Role.CONSUMER, Role.QUERY])
def test_who_queries_may_in_the_stacks_workgroup_and_database_alone(pipeline, role):
    document = access_policies.policy(queried(pipeline), role, kms_key_arn=KEY)
    athena, glue = (f"arn:aws:{it}:{REGION}:{ACCOUNT}" for it in ("athena", "glue"))

    def may(action: str, resource: str, **context: str) -> bool:
        return authorization.allows([document], Request(action, resource, context))

    for action in ("StartQueryExecution", "GetQueryExecution", "GetQueryResults"):
        assert may(f"athena:{action}", f"{athena}:workgroup/{WORKGROUP}")
        assert not may(f"athena:{action}", f"{athena}:workgroup/primary")
    for place in ("catalog", f"database/{DATABASE}", f"table/{DATABASE}/orders"):
        assert may("glue:GetTable", f"{glue}:{place}")
    assert not may("glue:GetTable", f"{glue}:table/other/orders")
    assert not may("glue:UpdateTable", f"{glue}:table/{DATABASE}/orders")
    in_workgroup = {"kms:EncryptionContext:aws:athena:arn": f"{athena}:workgroup/{WORKGROUP}"}
    assert may("kms:GenerateDataKey", KEY, **in_workgroup)
    elsewhere = {"kms:EncryptionContext:aws:athena:arn": f"{athena}:workgroup/primary"}
    assert not may("kms:GenerateDataKey", KEY, **elsewhere)
    assert may("s3:GetBucketLocation", f"arn:aws:s3:::{OLD}", **OWN)


@pytest.mark.parametrize("role", [Role.CONSUMER, Role.QUERY])
def test_who_queries_may_use_athenas_console(pipeline, role):
    # https://docs.aws.amazon.com/athena/latest/ug/example-policies-workgroup.html
    document = access_policies.policy(queried(pipeline), role)
    athena, glue = (f"arn:aws:{it}:{REGION}:{ACCOUNT}" for it in ("athena", "glue"))

    def may(action: str, resource: str) -> bool:
        return authorization.allows([document], Request(action, resource, {}))

    for action in ("ListEngineVersions", "ListWorkGroups", "ListDataCatalogs"):
        assert may(f"athena:{action}", "*")
    for action in ("ListDatabases", "GetDatabase", "ListTableMetadata", "GetTableMetadata"):
        assert may(f"athena:{action}", f"{athena}:datacatalog/AwsDataCatalog")
        assert not may(f"athena:{action}", f"{athena}:datacatalog/other")
    for action in ("ListQueryExecutions", "BatchGetQueryExecution", "BatchGetNamedQuery"):
        assert may(f"athena:{action}", f"{athena}:workgroup/{WORKGROUP}")
        assert not may(f"athena:{action}", f"{athena}:workgroup/primary")
    for place in ("catalog", f"database/{DATABASE}", "database/other"):
        assert may("glue:GetDatabases", f"{glue}:{place}")
    assert not may("glue:GetDatabase", f"{glue}:database/other")
    assert not may("glue:GetTables", f"{glue}:database/other")


def test_a_consumer_of_a_stack_with_datasets_reads_the_archive_but_no_rejects(pipeline):
    document = access_policies.policy(queried(pipeline), Role.CONSUMER)

    def reads(key: str) -> bool:
        asked = Request("s3:GetObject", f"arn:aws:s3:::{key}", OWN)
        return authorization.allows([document], asked)

    assert reads(f"{OLD}/archive/2024/01/15/orders/a.json")
    assert reads(f"{OLD}/bundles/2024/01/15/orders/000001.json.gz")
    assert not reads(f"{OLD}/bundle-indexes/2024/01/15/orders/000001.json.gz")
    assert reads(f"{DONE}/processed/2024/01/15/orders/a.json")
    assert not reads(f"{DONE}/rejected/2024/01/15/orders/a.ndjson")


def test_without_a_dataset_there_is_nothing_to_query(pipeline):
    with pytest.raises(UsageError, match="no dataset"):
        access_policies.policy(stack(pipeline), Role.QUERY)
    granted = authorization.actions([access_policies.policy(stack(pipeline), Role.CONSUMER)])
    assert granted == {"s3:GetObject", "s3:ListBucket"}


@pytest.mark.parametrize(
    ("role", "uses"),
    [
        (Role.OPERATOR, {(action, service) for action in ("kms:Decrypt", "kms:GenerateDataKey")
                         for service in ("s3", "sqs", "lambda")}),
        (Role.READER, {("kms:Decrypt", "s3"), ("kms:Decrypt", "sqs"), ("kms:Decrypt", "lambda")}),
        (Role.PRODUCER, {("kms:Decrypt", "s3"), ("kms:GenerateDataKey", "s3")}),
        (Role.CONSUMER, {("kms:Decrypt", "s3")}),
        (Role.DOCTOR, {("kms:Decrypt", "scheduler")}),
        (Role.SMOKE, set()),
    ],
)  # fmt: skip
def test_a_key_is_used_through_the_services_that_hold_the_data(pipeline, role, uses):
    document = access_policies.policy(stack(pipeline), role, kms_key_arn=KEY)
    allowed = {
        (action, service)
        for action in ("kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt")
        for service in ("s3", "sqs", "lambda", "scheduler")
        if authorization.allows(
            [document],
            Request(action, KEY, {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}),
        )
    }
    assert allowed == uses
    assert not any("kms" in one for one, _ in grants(access_policies.policy(stack(pipeline), role)))


@pytest.mark.parametrize("role", Role)
def test_a_policy_fits_iam(role):
    jobs = f"arn:aws:iam::{ACCOUNT}:role/s3-data-pipeline-prod-jobs-role-1a2b3c4"
    named = replace(policy_parts.STACK, batch_operations_role_arn=jobs)  # as long as real names are
    document = access_policies.policy(named, role, kms_key_arn=KEY)
    assert list(authorization.problems(document)) == []
    assert len(json.dumps(document, separators=(",", ":"))) <= MAX_POLICY_CHARACTERS
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(sids)) == len(sids)


def test_without_the_role_nobody_makes_jobs(pipeline):
    del pipeline.outputs["batch_operations_role_arn"]
    granted = authorization.actions([access_policies.policy(stack(pipeline), Role.OPERATOR)])
    assert not {"s3:CreateJob", "s3:DescribeJob", "iam:PassRole"} & granted


def test_arns_are_of_the_stacks_partition_and_account(pipeline):
    arn = "arn:aws-cn:lambda:cn-north-1:111122223333:function:{}"
    for name in ("data_processor", "data_archiver"):
        pipeline.outputs[f"{name}_lambda_arn"] = arn.format(
            f"p-dev-{name.replace('_', '-')}-1a2b3c4"
        )
    role = pipeline.outputs["batch_operations_role_arn"]
    document = access_policies.policy(stack(pipeline), Role.OPERATOR)
    resources = {resource for _, resource in grants(document)} - {"*", role}
    assert all(one.startswith("arn:aws-cn:") for one in resources)
    assert (
        "arn:aws-cn:logs:cn-north-1:111122223333:log-group:p-dev-data-processor-logs-*" in resources
    )
    assert f"arn:aws-cn:s3:::{RAW}" in resources


def test_the_log_group_is_found_by_the_alias_that_the_output_names(pipeline):
    function = "arn:aws:lambda:eu-central-1:111122223333:function:p-dev-data-processor-1a2b3c4"
    arn = pipeline.outputs["data_processor_lambda_arn"] = f"{function}:newest-5d6e7f8"
    document = access_policies.policy(stack(pipeline), Role.READER)
    assert ("lambda:GetFunctionConfiguration", arn) in grants(document)
    groups = "arn:aws:logs:eu-central-1:111122223333:log-group:p-dev-data-processor-logs-*"
    assert ("logs:FilterLogEvents", groups) in grants(document)


def test_the_command_prints_the_policy(pipeline):
    result = pipeline.run("policy", "consumer", "--kms-key-arn", KEY)
    expected = access_policies.policy(stack(pipeline), Role.CONSUMER, kms_key_arn=KEY)
    assert json.loads(result.stdout) == expected


def test_a_denied_call_names_an_action_that_the_operator_has(pipeline):
    roles = (Role.OPERATOR, Role.DOCTOR, Role.SMOKE, Role.QUERY)
    policies = [access_policies.policy(queried(pipeline), role, kms_key_arn=KEY) for role in roles]
    granted = authorization.actions(policies)
    named = {action for text in aws.ACTIONS.values() for action in re.findall(r"\w+:\w+", text)}
    assert named <= granted
