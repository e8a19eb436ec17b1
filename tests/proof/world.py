"""A pipeline in memory: buckets, queue, function; the real handlers run in it, call by call."""

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import quote_plus

import pytest

from handlers import data_processor, keys
from handlers.archive import retention
from handlers.aws import copies, joins, streams, uploads
from handlers.aws.messages import Messenger
from handlers.aws.objects import Storage
from handlers.bundles.entries import read_bundle
from handlers.data_archiver import ArchiverRun
from handlers.data_processor import Processor
from handlers.delivery import chunks
from handlers.environment import ArchiverEnvironment, Encoding, ProcessorEnvironment
from handlers.reconciliation import reconciler
from handlers.transform.datasets.dataset import Datasets
from tests.proof.memory import (
    Client,
    Gate,
    MemoryMessages,
    MemoryQueue,
    MemoryS3,
    Version,
    straight,
    tagging,
)

RAW, PROCESSED, ARCHIVE = "raw-bucket", "processed-bucket", "archive-bucket"
QUEUE, DEAD_LETTERS = "https://queue.test/processing", "https://queue.test/dead-letters"
NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
MAX_ATTEMPTS = 4
EXTRA_RECEIVES = 2  # behind which the queue itself makes a dead letter
ASYNC_ATTEMPTS = 3  # an asynchronous invocation and its two retries
SMALL_BLOCK, SMALL_CHUNK, SMALL_PART = 64, 500, 600
HELD_IN_MEMORY = 10**9  # bytes: no file of the proof is staged


class KilledError(BaseException):
    """The process is gone; no handler may catch it."""


class InlineExecutor:
    """An executor without threads: the same order of calls every time."""

    def __init__(self, _workers: int) -> None:
        pass

    def submit(self, work: Callable[..., Any], *given: Any) -> Future:
        future: Future = Future()
        try:
            future.set_result(work(*given))
        except BaseException as error:  # noqa: BLE001 - the future raises it
            future.set_exception(error)
        return future

    def map(self, work: Callable[..., Any], *given: Any) -> Iterator[Any]:
        futures = [self.submit(work, *one) for one in zip(*given, strict=False)]
        return (future.result() for future in futures)

    def shutdown(self, *, wait: bool = True) -> None:
        assert wait

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def small_limits(chunk: int = SMALL_CHUNK, max_copy: int = copies.MAX_COPY_BYTES) -> Iterator[None]:
    """Let files of some hundred bytes be large ones, and run without threads."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (data_processor, retention, joins, chunks, reconciler):
            patch.setattr(module, "ThreadPoolExecutor", InlineExecutor)
        for name, module in sys.modules.items():
            if name.startswith("handlers.transform") and hasattr(module, "BLOCK_BYTES"):
                patch.setattr(module, "BLOCK_BYTES", SMALL_BLOCK)
        patch.setattr(streams, "_READ_BYTES", SMALL_BLOCK)
        patch.setattr(joins, "MIN_PART_BYTES", SMALL_PART)
        patch.setattr(copies, "MAX_COPY_BYTES", max_copy)
        patch.setattr(copies, "_COPY_PART_BYTES", SMALL_PART)
        patch.setattr(chunks, "CHUNK_BYTES", chunk)
        patch.setattr(uploads, "PART_BYTES", SMALL_PART)
        yield


class QuietTelemetry:
    """A logger that says nothing and metrics that are kept."""

    def __init__(self) -> None:
        def silent(*_args: Any, **_named: Any) -> None:
            return None

        self.logger = SimpleNamespace(info=silent, warning=silent, error=silent)
        self.totals: Counter = Counter()

    def begin(self, request_id: str) -> None:
        assert request_id

    def emit(self, values: Mapping[Any, int], *, function_name: str) -> None:
        assert function_name
        self.totals.update(values)


@dataclass
class Context:
    """What Lambda tells a function; `ticks` is how often it may look at the clock in time."""

    ticks: int = 10**9
    function_name: str = "the-function"
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:the-function"
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        self.ticks -= 1
        return max(self.ticks, 0) * 1000


def s3_event(key: str, version: str | None, created: datetime | None = NOW) -> dict[str, Any]:
    """Return the notification that S3 sends of an object."""
    entry = {"key": quote_plus(key, safe="/")} | ({"versionId": version} if version else {})
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": RAW}, "object": entry},
    }
    if created:
        record["eventTime"] = created.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"Records": [record]}


def batch(*messages: tuple[str, int], told: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the event of a queue mapping: bodies, each with its receive count.

    `told` is the message attributes of each.
    """
    return {
        "Records": [
            {
                "eventSource": "aws:sqs",
                "messageId": f"m{number}",
                "receiptHandle": f"r{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "messageAttributes": {
                    name: {"dataType": "String", "stringValue": value}
                    for name, value in (told or {}).items()
                },
            }
            for number, (body, receives) in enumerate(messages)
        ]
    }


@cache
def _compiled(declarations: str) -> Datasets:
    """Return the datasets of declarations; to compile one takes longer than a small file."""
    return Datasets.read(json.loads(declarations))


@cache
def unbundled(bundle: bytes) -> tuple[tuple[str, Version], ...]:
    """Return the outputs in a bundle with their keys."""
    return tuple(
        (
            entry.key,
            Version(
                id="",
                body=body,
                etag=entry.etag,
                modified=entry.modified,
                metadata=entry.metadata,
                headers=entry.headers,
                tags=tuple(entry.tags.items()),
            ),
        )
        for entry, body in read_bundle([bundle])
    )


@dataclass
class World:
    """One pipeline; `gate` stands before each call that its handlers make.

    `queue_mode` says where S3 sends its events: to the queue, or to the function.
    """

    queue_mode: bool = True
    max_attempts: int = MAX_ATTEMPTS
    compressed: bool = False
    fallback: str | None = None
    max_expansion: int = 500
    unfinished_after_seconds: int = 3600
    environment: str = "test"
    retention_days: int = 30
    archive_bundles: bool = False
    bundle_below_kb: int = 1024
    archive_concurrency: int = 1
    folders: tuple[str, ...] = ()
    ticks: int = 10**9
    archiver_ticks: int = 10**9
    page: int = 1000
    max_copy: int = 5 * 1024**3
    gate: Gate = straight
    datasets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    s3: MemoryS3 = field(init=False)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    dead_letters: MemoryQueue = field(default_factory=MemoryQueue)
    invocations: list[dict] = field(default_factory=list)
    uploads: dict[tuple[str, str], bytes] = field(default_factory=dict)
    telemetry: QuietTelemetry = field(default_factory=QuietTelemetry)

    def __post_init__(self) -> None:
        self.s3 = MemoryS3(
            versioned=(RAW, PROCESSED, ARCHIVE),
            page=self.page,
            min_part=SMALL_PART,
            max_copy=self.max_copy,
        )
        self.s3.now = NOW
        self._messages = MemoryMessages(
            {QUEUE: self.queue, DEAD_LETTERS: self.dead_letters},
            self.invocations,
            now=lambda: self.s3.now,
        )
        for queue in (self.queue, self.dead_letters):
            queue.now = lambda: self.s3.now

    # The roles.

    def client(self, service: str, gate: Gate | None = None) -> Client:
        double = self.s3 if service == "s3" else self._messages
        return Client(double, gate or self.gate)

    def begin(self) -> None:
        """Let an invocation begin: a second later, in a new process."""
        self.s3.now += timedelta(seconds=1)
        if begin := getattr(self.gate, "begin", None):
            begin()

    def processor(
        self,
        gate: Gate | None = None,
        *,
        late: int = 0,
        datasets: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Processor:
        """Return a processor whose clock is some seconds late; of other datasets, if given."""
        environment = ProcessorEnvironment(
            environment=self.environment,
            log_level="INFO",
            processed_bucket=PROCESSED,
            archive_bucket=ARCHIVE,
            raw_bucket=RAW,
            dead_letter_queue_url=DEAD_LETTERS,
            processing_queue_url=QUEUE,
            max_attempts=self.max_attempts,
            max_rejected_percent=10,
            max_expansion=self.max_expansion,
            unfinished_after_seconds=self.unfinished_after_seconds,
            fallback_encoding=Encoding(self.fallback) if self.fallback else None,
            compress_output=self.compressed,
        )
        return Processor(
            environment,
            Storage(self.client("s3", gate)),
            Messenger(lambda service: self.client(service, gate)),
            self.telemetry,
            now=lambda: self.s3.now - timedelta(seconds=late),
            datasets=_compiled(json.dumps(self.datasets if datasets is None else datasets)),
        )

    def archiver(self, gate: Gate | None = None, *, bundles: bool | None = None) -> ArchiverRun:
        """Return an archiver; `bundles` says otherwise than the world whether it bundles."""
        environment = ArchiverEnvironment(
            environment="test",
            log_level="INFO",
            processed_bucket=PROCESSED,
            archive_bucket=ARCHIVE,
            retention_days=self.retention_days,
            archive_days=90,
            archive_bundles=self.archive_bundles if bundles is None else bundles,
            bundle_below_kb=self.bundle_below_kb,
            archive_concurrency=self.archive_concurrency,
        )
        return ArchiverRun(
            environment,
            Storage(self.client("s3", gate)),
            Messenger(lambda service: self.client(service, gate)),
            self.telemetry,
            now=lambda: self.s3.now,
            folders=self.folders,
        )

    # What happens in it.

    def upload(self, key: str, body: bytes) -> dict[str, Any]:
        """Store a file as a user does and return the event that S3 sends of it."""
        stored = self.s3.put_object(
            Bucket=RAW,
            Key=key,
            Body=body,
            ContentType="text/x-test",
            Metadata={"owner": "me"},
            Tagging=tagging({"team": "blue"}),
        )
        self.uploads[key, stored["VersionId"]] = body
        return s3_event(key, stored["VersionId"], self.s3.now)

    def deliver(self, event: Mapping[str, Any]) -> None:
        """Let S3 deliver an event once."""
        if self.queue_mode:
            self.queue.add(json.dumps(event))
        else:
            self.invocations.append(json.loads(json.dumps(event)))

    def run_until_idle(self, limit: int = 300) -> None:
        """Run the processor until no message and no invocation is left."""
        for _ in range(limit):
            if not self.queue.messages and not self.invocations:
                return
            if self.queue.messages:
                self._poll()
            else:
                self._invoke(self.invocations.pop(0))
        msg = f"after {limit} invocations the pipeline has not come to rest"
        raise AssertionError(msg)

    def _poll(self) -> None:
        message = self.queue.messages.pop(0)
        message["receives"] += 1
        if message["receives"] > self.max_attempts + EXTRA_RECEIVES:
            self.dead_letters.messages.append(message)
            return
        self.begin()
        try:
            event = batch((message["body"], message["receives"]), told=message["attributes"])
            failed = self.processor().handle(event, Context(self.ticks))["batchItemFailures"]
        except (Exception, KilledError):  # noqa: BLE001 - a failed batch returns as a whole
            failed = [{"itemIdentifier": "m0"}]
        if failed:
            assert failed == [{"itemIdentifier": "m0"}]
            self.queue.messages.append(message)

    def _invoke(self, event: Mapping[str, Any]) -> None:
        for _ in range(ASYNC_ATTEMPTS):
            self.begin()
            try:
                self.processor().handle(event, Context(self.ticks))
            except (Exception, KilledError) as error:  # noqa: BLE001 - Lambda tries again
                problem = str(error)
            else:
                return
        self.dead_letters.add(json.dumps(event), {"ErrorMessage": problem})

    def archive(self, time: datetime, attempts: int = ASYNC_ATTEMPTS, limit: int = 100) -> None:
        """Let the schedule run the archiver, with Lambda's retries and its own continuations."""
        events = [{"time": time.isoformat()}]
        for _ in range(limit):
            if not events:
                return
            event = events.pop(0)
            for _ in range(attempts):
                self.begin()
                with contextlib.suppress(Exception, KilledError):
                    self.archiver().handle(event, Context(self.archiver_ticks))
                    break
            events += self.invocations
            self.invocations.clear()
        msg = f"after {limit} invocations the archiver has not come to rest"
        raise AssertionError(msg)

    def reconcile(
        self, *, attempts: int = ASYNC_ATTEMPTS, ticks: int = 10**9, limit: int = 100, **asked: Any
    ) -> list[dict[str, Any]]:
        """Let the schedule run reconciliation, with Lambda's retries and its own continuations.

        Returns the reports. What it sends stays in the queue.
        """
        waiting, self.invocations[:] = list(self.invocations), []
        events = [{"reconcile": {"by_schedule": True, **asked}}]
        reports: list[dict[str, Any]] = []
        for _ in range(limit):
            if not events:
                self.invocations[:] = waiting
                return reports
            event = events.pop(0)
            for _ in range(attempts):
                self.begin()
                with contextlib.suppress(Exception, KilledError):
                    reports.append(self.processor().handle(event, Context(ticks)))
                    break
            else:
                self.dead_letters.add(json.dumps(event))
            events += self.invocations
            self.invocations.clear()
        msg = f"after {limit} invocations reconciliation has not come to rest"
        raise AssertionError(msg)

    def discard(self, key: str, version: str) -> None:
        """Mark a version as an operator does, and delete its dead letters."""
        stored = self.s3.version(RAW, key, version)
        tags = dict(stored.tags) | {keys.DISCARDED_TAG: keys.discarded_mark(key, version)}
        tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
        self.s3.put_object_tagging(
            Bucket=RAW, Key=key, VersionId=version, Tagging={"TagSet": tag_set}
        )
        self.dead_letters.messages[:] = [
            one for one in self.dead_letters.messages if version not in one["body"]
        ]

    # What is to be seen of it.

    def outputs(self) -> dict[str, Version]:
        """Return the outputs by key, those that are archived under the key they had before."""
        bundled = {key: held[-1] for key, held in self.bundled().items()}
        archived = self.s3.visible(ARCHIVE, "archive/")
        named = {f"processed/{key.removeprefix('archive/')}": one for key, one in archived.items()}
        return bundled | named | self.s3.visible(PROCESSED, "processed/")

    def bundled(self) -> dict[str, list[Version]]:
        """Return the outputs that bundles hold by key, in the order of the bundles."""
        held: dict[str, list[Version]] = {}
        for _, bundle in sorted(self.s3.visible(ARCHIVE, keys.BUNDLES).items()):
            for key, output in unbundled(bundle.body):
                held.setdefault(key, []).append(output)
        return held

    def after(self, days: float) -> datetime:
        return NOW + timedelta(days=days)
