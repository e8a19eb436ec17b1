"""The table of AWS's semantics: each a name, where AWS says so, and a check against an account."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-east-1"
ACCOUNT = "123456789012"
CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


@dataclass(frozen=True, kw_only=True)
class Semantic:
    """One rule of AWS; `moto` says whether moto alone keeps it, None where that is chance."""

    name: str
    source: str
    moto: bool | None
    check: Callable[["Account"], None]


SEMANTICS: list[Semantic] = []


def semantic(name: str, source: str, *, moto: bool | None = False) -> Callable[[Any], Any]:
    def add(check: Callable[["Account"], None]) -> Callable[["Account"], None]:
        SEMANTICS.append(Semantic(name=name, source=source, moto=moto, check=check))
        return check

    return add


@dataclass(kw_only=True)
class Account:
    """Clients of an empty account, and what most checks need of it."""

    endpoint: str | None = None
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str, **options: Any) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=50),
            **CREDENTIALS | options,
        )

    def shared(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.client(service)
        return self.clients[service]

    @property
    def s3(self) -> Any:
        return self.shared("s3")

    @property
    def sqs(self) -> Any:
        return self.shared("sqs")

    @property
    def functions(self) -> Any:
        return self.shared("lambda")

    def bucket(self, name: str = "a-bucket", *, versioned: bool = True) -> str:
        self.s3.create_bucket(Bucket=name)
        if versioned:
            versioning = {"Status": "Enabled"}
            self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
        return name

    def put(self, bucket: str, key: str, body: bytes = b"one", **options: Any) -> Any:
        return self.s3.put_object(Bucket=bucket, Key=key, Body=body, **options)

    def read(self, bucket: str, key: str, **options: Any) -> bytes | None:
        """Return an object's bytes, None where there is none."""
        try:
            return self.s3.get_object(Bucket=bucket, Key=key, **options)["Body"].read()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise

    def queue(self, name: str = "a-queue", **attributes: str) -> tuple[str, str]:
        """Return the URL and ARN of a new queue."""
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def messages(self, url: str, **options: Any) -> list[Any]:
        answer = self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            **options,
        )
        return answer.get("Messages", [])

    def notified_queue(self, bucket: str, **configuration: Any) -> str:
        """Return the URL of a queue that the bucket's events of created objects go to."""
        url, arn = self.queue()
        self.sqs.set_queue_attributes(
            QueueUrl=url, Attributes={"Policy": queue_policy(arn, bucket)}
        )
        self.notify(bucket, {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], **configuration})
        self.messages(url)  # the test event
        return url

    def notify(self, bucket: str, *queues: dict[str, Any]) -> None:
        self.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": list(queues)}
        )

    def records(self, url: str) -> list[Any]:
        """Return the S3 records that are in a queue, in the order of their sequencers."""
        found = [
            record
            for message in self.messages(url)
            for record in json.loads(message["Body"]).get("Records", [])
        ]
        return sorted(found, key=lambda record: int(record["s3"]["object"]["sequencer"], 16))


def queue_policy(queue: str, bucket: str, account: str = ACCOUNT) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@contextmanager
def refused(code: str, status: int = 400) -> Iterator[None]:
    """Expect AWS to refuse with an error code, or with the status alone where HEAD has no body."""
    with pytest.raises(ClientError) as caught:
        yield
    answer = caught.value.response
    found = answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
    assert found == (code, status), answer["Error"]
