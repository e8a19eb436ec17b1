"""Copies objects within S3, of any size, with metadata, headers and tags."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from handlers.aws.errors import translated
from handlers.aws.object_info import Location, ObjectInfo, fits_metadata, read_info
from handlers.aws.objects import Storage

# CopyObject copies at most 5 GB, https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
MAX_COPY_BYTES: Final = 5 * 1024**3
_COPY_PART_BYTES: Final = 512 * 1024**2  # 10,000 of them are the largest object there was: 5 TB


def copy_object(
    storage: Storage,
    source: ObjectInfo,
    target: Location,
    *,
    added: Mapping[str, str] | None = None,
    storage_class: str = "STANDARD",
) -> str:
    """Copy exactly the object that `source` describes and return the copy's ETag.

    Content type, metadata and tags are kept. `added` is added to the metadata, if all of it stays
    within S3's limit. Above 5 GB it is a multipart copy: one call a part, and five more.

    Raises:
        GoneError: the source does not exist.
        TakenError: the source has changed.
    """
    changed = _replaced(source, added) if added else {}
    with translated(f"copy {source.location} to s3://{target.bucket}/{target.key}"):
        if source.size > MAX_COPY_BYTES:
            etag = _copy_in_parts(storage, source, target, added or {}, storage_class)
        else:
            response = storage.s3.copy_object(
                **target.parameters(),
                CopySource=source.location.parameters(),
                CopySourceIfMatch=source.etag,
                StorageClass=storage_class,
                **({"MetadataDirective": "REPLACE"} | changed if changed else {}),
            )
            etag = response["CopyObjectResult"]["ETag"]
    storage.add_written(source.size)
    return etag


def _copy_in_parts(
    storage: Storage,
    source: ObjectInfo,
    target: Location,
    added: Mapping[str, str],
    storage_class: str,
) -> str:
    """Copy as `copy_object` does. A multipart copy keeps only what is named in its request."""
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 - as in _copy

    where = source.location.parameters()
    whole = read_info(source.location, storage.s3.head_object(**where, IfMatch=source.etag))
    kept = {**whole.headers, "Metadata": dict(whole.metadata)}
    tags = storage.s3.get_object_tagging(**where)["TagSet"]
    arguments: dict[str, Any] = {
        **(_replaced(whole, added) or kept),
        "MetadataDirective": "REPLACE",
        "StorageClass": storage_class,
        "CopySourceIfMatch": source.etag,
    }
    if tags:
        arguments["TaggingDirective"] = "REPLACE"
        arguments["Tagging"] = urlencode([(tag["Key"], tag["Value"]) for tag in tags])
    storage.s3.copy(
        where,
        target.bucket,
        target.key,
        ExtraArgs=arguments,
        Config=TransferConfig(multipart_chunksize=_COPY_PART_BYTES, max_concurrency=16),
    )
    return storage.s3.head_object(**target.parameters())["ETag"]


def _replaced(source: ObjectInfo, added: Mapping[str, str]) -> dict[str, Any]:
    """Return headers and metadata with `added`, or nothing if S3 would not take them."""
    metadata = {**source.metadata, **added}
    return {**source.headers, "Metadata": metadata} if fits_metadata(metadata) else {}
