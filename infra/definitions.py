"""What the two functions are: environment, permissions, sizes, from settings and their parts."""

from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi import Input, Output

from infra import permissions
from infra.bucket import DataBucket
from infra.function import ASYNC_ATTEMPTS, Definition
from infra.permissions import Statement
from infra.queues import DeadLetterQueue, ProcessingQueue
from infra.settings import Settings

PROCESSOR_HANDLER: Final = "handlers.data_processor.handler"
ARCHIVER_HANDLER: Final = "handlers.data_archiver.handler"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the functions work on. `queue` is None where S3 invokes the processor directly."""

    raw: DataBucket
    processed: DataBucket
    archive: DataBucket
    queue: ProcessingQueue | None
    dead_letters: DeadLetterQueue
    archiver_dead_letters: DeadLetterQueue
    region: Output[str]


def processor(settings: Settings, parts: Parts, code: pulumi.Archive) -> Definition:
    """Return the definition of the data processor.

    Without the queue Lambda itself tries an event three times, then makes it a dead letter, and
    what is left of a large file is the function's to ask for; with the queue, a message's.
    """
    environment: dict[str, Input[str]] = {
        **_shared_environment(settings, parts),
        "RAW_BUCKET": parts.raw.name,
        "DEAD_LETTER_QUEUE_URL": parts.dead_letters.url,
        "MAX_ATTEMPTS": str(settings.max_receives if parts.queue else ASYNC_ATTEMPTS),
        "MAX_REJECTED_PERCENT": str(settings.max_rejected_percent),
        "COMPRESS_OUTPUT": str(settings.compress_output).lower(),
    }
    if parts.queue:
        environment["PROCESSING_QUEUE_URL"] = parts.queue.url
    return Definition(
        handler=PROCESSOR_HANDLER,
        description="Normalises each file that arrives in the raw bucket",
        code=code,
        environment=environment,
        statements=_processor_statements(settings, parts),
        memory_mb=settings.processor_memory_mb,
        timeout_seconds=settings.processor_timeout_seconds,
        log_retention_days=settings.log_retention_days,
        tracing=settings.tracing,
        invokes_itself=parts.queue is None,
        # An event that comes without the queue: every one in direct mode, an operator's otherwise.
        dead_letters=parts.dead_letters.arn,
    )


def archiver(settings: Settings, parts: Parts, code: pulumi.Archive) -> Definition:
    """Return the definition of the data archiver."""
    return Definition(
        handler=ARCHIVER_HANDLER,
        description="Moves outputs past their retention to the archive bucket",
        code=code,
        environment={
            **_shared_environment(settings, parts),
            "ARCHIVE_DAYS": str(settings.archive_days),
        },
        statements=Output.all(
            processed=parts.processed.arn,
            archive=parts.archive.arn,
            key=_key_statements(settings, parts),
        ).apply(
            lambda it: [
                *permissions.archiver(processed=it["processed"], archive=it["archive"]),
                *it["key"],
            ]
        ),
        memory_mb=settings.archiver_memory_mb,
        timeout_seconds=settings.archiver_timeout_seconds,
        log_retention_days=settings.log_retention_days,
        tracing=settings.tracing,
        invokes_itself=True,
        failures=parts.archiver_dead_letters.arn,
    )


def _shared_environment(settings: Settings, parts: Parts) -> dict[str, Input[str]]:
    return {
        "ENVIRONMENT": settings.environment,
        "LOG_LEVEL": settings.log_level,
        "PROCESSED_BUCKET": parts.processed.name,
        "ARCHIVE_BUCKET": parts.archive.name,
        "RETENTION_DAYS": str(settings.retention_days),
    }


def _processor_statements(settings: Settings, parts: Parts) -> Output[list[Statement]]:
    return Output.all(
        raw=parts.raw.arn,
        processed=parts.processed.arn,
        archive=parts.archive.arn,
        dead_letters=parts.dead_letters.arn,
        queue=parts.queue.arn if parts.queue else None,
        key=_key_statements(settings, parts),
    ).apply(
        lambda it: [
            *permissions.processor(
                raw=it["raw"],
                processed=it["processed"],
                archive=it["archive"],
                dead_letters=it["dead_letters"],
            ),
            *([permissions.consume_queue(it["queue"])] if it["queue"] else []),
            *it["key"],
        ]
    )


def _key_statements(settings: Settings, parts: Parts) -> Output[list[Statement]]:
    key = settings.kms_key_arn
    return parts.region.apply(
        lambda region: [permissions.use_key(key, region=region)] if key else []
    )
