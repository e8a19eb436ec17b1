"""Upload files to the local pipeline, and find out how each ended."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from handlers import keys

_LAMBDA_REASON: Final = "ErrorMessage"  # the attribute that Lambda sets on a dead letter
_NO_REASON: Final = "killed, timed out or not started"


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One version in the raw bucket."""

    name: str
    key: str
    version: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an upload ended: with an output, or with a dead letter and its reason."""

    upload: Upload
    status: str  # processed, failed or pending
    where: str
    counts: Mapping[str, int]
    output: bytes = b""
    reason: str = ""
    rejected_key: str = ""


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A dead letter: the source version in its event, and the message's attributes."""

    key: str
    version: str
    attributes: Mapping[str, str]

    @property
    def reason(self) -> str:
        """Why it failed: from the processor, with the first bad place, or else from Lambda."""
        reason = self.attributes.get(keys.REASON) or self.attributes.get(_LAMBDA_REASON)
        place = self.attributes.get(keys.PLACE)
        return ": ".join(part for part in (place, reason or _NO_REASON) if part)


class Uploads:
    """Uploads files to a stack's raw bucket, and looks up their outcomes."""

    def __init__(self, s3: Any, sqs: Any, outputs: Mapping[str, Any]) -> None:
        self._s3 = s3
        self._sqs = sqs
        self._outputs = outputs

    def put(self, name: str, body: bytes) -> Upload:
        """Upload a file to `incoming/`."""
        key = keys.INCOMING + name
        raw = self._outputs["raw_bucket_name"]
        version = self._s3.put_object(Bucket=raw, Key=key, Body=body)["VersionId"]
        return Upload(name=name, key=key, version=version, body=body)

    def outcome(self, upload: Upload, dead_letters: Iterable[DeadLetter]) -> Outcome:
        """Return the outcome of an upload, given the dead letters that `dead_letters` returns."""
        for dead_letter in dead_letters:
            if (dead_letter.key, dead_letter.version) == (upload.key, upload.version):
                return Outcome(
                    upload=upload,
                    status="failed",
                    where="dead-letter queue",
                    counts={},
                    reason=dead_letter.reason,
                )
        for key, metadata in self._processed():
            if metadata.get(keys.SOURCE_VERSION) == upload.version:
                return self._processed_outcome(upload, key, metadata)
        return Outcome(upload=upload, status="pending", where="", counts={})

    def _processed_outcome(self, upload: Upload, key: str, metadata: Mapping[str, str]) -> Outcome:
        bucket = self._outputs["processed_bucket_name"]
        return Outcome(
            upload=upload,
            status="processed",
            where=key,
            counts={
                name: int(metadata[name])
                for name in (
                    keys.RECORDS_IN,
                    keys.RECORDS_OUT,
                    keys.RECORDS_REJECTED,
                    keys.RECORDS_EMPTY,
                )
            },
            output=self._s3.get_object(Bucket=bucket, Key=key)["Body"].read(),
            rejected_key=keys.decode_value(metadata.get(keys.REJECTED_KEY, "")),
        )

    def _processed(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        bucket = self._outputs["processed_bucket_name"]
        for key in self.keys("processed_bucket_name", keys.PROCESSED):
            yield key, self._s3.head_object(Bucket=bucket, Key=key)["Metadata"]

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys under a prefix; `bucket` is the stack output with the bucket's name."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._outputs[bucket], Prefix=prefix
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def text(self, bucket: str, key: str) -> str:
        """Return the text of an object, "" if there is none; `bucket` as in `keys`."""
        try:
            response = self._s3.get_object(Bucket=self._outputs[bucket], Key=key)
        except ClientError:
            return ""
        return response["Body"].read().decode(errors="replace")

    def dead_letters(self) -> list[DeadLetter]:
        """Return the processor's dead letters; they stay in their queue."""
        url = self._outputs["dlq_url"]
        messages: list[Any] = []
        try:
            while received := self._sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            ).get("Messages"):
                messages += received
        finally:
            for message in messages:
                self._sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
        return [_read_dead_letter(message) for message in messages]


def _read_dead_letter(message: Mapping[str, Any]) -> DeadLetter:
    attributes = message.get("MessageAttributes", {})
    key, version = _source(message["Body"])
    return DeadLetter(
        key=key,
        version=version,
        attributes={name: value["StringValue"] for name, value in attributes.items()},
    )


def _source(body: str) -> tuple[str, str]:
    """Return the key and version in an event's body, each "" if there is none."""
    try:
        described = json.loads(body)["Records"][0]["s3"]["object"]
        return unquote_plus(described["key"]), described.get("versionId", "")
    except (ValueError, LookupError, TypeError):
        return "", ""
