"""Objects in S3: opened, stored, listed, deleted."""

import base64
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, Final

from handlers.aws.errors import failure_of, translated
from handlers.aws.failures import GoneError
from handlers.aws.object_info import STANDARD, Location, ObjectInfo, read_info
from handlers.aws.streams import OpenObject

DELETE_BATCH: Final = 1_000  # keys of one DeleteObjects


class Storage:
    """S3 calls; each method is one, unless it says otherwise."""

    def __init__(self, s3: Any) -> None:
        self._lock = Lock()
        self._written = self._calls = 0
        self.s3: Any = _CountedClient(s3, self._count_call)

    def add_written(self, size: int) -> None:
        """Count bytes that a call has stored; several threads may do so at once."""
        with self._lock:
            self._written += size

    def take_written(self) -> int:
        """Return how many bytes were stored since the last call, copies within S3 included."""
        with self._lock:
            written, self._written = self._written, 0
        return written

    def take_calls(self) -> int:
        """Return how many calls were made since the last one of this, without botocore's own."""
        with self._lock:
            calls, self._calls = self._calls, 0
        return calls

    def _count_call(self) -> None:
        with self._lock:
            self._calls += 1

    def open(self, location: Location, *, etag: str | None = None) -> OpenObject:
        """Open an object for reading, of this ETag if one is given.

        Raises GoneError, and TakenError where its ETag is another.
        """
        condition = {"IfMatch": etag} if etag else {}
        with translated(f"get {location}"):
            response = self.s3.get_object(**location.parameters(), **condition)
        version = response.get("VersionId")
        pinned = Location(bucket=location.bucket, key=location.key, version=version)
        return OpenObject(self.s3, read_info(pinned, response), response["Body"])

    def read(self, location: Location) -> bytes:
        """Return a small object's bytes; raises GoneError."""
        with translated(f"get {location}"):
            return self.s3.get_object(**location.parameters())["Body"].read()

    def describe(self, location: Location) -> ObjectInfo | None:
        """Return an object's info, or None if there is none."""
        try:
            with translated(f"head {location}"):
                return read_info(location, self.s3.head_object(**location.parameters()))
        except GoneError:
            return None

    def put_new(
        self, location: Location, body: bytes, *, metadata: Mapping[str, str], content_type: str
    ) -> None:
        """Store an object if its key is free; raises TakenError if not."""
        with translated(f"put {location}"):
            self.s3.put_object(
                **location.parameters(),
                **_checked(body),
                Metadata=dict(metadata),
                ContentType=content_type,
                IfNoneMatch="*",
            )
        self.add_written(len(body))

    def replace(
        self, old: ObjectInfo, body: bytes, *, metadata: Mapping[str, str], content_type: str
    ) -> None:
        """Store an object in the place of exactly the one that `old` describes, in its class.

        Raises:
            GoneError: there is none any more.
            TakenError: the object has changed.
        """
        with translated(f"replace {old.location}"):
            self.s3.put_object(
                **old.location.parameters(),
                **_checked(body),
                Metadata=dict(metadata),
                ContentType=content_type,
                **storage_class_of(old),
                IfMatch=old.etag,
            )
        self.add_written(len(body))

    def put(self, location: Location, body: bytes, *, content_type: str) -> None:
        """Store an object, replacing one that exists."""
        with translated(f"put {location}"):
            self.s3.put_object(**location.parameters(), **_checked(body), ContentType=content_type)
        self.add_written(len(body))

    def delete_version(self, location: Location) -> None:
        """Delete one version. S3 does not say whether it existed."""
        if not location.version:
            msg = f"no version to delete: {location}"
            raise ValueError(msg)
        with translated(f"delete {location}"):
            self.s3.delete_object(**location.parameters())

    def delete(self, source: ObjectInfo) -> None:
        """Delete exactly the object that `source` describes.

        Raises:
            GoneError: it does not exist.
            TakenError: the object has changed.
        """
        with translated(f"delete {source.location}"):
            self.s3.delete_object(**source.location.parameters(), IfMatch=source.etag)

    def delete_all(self, bucket: str, etags: Mapping[str, str | None]) -> dict[str, Exception]:
        """Delete objects, each only if its ETag matches (None: any); return failures by key.

        One call for 1,000 keys. A missing key with an ETag fails with GoneError. Raises
        PermanentError where S3 refuses a whole call, as for a key that XML cannot hold.
        """
        failures: dict[str, Exception] = {}
        keys = list(etags)
        for start in range(0, len(keys), DELETE_BATCH):
            batch = [
                {"Key": key} | ({"ETag": _bare(etag)} if (etag := etags[key]) else {})
                for key in keys[start : start + DELETE_BATCH]
            ]
            with translated(f"delete {len(batch)} objects of {bucket}"):
                response = self.s3.delete_objects(
                    Bucket=bucket, Delete={"Objects": batch, "Quiet": True}
                )
            failures |= {
                error["Key"]: failure_of(f"delete s3://{bucket}/{error['Key']}", error)
                for error in response.get("Errors", [])
            }
        return failures

    def list_pages(
        self, bucket: str, prefix: str, *, start_after: str = ""
    ) -> Iterator[list[ObjectInfo]]:
        """Yield the objects under a prefix, in key order, a thousand at a time."""
        where = {"StartAfter": start_after} if start_after else {}
        while True:
            page, token = self._list(bucket, prefix, where)
            yield page
            if not token:
                return
            where["ContinuationToken"] = token

    def list_among(
        self, bucket: str, prefix: str, keys: Sequence[str]
    ) -> Iterator[list[ObjectInfo]]:
        """Yield those of some keys under a prefix that are stored, a page of the listing at a time.

        `keys` are in order, each once. No page begins at objects that lie between two of them: two
        keys take two calls at most, though a million objects lie between.
        """
        wanted, at, end = frozenset(keys), 0, ""
        while at < len(keys):
            page, token = self._list(
                bucket, prefix, {"StartAfter": max(end, just_before(keys[at]))}
            )
            yield [one for one in page if one.location.key in wanted]
            if not (page and token):
                return
            end = page[-1].location.key
            at = bisect_right(keys, end, at)

    def _list(
        self, bucket: str, prefix: str, where: Mapping[str, str]
    ) -> tuple[list[ObjectInfo], str | None]:
        """Return a page of a listing, and the token of the next one if there is one."""
        with translated(f"list s3://{bucket}/{prefix}"):
            page = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, **where)
        listed = [
            ObjectInfo(
                location=Location(bucket=bucket, key=entry["Key"]),
                etag=entry["ETag"],
                size=entry["Size"],
                modified=entry["LastModified"],
            )
            for entry in page.get("Contents", [])
        ]
        return listed, page["NextContinuationToken"] if page.get("IsTruncated") else None

    def versions(self, bucket: str, key: str) -> Iterator[ObjectInfo]:
        """Yield the versions of one key, newest first."""
        for page, _ in self.version_pages(bucket, key):
            for version in page:
                if version.location.key == key:
                    yield version
                elif version.location.key > key:
                    return

    def version_pages(
        self, bucket: str, prefix: str, *, after: Location | None = None
    ) -> Iterator[tuple[list[ObjectInfo], Location | None]]:
        """Yield the versions under a prefix, by key and newest first, a thousand at a time.

        Each page comes with its end, which a later call takes as `after`; None for the last page.
        """
        arguments: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        while True:
            if after:
                arguments["KeyMarker"] = after.key
                arguments["VersionIdMarker"] = after.version or ""
            with translated(f"list versions of s3://{bucket}/{prefix}"):
                page = self.s3.list_object_versions(**arguments)
            after = None
            if page.get("IsTruncated"):
                after = Location(
                    bucket=bucket,
                    key=page["NextKeyMarker"],
                    version=page.get("NextVersionIdMarker"),
                )
            yield [_listed(bucket, entry) for entry in page.get("Versions", [])], after
            if not after:
                return

    def tags(self, location: Location) -> dict[str, str]:
        """Return the tags of an object; raises GoneError."""
        with translated(f"get tags of {location}"):
            found = self.s3.get_object_tagging(**location.parameters())["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def set_tags(self, location: Location, tags: Mapping[str, str]) -> None:
        """Replace the tags of an object; raises GoneError."""
        tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
        with translated(f"set tags of {location}"):
            if tag_set:
                self.s3.put_object_tagging(**location.parameters(), Tagging={"TagSet": tag_set})
            else:
                self.s3.delete_object_tagging(**location.parameters())


class _CountedClient:
    """A client whose calls are counted."""

    def __init__(self, s3: Any, count: Callable[[], None]) -> None:
        self._s3 = s3
        self._count = count

    def __getattr__(self, name: str) -> Any:
        self._count()
        return getattr(self._s3, name)


def just_before(key: str) -> str:
    """Return a text that sorts before a key, with few keys between."""
    return key[:-1]


def storage_class_of(old: ObjectInfo) -> dict[str, str]:
    """Return the parameters that keep the storage class of an object that is replaced."""
    return {} if old.storage_class == STANDARD else {"StorageClass": old.storage_class}


def _listed(bucket: str, entry: Mapping[str, Any]) -> ObjectInfo:
    """Return a version as a listing describes it."""
    return ObjectInfo(
        location=Location(bucket=bucket, key=entry["Key"], version=entry["VersionId"]),
        etag=entry["ETag"],
        size=entry["Size"],
        modified=entry["LastModified"],
    )


def _checked(body: bytes) -> dict[str, Any]:
    """Return the parameters of a body, with its checksum in a header instead of a trailer."""
    return {"Body": body, "ChecksumCRC32": encoded_checksum(zlib.crc32(body))}


def encoded_checksum(checksum: int) -> str:
    """Return a CRC-32 as S3 writes it."""
    return base64.b64encode(checksum.to_bytes(4, "big")).decode()


def _bare(etag: str) -> str:
    """Return an ETag without its quotation marks, as DeleteObjects takes it.

    In 2025 S3 answered MalformedXML to ETags with them (https://github.com/boto/boto3/issues/4505);
    since then its sample request shows them without, and header conditions take both:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html, conditional deletes.
    """
    return etag.strip('"')
