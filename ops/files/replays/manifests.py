"""The manifest of a job: which completed versions it copies.

CSV without a header: bucket, URL-encoded key, version id.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/specify-batchjob-manifest.html
"""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from handlers import keys
from ops import aws
from ops.aws import Account
from ops.files import objects
from ops.files.copies import ONE_COPY_BYTES
from ops.files.replays.copying import SHORTENED
from ops.files.replays.plans import Range, Replay, plan_range
from ops.terminal.problems import OperatorError

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

FIELDS: Final = ("Bucket", "Key", "VersionId")
_FOLDER: Final = f"{keys.BATCH_JOBS}manifests/"
# Far more than the minimum of a part, so that 10,000 parts hold some billion lines.
_PART_BYTES: Final = 16 * 1024**2
# The manifest's own metadata, so that a repeated command can tell what it continues.
_UNTIL: Final = "completed-before"
_FILES: Final = "files"
_BYTES: Final = "bytes"
# Somebody else has stored the same manifest, or is about to.
_TAKEN: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
_TOO_LARGE: Final = "it is above 5 GB: replay it alone, by its key"


@dataclass(kw_only=True)
class Survey:
    """How many files of a range a job can copy, and their bytes.

    `left_out` holds those that it cannot copy, with the reason.
    """

    files: int = 0
    size_bytes: int = 0
    left_out: list[tuple[Replay, str]] = field(default_factory=list[tuple[Replay, str]])


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A stored manifest of files that were completed before `until`.

    `etag` is without quotation marks, `created` says when it was stored.
    """

    key: str
    etag: str
    created: datetime
    until: datetime
    survey: Survey


def survey(account: Account, chosen: Range) -> Survey:
    """Count the files of a range, one call for 1,000 versions; nothing is kept of each."""
    found = Survey()
    for _ in _lines(account, chosen, found):
        pass
    return found


def key_of(name: str) -> str:
    """Return the key of the manifest of a name, in the processed bucket."""
    return f"{_FOLDER}{name}.csv"


def find(account: Account, name: str) -> Manifest | None:
    """Return the manifest that is stored under a name, or None."""
    bucket, key = account.stack.processed_bucket_name, key_of(name)
    if objects.head(account.s3, bucket, key) is None:
        return None
    answer = account.s3.head_object(Bucket=bucket, Key=key)
    told = answer["Metadata"]
    return Manifest(
        key=key,
        etag=answer["ETag"].strip('"'),
        created=answer["LastModified"],
        until=datetime.fromisoformat(told[_UNTIL]),
        survey=Survey(files=int(told[_FILES]), size_bytes=int(told[_BYTES])),
    )


def store(account: Account, chosen: Range, surveyed: Survey, name: str) -> Manifest:
    """Store the manifest of a range with an end under a name, as a stream, and return it.

    Where another one was stored meanwhile, that one stays and is returned.
    """
    try:
        _upload(account, chosen, surveyed, key_of(name))
    except account.s3.exceptions.ClientError as error:
        if aws.code(error) not in _TAKEN:
            raise
    stored = find(account, name)
    if stored is None:
        msg = f"the manifest {key_of(name)} is gone again: somebody deletes it; try once more"
        raise OperatorError(msg)
    return stored


def _upload(account: Account, chosen: Range, surveyed: Survey, key: str) -> None:
    s3, bucket = account.s3, account.stack.processed_bucket_name
    told = {
        _UNTIL: str(chosen.until),
        _FILES: str(surveyed.files),
        _BYTES: str(surveyed.size_bytes),
    }
    # With SSE-S3, whatever the bucket's default is: a manifest may not be encrypted with KMS.
    upload = s3.create_multipart_upload(
        Bucket=bucket,
        Key=key,
        ContentType="text/csv",
        Metadata=told,
        ServerSideEncryption="AES256",
    )["UploadId"]
    parts: list[CompletedPartTypeDef] = []
    try:
        for number, body in enumerate(_joined(_lines(account, chosen, Survey())), 1):
            answer = s3.upload_part(
                Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body
            )
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        s3.complete_multipart_upload(
            Bucket=bucket,
            Key=key,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
            IfNoneMatch="*",
        )
    except BaseException:
        with suppress(*aws.AwsError):  # complete already, or the bucket's lifecycle aborts it
            s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        raise


def _lines(account: Account, chosen: Range, found: Survey) -> Iterator[bytes]:
    """Yield the manifest's lines, and count them in `found`."""
    bucket = account.stack.raw_bucket_name
    for replay in plan_range(account, chosen):
        source = replay.source
        if replay.target is None:
            found.left_out.append((replay, SHORTENED))
        elif source.size > ONE_COPY_BYTES:
            found.left_out.append((replay, _TOO_LARGE))
        else:
            found.files += 1
            found.size_bytes += source.size
            text = io.StringIO()
            # quote: `%20` for a space, so that it means the same to whoever takes `+` for one.
            csv.writer(text, lineterminator="\n").writerow(
                (bucket, quote(source.key), source.version)
            )
            yield text.getvalue().encode()


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines in parts that a multipart upload takes."""
    part = bytearray()
    for line in lines:
        part += line
        if len(part) >= _PART_BYTES:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)
