"""S3, SQS and Lambda in memory: the calls that the handlers make, by AWS's rules, in microseconds.

moto does some 300 S3 calls a second; the proofs of this folder make millions. `test_memory.py`
holds this double against moto with `local.account.strict`: the same calls must get the same
answers.
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlencode

from botocore.exceptions import ClientError

HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "WebsiteRedirectLocation",
)
MAX_TAGS = 10
DEFAULT_TYPE = "binary/octet-stream"
# What XML 1.0 cannot carry: https://www.w3.org/TR/xml/#charsets
_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
STATUSES = {
    "404": 404,
    "412": 412,
    "NoSuchKey": 404,
    "NoSuchVersion": 404,
    "NoSuchUpload": 404,
    "NoSuchBucket": 404,
    "PreconditionFailed": 412,
    "InvalidRange": 416,
    "AccessDenied": 403,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
}


def aws_error(code: str, operation: str) -> ClientError:
    """Return the error that botocore raises for an error code."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": f"{code} of the double"},
            "ResponseMetadata": {"HTTPStatusCode": STATUSES.get(code, 400)},
        },
        operation,
    )


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of an object; a delete marker has no body."""

    id: str
    body: bytes | None
    etag: str = ""
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[tuple[str, str], ...] = ()
    storage_class: str = "STANDARD"
    crc32: str = ""  # as S3 tells it: of a multipart object, that of its parts' checksums

    def state(self) -> tuple:
        """Return everything of it that a client can see, but for the time."""
        described = (sorted(self.metadata.items()), sorted(self.headers.items()))
        return (self.id, self.etag, *map(tuple, described), self.tags, self.storage_class)


@dataclass(kw_only=True)
class Upload:
    """A multipart upload that is not completed yet."""

    bucket: str
    key: str
    like: dict[str, Any]
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    checked: bool = False  # whether each part has a checksum


class Body:
    """The stream of an object."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.closed = False

    def read(self, size: int | None = None) -> bytes:
        assert not self.closed
        end = len(self._data) if size is None else self._at + size
        block = self._data[self._at : end]
        self._at += len(block)
        return block

    def close(self) -> None:
        self.closed = True


class MemoryS3:
    """The buckets; each public method is one S3 operation and answers as boto3 does."""

    def __init__(
        self,
        *,
        versioned: tuple[str, ...] = (),
        unversioned: tuple[str, ...] = (),
        page: int = 1000,
        min_part: int = 5 * 1024**2,
        max_copy: int = 5 * 1024**3,
    ) -> None:
        self.buckets: dict[str, dict[str, list[Version]]] = {
            name: {} for name in (*versioned, *unversioned)
        }
        self.versioned = frozenset(versioned)
        self.uploads: dict[str, Upload] = {}
        self.now = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
        self._page, self._min_part, self._max_copy = page, min_part, max_copy
        numbers = count(1)
        self.new_id: Callable[[], str] = lambda: f"v{next(numbers):06d}"

    # What a test looks at.

    def current(self, bucket: str, key: str) -> Version | None:
        versions = self.buckets[bucket].get(key)
        return versions[-1] if versions and versions[-1].body is not None else None

    def version(self, bucket: str, key: str, version: str) -> Version | None:
        versions = self.buckets[bucket].get(key, ())
        return next((one for one in versions if one.id == version), None)

    def visible(self, bucket: str, prefix: str = "") -> dict[str, Version]:
        return {
            key: versions[-1]
            for key, versions in self.buckets[bucket].items()
            if versions[-1].body is not None and key.startswith(prefix)
        }

    def state(self) -> tuple:
        objects = tuple(
            (bucket, key, tuple(version.state() for version in self.buckets[bucket][key]))
            for bucket in sorted(self.buckets)
            for key in sorted(self.buckets[bucket])
        )
        uploads = tuple(
            (name, upload.key, tuple(sorted(upload.parts.items())))
            for name, upload in sorted(self.uploads.items())
        )
        return objects, uploads

    # The operations.

    def put_object(self, *, Bucket, Key, Body=b"", IfNoneMatch=None, IfMatch=None, **given):  # noqa: N803
        self._keys(Bucket, "PutObject")
        self._check_current(Bucket, Key, IfNoneMatch, IfMatch, "PutObject")
        checksum = given.pop("ChecksumCRC32", None)
        if checksum and checksum != _crc32(Body):
            raise aws_error("BadDigest", "PutObject")
        crc32 = {"crc32": checksum or ""}
        return self._store(Bucket, Key, Body, _md5(Body), _described(given) | crc32)

    def get_object(self, *, Bucket, Key, VersionId=None, Range=None, IfMatch=None):  # noqa: N803
        found = self._find(Bucket, Key, VersionId, "GetObject")
        if IfMatch is not None and IfMatch != found.etag:
            raise aws_error("PreconditionFailed", "GetObject")
        body = found.body
        if Range is not None:
            start, last = Range.removeprefix("bytes=").split("-")
            if int(start) >= len(body):
                raise aws_error("InvalidRange", "GetObject")
            body = body[int(start) : int(last) + 1 if last else None]
        tagged = {"TagCount": len(found.tags)} if found.tags else {}
        return self._answer(Bucket, found, len(body)) | {"Body": self.body(body)} | tagged

    def body(self, data: bytes) -> Body:
        return Body(data)

    def head_object(self, *, Bucket, Key, VersionId=None, IfMatch=None, ChecksumMode=None):  # noqa: N803
        try:
            found = self._find(Bucket, Key, VersionId, "HeadObject")
        except ClientError as error:
            # A HEAD has no body to name the error in.
            raise aws_error("404", "HeadObject") from error
        if IfMatch is not None and IfMatch != found.etag:
            raise aws_error("412", "HeadObject")
        told = ChecksumMode == "ENABLED" and found.crc32
        checksum = {"ChecksumCRC32": found.crc32} if told else {}
        return self._answer(Bucket, found, len(found.body)) | checksum

    def copy_object(
        self,
        *,
        Bucket,  # noqa: N803
        Key,  # noqa: N803
        CopySource,  # noqa: N803
        CopySourceIfMatch=None,  # noqa: N803
        MetadataDirective="COPY",  # noqa: N803
        **given,
    ):
        source = self._source(CopySource, CopySourceIfMatch, "CopyObject")
        if len(source.body) > self._max_copy:
            raise aws_error("InvalidRequest", "CopyObject")
        unchanged = MetadataDirective == "COPY" and "StorageClass" not in given
        if CopySource == {"Bucket": Bucket, "Key": Key} and unchanged:
            raise aws_error("InvalidRequest", "CopyObject")
        described = _described(given)
        if MetadataDirective == "COPY":
            described |= {"metadata": source.metadata, "headers": source.headers}
        described["tags"] = source.tags
        etag = _md5(source.body)
        answer = self._store(Bucket, Key, source.body, etag, described)
        del answer["ETag"]
        return answer | {"CopyObjectResult": {"ETag": etag, "LastModified": self.now}}

    def get_object_tagging(self, *, Bucket, Key, VersionId=None):  # noqa: N803
        found = self._find(Bucket, Key, VersionId, "GetObjectTagging")
        return {"TagSet": [{"Key": name, "Value": value} for name, value in found.tags]}

    def put_object_tagging(self, *, Bucket, Key, Tagging, VersionId=None):  # noqa: N803
        found = self._find(Bucket, Key, VersionId, "PutObjectTagging")
        tags = tuple((tag["Key"], tag["Value"]) for tag in Tagging["TagSet"])
        if len(tags) > MAX_TAGS or len(dict(tags)) < len(tags):
            raise aws_error("BadRequest" if len(tags) > MAX_TAGS else "InvalidTag", "PutTagging")
        versions = self.buckets[Bucket][Key]
        versions[versions.index(found)] = replace(found, tags=tags)
        return {"VersionId": found.id}

    def delete_object_tagging(self, *, Bucket, Key, VersionId=None):  # noqa: N803
        nothing = {"TagSet": []}
        return self.put_object_tagging(Bucket=Bucket, Key=Key, VersionId=VersionId, Tagging=nothing)

    def delete_object(self, *, Bucket, Key, VersionId=None, IfMatch=None):  # noqa: N803
        keys = self._keys(Bucket, "DeleteObject")
        code = self._refusal(Bucket, Key, IfMatch) if IfMatch else ""
        if code:
            raise aws_error(code, "DeleteObject")
        if VersionId is None:
            return self._hide(Bucket, Key)
        versions = keys.get(Key, [])
        left = [one for one in versions if one.id != VersionId]
        gone = next((one for one in versions if one.id == VersionId), None)
        if left:
            keys[Key] = left
        else:
            keys.pop(Key, None)
        marker = {"DeleteMarker": True} if gone and gone.body is None else {}
        return marker | {"VersionId": VersionId}

    def delete_objects(self, *, Bucket, Delete):  # noqa: N803
        self._keys(Bucket, "DeleteObjects")
        entries = Delete["Objects"]
        if not 1 <= len(entries) <= 1000:
            raise aws_error("MalformedXML", "DeleteObjects")
        if any(_UNWRITABLE.search(entry["Key"]) for entry in entries):
            raise aws_error("MalformedXML", "DeleteObjects")
        deleted, errors = [], []
        for entry in entries:
            code = self._refusal(Bucket, entry["Key"], entry["ETag"]) if "ETag" in entry else ""
            if code:
                errors.append({"Key": entry["Key"], "Code": code})
            else:
                self._hide(Bucket, entry["Key"])
                deleted.append({"Key": entry["Key"]})
        answer = {} if Delete.get("Quiet") else {"Deleted": deleted}
        return answer | ({"Errors": errors} if errors else {})

    def list_objects_v2(self, *, Bucket, Prefix="", StartAfter="", ContinuationToken=""):  # noqa: N803
        self._keys(Bucket, "ListObjectsV2")
        behind = ContinuationToken or StartAfter
        found = self.visible(Bucket, Prefix)
        names = sorted(name for name in found if name > behind)
        page = names[: self._page]
        contents = [
            {
                "Key": name,
                "ETag": found[name].etag,
                "Size": len(found[name].body),
                "LastModified": found[name].modified,
                "StorageClass": found[name].storage_class,
            }
            for name in page
        ]
        answer = {"IsTruncated": len(page) < len(names), "KeyCount": len(page)}
        if contents:
            answer["Contents"] = contents
        if answer["IsTruncated"]:
            answer["NextContinuationToken"] = page[-1]
        return answer

    def list_object_versions(self, *, Bucket, Prefix="", KeyMarker="", VersionIdMarker=""):  # noqa: N803
        keys = self._keys(Bucket, "ListObjectVersions")
        rows = [
            (name, version)
            for name in sorted(keys)
            if name.startswith(Prefix)
            for version in reversed(keys[name])
        ]
        if KeyMarker:
            rows = _behind(rows, KeyMarker, VersionIdMarker)
        page = rows[: self._page]
        shown, markers = [], []
        for name, version in page:
            entry = {"Key": name, "VersionId": version.id, "LastModified": version.modified}
            if version.body is None:
                markers.append(entry)
            else:
                shown.append(entry | {"ETag": version.etag, "Size": len(version.body)})
        answer = {"IsTruncated": len(page) < len(rows)}
        answer |= {"Versions": shown} if shown else {}
        answer |= {"DeleteMarkers": markers} if markers else {}
        if answer["IsTruncated"]:
            answer |= {"NextKeyMarker": page[-1][0], "NextVersionIdMarker": page[-1][1].id}
        return answer

    def create_multipart_upload(self, *, Bucket, Key, ChecksumAlgorithm=None, **given):  # noqa: N803
        self._keys(Bucket, "CreateMultipartUpload")
        name = f"u-{self.new_id()}"
        like = _described(given) | {"modified": self.now}
        checked = ChecksumAlgorithm == "CRC32"
        self.uploads[name] = Upload(bucket=Bucket, key=Key, like=like, checked=checked)
        if _UNWRITABLE.search(Key):  # the answer names the key, and botocore cannot read it
            raise aws_error("500", "CreateMultipartUpload")
        return {"UploadId": name, "Bucket": Bucket, "Key": Key}

    def upload_part(self, *, Bucket, Key, UploadId, PartNumber, Body, ChecksumCRC32=None):  # noqa: N803
        upload = self._upload(Bucket, Key, UploadId, "UploadPart")
        if ChecksumCRC32 and ChecksumCRC32 != _crc32(Body):
            raise aws_error("BadDigest", "UploadPart")
        upload.parts[PartNumber] = (_md5(Body), Body)
        return {"ETag": _md5(Body)}

    def upload_part_copy(
        self,
        *,
        Bucket,  # noqa: N803
        Key,  # noqa: N803
        UploadId,  # noqa: N803
        PartNumber,  # noqa: N803
        CopySource,  # noqa: N803
        CopySourceIfMatch=None,  # noqa: N803
        CopySourceRange=None,  # noqa: N803
    ):
        upload = self._upload(Bucket, Key, UploadId, "UploadPartCopy")
        body = self._source(CopySource, CopySourceIfMatch, "UploadPartCopy").body
        if CopySourceRange is not None:
            first, last = map(int, CopySourceRange.removeprefix("bytes=").split("-"))
            body = body[first : last + 1]
        if len(body) > self._max_copy:
            raise aws_error("InvalidRequest", "UploadPartCopy")
        upload.parts[PartNumber] = (_md5(body), body)
        return {"CopyPartResult": {"ETag": _md5(body), "LastModified": self.now}}

    def complete_multipart_upload(
        self,
        *,
        Bucket,  # noqa: N803
        Key,  # noqa: N803
        UploadId,  # noqa: N803
        MultipartUpload,  # noqa: N803
        IfNoneMatch=None,  # noqa: N803
        IfMatch=None,  # noqa: N803
    ):
        operation = "CompleteMultipartUpload"
        upload = self._upload(Bucket, Key, UploadId, operation)
        parts = MultipartUpload["Parts"]
        held = [upload.parts.get(part["PartNumber"]) for part in parts]
        if not parts or any(
            not one or one[0] != part["ETag"] for one, part in zip(held, parts, strict=True)
        ):
            raise aws_error("InvalidPart" if parts else "MalformedXML", operation)
        if any(len(body) < self._min_part for _, body in held[:-1]):
            raise aws_error("EntityTooSmall", operation)
        self._check_current(Bucket, Key, IfNoneMatch, IfMatch, operation)
        if upload.checked and any(
            part.get("ChecksumCRC32") != _crc32(body)
            for part, (_, body) in zip(parts, held, strict=True)
        ):
            raise aws_error("InvalidPart", operation)
        digests = b"".join(bytes.fromhex(etag.strip('"')) for etag, _ in held)
        etag = f'"{hashlib.md5(digests).hexdigest()}-{len(held)}"'  # noqa: S324
        del self.uploads[UploadId]
        whole = b"".join(base64.b64decode(_crc32(body)) for _, body in held)
        crc32 = {"crc32": f"{_crc32(whole)}-{len(held)}"} if upload.checked else {}
        body = b"".join(body for _, body in held)
        return self._store(Bucket, Key, body, etag, upload.like | crc32)

    def abort_multipart_upload(self, *, Bucket, Key, UploadId):  # noqa: N803
        self._upload(Bucket, Key, UploadId, "AbortMultipartUpload")
        del self.uploads[UploadId]
        return {}

    # Parts of them.

    def _keys(self, bucket: str, operation: str) -> dict[str, list[Version]]:
        if bucket not in self.buckets:
            raise aws_error("NoSuchBucket", operation)
        return self.buckets[bucket]

    def _find(self, bucket: str, key: str, version: str | None, operation: str) -> Version:
        self._keys(bucket, operation)
        if version is None:
            found = self.current(bucket, key)
            if not found:
                raise aws_error("NoSuchKey", operation)
            return found
        found = self.version(bucket, key, version)
        if not found:
            raise aws_error("NoSuchVersion", operation)
        if found.body is None:
            raise aws_error("MethodNotAllowed", operation)
        return found

    def _source(self, source: Mapping[str, str], etag: str | None, operation: str) -> Version:
        found = self._find(source["Bucket"], source["Key"], source.get("VersionId"), operation)
        if etag is not None and etag.strip('"') != found.etag.strip('"'):
            raise aws_error("PreconditionFailed", operation)
        return found

    def _upload(self, bucket: str, key: str, name: str, operation: str) -> Upload:
        upload = self.uploads.get(name)
        if not upload or (upload.bucket, upload.key) != (bucket, key):
            raise aws_error("NoSuchUpload", operation)
        return upload

    def _check_current(
        self, bucket: str, key: str, none: str | None, etag: str | None, operation: str
    ) -> None:
        """Check the conditions `If-None-Match: *` and `If-Match` on what is at a key."""
        if none == "*" and self.current(bucket, key):
            raise aws_error("PreconditionFailed", operation)
        if etag is not None and (code := self._refusal(bucket, key, etag)):
            raise aws_error(code, operation)

    def _refusal(self, bucket: str, key: str, etag: str) -> str:
        """Return why a delete or a put with `If-Match` is refused, or nothing."""
        current = self.current(bucket, key)
        if not current:
            return "NoSuchKey"
        return "" if current.etag.strip('"') == etag.strip('"') else "PreconditionFailed"

    def _store(self, bucket: str, key: str, body: bytes, etag: str, like: Mapping[str, Any]):
        stored = Version(
            id=self.new_id() if bucket in self.versioned else "null",
            body=bytes(body),
            etag=etag,
            **{"modified": self.now} | like,
        )
        return self._add(bucket, key, stored) | {"ETag": etag}

    def _add(self, bucket: str, key: str, version: Version) -> dict[str, Any]:
        if bucket in self.versioned:
            self.buckets[bucket].setdefault(key, []).append(version)
            return {"VersionId": version.id}
        self.buckets[bucket][key] = [version]
        return {}

    def _hide(self, bucket: str, key: str) -> dict[str, Any]:
        if bucket in self.versioned:
            marker = Version(id=self.new_id(), body=None, modified=self.now)
            return self._add(bucket, key, marker) | {"DeleteMarker": True}
        self.buckets[bucket].pop(key, None)
        return {}

    def _answer(self, bucket: str, found: Version, length: int) -> dict[str, Any]:
        answer = {
            "ETag": found.etag,
            "ContentLength": length,
            "LastModified": found.modified,
            "Metadata": dict(found.metadata),
            **found.headers,
        }
        if bucket in self.versioned:
            answer["VersionId"] = found.id
        if found.storage_class != "STANDARD":
            answer["StorageClass"] = found.storage_class
        return answer


class MemoryQueue:
    """A queue: first in, first out, each message with its receives."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.delays: list[int] = []
        self.deleted: list[str] = []
        self.retention = timedelta(days=4)
        self.now: Callable[[], datetime] = lambda: datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
        self._numbers = count(1)

    def add(self, body: str, attributes: Mapping[str, str] | None = None) -> None:
        message = {
            "body": body,
            "attributes": dict(attributes or {}),
            "receives": 0,
            "id": f"m{next(self._numbers)}",
            "sent": self.now(),
            "hidden": datetime.min.replace(tzinfo=UTC),
        }
        self.messages.append(message)

    def visible(self) -> list[dict[str, Any]]:
        """Return the messages that nobody has received, or whose time is over."""
        return [one for one in self.messages if one["hidden"] <= self.now()]

    def expire(self) -> None:
        """Drop the messages that have waited longer than the queue keeps them."""
        end = self.now() - self.retention
        self.messages[:] = [one for one in self.messages if one["sent"] > end]


class MemoryMessages:
    """The SQS, Lambda and CloudWatch operations that the handlers use."""

    def __init__(
        self,
        queues: Mapping[str, MemoryQueue],
        invocations: list[dict],
        now: Callable[[], datetime] = lambda: datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
    ) -> None:
        self._queues = queues
        self._invocations = invocations
        self._now = now

    def send_message(self, *, QueueUrl, MessageBody, MessageAttributes=None):  # noqa: N803
        attributes = MessageAttributes or {}
        if QueueUrl not in self._queues:
            raise aws_error("AWS.SimpleQueueService.NonExistentQueue", "SendMessage")
        texts = [value["StringValue"] for value in attributes.values()]
        size = len(MessageBody.encode()) + sum(len(text.encode()) for text in texts)
        if not MessageBody or size > 256 * 1024 or len(texts) > 10 or not all(texts):
            raise aws_error("InvalidParameterValue", "SendMessage")
        named = {name: value["StringValue"] for name, value in attributes.items()}
        self._queues[QueueUrl].add(MessageBody, named)
        return {"MessageId": str(len(self._queues[QueueUrl].messages))}

    def change_message_visibility(self, *, QueueUrl, ReceiptHandle, VisibilityTimeout):  # noqa: N803
        assert ReceiptHandle
        assert 0 <= VisibilityTimeout <= 43_200
        self._queues[QueueUrl].delays.append(VisibilityTimeout)
        return {}

    def delete_message(self, *, QueueUrl, ReceiptHandle):  # noqa: N803
        assert ReceiptHandle
        self._queues[QueueUrl].deleted.append(ReceiptHandle)
        return {}

    def get_queue_attributes(self, *, QueueUrl, AttributeNames):  # noqa: N803
        queue = self._queues[QueueUrl]
        waiting = len(queue.visible())
        found = {
            "ApproximateNumberOfMessages": waiting,
            "ApproximateNumberOfMessagesDelayed": 0,
            "ApproximateNumberOfMessagesNotVisible": len(queue.messages) - waiting,
            "MessageRetentionPeriod": int(queue.retention.total_seconds()),
            "VisibilityTimeout": 1801,
        }
        answer = {name: str(found[name]) for name in AttributeNames if name in found}
        if "RedrivePolicy" in AttributeNames and QueueUrl.endswith("processing"):
            answer["RedrivePolicy"] = json.dumps({"maxReceiveCount": 6})
        return {"Attributes": answer}

    def receive_message(
        self,
        *,
        QueueUrl,  # noqa: N803
        MaxNumberOfMessages,  # noqa: N803
        VisibilityTimeout,  # noqa: N803
        WaitTimeSeconds,  # noqa: N803
    ):
        assert 1 <= MaxNumberOfMessages <= MAX_BATCH
        assert 0 <= VisibilityTimeout <= 43_200
        assert 0 <= WaitTimeSeconds <= 20
        received = self._queues[QueueUrl].visible()[:MaxNumberOfMessages]
        for message in received:
            message["hidden"] = self._now() + timedelta(seconds=VisibilityTimeout)
        found = [
            {"MessageId": one["id"], "ReceiptHandle": f"r-{one['id']}", "Body": one["body"]}
            for one in received
        ]
        return {"Messages": found} if found else {}

    def change_message_visibility_batch(self, *, QueueUrl, Entries):  # noqa: N803
        assert 1 <= len(Entries) <= MAX_BATCH
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        until = {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in Entries}
        for message in self._queues[QueueUrl].messages:
            if f"r-{message['id']}" in until:
                seconds = until[f"r-{message['id']}"]
                message["hidden"] = self._now() + timedelta(seconds=seconds)
        return {}

    def get_metric_statistics(self, *, MetricName, Dimensions, StartTime, EndTime, **given):  # noqa: N803
        assert MetricName == "ApproximateAgeOfOldestMessage"
        assert given == {"Namespace": "AWS/SQS", "Period": 60, "Statistics": ["Maximum"]}
        assert StartTime < EndTime
        [queue] = [
            queue
            for url, queue in self._queues.items()
            if url.endswith("/" + Dimensions[0]["Value"])
        ]
        # SQS leaves out a message that was received three times or more.
        counted = [one["sent"] for one in queue.messages if one["receives"] < POISON_RECEIVES]
        if not counted:
            return {"Datapoints": []}
        age = (self._now() - min(counted)).total_seconds()
        earlier = {"Timestamp": EndTime - timedelta(minutes=1), "Maximum": max(age - 60, 0)}
        return {"Datapoints": [{"Timestamp": EndTime, "Maximum": age}, earlier]}

    def invoke(self, *, FunctionName, InvocationType, Payload):  # noqa: N803
        assert InvocationType == "Event"
        assert FunctionName
        self._invocations.append(json.loads(Payload))
        return {"StatusCode": 202}


MAX_BATCH = 10
POISON_RECEIVES = 3

# What stands before a call: it runs it, or lets it fail.
Gate = Callable[[str, Mapping[str, Any], Callable[[], Any]], Any]


def straight(_operation: str, _given: Mapping[str, Any], call: Callable[[], Any]) -> Any:
    """Run the call."""
    return call()


class Client:
    """A boto3 client of a double, each of whose calls goes through a gate."""

    def __init__(self, double: Any, gate: Gate = straight) -> None:
        self._double = double
        self._gate = gate

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self._double, operation)
        return lambda **given: self._gate(operation, given, lambda: call(**given))

    def copy(self, source, bucket, key, ExtraArgs, Config) -> None:  # noqa: N803
        """Copy as boto3's managed `copy` does: part by part, with its `ExtraArgs`."""
        described = dict(ExtraArgs)
        for directive in ("MetadataDirective", "TaggingDirective"):
            described.pop(directive, None)
        etag = described.pop("CopySourceIfMatch", None)
        found = self.head_object(**source, **({"IfMatch": etag} if etag else {}))
        target = {"Bucket": bucket, "Key": key}
        upload = self.create_multipart_upload(**target, **described)["UploadId"]
        target["UploadId"] = upload
        size = Config.multipart_chunksize
        parts = []
        try:
            for number, start in enumerate(range(0, found["ContentLength"], size), 1):
                last = min(start + size, found["ContentLength"]) - 1
                copied = self.upload_part_copy(
                    **target,
                    PartNumber=number,
                    CopySource=source,
                    CopySourceRange=f"bytes={start}-{last}",
                    CopySourceIfMatch=etag,
                )
                parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
            self.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
        except Exception:
            self.abort_multipart_upload(**target)
            raise


def _md5(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'  # noqa: S324 - S3's ETag of a small object is one


def _crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def _described(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that describe an object, as fields of Version."""
    unknown = set(given) - {*HEADERS, "Metadata", "Tagging", "StorageClass"}
    assert not unknown, f"not of the double: {unknown}"
    metadata = {name.lower(): value for name, value in given.get("Metadata", {}).items()}
    size = sum(len(name) + len(value) for name, value in metadata.items())
    if size > 2048:
        raise aws_error("MetadataTooLarge", "PutObject")
    headers = {name: given[name] for name in HEADERS if name in given}
    return {
        "metadata": metadata,
        "headers": {"ContentType": DEFAULT_TYPE} | headers,
        "tags": tuple(parse_qsl(given.get("Tagging", ""))),
        "storage_class": given.get("StorageClass", "STANDARD"),
    }


def _behind(rows: list, key: str, version: str) -> list:
    """Return the versions after the markers; all of the key's if the version was deleted."""
    same = [one.id for name, one in rows if name == key]
    skipped = same.index(version) + 1 if version in same else 0 if version else len(same)
    first = sum(name < key for name, _ in rows)
    return rows[first + skipped :]


def tagging(tags: Mapping[str, str]) -> str:
    """Return tags as the parameter `Tagging` takes them."""
    return urlencode(tags)


def older(version: Version, modified: datetime) -> Version:
    """Return a version as if it had been stored at another time."""
    return replace(version, modified=modified)
