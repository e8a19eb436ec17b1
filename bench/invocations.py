"""The two functions as Lambda calls them, on the S3 client of this package."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.s3 import FakeS3
from handlers.archive.retention import Archiver
from handlers.aws.messages import Messenger
from handlers.aws.objects import Storage
from handlers.data_archiver import ArchiverRun
from handlers.data_processor import Processor
from handlers.environment import (
    ARCHIVER_SERVICE,
    PROCESSOR_SERVICE,
    ArchiverEnvironment,
    ProcessorEnvironment,
)
from handlers.invocation.telemetry import Telemetry
from handlers.transform.datasets.dataset import Datasets

RAW: Final = "raw"
PROCESSED: Final = "processed"
ARCHIVE: Final = "archive"
_QUEUE: Final = "queue"
NOW: Final = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
NO_DATASETS: Final = Datasets()
_COMMON: Final[dict[str, Any]] = {
    "environment": "bench",
    "log_level": "ERROR",
    "processed_bucket": PROCESSED,
    "archive_bucket": ARCHIVE,
}
_ARCHIVER: Final[dict[str, Any]] = {
    "retention_days": 30,
    "archive_days": 90,
    "bundle_below_kb": 1024,
    "archive_concurrency": 1,
}


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a function knows of its invocation; `remaining` returns seconds."""

    remaining: Callable[[], float] = lambda: 900.0
    function_name: str = "bench"
    invoked_function_arn: str = "bench"
    aws_request_id: str = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the time-out, as Lambda's context does."""
        return int(self.remaining() * 1000)


@dataclass(frozen=True, kw_only=True)
class Outbox:
    """An SQS client: keeps the events that go on in a later invocation."""

    events: list[str] = field(default_factory=list[str])

    def send_message(self, **request: Any) -> None:
        """Keep what goes to the processing queue; nothing here should become a dead letter."""
        if request["QueueUrl"] != _QUEUE:
            msg = f"unexpected message: {request['MessageBody']}"
            raise RuntimeError(msg)
        self.events.append(request["MessageBody"])


def processor(
    s3: FakeS3, outbox: Outbox | None = None, *, datasets: Datasets = NO_DATASETS
) -> Processor:
    """Return a data processor, at a fixed time."""
    sent = outbox or Outbox()
    return Processor(
        ProcessorEnvironment(
            **_COMMON,
            raw_bucket=RAW,
            dead_letter_queue_url="dead",
            processing_queue_url=_QUEUE,
            max_attempts=3,
            max_rejected_percent=10,
            max_expansion=500,
            unfinished_after_seconds=3600,
            fallback_encoding=None,
            compress_output=False,
        ),
        Storage(s3),
        Messenger(lambda _: sent),
        Telemetry(PROCESSOR_SERVICE, level="ERROR", environment="bench"),
        now=lambda: NOW,
        datasets=datasets,
    )


def archiver(s3: Any, *, bundles: bool = False) -> Archiver:
    """Return an archiver, one that bundles small outputs or not."""
    log = Telemetry("archiver", level="ERROR", environment="bench").logger
    environment = ArchiverEnvironment(**_COMMON, **_ARCHIVER, archive_bundles=bundles)
    return Archiver(Storage(s3), environment, (), log)


def archiver_run(storage: Storage, messenger: Messenger, chains: int) -> ArchiverRun:
    """Return the archiver's handler, which bundles, in so many chains."""
    settings: dict[str, Any] = _COMMON | _ARCHIVER | {"archive_concurrency": chains}
    environment = ArchiverEnvironment(**settings, archive_bundles=True)
    telemetry = Telemetry(ARCHIVER_SERVICE, level="ERROR", environment="bench")
    return ArchiverRun(environment, storage, messenger, telemetry, now=lambda: NOW)


def batch(keys: Sequence[str]) -> Mapping[str, Any]:
    """Return the event of a queue batch, one message an object."""
    return {
        "Records": [
            {
                "eventSource": "aws:sqs",
                "messageId": str(number),
                "receiptHandle": str(number),
                "attributes": {"ApproximateReceiveCount": "1"},
                "body": f'{{"key": "{key}"}}',
            }
            for number, key in enumerate(keys)
        ]
    }


def output(s3: FakeS3) -> Path:
    """Return the file that holds the one output there is."""
    (key,) = s3.keys(PROCESSED, "processed/")
    return s3.file(PROCESSED, key)
