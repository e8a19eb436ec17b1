"""What the roles of the functions allow: actions by resource, from the stack's outputs. Pure.

A test compares these tables with the policies that the program writes.
"""

from dataclasses import dataclass

from handlers import keys
from ops.stack import Stack, function_arn


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Actions that a role may do on each of some resources: ARNs, in which `*` is any text."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]


def processor(stack: Stack) -> list[Grant]:
    """Return what the data processor may do with buckets, queues and metrics."""
    raw, processed, archive = _buckets(stack)
    incoming, completed = f"{raw}/{keys.INCOMING}*", f"{raw}/{keys.COMPLETED}*"
    written = tuple(
        f"{processed}/{prefix}*" for prefix in (keys.PROCESSED, keys.REJECTED, keys.STAGING)
    )
    return [
        _grant("s3:GetObject s3:GetObjectVersion", incoming, completed),
        _grant("s3:GetObjectVersionTagging s3:PutObjectVersionTagging", incoming),
        _grant("s3:DeleteObjectVersionTagging s3:DeleteObjectVersion", incoming),
        _grant("s3:PutObject s3:PutObjectTagging s3:AbortMultipartUpload", completed),
        _grant("s3:ListBucket s3:ListBucketVersions", raw),
        _grant("s3:PutObject s3:GetObject s3:AbortMultipartUpload", *written),
        _grant("s3:DeleteObject", f"{processed}/{keys.STAGING}*"),
        _grant("s3:ListBucket", processed, archive),
        _grant("s3:GetObject", f"{archive}/{keys.ARCHIVE}*", *_bundles(archive)),
        _grant(
            "sqs:SendMessage sqs:GetQueueAttributes sqs:ReceiveMessage sqs:ChangeMessageVisibility",
            stack.queue_arn(stack.dlq_url),
        ),
        _grant(
            "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes "
            "sqs:ChangeMessageVisibility sqs:SendMessage",
            stack.queue_arn(stack.processing_queue_url),
        ),
        _grant("cloudwatch:GetMetricStatistics", "*"),
    ]


def replay_files(stack: Stack) -> list[Grant]:
    """Return what the data processor may do more, to replay files for a job."""
    raw, _, _ = _buckets(stack)
    return [
        _grant("s3:PutObject s3:PutObjectTagging", f"{raw}/{keys.INCOMING}*"),
        _grant("s3:GetObjectVersionTagging", f"{raw}/{keys.COMPLETED}*"),
    ]


def replace_outputs(stack: Stack) -> list[Grant]:
    """Return what the data processor may do more, to replace outputs of datasets."""
    _, processed, archive = _buckets(stack)
    return [
        _grant(
            "s3:PutObject s3:PutObjectTagging s3:AbortMultipartUpload", f"{archive}/{keys.ARCHIVE}*"
        ),
        _grant("s3:GetObjectTagging", f"{processed}/{keys.PROCESSED}*"),
    ]


def run_jobs(stack: Stack) -> list[Grant]:
    """Return what the role of jobs may do: read manifests, write reports, invoke the processor."""
    _, processed, _ = _buckets(stack)
    function = function_arn(stack.data_processor_lambda_arn)
    return [
        _grant("s3:GetObject s3:GetObjectVersion s3:PutObject", f"{processed}/{keys.BATCH_JOBS}*"),
        _grant("lambda:InvokeFunction", function, f"{function}:*"),
    ]


def archiver(stack: Stack) -> list[Grant]:
    """Return what the data archiver may do with buckets, and that it may invoke itself."""
    _, processed, archive = _buckets(stack)
    return [
        _grant(
            "s3:GetObject s3:GetObjectTagging s3:DeleteObject", f"{processed}/{keys.PROCESSED}*"
        ),
        _grant(
            "s3:PutObject s3:PutObjectTagging s3:GetObject s3:AbortMultipartUpload",
            f"{archive}/{keys.ARCHIVE}*",
        ),
        _grant("s3:PutObject s3:GetObject s3:AbortMultipartUpload", *_bundles(archive)),
        _grant("s3:PutObject s3:GetObject", f"{archive}/{keys.BUNDLE_LAYOUTS}*"),
        _grant("s3:DeleteObject", f"{archive}/{keys.ARCHIVE}*"),
        _grant("s3:ListBucket", processed, archive),
        _grant("lambda:InvokeFunction", function_arn(stack.data_archiver_lambda_arn)),
    ]


def send(queue: str) -> Grant:
    """Return the permission to report failures to a queue, given by ARN."""
    return _grant("sqs:SendMessage", queue)


def invoke(function: str) -> Grant:
    """Return the permission to invoke a function, given by ARN."""
    return _grant("lambda:InvokeFunction", function)


def write_logs(stack: Stack, log_group: str) -> Grant:
    """Return the permission to write to a log group, given by name."""
    return _grant(
        "logs:CreateLogStream logs:PutLogEvents", stack.arn("logs", f"log-group:{log_group}:*")
    )


def use_key(key: str) -> Grant:
    """Return the permission to use a KMS key, given by ARN."""
    return _grant("kms:Decrypt kms:GenerateDataKey", key)


def _buckets(stack: Stack) -> tuple[str, str, str]:
    names = (stack.raw_bucket_name, stack.processed_bucket_name, stack.archive_bucket_name)
    raw, processed, archive = map(stack.bucket_arn, names)
    return raw, processed, archive


def _bundles(archive: str) -> tuple[str, str]:
    return f"{archive}/{keys.BUNDLES}*", f"{archive}/{keys.BUNDLE_INDEXES}*"


def _grant(actions: str, *resources: str) -> Grant:
    return Grant(actions=tuple(actions.split()), resources=resources)
