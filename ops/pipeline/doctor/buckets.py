"""Check the buckets: there, versioned, encrypted, private; and the key of their encryption."""

from collections.abc import Iterator
from typing import Final

from ops import aws
from ops.aws import ClientError
from ops.pipeline.doctor.findings import Deployment, Finding, judged, ok, problem, unknown

_UP: Final = "`pulumi up --refresh` sets it again"
_ABSENT: Final = frozenset({"404", "NoSuchBucket"})
_USABLE: Final = "Enabled"
_GONE: Final = "gone"
_BLOCKS: Final = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)


def existence(deployment: Deployment) -> Iterator[Finding]:
    """Check that each bucket exists."""
    for name, bucket in deployment.buckets.items():
        try:
            deployment.account.s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            if aws.code(error) not in _ABSENT:
                raise
            mend = "`pulumi up --refresh` makes it again, empty; or take fresh outputs"
            yield problem(f"{name} bucket", f"{bucket} does not exist", mend)
        else:
            yield ok(f"{name} bucket", bucket)


def versioning(deployment: Deployment) -> Iterator[Finding]:
    """Check that each bucket keeps versions: an upload over another would lose it otherwise."""
    for name, bucket in deployment.buckets.items():
        status = deployment.account.s3.get_bucket_versioning(Bucket=bucket).get("Status", "off")
        yield judged(
            f"{name} bucket, versions",
            [] if status == "Enabled" else [f"versioning is {status}"],
            well="kept",
            mend=_UP,
        )


def encryption(deployment: Deployment) -> Iterator[Finding]:
    """Check that each bucket encrypts what it stores."""
    for name, bucket in deployment.buckets.items():
        algorithm, key = _default(deployment, bucket)
        yield judged(
            f"{name} bucket, encryption",
            [] if algorithm else ["there is no default encryption"],
            well=f"{algorithm}{f' with {key}' if key else ''}",
            mend=_UP,
        )


def privacy(deployment: Deployment) -> Iterator[Finding]:
    """Check that public access to each bucket is blocked."""
    for name, bucket in deployment.buckets.items():
        try:
            found = deployment.account.s3.get_public_access_block(Bucket=bucket)
        except ClientError as error:
            if aws.code(error) != "NoSuchPublicAccessBlockConfiguration":
                raise
            missing = list(_BLOCKS)
        else:
            blocks = found["PublicAccessBlockConfiguration"]
            missing = [block for block in _BLOCKS if not blocks.get(block)]
        yield judged(
            f"{name} bucket, public access",
            [f"not set: {', '.join(missing)}"] if missing else [],
            well="blocked",
            mend=_UP,
        )


def key(deployment: Deployment) -> Iterator[Finding]:
    """Check that the KMS keys of buckets, queues and functions can be used, if there are any."""
    keys = keys_in_use(deployment)
    if not keys:
        yield ok("KMS key", "none: S3 and SQS encrypt with keys of their own")
    for one in sorted(keys):
        state = _key_state(deployment, one)
        if deployment.is_local and state == _GONE:
            yield unknown("KMS key", f"{one}: not checked on the local pipeline, which has no keys")
            continue
        yield judged(
            "KMS key",
            [] if state == _USABLE else [f"{one} is {state}: nothing encrypted can be read"],
            well=f"{one} is enabled",
            mend="`aws kms cancel-key-deletion`, then `aws kms enable-key`, with --key-id",
        )


def keys_in_use(deployment: Deployment) -> set[str]:
    """Return the KMS keys of the buckets, the processing queue and the functions."""
    queue = deployment.account.sqs.get_queue_attributes(
        QueueUrl=deployment.stack.processing_queue_url, AttributeNames=["KmsMasterKeyId"]
    )
    found = {
        *(_default(deployment, bucket)[1] for bucket in deployment.buckets.values()),
        queue.get("Attributes", {}).get("KmsMasterKeyId"),
        deployment.processor.get("KMSKeyArn"),
        deployment.archiver.get("KMSKeyArn"),
    }
    return {one for one in found if one}


def _key_state(deployment: Deployment, key_arn: str) -> str:
    try:
        found = deployment.account.kms.describe_key(KeyId=key_arn)["KeyMetadata"]
    except ClientError as error:
        if aws.code(error) != "NotFoundException":
            raise
        return _GONE
    return str(found.get("KeyState"))


def _default(deployment: Deployment, bucket: str) -> tuple[str | None, str | None]:
    """Return the algorithm and the KMS key of a bucket's default encryption."""
    try:
        found = deployment.account.s3.get_bucket_encryption(Bucket=bucket)
    except ClientError as error:
        if aws.code(error) != "ServerSideEncryptionConfigurationNotFoundError":
            raise
        return None, None
    rules = found["ServerSideEncryptionConfiguration"]["Rules"]
    defaults = [rule.get("ApplyServerSideEncryptionByDefault") for rule in rules]
    chosen = next((one for one in defaults if one), None)
    return (chosen["SSEAlgorithm"], chosen.get("KMSMasterKeyID")) if chosen else (None, None)
