"""A deployed local pipeline that a test uploads to, waits for and looks into."""

import gzip
import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pytest
from flask import Request, request
from moto.core.utils import convert_to_flask_response
from moto.sqs.models import sqs_backends

from handlers import keys
from local.commands.tracking import DeadLetter, Outcome, Upload, Uploads
from local.commands.transform import Rules, transform_file
from local.compute.outcome import Invocation
from local.pipeline import LocalPipeline
from local.triggers.event_source_mapping import BatchResult

WAIT_SECONDS = 60
# Whatever a stack can switch on, as its file would.
EVERY_OPTION = {
    "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012",
    "permissionsBoundaryArn": "arn:aws:iam::123456789012:policy/bounds",
    "producerPrincipals": "111122223333, arn:aws:iam::123456789012:role/crm-export",
    "consumerPrincipals": "arn:aws:iam::444455556666:role/warehouse",
    "alarmEmail": "ops@example.com",
    "accessLogs": "true",
    "outputEvents": "true",
    "batchOperations": "true",
    "protectData": "true",
    "compressOutput": "true",
    "tracing": "true",
    "snapStart": "true",
}
_BLOCK_BYTES = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Attempt:
    """A message that a batch failed on: its receive count, and how long it stays hidden."""

    message: str
    receives: int
    hidden_seconds: float


class Driven:
    """A pipeline between `start` and `stop`, and what its queue and its functions did.

    Messages of the queue that are to be tried again come back at once, not after their back-off.
    """

    def __init__(self, stack: str, **config: str) -> None:
        self.direct = config.get("processingQueue") == "false"
        self.compressed = config.get("compressOutput") == "true"
        self.batches: list[BatchResult] = []
        self.attempts: list[Invocation] = []
        self.failed: list[Attempt] = []
        # Fewer processes: each start of one costs a second of the processor's time.
        config = {"maxConcurrency": "2", **config}
        self.pipeline = LocalPipeline(
            stack=stack, config=config, on_batch=self._take, on_attempt=self.attempts.append
        )

    def run(self) -> Iterator[Self]:
        """Yield it while it runs, as a fixture does."""
        self.pipeline.start()
        self.outputs = self.pipeline.outputs
        self.s3 = self.pipeline.account.client("s3")
        self.sqs = self.pipeline.account.client("sqs")
        self.uploads = Uploads(self.s3, self.sqs, self.outputs)
        self.drain()  # the s3:TestEvent of the notification
        yield self
        self.pipeline.stop()

    def _take(self, result: BatchResult) -> None:
        self.batches.append(result)
        url = self.outputs["processing_queue_url"]
        for record in result.event["Records"] if result.event else ():
            if record["messageId"] in result.failed:
                attempt = Attempt(
                    message=record["messageId"],
                    receives=int(record["attributes"]["ApproximateReceiveCount"]),
                    hidden_seconds=self._hidden_seconds(url, record["messageId"]),
                )
                self.failed.append(attempt)
                self.sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
                )

    def _hidden_seconds(self, url: str, message: str) -> float:
        account = self.pipeline.account
        queue = sqs_backends[account.account_id][account.region].queues[url.rpartition("/")[2]]
        (found,) = (one for one in queue._messages if one.id == message)
        return found.visible_at / 1000 - time.time()

    def begin(self) -> None:
        """Forget what was recorded and the dead letters: a new test."""
        for recorded in (self.batches, self.attempts, self.failed):
            recorded.clear()
        for name in ("dlq_url", "archiver_dlq_url"):
            self.take(name)

    def drain(self) -> None:
        self.pipeline.drain(WAIT_SECONDS)

    @contextmanager
    def paused(self) -> Generator[None]:
        """Let the queue fill."""
        for mapping in self.pipeline._mappings:
            mapping.stop()
        yield
        for mapping in self.pipeline._mappings:
            mapping.start()

    def process(self, files: Mapping[str, bytes]) -> dict[str, Outcome]:
        sent = [self.uploads.put(name, body) for name, body in files.items()]
        self.drain()
        return {upload.name: self.outcome(upload) for upload in sent}

    def outcome(self, upload: Upload) -> Outcome:
        return self.uploads.outcome(upload, self.dead_letters())

    def dead_letters(self) -> list[DeadLetter]:
        return self.uploads.dead_letters()

    def take(self, queue: str) -> list[str]:
        """Take the messages out of a queue that an output names, and return their bodies."""
        url, found = self.outputs[queue], []
        while received := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in received:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message["Body"])
        return found

    def head(self, bucket: str, key: str) -> dict[str, Any]:
        return self.s3.head_object(Bucket=self.outputs[bucket], Key=key)

    def read(self, bucket: str, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.outputs[bucket], Key=key)["Body"].read()

    def versions(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys of all versions, the oldest ones too, but not of delete markers."""
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.outputs[bucket], Prefix=prefix
        )
        return [one["Key"] for page in pages for one in page.get("Versions", [])]

    @contextmanager
    def denied(self, bucket: str, action: str) -> Generator[None]:
        """Refuse an action on a bucket's objects."""
        name = self.outputs[bucket]
        before = self.s3.get_bucket_policy(Bucket=name)["Policy"]
        denial = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": action,
            "Resource": f"arn:aws:s3:::{name}/*",
        }
        policy = json.loads(before)
        policy["Statement"].append(denial)
        self.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
        try:
            yield
        finally:
            self.s3.put_bucket_policy(Bucket=name, Policy=before)

    def plain(self, output: bytes) -> bytes:
        """Return an output without its compression, if it has any."""
        return gzip.decompress(output) if output.startswith(_GZIP_MAGIC) else output

    def transformed(self, outcome: Outcome, folder: Path) -> tuple[bytes, bytes]:
        """Return the records and the rejects that `local transform` writes for an upload.

        Its records are of the moment at which the pipeline processed the file.
        """
        source = folder / outcome.upload.name.rpartition("/")[2]
        source.write_bytes(outcome.upload.body)
        compressed = outcome.where.endswith(keys.GZIP_SUFFIX)
        first = json.loads(self.plain(outcome.output).partition(b"\n")[0])
        rules = Rules(
            environment=self.pipeline.deployment.stack,
            max_rejected_percent=10,
            compressed=compressed,
            max_expansion=500,
        )
        good, bad = folder / "good", folder / "bad"
        moment = datetime.fromisoformat(first["_metadata"]["processed_at"])
        transform_file(source, good, bad, rules, now=moment, report=lambda _: None)
        return good.read_bytes(), bad.read_bytes()


def slow_reads(monkeypatch: pytest.MonkeyPatch, marker: str, *, seconds: float) -> None:
    """Let S3 send each 64 KiB of the objects whose keys hold the marker in so many seconds."""

    def slowly(body: bytes) -> Iterator[bytes]:
        for start in range(0, len(body), _BLOCK_BYTES):
            time.sleep(seconds)
            yield body[start : start + _BLOCK_BYTES]

    def change(response: Any) -> Any:
        if request.method == "GET" and marker in request.path:
            response.response = slowly(response.get_data())
        return response

    _after_each_answer(monkeypatch, change)


def slow_answers(
    monkeypatch: pytest.MonkeyPatch, wanted: Callable[[Request], object], *, seconds: float
) -> None:
    """Let S3 take so many seconds more for the requests that are wanted."""

    def change(response: Any) -> Any:
        if wanted(request):
            time.sleep(seconds)
        return response

    _after_each_answer(monkeypatch, change)


def _after_each_answer(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    original = convert_to_flask_response.__call__

    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        return change(original(self, *arguments, **named))

    monkeypatch.setattr(convert_to_flask_response, "__call__", call)
