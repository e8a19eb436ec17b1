"""Read stored objects: their versions, metadata and first bytes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ops import aws

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

# 405: the version is a delete marker. Not 400, which S3 answers for a text that is no version id,
# but also if the session has expired: versions come from S3, so it is the latter
# (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
_ABSENT: Final = frozenset({"404", "NoSuchKey", "NoSuchVersion", "405", "MethodNotAllowed"})


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """One version of an object, as listed; `size` is in bytes, `latest` marks the current one."""

    key: str
    version: str
    size: int
    modified: datetime
    latest: bool


@dataclass(frozen=True, kw_only=True)
class Head:
    """What HeadObject returns about one version; `size` is in bytes.

    `storage_class` is None for STANDARD, `restore` for what was never retrieved from GLACIER.
    """

    key: str
    version: str
    size: int
    modified: datetime
    metadata: Mapping[str, str]
    storage_class: str | None = None
    restore: str | None = None


def versions(s3: "S3Client", bucket: str, prefix: str) -> Iterator[StoredObject]:
    """Yield every version under a prefix, in the order of the keys; delete markers are left out."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for item in page.get("Versions", []):
            yield StoredObject(
                key=item.get("Key", ""),
                version=item.get("VersionId", "null"),
                size=item.get("Size", 0),
                modified=item["LastModified"],  # pyright: ignore[reportTypedDictNotRequiredAccess] S3 always sends it
                latest=item.get("IsLatest", False),
            )


def versions_of(s3: "S3Client", bucket: str, key: str) -> list[StoredObject]:
    """Return the versions of one key, newest first."""
    found: list[StoredObject] = []
    for item in versions(s3, bucket, key):
        if item.key != key:
            break  # S3 lists in the order of the keys, and this key comes first
        found.append(item)
    return sorted(found, key=lambda item: item.modified, reverse=True)


def count(s3: "S3Client", bucket: str, prefix: str) -> tuple[int, int]:
    """Return how many current objects are under a prefix, and their total size in bytes."""
    number = size = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            number += 1
            size += item.get("Size", 0)
    return number, size


def head(s3: "S3Client", bucket: str, key: str, version: str | None = None) -> Head | None:
    """Return the head of a version, of the current one by default, or None if there is none."""
    try:
        if version is None:
            answer = s3.head_object(Bucket=bucket, Key=key)
        else:
            answer = s3.head_object(Bucket=bucket, Key=key, VersionId=version)
    except s3.exceptions.ClientError as error:
        if aws.code(error) in _ABSENT:
            return None
        raise
    return Head(
        key=key,
        version=answer.get("VersionId", "null"),
        size=answer["ContentLength"],
        modified=answer["LastModified"],
        metadata=answer["Metadata"],
        storage_class=answer.get("StorageClass"),
        restore=answer.get("Restore"),
    )


def first_bytes(s3: "S3Client", bucket: str, key: str, length: int) -> bytes:
    """Return up to `length` bytes from the start of an object, b"" if it is empty or absent."""
    found = head(s3, bucket, key)
    if not found or not found.size:
        return b""
    return s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{length - 1}")["Body"].read()
