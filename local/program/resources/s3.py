"""Create buckets and their settings."""

from collections.abc import Mapping
from typing import Any, Final, cast

from local.program.resources.creation import Created, Creation, shape

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html: no location may be given.
_UNNAMED_REGION: Final = "us-east-1"
_BUCKET_NAME_LENGTH: Final = 63

_LIFECYCLE_NAMES: Final = {"id": "ID"}
_ENCRYPTION_NAMES: Final = {
    "sseAlgorithm": "SSEAlgorithm",
    "kmsMasterKeyId": "KMSMasterKeyID",
}
_FILTER_NAMES: Final = {"filterPrefix": "prefix", "filterSuffix": "suffix"}


def bucket(creation: Creation) -> Created:
    """Create a bucket."""
    name = creation.physical_name(_BUCKET_NAME_LENGTH, key="bucket", lower=True)
    creation.take("forceDestroy")  # only about deletion
    region = creation.region
    location = None if region == _UNNAMED_REGION else {"LocationConstraint": region}
    creation.call(
        "s3",
        "create_bucket",
        Bucket=name,
        CreateBucketConfiguration=location,
        ObjectLockEnabledForBucket=creation.take("objectLockEnabled"),
    )
    if creation.tags:
        tagging = {"TagSet": creation.tag_list}
        creation.call("s3", "put_bucket_tagging", Bucket=name, Tagging=tagging)
    outputs = {
        "bucket": name,
        "arn": f"arn:aws:s3:::{name}",
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        "bucketRegion": region,
    }
    return Created(id=name, outputs=outputs)


def versioning(creation: Creation) -> Created:
    """Set a bucket's versioning."""
    configuration: dict[str, Any] = creation.take_shape("versioningConfiguration")
    return _put(
        creation,
        "put_bucket_versioning",
        VersioningConfiguration={
            {"MfaDelete": "MFADelete"}.get(key, key): value for key, value in configuration.items()
        },
    )


def lifecycle(creation: Creation) -> Created:
    """Set a bucket's lifecycle rules."""
    rules = [_lifecycle_rule(rule) for rule in creation.take("rules", [])]
    return _put(
        creation,
        "put_bucket_lifecycle_configuration",
        LifecycleConfiguration={"Rules": rules},
        TransitionDefaultMinimumObjectSize=creation.take("transitionDefaultMinimumObjectSize"),
    )


def encryption(creation: Creation) -> Created:
    """Set a bucket's default encryption."""
    rules = [_encryption_rule(rule) for rule in creation.take("rules")]
    return _put(
        creation,
        "put_bucket_encryption",
        ServerSideEncryptionConfiguration={"Rules": rules},
    )


def public_access_block(creation: Creation) -> Created:
    """Block public access to a bucket."""
    names = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    creation.take("skipDestroy")
    return _put(
        creation,
        "put_public_access_block",
        PublicAccessBlockConfiguration=shape(
            {name: creation.take(name, default=False) for name in names}
        ),
    )


def ownership_controls(creation: Creation) -> Created:
    """Set who owns a bucket's objects."""
    return _put(
        creation,
        "put_bucket_ownership_controls",
        OwnershipControls={"Rules": [creation.take_shape("rule")]},
    )


def policy(creation: Creation) -> Created:
    """Set a bucket's policy."""
    return _put(creation, "put_bucket_policy", Policy=creation.take_document("policy"))


def logging(creation: Creation) -> Created:
    """Make S3 log a bucket's requests to another bucket."""
    enabled = {
        "TargetBucket": creation.take("targetBucket"),
        "TargetPrefix": creation.take("targetPrefix"),
        "TargetObjectKeyFormat": creation.take_shape("targetObjectKeyFormat"),
    }
    given = {name: value for name, value in enabled.items() if value is not None}
    return _put(creation, "put_bucket_logging", BucketLoggingStatus={"LoggingEnabled": given})


def notification(creation: Creation) -> Created:
    """Set all notifications of a bucket."""
    configuration: dict[str, Any] = {
        "QueueConfigurations": _targets(creation.take("queues", [])),
        "TopicConfigurations": _targets(creation.take("topics", [])),
        "LambdaFunctionConfigurations": _targets(creation.take("lambdaFunctions", [])),
    }
    given = {key: value for key, value in configuration.items() if value}
    if creation.take("eventbridge"):
        given["EventBridgeConfiguration"] = {}  # it has no settings of its own
    return _put(creation, "put_bucket_notification_configuration", NotificationConfiguration=given)


def _put(creation: Creation, operation: str, **parameters: Any) -> Created:
    name = creation.take("bucket")
    creation.call(
        "s3",
        operation,
        Bucket=name,
        ExpectedBucketOwner=creation.take("expectedBucketOwner"),
        **parameters,
    )
    return Created(id=name)


def _encryption_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    written = shape(rule, _ENCRYPTION_NAMES)
    if blocked := written.pop("BlockedEncryptionTypes", None):
        written["BlockedEncryptionTypes"] = {"EncryptionType": blocked}
    return written


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    written = shape(rule, _LIFECYCLE_NAMES)
    chosen: dict[str, Any] = written.setdefault("Filter", {})
    if "And" in chosen and "Tags" in chosen["And"]:
        tags = cast("Mapping[str, str]", rule["filter"]["and"]["tags"])
        chosen["And"]["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    if not chosen and "Prefix" not in written:
        chosen["Prefix"] = ""  # every object
    return written


def _targets(targets: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [_target(target) for target in targets]


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    rules = [
        {"Name": name, "Value": target[key]}
        for key, name in _FILTER_NAMES.items()
        if target.get(key) is not None
    ]
    written = shape({key: value for key, value in target.items() if key not in _FILTER_NAMES})
    if rules:
        written["Filter"] = {"Key": {"FilterRules": rules}}
    return written
