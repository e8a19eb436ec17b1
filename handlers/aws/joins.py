"""Objects joined end to end as one, within S3."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from handlers.aws.errors import translated
from handlers.aws.failures import GoneError, TransientError
from handlers.aws.object_info import Location, ObjectInfo
from handlers.aws.objects import Storage, storage_class_of

# All parts but the last, https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MIN_PART_BYTES: Final = 5 * 1024**2
MAX_PARTS: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stored object that is joined with others; `size` in bytes."""

    bucket: str
    key: str
    size: int


def join_objects(
    storage: Storage,
    parts: Sequence[Part],
    target: Location,
    *,
    metadata: Mapping[str, str],
    content_type: str,
    old: ObjectInfo | None = None,
) -> None:
    """Store the parts end to end as one object, if the target's key is free.

    S3 copies the bytes, one call a part. Parts below the minimum of a multipart upload are read and
    uploaded together. With `old`, the object replaces exactly that one, and keeps its class.

    Raises:
        TakenError: the target's key is taken, or the object that `old` describes has changed.
        GoneError: a part is gone, or what `old` describes.
    """
    groups = _group(parts)
    if len(groups) <= 1 and sum(part.size for part in parts) < MIN_PART_BYTES:
        body = _read(storage, parts)
        if old:
            storage.replace(old, body, metadata=metadata, content_type=content_type)
        else:
            storage.put_new(target, body, metadata=metadata, content_type=content_type)
        return
    named = target.parameters()
    kept = storage_class_of(old) if old else {}
    condition = {"IfMatch": old.etag} if old else {"IfNoneMatch": "*"}
    with translated(f"join {len(parts)} parts as {target}"):
        upload = storage.s3.create_multipart_upload(
            **named, Metadata=dict(metadata), ContentType=content_type, **kept
        )["UploadId"]
    try:
        with ThreadPoolExecutor(16) as pool:
            add_part = partial(_add_part, storage, target, upload)
            uploaded = list(pool.map(add_part, range(1, len(groups) + 1), groups))
        with translated(f"complete {target}"):
            storage.s3.complete_multipart_upload(
                **named, UploadId=upload, MultipartUpload={"Parts": uploaded}, **condition
            )
    except BaseException:
        # What cannot be aborted here, the bucket's lifecycle aborts.
        _abort(storage, named, upload)
        raise


def _add_part(
    storage: Storage, target: Location, upload: str, number: int, group: Sequence[Part]
) -> dict[str, Any]:
    """Add a group of parts to a multipart upload, as its part of that number."""
    named = {**target.parameters(), "UploadId": upload, "PartNumber": number}
    with translated(f"part {number} of {target}"):
        if len(group) == 1 and group[0].size >= MIN_PART_BYTES:
            source = {"Bucket": group[0].bucket, "Key": group[0].key}
            etag = storage.s3.upload_part_copy(**named, CopySource=source)["CopyPartResult"]["ETag"]
        else:
            body = _read(storage, group)
            etag = storage.s3.upload_part(**named, Body=body)["ETag"]
        storage.add_written(sum(part.size for part in group))
        return {"PartNumber": number, "ETag": etag}


def _abort(storage: Storage, named: Mapping[str, str], upload: str) -> None:
    try:
        with translated("abort"):
            storage.s3.abort_multipart_upload(**named, UploadId=upload)
    except (TransientError, GoneError):
        return


def _read(storage: Storage, parts: Sequence[Part]) -> bytes:
    return b"".join(storage.read(Location(bucket=part.bucket, key=part.key)) for part in parts)


def _group(parts: Sequence[Part]) -> list[list[Part]]:
    """Return the parts in groups; each but the last is large enough for a multipart upload."""
    groups: list[list[Part]] = []
    pending: list[Part] = []
    for part in parts:
        if part.size:
            pending.append(part)
        if sum(waiting.size for waiting in pending) >= MIN_PART_BYTES:
            groups.append(pending)
            pending = []
    return [*groups, pending] if pending else groups
