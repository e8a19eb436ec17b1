"""Copy an object version of the raw bucket to another key, as a new upload."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from handlers import keys
from ops.aws import Account
from ops.files.objects import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CopySourceTypeDef

# CopyObject copies at most this many bytes; a larger object is copied in parts
# (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).
ONE_COPY_BYTES: Final = 5 * 1024**3
# Parts are larger if 10,000 of this size cannot hold the object.
PART_BYTES: Final = 512 * 1024**2
_MAX_PARTS: Final = 10_000
_PARTS_AT_ONCE: Final = 8
_KEPT_HEADERS: Final = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType",
    "Expires",
)  # fmt: skip


def renew(account: Account, source: StoredObject, target: str) -> str:
    """Copy a version to another key, and return the id of the new version.

    Keeps headers, metadata and tags, except for the metadata entry that the processor adds.
    """
    bucket = account.stack.raw_bucket_name
    place: CopySourceTypeDef = {"Bucket": bucket, "Key": source.key, "VersionId": source.version}
    kept = _kept(account, source)
    if source.size > ONE_COPY_BYTES:
        return _copy_parts(account, source, target, place, kept)
    answer = account.s3.copy_object(
        Bucket=bucket,
        Key=target,
        CopySource=place,
        MetadataDirective="REPLACE",
        TaggingDirective="REPLACE",
        **kept,
    )
    return answer.get("VersionId", "null")


def _kept(account: Account, source: StoredObject) -> dict[str, Any]:
    """Return the arguments that give a copy the headers, metadata and tags of its source."""
    bucket, key, version = account.stack.raw_bucket_name, source.key, source.version
    head = account.s3.head_object(Bucket=bucket, Key=key, VersionId=version)
    tags = account.s3.get_object_tagging(Bucket=bucket, Key=key, VersionId=version)["TagSet"]
    return {
        **{name: head[name] for name in _KEPT_HEADERS if name in head},
        # The processor's entry names the old source version, which is wrong for a new upload.
        "Metadata": {
            name: text for name, text in head["Metadata"].items() if name != keys.SOURCE_VERSION
        },
        "Tagging": urlencode([(tag["Key"], tag["Value"]) for tag in tags]),
    }


def _copy_parts(
    account: Account,
    source: StoredObject,
    target: str,
    place: "CopySourceTypeDef",
    kept: dict[str, Any],
) -> str:
    """Copy in parts, and return the id of the new version.

    boto3's managed copy sets the tags too late: after S3 has sent the event of the new object.
    """
    s3, bucket = account.s3, account.stack.raw_bucket_name
    upload = s3.create_multipart_upload(Bucket=bucket, Key=target, **kept)["UploadId"]
    length = max(PART_BYTES, -(-source.size // _MAX_PARTS))

    def part(number: int) -> "CompletedPartTypeDef":
        start = (number - 1) * length
        answer = s3.upload_part_copy(
            Bucket=bucket,
            Key=target,
            UploadId=upload,
            PartNumber=number,
            CopySource=place,
            CopySourceRange=f"bytes={start}-{min(start + length, source.size) - 1}",
        )
        return {"PartNumber": number, "ETag": answer["CopyPartResult"].get("ETag", "")}

    try:
        with ThreadPoolExecutor(_PARTS_AT_ONCE) as pool:
            parts = list(pool.map(part, range(1, -(-source.size // length) + 1)))
        answer = s3.complete_multipart_upload(
            Bucket=bucket, Key=target, UploadId=upload, MultipartUpload={"Parts": parts}
        )
    except BaseException:
        s3.abort_multipart_upload(Bucket=bucket, Key=target, UploadId=upload)
        raise
    return answer.get("VersionId", "null")
