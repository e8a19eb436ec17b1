"""The parameters of AWS's operations that the functions use, and whether botocore knows them.

Lambda's runtime brings its own boto3, which AWS updates at any time. An older one rejects a newer
parameter, but only when the call is made. So each function checks at its start. Pure.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html, SDK included in the runtime
"""

from collections.abc import Mapping
from typing import Any, Final

from handlers.aws.object_info import KEPT_HEADERS

# The first botocore that knows all of them: PutObject has had IfMatch since then.
OLDEST_BOTOCORE: Final = "1.35.69"

_OBJECT: Final = ("Bucket", "Key")
_VERSION: Final = (*_OBJECT, "VersionId")
_UPLOAD: Final = (*_OBJECT, "UploadId")
_KEPT: Final = (*KEPT_HEADERS, "Metadata")
# By service and operation; a dot leads to a member, through lists.
PARAMETERS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "s3": {
        "AbortMultipartUpload": _UPLOAD,
        "CompleteMultipartUpload": (
            *_UPLOAD,
            "IfMatch",
            "IfNoneMatch",
            "MultipartUpload.Parts.ChecksumCRC32",
            "MultipartUpload.Parts.ETag",
            "MultipartUpload.Parts.PartNumber",
        ),
        "CopyObject": (
            *_OBJECT,
            *_KEPT,
            "CopySource",
            "CopySourceIfMatch",
            "MetadataDirective",
            "StorageClass",
        ),
        "CreateMultipartUpload": (
            *_OBJECT,
            *_KEPT,
            "ChecksumAlgorithm",
            "StorageClass",
            "Tagging",
        ),
        "DeleteObject": (*_VERSION, "IfMatch"),
        "DeleteObjectTagging": _VERSION,
        "DeleteObjects": ("Bucket", "Delete.Objects.ETag", "Delete.Objects.Key", "Delete.Quiet"),
        "GetObject": (*_VERSION, "IfMatch", "Range"),
        "GetObjectTagging": _VERSION,
        "HeadObject": (*_VERSION, "ChecksumMode", "IfMatch"),
        "ListObjectVersions": ("Bucket", "KeyMarker", "Prefix", "VersionIdMarker"),
        "ListObjectsV2": ("Bucket", "ContinuationToken", "Prefix", "StartAfter"),
        "PutObject": (
            *_OBJECT,
            "Body",
            "ChecksumCRC32",
            "ContentType",
            "IfMatch",
            "IfNoneMatch",
            "Metadata",
            "StorageClass",
        ),
        "PutObjectTagging": (*_VERSION, "Tagging.TagSet.Key", "Tagging.TagSet.Value"),
        "UploadPart": (*_UPLOAD, "Body", "ChecksumCRC32", "PartNumber"),
        "UploadPartCopy": (
            *_UPLOAD,
            "CopySource",
            "CopySourceIfMatch",
            "CopySourceRange",
            "PartNumber",
        ),
    },
    "sqs": {
        "ChangeMessageVisibility": ("QueueUrl", "ReceiptHandle", "VisibilityTimeout"),
        "ChangeMessageVisibilityBatch": (
            "QueueUrl",
            "Entries.Id",
            "Entries.ReceiptHandle",
            "Entries.VisibilityTimeout",
        ),
        "DeleteMessage": ("QueueUrl", "ReceiptHandle"),
        "GetQueueAttributes": ("QueueUrl", "AttributeNames"),
        "ReceiveMessage": (
            "QueueUrl",
            "MaxNumberOfMessages",
            "VisibilityTimeout",
            "WaitTimeSeconds",
        ),
        "SendMessage": ("MessageAttributes", "MessageBody", "QueueUrl"),
    },
    "cloudwatch": {
        "GetMetricStatistics": (
            "Dimensions.Name",
            "Dimensions.Value",
            "EndTime",
            "MetricName",
            "Namespace",
            "Period",
            "StartTime",
            "Statistics",
        ),
    },
    "lambda": {"Invoke": ("FunctionName", "InvocationType", "Payload")},
}


def missing_parameters(service: str, model: Any) -> list[str]:
    """Return what a botocore service model lacks of PARAMETERS, `PutObject.IfNoneMatch` say."""
    known = set(model.operation_names)
    return [
        f"{operation}.{path}"
        for operation, paths in PARAMETERS[service].items()
        for path in paths
        if operation not in known or not _has(model.operation_model(operation).input_shape, path)
    ]


def _has(shape: Any, path: str) -> bool:
    for name in path.split("."):
        structure = shape.member if shape.type_name == "list" else shape
        if name not in structure.members:
            return False
        shape = structure.members[name]
    return True
