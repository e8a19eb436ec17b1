"""A pipeline's buckets, queues, functions and alarms on moto, and the command line before it."""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from typer import testing
from typer.testing import CliRunner, Result

from handlers import keys
from local.account.strict import ruleset
from local.account.strict.lambda_ import mappings
from ops import aws
from ops.commands.app import app
from ops.dead_letters import queue_contents
from ops.files import following
from ops.pipeline import polling

REGION = "eu-central-1"
RAW, DONE, OLD = "pipeline-raw", "pipeline-processed", "pipeline-archive"

# Making a client costs more than most tests do with it, and one of moto's survives its resets.
client = functools.cache(functools.partial(boto3.client, region_name=REGION))
connected = functools.cache(aws.connect)
# Typer builds every command anew for each run, which costs as much as the run itself.
commands = functools.cache(testing._get_command)


@dataclass(frozen=True)
class Call:
    """One recorded invocation of a function."""

    function: str
    kind: str
    payload: Any


@dataclass
class Pipeline:
    outputs: dict[str, Any]
    file: Path
    calls: list[Call]
    answers: list[str]

    def __post_init__(self) -> None:
        self.s3 = client("s3")
        self.sqs = client("sqs")
        self.cloudwatch = client("cloudwatch")

    def run(self, *words: str, answer: str | None = None) -> Result:
        self.file.write_text(json.dumps(self.outputs))
        variables = {"S3_DATA_PIPELINE_OUTPUTS": str(self.file)}
        return CliRunner(env=variables).invoke(app, list(words), input=answer)

    def put(self, key: str, body: bytes = b"{}", bucket: str = RAW, **more: Any) -> str:
        answer = self.s3.put_object(Bucket=bucket, Key=key, Body=body, **more)
        return answer.get("VersionId", "null")

    def complete(self, key: str, body: bytes = b'{"a":1}', **more: Any) -> tuple[str, str]:
        """Do to a file what the data processor does; returns source version and output key."""
        source = self.put(key, body, **more)
        self.finish(key, source)
        return source, keys.output_keys(key, source, today(), compressed=False)[0]

    def finish(
        self, key: str, version: str, output: str | None = None, **told: dict[str, str]
    ) -> None:
        place = {"Bucket": RAW, "Key": key, "VersionId": version}
        head = self.s3.head_object(**place)
        day = head["LastModified"].astimezone(UTC).date()
        output = output or keys.output_keys(key, version, day, compressed=False)[0]
        self.put(output, b"{}\n", DONE, **{"Metadata": commit(key, version), **told})
        metadata = {**head["Metadata"], keys.SOURCE_VERSION: version}
        self.s3.copy_object(
            Bucket=RAW,
            Key=keys.completed_key(key),
            CopySource=place,
            ContentType=head["ContentType"],
            Metadata=metadata,
            MetadataDirective="REPLACE",
        )
        self.s3.delete_object(**place)

    def metadata(self, key: str, bucket: str = DONE) -> dict[str, str]:
        return self.s3.head_object(Bucket=bucket, Key=key)["Metadata"]

    def reject(self, key: str, *lines: bytes, **more: Any) -> tuple[str, str]:
        """Complete a file with bad records; returns source version and the rejected key."""
        source = self.put(key, **more)
        name = keys.rejected_keys(key, source, today())[0]
        told = {**commit(key, source), keys.RECORDS_REJECTED: str(len(lines))}
        self.put(name, b"".join(lines), DONE, Metadata=told)
        self.finish(key, source, Metadata={**told, keys.REJECTED_KEY: quote(name)})
        return source, name

    def dead_letter(
        self,
        key: str = "incoming/bad.csv",
        version: str = "v1",
        *,
        reason: str | None = "ragged row",
        queue: str = "dlq_url",
        body: str | None = None,
        **attributes: str,
    ) -> str:
        told = dict(attributes)
        if reason is not None:
            told |= {keys.REASON: reason, keys.PLACE: "line 3", keys.FAILURE_KIND: "permanent"}
        answer = self.sqs.send_message(
            QueueUrl=self.outputs[queue],
            MessageBody=event(key, version) if body is None else body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": text} for name, text in told.items()
            },
        )
        return answer["MessageId"]

    def bodies(self, queue: str) -> list[str]:
        """What a queue shows to a reader at this moment; it stays."""
        found: list[str] = []
        handles: list[str] = []
        while True:
            messages = self.sqs.receive_message(
                QueueUrl=self.outputs[queue], MaxNumberOfMessages=10
            ).get("Messages", [])
            if not messages:
                break
            found += [one["Body"] for one in messages]
            handles += [one["ReceiptHandle"] for one in messages]
        for handle in handles:
            self.sqs.change_message_visibility(
                QueueUrl=self.outputs[queue], ReceiptHandle=handle, VisibilityTimeout=0
            )
        return found

    def versions(self, key: str) -> list[str]:
        page = self.s3.list_object_versions(Bucket=RAW, Prefix=key)
        return [one["VersionId"] for one in page.get("Versions", []) if one["Key"] == key]


def today() -> date:
    return datetime.now(UTC).date()


def event(key: str, version: str) -> str:
    described = {"key": quote_plus(key), "versionId": version}
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": RAW}, "object": described},
    }
    return json.dumps({"Records": [record]})


def commit(key: str, version: str, **counts: str) -> dict[str, str]:
    return {
        keys.SOURCE_BUCKET: RAW,
        keys.SOURCE_KEY: quote(key),  # metadata is ASCII
        keys.SOURCE_VERSION: version,
        keys.RECORDS_IN: "3",
        keys.RECORDS_OUT: "2",
        keys.RECORDS_REJECTED: "1",
        keys.RECORDS_EMPTY: "0",
        **counts,
    }


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    ruleset.install()
    monkeypatch.setattr(aws, "connect", connected)
    monkeypatch.setattr(testing, "_get_command", commands)
    monkeypatch.setattr(queue_contents, "POLL_SECONDS", 0)
    monkeypatch.setattr(following, "sleep", lambda _: None)
    monkeypatch.setattr(polling, "sleep", lambda _: None)
    monkeypatch.setattr(mappings, "change_seconds", 0.02)
    monkeypatch.chdir(tmp_path)
    calls: list[Call] = []
    answers: list[str] = []

    def invoke(
        _self: Any, name: str, _qualifier: Any, body: Any, headers: Any, told: dict[str, str]
    ) -> bytes:
        text = body.decode() if isinstance(body, bytes) else body
        kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
        calls.append(Call(name.rpartition(":")[2], kind, json.loads(text)))
        answer = answers.pop(0) if answers else "{}"
        if '"errorMessage"' in answer:
            told["x-amz-function-error"] = "Unhandled"
        return answer.encode()

    monkeypatch.setattr(LambdaSimpleBackend, "invoke", invoke)
    with mock_aws(config={"lambda": {"use_docker": False}}):
        file = tmp_path / "outputs.json"
        yield Pipeline(_create(), file, calls, answers)


def _create() -> dict[str, Any]:
    s3, sqs = client("s3"), client("sqs")
    for bucket in (RAW, DONE, OLD):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=RAW, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_versioning(Bucket=DONE, VersioningConfiguration={"Status": "Enabled"})
    dead = sqs.create_queue(QueueName="pipeline-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 3}
    work = sqs.create_queue(
        QueueName="pipeline-work", Attributes={"RedrivePolicy": json.dumps(policy)}
    )["QueueUrl"]
    processor = _function("data-processor", logs="data-logs-processor")
    queue = sqs.get_queue_attributes(QueueUrl=work, AttributeNames=["QueueArn"])["Attributes"]
    client("lambda").create_event_source_mapping(
        EventSourceArn=queue["QueueArn"], FunctionName=processor
    )
    return {
        "raw_bucket_name": RAW,
        "processed_bucket_name": DONE,
        "archive_bucket_name": OLD,
        "data_processor_lambda_arn": processor,
        "data_archiver_lambda_arn": _function("data-archiver", logs="data-logs-archiver"),
        "processing_queue_url": work,
        "dlq_url": dead,
        "archiver_dlq_url": sqs.create_queue(QueueName="archiver-dlq")["QueueUrl"],
        "alarm_topic_arn": f"arn:aws:sns:{REGION}:123456789012:alarms",
    }


def _function(name: str, logs: str | None = None) -> str:
    trust = {"Version": "2012-10-17", "Statement": []}
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    answer = client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="handlers.data_processor.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": b"PK\x05\x06" + bytes(18)},
        **({"LoggingConfig": {"LogGroup": logs}} if logs else {}),
    )
    return answer["FunctionArn"]


@pytest.fixture
def undecrypted(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A stack with a KMS key, seen by a caller who may not decrypt the functions' environments.

    https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentError.html
    """
    refusal = {
        "ErrorCode": "AccessDeniedException",
        "Message": "Lambda was unable to decrypt your environment variables because the KMS access "
        "was denied. Please check your KMS permissions.",
    }
    original = BaseClient._make_api_call

    def answer(self: Any, operation: str, call: dict[str, Any]) -> Any:
        found = original(self, operation, call)
        if operation == "GetFunctionConfiguration":
            found["Environment"] = {"Error": refusal}
        return found

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    return pipeline
