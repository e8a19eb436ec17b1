"""Copy objects of any size inside S3: as a new upload, or as they are."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from handlers import keys
from handlers.bundles.entries import Entry
from ops.aws import Account
from ops.files.objects import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CopySourceTypeDef

# CopyObject copies at most this many bytes; a larger object is copied in parts
# (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).
ONE_COPY_BYTES: Final = 5 * 1024**3
# Parts are larger if 10,000 of this size cannot hold the object.
PART_BYTES: Final = 512 * 1024**2
_MAX_PARTS: Final = 10_000
# Of all user metadata of an object: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
_METADATA_BYTES: Final = 2048
_PARTS_AT_ONCE: Final = 8
_KEPT_HEADERS: Final = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType",
    "Expires",
)  # fmt: skip

# The processor's entries name the old source version, and the job that made it: they would be wrong
# for a new upload.
_OF_THE_FIRST: Final = (
    keys.SOURCE_VERSION, keys.SOURCE_UPLOADED, keys.REPLAY_JOB, keys.REPLAY_OF,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A copy to make: from where, of how many bytes, and to where.

    With an `etag`, only an object with that ETag is copied, and only if the target's key is free.
    """

    source: "CopySourceTypeDef"
    size: int
    bucket: str
    key: str
    etag: str | None = None

    def source_condition(self) -> Any:
        """Return the arguments that copy nothing but the object with the ETag."""
        return {"CopySourceIfMatch": self.etag} if self.etag else {}

    def target_condition(self) -> Any:
        """Return the arguments that replace no object."""
        return {"IfNoneMatch": "*"} if self.etag else {}


def renew(account: Account, source: StoredObject, target: str, marks: Mapping[str, str]) -> str:
    """Copy a version of the raw bucket to another key, and return the id of the new version.

    Keeps headers, metadata and tags, except for the metadata entries that the processor adds, and
    the tag of a version that was discarded. The marks are added to the metadata if S3's limit
    leaves room for them.
    """
    bucket = account.stack.raw_bucket_name
    place: CopySourceTypeDef = {"Bucket": bucket, "Key": source.key, "VersionId": source.version}
    copy = Copy(source=place, size=source.size, bucket=bucket, key=target)
    kept = _kept(account.s3, place, without=_OF_THE_FIRST)
    marked = {**kept["Metadata"], **marks}
    if sum(len(name) + len(text) for name, text in marked.items()) <= _METADATA_BYTES:
        kept["Metadata"] = marked
    if source.size > ONE_COPY_BYTES:
        return _copy_parts(account.s3, copy, kept)
    answer = account.s3.copy_object(
        Bucket=bucket,
        Key=target,
        CopySource=place,
        MetadataDirective="REPLACE",
        TaggingDirective="REPLACE",
        **kept,
    )
    return answer.get("VersionId", "null")


def duplicate(account: Account, copy: Copy) -> None:
    """Copy an object with its headers, metadata and tags.

    If it dies, no part of the copy is to be seen. Raises an error of AWS with the code
    PreconditionFailed or ConditionalRequestConflict if a condition of the copy does not hold.
    """
    if copy.size > ONE_COPY_BYTES:
        _copy_parts(account.s3, copy, _kept(account.s3, copy.source))
        return
    account.s3.copy_object(
        Bucket=copy.bucket,
        Key=copy.key,
        CopySource=copy.source,
        **copy.source_condition(),
        **copy.target_condition(),
    )


def store(account: Account, body: bytes, entry: Entry, bucket: str, key: str) -> None:
    """Store an output that was in a bundle, with its headers, metadata and tags.

    Raises an error of AWS with the code PreconditionFailed or ConditionalRequestConflict if there
    is an object with the key.
    """
    headers: Any = entry.headers
    account.s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=body,
        ChecksumAlgorithm="CRC32",
        IfNoneMatch="*",
        Metadata=dict(entry.metadata),
        Tagging=urlencode(entry.tags),
        **headers,
    )


def _kept(
    s3: "S3Client", source: Mapping[str, Any], *, without: Collection[str] = ()
) -> dict[str, Any]:
    """Return the arguments that give a copy the headers, metadata and tags of its source."""
    head = s3.head_object(**source)
    tags = s3.get_object_tagging(**source)["TagSet"]
    return {
        **{name: head[name] for name in _KEPT_HEADERS if name in head},
        "Metadata": {name: text for name, text in head["Metadata"].items() if name not in without},
        "Tagging": urlencode(
            [(tag["Key"], tag["Value"]) for tag in tags if tag["Key"] != keys.DISCARDED_TAG]
        ),
    }


def _copy_parts(s3: "S3Client", copy: Copy, kept: dict[str, Any]) -> str:
    """Copy in parts, and return the id of the new version.

    boto3's managed copy sets the tags too late: after S3 has sent the event of the new object.
    """
    place = {"Bucket": copy.bucket, "Key": copy.key}
    upload = s3.create_multipart_upload(**place, **kept)["UploadId"]
    length = max(PART_BYTES, -(-copy.size // _MAX_PARTS))

    def part(number: int) -> "CompletedPartTypeDef":
        start = (number - 1) * length
        answer = s3.upload_part_copy(
            **place,
            UploadId=upload,
            PartNumber=number,
            CopySource=copy.source,
            CopySourceRange=f"bytes={start}-{min(start + length, copy.size) - 1}",
            **copy.source_condition(),
        )
        return {"PartNumber": number, "ETag": answer["CopyPartResult"].get("ETag", "")}

    try:
        with ThreadPoolExecutor(_PARTS_AT_ONCE) as pool:
            parts = list(pool.map(part, range(1, -(-copy.size // length) + 1)))
        answer = s3.complete_multipart_upload(
            **place, UploadId=upload, MultipartUpload={"Parts": parts}, **copy.target_condition()
        )
    except BaseException:
        s3.abort_multipart_upload(Bucket=copy.bucket, Key=copy.key, UploadId=upload)
        raise
    return answer.get("VersionId", "null")
