"""S3, SQS and Lambda as the pipeline uses them; the only module that calls AWS.

Every error of AWS leaves here as one of `handlers.aws.failures`, by what to do about it.
"""

import base64
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from io import BytesIO
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from botocore import __version__ as BOTOCORE_VERSION  # noqa: N812
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session, get_session

from handlers.aws.failures import (
    AccessDeniedError,
    GoneError,
    PermanentError,
    TakenError,
    TransientError,
)
from handlers.aws.operations import OLDEST_BOTOCORE, missing_parameters
from handlers.aws.service_models import Service, ServiceModels
from handlers.environment import MisconfigurationError

# CopyObject copies at most 5 GB, https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
MAX_COPY_BYTES: Final = 5 * 1024**3
# All parts but the last, https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MIN_PART_BYTES: Final = 5 * 1024**2
MAX_PARTS: Final = 10_000
DELETE_BATCH: Final = 1_000  # keys of one DeleteObjects
_COPY_PART_BYTES: Final = 512 * 1024**2  # 10,000 of them are the largest object there was: 5 TB
# So little that the kernel's buffer of a socket holds the next block, and more, by the time the
# last is worked on. A thread that reads ahead was slower: it and the work wait for one another.
_READ_BYTES: Final = 64 * 1024
_PIECE_BYTES: Final = 1024 * 1024
_READ_ATTEMPTS: Final = 5  # openings of a stream that was lost, with no byte between them
_CONNECTIONS: Final = 64  # the archiver's copies, or a batch of files with their uploads

_MISSING: Final = {"NoSuchKey", "NoSuchVersion", "NoSuchUpload", "404", "NotFound"}
_TAKEN: Final = {"PreconditionFailed", "412"}
_DENIED: Final = {"AccessDenied", "AccessDeniedException", "403", "KMS.AccessDeniedException"}
_HOPELESS: Final = {
    "InvalidArgument",  # a version id that is none, say
    "InvalidObjectState",
    "KeyTooLongError",
    "MalformedXML",
    "MetadataTooLarge",
}
# What a copy keeps besides metadata and tags; CopyObject and CreateMultipartUpload name it alike.
_KEPT_HEADERS: Final = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "WebsiteRedirectLocation",
)
_METADATA_BYTES: Final = (
    2048  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
)
_PLAIN_VALUE_BYTES: Final = 1_000  # a longer value is shorter in base64 if it is not ASCII
_BASE64: Final = "base64:"


@cache
def client(service: Service) -> Any:
    """Return the function's one client of a service, with time-outs and retries set.

    Raises MisconfigurationError where the runtime's botocore is too old for what is called.
    """
    config = Config(
        connect_timeout=5,
        read_timeout=60,  # a copy of 5 GB answers late, but sends white space meanwhile
        retries={"mode": "standard", "total_max_attempts": 5},
        max_pool_connections=_CONNECTIONS,
        # As boto3 does by itself for a body that has its checksum behind it: TLS and the checksum
        # guard it, and it is not hashed once more.
        s3={"payload_signing_enabled": False},
    )
    made: Any = _session().create_client(service, config=config)
    missing = missing_parameters(service, made.meta.service_model)
    if missing:
        msg = f"botocore is {BOTOCORE_VERSION}, without {', '.join(missing)}; "
        msg += f"allowed: {OLDEST_BOTOCORE} or later"
        raise MisconfigurationError(msg)
    if service == "s3":
        made.meta.events.register("before-send.s3.PutObject", _send_in_pieces)
        made.copy = partial(_copy, made)
    return made


@cache
def _session() -> Session:
    """Return the one session of the clients: botocore's, since boto3's takes longer to load."""
    session = get_session()
    session.register_component("data_loader", ServiceModels())
    return session


def _copy(s3: Any, *arguments: Any, **options: Any) -> None:
    """Copy as the `copy` of boto3's client does, which few files need: above 5 GB."""
    from boto3.s3.inject import copy  # noqa: PLC0415 - no cold start pays for it

    copy(s3, *arguments, **options)


class _Pieces(BytesIO):
    """A body that is sent in pieces of 1 MiB instead of the 16 KiB that are asked for.

    Before each piece an upload has to wait until the work beside it gives way, 5 ms: with the small
    ones it would come to no more than 3 MB/s. All at once would have to be through in the 5 s that
    the connection has for one piece.
    https://docs.python.org/3/library/sys.html#sys.setswitchinterval
    """

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size if size is None or size < 0 else max(size, _PIECE_BYTES))


def _send_in_pieces(request: Any, **_: object) -> None:
    if isinstance(request.body, BytesIO):  # as botocore makes of bytes
        request.body = _Pieces(request.body.getvalue())


@contextmanager
def translated(action: str) -> Generator[None]:
    """Turn the errors of an AWS call into `handlers.aws.failures`; `action` says what was tried."""
    try:
        yield
    except ClientError as error:
        raise _failure(action, error.response.get("Error", {})) from error
    except (BotoCoreError, ResponseParserError, OSError) as error:
        msg = f"{action}: {error}"
        raise TransientError(msg) from error


def _failure(action: str, details: Mapping[str, Any]) -> Exception:
    """Return the failure that an error code of AWS stands for."""
    code = details.get("Code", "")
    msg = f"{action}: {code}: {details.get('Message', '')}"
    if code in _MISSING:
        return GoneError(msg)
    if code in _TAKEN:
        return TakenError(msg)
    if code in _DENIED:
        return AccessDeniedError(msg)
    if code in _HOPELESS:
        return PermanentError(msg)
    return TransientError(msg)


def encode_value(value: str) -> str:
    """Return a text as user metadata may hold it: ASCII, and short enough for any key."""
    quoted = quote(value, safe="/")
    if len(quoted) <= _PLAIN_VALUE_BYTES:
        return quoted
    return _BASE64 + base64.urlsafe_b64encode(value.encode()).decode()


def decode_value(value: str) -> str:
    """Return what `encode_value` was given."""
    if value.startswith(_BASE64):
        return base64.urlsafe_b64decode(value.removeprefix(_BASE64)).decode(errors="replace")
    return unquote(value, errors="replace")


def fits_metadata(metadata: Mapping[str, str]) -> bool:
    """Return whether S3 takes these as the user metadata of one object."""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    return size <= _METADATA_BYTES and all(value.isascii() for value in metadata.values())


@dataclass(frozen=True, kw_only=True)
class Location:
    """An object, or one version of it."""

    bucket: str
    key: str
    version: str | None = None

    def __str__(self) -> str:
        version = f" version {self.version}" if self.version else ""
        return f"s3://{self.bucket}/{self.key}{version}"

    def parameters(self) -> dict[str, str]:
        """Return it as the parameters of an S3 call."""
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


@dataclass(frozen=True, kw_only=True)
class Piece:
    """An object that is to become a part of another."""

    key: str
    size: int


class Storage:
    """S3 calls; each method is one, unless it says otherwise."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def open(self, location: Location) -> "OpenObject":
        """Return an object's info with its bytes to be read; raises GoneError."""
        with translated(f"get {location}"):
            response = self._s3.get_object(**location.parameters())
        version = response.get("VersionId")
        pinned = Location(bucket=location.bucket, key=location.key, version=version)
        return OpenObject(self._s3, _info(pinned, response), response["Body"])

    def read(self, location: Location) -> bytes:
        """Return a small object's bytes; raises GoneError."""
        with translated(f"get {location}"):
            return self._s3.get_object(**location.parameters())["Body"].read()

    def describe(self, location: Location) -> ObjectInfo | None:
        """Return an object's info, or None if there is none."""
        try:
            with translated(f"head {location}"):
                return _info(location, self._s3.head_object(**location.parameters()))
        except GoneError:
            return None

    def put_new(
        self, location: Location, body: bytes, *, metadata: Mapping[str, str], content_type: str
    ) -> None:
        """Store an object where there is none; raises TakenError where there is one."""
        with translated(f"put {location}"):
            self._s3.put_object(
                **location.parameters(),
                **_checked(body),
                Metadata=dict(metadata),
                ContentType=content_type,
                IfNoneMatch="*",
            )

    def put(self, location: Location, body: bytes, *, content_type: str) -> None:
        """Store an object, over one that may be there."""
        with translated(f"put {location}"):
            self._s3.put_object(**location.parameters(), **_checked(body), ContentType=content_type)

    def copy(
        self,
        source: ObjectInfo,
        target: Location,
        *,
        added: Mapping[str, str] | None = None,
        storage_class: str = "STANDARD",
    ) -> str:
        """Copy exactly the object that `source` describes and return the copy's ETag.

        Content type, metadata and tags are kept. `added` joins the metadata, unless the whole
        would be more than S3 takes. Above 5 GB a multipart copy, of one call a part, and more.

        Raises:
            GoneError: the source is gone.
            TakenError: the source is no longer what `source` describes.
        """
        changed = _replaced(source, added) if added else {}
        with translated(f"copy {source.location} to s3://{target.bucket}/{target.key}"):
            if source.size > MAX_COPY_BYTES:
                return self._copy_in_parts(source, target, added or {}, storage_class)
            response = self._s3.copy_object(
                **target.parameters(),
                CopySource=source.location.parameters(),
                CopySourceIfMatch=source.etag,
                StorageClass=storage_class,
                **({"MetadataDirective": "REPLACE"} | changed if changed else {}),
            )
            return response["CopyObjectResult"]["ETag"]

    def _copy_in_parts(
        self, source: ObjectInfo, target: Location, added: Mapping[str, str], storage_class: str
    ) -> str:
        """Copy as `copy` does; unlike CopyObject, nothing is kept that is not named."""
        from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 - as in _copy

        where = source.location.parameters()
        whole = _info(source.location, self._s3.head_object(**where, IfMatch=source.etag))
        kept = {**whole.headers, "Metadata": dict(whole.metadata)}
        tags = self._s3.get_object_tagging(**where)["TagSet"]
        arguments: dict[str, Any] = {
            **(_replaced(whole, added) or kept),
            "MetadataDirective": "REPLACE",
            "StorageClass": storage_class,
            "CopySourceIfMatch": source.etag,
        }
        if tags:
            arguments["TaggingDirective"] = "REPLACE"
            arguments["Tagging"] = urlencode([(tag["Key"], tag["Value"]) for tag in tags])
        self._s3.copy(
            where,
            target.bucket,
            target.key,
            ExtraArgs=arguments,
            Config=TransferConfig(multipart_chunksize=_COPY_PART_BYTES, max_concurrency=16),
        )
        return self._s3.head_object(**target.parameters())["ETag"]

    def delete_version(self, location: Location) -> None:
        """Delete one version; whether it was there is not told."""
        if not location.version:
            msg = f"no version to delete: {location}"
            raise ValueError(msg)
        with translated(f"delete {location}"):
            self._s3.delete_object(**location.parameters())

    def delete(self, source: ObjectInfo) -> None:
        """Delete exactly the object that `source` describes.

        Raises:
            GoneError: it is gone.
            TakenError: what is there now is not what `source` describes.
        """
        with translated(f"delete {source.location}"):
            self._s3.delete_object(**source.location.parameters(), IfMatch=source.etag)

    def delete_all(self, bucket: str, etags: Mapping[str, str | None]) -> dict[str, Exception]:
        """Delete objects, each only if it has its ETag (None: any); return what failed, by key.

        One call a thousand keys. A key that is gone has failed, with GoneError, if it has an ETag.
        Raises PermanentError where a whole call is refused: for a key that XML cannot carry, say.
        """
        failures: dict[str, Exception] = {}
        keys = list(etags)
        for start in range(0, len(keys), DELETE_BATCH):
            batch = [
                {"Key": key} | ({"ETag": _bare(etag)} if (etag := etags[key]) else {})
                for key in keys[start : start + DELETE_BATCH]
            ]
            with translated(f"delete {len(batch)} objects of {bucket}"):
                response = self._s3.delete_objects(
                    Bucket=bucket, Delete={"Objects": batch, "Quiet": True}
                )
            failures |= {
                error["Key"]: _failure(f"delete s3://{bucket}/{error['Key']}", error)
                for error in response.get("Errors", [])
            }
        return failures

    def list_pages(
        self, bucket: str, prefix: str, *, start_after: str = ""
    ) -> Iterator[list[ObjectInfo]]:
        """Yield the objects under a prefix, in key order, a thousand at a time."""
        arguments: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        if start_after:
            arguments["StartAfter"] = start_after
        while True:
            with translated(f"list s3://{bucket}/{prefix}"):
                page = self._s3.list_objects_v2(**arguments)
            yield [
                ObjectInfo(
                    location=Location(bucket=bucket, key=entry["Key"]),
                    etag=entry["ETag"],
                    size=entry["Size"],
                    modified=entry["LastModified"],
                )
                for entry in page.get("Contents", [])
            ]
            if not page.get("IsTruncated"):
                return
            arguments["ContinuationToken"] = page["NextContinuationToken"]

    def versions(self, bucket: str, key: str) -> Iterator[ObjectInfo]:
        """Yield the versions of one key, newest first."""
        arguments: dict[str, Any] = {"Bucket": bucket, "Prefix": key}
        while True:
            with translated(f"list versions of s3://{bucket}/{key}"):
                page = self._s3.list_object_versions(**arguments)
            for entry in page.get("Versions", []):
                if entry["Key"] == key:
                    yield ObjectInfo(
                        location=Location(bucket=bucket, key=key, version=entry["VersionId"]),
                        etag=entry["ETag"],
                        size=entry["Size"],
                        modified=entry["LastModified"],
                    )
                elif entry["Key"] > key:
                    return
            if not page.get("IsTruncated"):
                return
            arguments["KeyMarker"] = page["NextKeyMarker"]
            arguments["VersionIdMarker"] = page.get("NextVersionIdMarker", "")

    def join(
        self,
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
            body = b"".join(self._read_piece(target.bucket, piece) for piece in pieces)
            self.put_new(target, body, metadata=metadata, content_type=content_type)
            return
        named = target.parameters()
        with translated(f"join {len(pieces)} pieces as {target}"):
            upload = self._s3.create_multipart_upload(
                **named, Metadata=dict(metadata), ContentType=content_type
            )["UploadId"]
        try:
            with ThreadPoolExecutor(16) as pool:
                join_part = partial(self._join_part, target, upload)
                parts = list(pool.map(join_part, range(1, len(groups) + 1), groups))
            with translated(f"complete {target}"):
                self._s3.complete_multipart_upload(
                    **named, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
                )
        except BaseException:
            # What cannot be aborted here, the bucket's lifecycle aborts.
            self._abort(named, upload)
            raise

    def _abort(self, named: Mapping[str, str], upload: str) -> None:
        try:
            with translated("abort"):
                self._s3.abort_multipart_upload(**named, UploadId=upload)
        except (TransientError, GoneError):
            return

    def _join_part(
        self, target: Location, upload: str, number: int, group: Sequence[Piece]
    ) -> dict[str, Any]:
        part = {**target.parameters(), "UploadId": upload, "PartNumber": number}
        with translated(f"part {number} of {target}"):
            if len(group) == 1 and group[0].size >= MIN_PART_BYTES:
                source = {"Bucket": target.bucket, "Key": group[0].key}
                copied = self._s3.upload_part_copy(**part, CopySource=source)
                return {"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]}
            body = b"".join(self._read_piece(target.bucket, piece) for piece in group)
            return {
                "PartNumber": number,
                "ETag": self._s3.upload_part(**part, Body=body)["ETag"],
            }

    def _read_piece(self, bucket: str, piece: Piece) -> bytes:
        return self.read(Location(bucket=bucket, key=piece.key))


class OpenObject:
    """One version of an object, being read from S3."""

    def __init__(self, s3: Any, info: ObjectInfo, body: Any) -> None:
        self.info = info
        self._s3 = s3
        self._body = body

    def close(self) -> None:
        """Give up the bytes that have not been read."""
        self._body = _closed(self._body)

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the bytes from an offset on; a lost connection is taken up where it broke."""
        failures = 0
        body, self._body = self._body, None
        if offset and body is not None:
            body.close()
            body = None
        try:
            while offset < self.info.size:
                try:
                    body = body or self._open_at(offset)
                    with translated(f"read {self.info.location} at byte {offset}"):
                        block = body.read(_READ_BYTES)
                except TransientError:
                    failures += 1
                    if failures >= _READ_ATTEMPTS:
                        raise
                    body = _closed(body)
                    continue
                if not block:
                    body = _closed(body)
                    failures += 1
                    if failures >= _READ_ATTEMPTS:
                        msg = f"read {self.info.location}: ends at byte {offset}"
                        raise TransientError(msg)
                    continue
                failures = 0
                offset += len(block)
                yield block
        finally:
            _closed(body)

    def _open_at(self, offset: int) -> Any:
        with translated(f"get {self.info.location} from byte {offset}"):
            return self._s3.get_object(
                **self.info.location.parameters(),
                Range=f"bytes={offset}-",
                IfMatch=self.info.etag,
            )["Body"]


def _checked(body: bytes) -> dict[str, Any]:
    """Return the parameters of a body with its checksum, which boto3 would put behind a stream."""
    checksum = zlib.crc32(body).to_bytes(4, "big")
    return {"Body": body, "ChecksumCRC32": base64.b64encode(checksum).decode()}


def _bare(etag: str) -> str:
    """Return an ETag without its quotation marks, as DeleteObjects takes it.

    In 2025 S3 answered MalformedXML to ETags with them (https://github.com/boto/boto3/issues/4505);
    since then its sample request shows them without, and header conditions take both:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html, conditional deletes.
    """
    return etag.strip('"')


def _closed(body: Any) -> None:
    if body is not None:
        body.close()


def _info(location: Location, response: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(
        location=location,
        etag=response["ETag"],
        size=response["ContentLength"],
        modified=response["LastModified"],
        metadata=response.get("Metadata", {}),
        headers={name: response[name] for name in _KEPT_HEADERS if response.get(name)},
    )


def _replaced(source: ObjectInfo, added: Mapping[str, str]) -> dict[str, Any]:
    """Return headers and metadata with `added`, or nothing if S3 would not take them."""
    metadata = {**source.metadata, **added}
    return {**source.headers, "Metadata": metadata} if fits_metadata(metadata) else {}


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
