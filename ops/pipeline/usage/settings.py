"""Read the settings of a deployed stack that decide on its cost, from its resources."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ops import aws
from ops.aws import Account
from ops.costs.plans import Plan
from ops.stack import Stack, function_name

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

# The ids of the rules in infra/lifecycle.py.
COMPLETED_RULE: Final = "expire-completed"
NONCURRENT_RULE: Final = "expire-noncurrent-versions"
ARCHIVE_RULE: Final = "move-to-glacier-then-expire"
_DEFAULT: Final = Plan()


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    """What a function's invocations cost by."""

    name: str
    memory_mb: int
    architecture: str
    log_group: str
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """A stack's plan, its functions, and how many bytes of logs it keeps."""

    plan: Plan
    processor: FunctionSettings
    archiver: FunctionSettings
    stored_log_bytes: int


def read(account: Account) -> StackSettings:
    """Return a stack's settings; what a resource does not say has the program's default.

    Raises ClientError if something may not be read, an encrypted environment say.
    """
    stack = account.stack
    processor = _function(account, stack.data_processor_lambda_arn)
    archiver = _function(account, stack.data_archiver_lambda_arn)
    log_retention_days, stored = _logs(account, processor.log_group, archiver.log_group)
    batch_size, batch_window_seconds = _batches(account)
    plan = Plan(
        **_days(account, archiver.variables),
        batch_size=batch_size,
        batch_window_seconds=batch_window_seconds,
        processor_memory_mb=processor.memory_mb,
        archiver_memory_mb=archiver.memory_mb,
        log_retention_days=log_retention_days,
        archive_bundles=archiver.variables.get("ARCHIVE_BUNDLES") == "true",
        bundle_below_kb=int(archiver.variables.get("BUNDLE_BELOW_KB", _DEFAULT.bundle_below_kb)),
        archive_concurrency=int(
            archiver.variables.get("ARCHIVE_CONCURRENCY", _DEFAULT.archive_concurrency)
        ),
        compress_output=processor.variables.get("COMPRESS_OUTPUT") == "true",
        kms_key=_has_key(account.s3, stack.raw_bucket_name),
        alarm_metrics=_alarm_metrics(account),
    )
    return StackSettings(plan=plan, processor=processor, archiver=archiver, stored_log_bytes=stored)


def _days(account: Account, archiver: Mapping[str, str]) -> dict[str, int]:
    """Return how long objects are kept where, from the archiver's variables and the buckets."""
    raw = _rules(account.s3, account.stack.raw_bucket_name)
    ageing = _rules(account.s3, account.stack.archive_bucket_name).get(ARCHIVE_RULE)
    completed = raw.get(COMPLETED_RULE, {}).get("Expiration", {})
    noncurrent = raw.get(NONCURRENT_RULE, {}).get("NoncurrentVersionExpiration", {})
    days = {
        "retention_days": int(archiver.get("RETENTION_DAYS", _DEFAULT.retention_days)),
        "completed_days": completed.get("Days", _DEFAULT.completed_days),
        "noncurrent_days": noncurrent.get("NoncurrentDays", _DEFAULT.noncurrent_days),
    }
    if ageing is None:
        return days
    return days | {
        "archive_days": ageing["Transitions"][0]["Days"],
        # A rule without an expiration keeps the archive for ever.
        "expiration_days": ageing.get("Expiration", {}).get("Days", 0),
    }


def _function(account: Account, arn: str) -> FunctionSettings:
    found = account.functions.get_function_configuration(FunctionName=arn)
    name = function_name(arn)
    return FunctionSettings(
        name=name,
        memory_mb=found.get("MemorySize", _DEFAULT.processor_memory_mb),
        architecture=found.get("Architectures", ["arm64"])[0],
        log_group=found.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}",
        variables=aws.read_environment(found),
    )


def _rules(s3: "S3Client", bucket: str) -> dict[str, Any]:
    """Return a bucket's lifecycle rules by their ids."""
    try:
        answer = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    except s3.exceptions.ClientError as error:
        if aws.code(error) == "NoSuchLifecycleConfiguration":
            return {}
        raise
    return {rule.get("ID", ""): rule for rule in answer.get("Rules", [])}


def _has_key(s3: "S3Client", bucket: str) -> bool:
    try:
        answer = s3.get_bucket_encryption(Bucket=bucket)
    except s3.exceptions.ClientError as error:
        if aws.code(error) == "ServerSideEncryptionConfigurationNotFoundError":
            return False
        raise
    rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
    return any(
        rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") == "aws:kms"
        for rule in rules
    )


def _batches(account: Account) -> tuple[int, int]:
    """Return the size of the queue's batches, and the seconds that one is waited for."""
    pages = account.functions.get_paginator("list_event_source_mappings").paginate(
        EventSourceArn=_queue_arn(account.stack)
    )
    for page in pages:
        for mapping in page["EventSourceMappings"]:
            size = mapping.get("BatchSize", _DEFAULT.batch_size)
            return size, mapping.get("MaximumBatchingWindowInSeconds", 0)
    return _DEFAULT.batch_size, _DEFAULT.batch_window_seconds


def _queue_arn(stack: Stack) -> str:
    _, partition, _, region, owner, *_ = stack.data_processor_lambda_arn.split(":")
    return f"arn:{partition}:sqs:{region}:{owner}:{stack.processing_queue_url.rpartition('/')[2]}"


def _logs(account: Account, *groups: str) -> tuple[int, int]:
    """Return the longest retention of log groups in days, and the bytes that they keep."""
    retention, stored = 0, 0
    for name in groups:
        found = account.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        for group in found:
            if group.get("logGroupName") == name:
                stored += group.get("storedBytes", 0)
                retention = max(retention, group.get("retentionInDays", 0))
    return retention or _DEFAULT.log_retention_days, stored


def _alarm_metrics(account: Account) -> int:
    """Return how many metrics the alarms look at that notify the stack's topic."""
    topic = account.stack.alarm_topic_arn
    if not topic:
        return _DEFAULT.alarm_metrics
    pages = account.cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
    alarms = [
        alarm
        for page in pages
        for alarm in page.get("MetricAlarms", [])
        if topic in alarm.get("AlarmActions", [])
    ]
    return sum(
        sum("MetricStat" in one for one in alarm.get("Metrics", [])) or 1 for alarm in alarms
    )
