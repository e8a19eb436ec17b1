"""Write IAM statements for ARNs, one for each capability. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from handlers import keys

Statement = dict[str, Any]

_POLICY_VERSION: Final = "2012-10-17"
SCHEDULE_CONTEXT: Final = "kms:EncryptionContext:aws:scheduler:schedule:arn"
WORKGROUP_CONTEXT: Final = "kms:EncryptionContext:aws:athena:arn"


def document(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return a policy document with statements."""
    return {"Version": _POLICY_VERSION, "Statement": list(statements)}


def processor(
    *, raw: str, processed: str, archive: str, dead_letters: str, account: str
) -> list[Statement]:
    """Return the data processor's permissions on the buckets and the dead-letter queue.

    Buckets and queue are given by ARN. The ListBucket statements have no prefix on purpose: S3
    needs the permission without one to answer 404 instead of 403 for a key that does not exist.
    """
    buckets = [
        _allow(
            "ReadIncomingFiles",
            ["s3:GetObject", "s3:GetObjectVersion"],
            [f"{raw}/{keys.INCOMING}*", f"{raw}/{keys.COMPLETED}*"],
        ),
        _allow(
            "ReadTagsOfIncomingFiles",
            ["s3:GetObjectVersionTagging"],
            [f"{raw}/{keys.INCOMING}*"],
        ),
        _allow(
            "KeepOriginals",
            ["s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"],
            [f"{raw}/{keys.COMPLETED}*"],
        ),
        _allow(
            "UnmarkDiscardedFiles",
            ["s3:PutObjectVersionTagging", "s3:DeleteObjectVersionTagging"],
            [f"{raw}/{keys.INCOMING}*"],
        ),
        _allow("RemoveTakenVersions", ["s3:DeleteObjectVersion"], [f"{raw}/{keys.INCOMING}*"]),
        _allow("ListRawBucket", ["s3:ListBucket", "s3:ListBucketVersions"], [raw]),
        _allow(
            "WriteOutputs",
            ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"],
            [f"{processed}/{prefix}*" for prefix in (keys.PROCESSED, keys.REJECTED, keys.STAGING)],
        ),
        _allow("ClearStaging", ["s3:DeleteObject"], [f"{processed}/{keys.STAGING}*"]),
        _allow("ListOutputs", ["s3:ListBucket"], [processed, archive]),
        _allow(
            "ReadArchivedOutputs",
            ["s3:GetObject"],
            [
                f"{archive}/{prefix}*"
                for prefix in (keys.ARCHIVE, keys.BUNDLES, keys.BUNDLE_INDEXES)
            ],
        ),
    ]
    return [
        *(_in_account(it, account) for it in buckets),
        _allow("SendDeadLetters", ["sqs:SendMessage"], [dead_letters]),
        # To read a message of SQS is to receive it, and to make it visible again afterwards.
        _allow(
            "SeeDeadLetters",
            ["sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"],
            [dead_letters],
        ),
    ]


def replay_files(*, raw: str, account: str) -> list[Statement]:
    """Return the processor's permissions to copy completed files back to `incoming/`, for a job.

    What it needs beyond `processor`: this makes new uploads.
    """
    replays = [
        _allow("ReplayFiles", ["s3:PutObject", "s3:PutObjectTagging"], [f"{raw}/{keys.INCOMING}*"]),
        _allow("ReadTagsOfOriginals", ["s3:GetObjectVersionTagging"], [f"{raw}/{keys.COMPLETED}*"]),
    ]
    return [_in_account(it, account) for it in replays]


def replace_outputs(*, processed: str, archive: str, account: str) -> list[Statement]:
    """Return the processor's permissions to replace archived outputs of a dataset that changed.

    What it needs beyond `processor`, where a stack has datasets. An output that the archiver has
    just copied is copied once more, with its tags.
    """
    replaced = [
        _allow(
            "ReplaceArchivedOutputs",
            ["s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"],
            [f"{archive}/{keys.ARCHIVE}*"],
        ),
        _allow("ReadTagsOfOutputs", ["s3:GetObjectTagging"], [f"{processed}/{keys.PROCESSED}*"]),
    ]
    return [_in_account(it, account) for it in replaced]


def run_jobs(*, processed: str, function: str, account: str) -> list[Statement]:
    """Return the permissions of S3 Batch Operations for jobs that invoke a function.

    `processed` is the bucket's ARN. `function` is the function's ARN; a job may name its alias.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-iam-role-policies.html
    """
    jobs = [
        _allow(
            "ReadManifests",
            ["s3:GetObject", "s3:GetObjectVersion"],
            [f"{processed}/{keys.BATCH_JOBS}*"],
        ),
        _allow("WriteReports", ["s3:PutObject"], [f"{processed}/{keys.BATCH_JOBS}*"]),
    ]
    return [
        *(_in_account(it, account) for it in jobs),
        _allow("InvokeFunction", ["lambda:InvokeFunction"], [function, f"{function}:*"]),
    ]


def archiver(*, processed: str, archive: str, account: str) -> list[Statement]:
    """Return the data archiver's permissions on two buckets, given by ARN."""
    buckets = [
        _allow(
            "MoveOutputs",
            ["s3:GetObject", "s3:GetObjectTagging", "s3:DeleteObject"],
            [f"{processed}/{keys.PROCESSED}*"],
        ),
        _allow(
            "WriteArchive",
            ["s3:PutObject", "s3:PutObjectTagging", "s3:GetObject", "s3:AbortMultipartUpload"],
            [f"{archive}/{keys.ARCHIVE}*"],
        ),
        _allow(
            "WriteBundles",
            ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"],
            [f"{archive}/{keys.BUNDLES}*", f"{archive}/{keys.BUNDLE_INDEXES}*"],
        ),
        _allow(
            "DecideLayouts", ["s3:PutObject", "s3:GetObject"], [f"{archive}/{keys.BUNDLE_LAYOUTS}*"]
        ),
        _allow("ListBuckets", ["s3:ListBucket"], [processed, archive]),
    ]
    # A copy of an output that a bundle holds as well, since two runs were at it.
    copies = _allow("RemoveBundledCopies", ["s3:DeleteObject"], [f"{archive}/{keys.ARCHIVE}*"])
    return [
        *(_in_account(it, account) for it in buckets),
        _by_etag(_in_account(copies, account)),
    ]


def consume_queue(queue: str) -> Statement:
    """Return the permissions to consume a queue and to send to it.

    The event source mapping uses its function's role; the processor sends and changes visibility.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    return _allow(
        "ConsumeProcessingQueue",
        [
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
            "sqs:SendMessage",
        ],
        [queue],
    )


def read_metrics() -> Statement:
    """Return the permission to read metrics; CloudWatch has no resources to limit it to.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
    """
    return _allow("ReadMetrics", ["cloudwatch:GetMetricStatistics"], ["*"])


def send_failures(queue: str) -> Statement:
    """Return the permission to report failed asynchronous invocations, which Lambda uses."""
    return _allow("SendFailedInvocations", ["sqs:SendMessage"], [queue])


def invoke(*functions: str) -> Statement:
    """Return the permission to invoke functions, or versions of them, by ARN."""
    return _allow("InvokeFunction", ["lambda:InvokeFunction"], functions)


def use_key(key: str, *, region: str, services: Sequence[str]) -> Statement:
    """Return the permission to use the stack's KMS key, only through some services.

    A sender to an encrypted queue needs both actions.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    The key's own policy must let the account's IAM policies decide: see `key_policy`.
    """
    return {
        **_allow("UseKey", ["kms:Decrypt", "kms:GenerateDataKey"], [key]),
        "Condition": {"StringLike": {"kms:ViaService": via(region, services)}},
    }


def decrypt_environment(key: str, *, region: str) -> Statement:
    """Return the permission to decrypt a function's environment, which Lambda uses to start it."""
    return {
        **_allow("DecryptEnvironment", ["kms:Decrypt"], [key]),
        "Condition": {"StringLike": {"kms:ViaService": via(region, ["lambda"])}},
    }


def decrypt_schedule(key: str, *, schedules: str) -> Statement:
    """Return the permission to decrypt a schedule's input, which the scheduler uses.

    It calls KMS with the role itself, so there is no `kms:ViaService`; the schedule is in the
    encryption context. https://docs.aws.amazon.com/scheduler/latest/UserGuide/encryption-rest.html
    """
    return {
        **_allow("DecryptSchedule", ["kms:Decrypt"], [key]),
        "Condition": {"ArnLike": {SCHEDULE_CONTEXT: schedules}},
    }


def via(region: str, services: Sequence[str]) -> list[str]:
    """Return the values of `kms:ViaService` for services, whatever their partition is."""
    return [f"{service}.{region}.*" for service in services]


def write_logs(log_group: str) -> Statement:
    """Return the permission to write to an existing log group, but not to create one."""
    return _allow("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group}:*"])


def send_traces() -> Statement:
    """Return the permission to send traces; X-Ray has no resources to limit it to."""
    return _allow("SendTraces", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"])


def assume_role(service: str) -> Statement:
    """Return the trust policy statement for a service, whatever account it acts for."""
    return {
        "Sid": "AssumeRole",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }


def assume_role_here(service: str, *, account: str) -> Statement:
    """Return the trust policy statement for a service that acts for this account.

    It is not limited to a function, whose ARN exists only after its role. Lambda sends the account:
    https://docs.aws.amazon.com/lambda/latest/dg/permissions-managed-policies.html
    """
    return {
        **assume_role(service),
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }


def assume_role_for(service: str, *, source: str, account: str) -> Statement:
    """Return the trust policy statement for a service that acts for one resource."""
    trust = assume_role_here(service, account=account)
    return {**trust, "Condition": {"ArnEquals": {"aws:SourceArn": source}, **trust["Condition"]}}


def tls_only(actions: str, resources: Sequence[str]) -> Statement:
    """Return the denial of every request without TLS."""
    return {
        "Sid": "DenyUnencryptedTransport",
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": list(resources),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def receive_events(*, queue: str, bucket: str, account: str) -> Statement:
    """Return the permission of S3 to send one bucket's events; its ARN names no account."""
    return {
        "Sid": "ReceiveBucketEvents",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": bucket},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }


def publish_alarms(*, topic: str, account: str, region: str, partition: str) -> Statement:
    """Return the permission of this account's and region's CloudWatch alarms to publish."""
    return {
        "Sid": "PublishAlarms",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:{partition}:cloudwatch:{region}:{account}:alarm:*"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": list(resources),
    }


def _in_account(statement: Statement, account: str) -> Statement:
    """Limit a statement to the account's buckets: anyone can take the name of a deleted one."""
    return {**statement, "Condition": {"StringEquals": {"aws:ResourceAccount": account}}}


def _by_etag(statement: Statement) -> Statement:
    """Limit a statement to requests that name the ETag of the object that they mean.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html
    """
    named = {"Null": {"s3:if-match": "false"}}
    return {**statement, "Condition": {**statement["Condition"], **named}}
