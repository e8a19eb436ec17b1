"""Define the two functions: their environments, permissions and sizes."""

from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi import Input, Output

from handlers.environment import NO_FALLBACK
from infra import permissions
from infra.bucket import DataBucket
from infra.function import Definition
from infra.permissions import Statement
from infra.queues import DeadLetterQueue, ProcessingQueue
from infra.settings import Settings

PROCESSOR_HANDLER: Final = "handlers.data_processor.handler"
ARCHIVER_HANDLER: Final = "handlers.data_archiver.handler"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The resources that the functions work on."""

    raw: DataBucket
    processed: DataBucket
    archive: DataBucket
    queue: ProcessingQueue
    dead_letters: DeadLetterQueue
    archiver_dead_letters: DeadLetterQueue
    account: Output[str]
    region: Output[str]


def processor(
    settings: Settings, parts: Parts, code: pulumi.Archive, *, has_datasets: bool
) -> Definition:
    """Return the definition of the data processor.

    If S3 invokes it directly, its reserved concurrency equals the mapping's: with less, the mapping
    would receive messages that cannot be processed.
    """
    return Definition(
        handler=PROCESSOR_HANDLER,
        description="Normalises each file that arrives in the raw bucket",
        code=code,
        environment={
            **_shared_environment(settings, parts),
            "RAW_BUCKET": parts.raw.name,
            "PROCESSING_QUEUE_URL": parts.queue.url,
            "DEAD_LETTER_QUEUE_URL": parts.dead_letters.url,
            "MAX_ATTEMPTS": str(settings.max_attempts),
            "UNFINISHED_AFTER_SECONDS": str(settings.unfinished_after_seconds),
            "MAX_REJECTED_PERCENT": str(settings.max_rejected_percent),
            "MAX_EXPANSION": str(settings.max_expansion),
            "FALLBACK_ENCODING": settings.fallback_encoding or NO_FALLBACK,
            "COMPRESS_OUTPUT": str(settings.compress_output).lower(),
        },
        statements=_processor_statements(settings, parts, has_datasets=has_datasets),
        memory_mb=settings.processor_memory_mb,
        timeout_seconds=settings.processor_timeout_seconds,
        log_retention_days=settings.log_retention_days,
        tracing=settings.tracing,
        # A run that looks for what is left in incoming/ may take several invocations.
        invokes_itself=settings.reconcile_schedule is not None,
        reserved_concurrency=None if settings.processing_queue else settings.max_concurrency,
        # The archiver has no such option: nobody waits for a run that starts once a day.
        snap_start=settings.snap_start,
        kms_key_arn=settings.kms_key_arn,
        permissions_boundary_arn=settings.permissions_boundary_arn,
        account=parts.account,
        region=parts.region,
        # For events without the queue: all of them in direct mode, else only an operator's.
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
            "RETENTION_DAYS": str(settings.retention_days),
            "ARCHIVE_DAYS": str(settings.archive_days),
            "ARCHIVE_BUNDLES": str(settings.archive_bundles).lower(),
            "BUNDLE_BELOW_KB": str(settings.bundle_below_kb),
            "ARCHIVE_CONCURRENCY": str(settings.archive_concurrency),
        },
        statements=Output.all(
            processed=parts.processed.arn,
            archive=parts.archive.arn,
            account=parts.account,
        ).apply(lambda it: permissions.archiver(**it)),
        memory_mb=settings.archiver_memory_mb,
        timeout_seconds=settings.archiver_timeout_seconds,
        log_retention_days=settings.log_retention_days,
        tracing=settings.tracing,
        kms_key_arn=settings.kms_key_arn,
        permissions_boundary_arn=settings.permissions_boundary_arn,
        account=parts.account,
        region=parts.region,
        invokes_itself=True,
        failures=parts.archiver_dead_letters.arn,
    )


def _shared_environment(settings: Settings, parts: Parts) -> dict[str, Input[str]]:
    return {
        "ENVIRONMENT": settings.environment,
        "LOG_LEVEL": settings.log_level,
        "PROCESSED_BUCKET": parts.processed.name,
        "ARCHIVE_BUCKET": parts.archive.name,
    }


def _processor_statements(
    settings: Settings, parts: Parts, *, has_datasets: bool
) -> Output[list[Statement]]:
    return Output.all(
        raw=parts.raw.arn,
        processed=parts.processed.arn,
        archive=parts.archive.arn,
        dead_letters=parts.dead_letters.arn,
        queue=parts.queue.arn,
        account=parts.account,
    ).apply(
        lambda it: [
            *permissions.processor(
                raw=it["raw"],
                processed=it["processed"],
                archive=it["archive"],
                dead_letters=it["dead_letters"],
                account=it["account"],
            ),
            permissions.consume_queue(it["queue"]),
            permissions.read_metrics(),
            *(
                permissions.replay_files(raw=it["raw"], account=it["account"])
                if settings.batch_operations
                else []
            ),
            *(
                permissions.replace_outputs(
                    processed=it["processed"], archive=it["archive"], account=it["account"]
                )
                if has_datasets
                else []
            ),
        ]
    )
