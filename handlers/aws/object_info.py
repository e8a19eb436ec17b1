"""The location of an object, and what S3 says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
_METADATA_BYTES: Final = 2048
# What a copy keeps besides metadata and tags; CopyObject and CreateMultipartUpload name it alike.
KEPT_HEADERS: Final = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "WebsiteRedirectLocation",
)


# The class of an object for which S3 names none.
STANDARD: Final = "STANDARD"
# The class of outputs in the archive.
STANDARD_IA: Final = "STANDARD_IA"


@dataclass(frozen=True, kw_only=True)
class Location:
    """The location of an object, or of one version."""

    bucket: str
    key: str
    version: str | None = None

    def __str__(self) -> str:
        version = f" version {self.version}" if self.version else ""
        return f"s3://{self.bucket}/{self.key}{version}"

    def parameters(self) -> dict[str, str]:
        """Return the location as parameters of an S3 call."""
        named = {"Bucket": self.bucket, "Key": self.key}
        return named | {"VersionId": self.version} if self.version else named


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """What S3 says of an object."""

    location: Location
    etag: str
    size: int
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    storage_class: str = STANDARD
    tag_count: int = 0  # as GetObject tells it to whoever may read tags
    bundle: str = ""  # the key of the bundle in the archive bucket that holds it, if one does


def read_info(location: Location, response: Mapping[str, Any]) -> ObjectInfo:
    """Return what the answer to GetObject or HeadObject says of an object."""
    return ObjectInfo(
        location=location,
        etag=response["ETag"],
        size=response["ContentLength"],
        modified=response["LastModified"],
        metadata=response.get("Metadata", {}),
        headers={name: response[name] for name in KEPT_HEADERS if response.get(name)},
        storage_class=response.get("StorageClass", STANDARD),
        tag_count=response.get("TagCount", 0),
    )


def fits_metadata(metadata: Mapping[str, str]) -> bool:
    """Return whether user metadata is within S3's limit for one object."""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    return size <= _METADATA_BYTES and all(value.isascii() for value in metadata.values())
