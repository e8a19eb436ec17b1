"""Objects joined end to end as one, within S3."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from handlers.aws.errors import translated
from handlers.aws.failures import GoneError, TransientError
from handlers.aws.object_info import Location
from handlers.aws.objects import Storage

# All parts but the last, https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MIN_PART_BYTES: Final = 5 * 1024**2
MAX_PARTS: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Piece:
    """An object that is to become a part of another."""

    key: str
    size: int


def join_objects(
    storage: Storage,
    pieces: Sequence[Piece],
    target: Location,
    *,
    metadata: Mapping[str, str],
    content_type: str,
) -> None:
    """Store the pieces, objects of the same bucket, end to end, where there is no object.

    The bytes stay in S3, one call a piece, except for pieces too small for a part: those are
    read and stored with their neighbours. Raises TakenError where there is an object.
    """
    groups = _group(pieces)
    if len(groups) <= 1 and sum(piece.size for piece in pieces) < MIN_PART_BYTES:
        body = b"".join(_read(storage, target.bucket, piece) for piece in pieces)
        storage.put_new(target, body, metadata=metadata, content_type=content_type)
        return
    named = target.parameters()
    with translated(f"join {len(pieces)} pieces as {target}"):
        upload = storage.s3.create_multipart_upload(
            **named, Metadata=dict(metadata), ContentType=content_type
        )["UploadId"]
    try:
        with ThreadPoolExecutor(16) as pool:
            join_part = partial(_join_part, storage, target, upload)
            parts = list(pool.map(join_part, range(1, len(groups) + 1), groups))
        with translated(f"complete {target}"):
            storage.s3.complete_multipart_upload(
                **named, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
            )
    except BaseException:
        # What cannot be aborted here, the bucket's lifecycle aborts.
        _abort(storage, named, upload)
        raise


def _join_part(
    storage: Storage, target: Location, upload: str, number: int, group: Sequence[Piece]
) -> dict[str, Any]:
    part = {**target.parameters(), "UploadId": upload, "PartNumber": number}
    with translated(f"part {number} of {target}"):
        if len(group) == 1 and group[0].size >= MIN_PART_BYTES:
            source = {"Bucket": target.bucket, "Key": group[0].key}
            copied = storage.s3.upload_part_copy(**part, CopySource=source)
            return {"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]}
        body = b"".join(_read(storage, target.bucket, piece) for piece in group)
        return {
            "PartNumber": number,
            "ETag": storage.s3.upload_part(**part, Body=body)["ETag"],
        }


def _abort(storage: Storage, named: Mapping[str, str], upload: str) -> None:
    try:
        with translated("abort"):
            storage.s3.abort_multipart_upload(**named, UploadId=upload)
    except (TransientError, GoneError):
        return


def _read(storage: Storage, bucket: str, piece: Piece) -> bytes:
    return storage.read(Location(bucket=bucket, key=piece.key))


def _group(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return the pieces as parts: each group is at least a part's size, except the last."""
    groups: list[list[Piece]] = []
    pending: list[Piece] = []
    for piece in pieces:
        if piece.size:
            pending.append(piece)
        if sum(held.size for held in pending) >= MIN_PART_BYTES:
            groups.append(pending)
            pending = []
    return [*groups, pending] if pending else groups
