"""Files that were uploaded to the local pipeline, and what became of them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from handlers import keys


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One version in the raw bucket."""

    name: str
    key: str
    version: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an upload: an output, or a dead letter with its reason."""

    upload: Upload
    status: str  # processed, failed or pending
    where: str
    counts: Mapping[str, int]
    output: bytes = b""
    reason: str = ""
    rejected_key: str = ""


class Uploads:
    """Uploads to a stack's raw bucket, and looks up what became of them."""

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

    def outcome(
        self, upload: Upload, letters: Mapping[tuple[str, str], Mapping[str, str]]
    ) -> Outcome:
        """Return what became of an upload; `letters` are those of `dead_letters`."""
        if letter := letters.get((upload.key, upload.version)):
            place = letter.get(keys.PLACE, "")
            reason = f"{place}: {letter[keys.REASON]}" if place else letter[keys.REASON]
            return Outcome(
                upload=upload, status="failed", where="dead-letter queue", counts={}, reason=reason
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
            rejected_key=metadata.get(keys.REJECTED_KEY, ""),
        )

    def _processed(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        bucket = self._outputs["processed_bucket_name"]
        for key in self.keys("processed_bucket_name", keys.PROCESSED):
            yield key, self._s3.head_object(Bucket=bucket, Key=key)["Metadata"]

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys under a prefix of the bucket that an output names."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._outputs[bucket], Prefix=prefix
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def text(self, bucket: str, key: str) -> str:
        """Return an object's text; "" where there is none."""
        try:
            response = self._s3.get_object(Bucket=self._outputs[bucket], Key=key)
        except ClientError:
            return ""
        return response["Body"].read().decode(errors="replace")

    def dead_letters(self) -> dict[tuple[str, str], dict[str, str]]:
        """Return the dead letters' attributes by key and version, and leave the letters there."""
        url = self._outputs["dlq_url"]
        found: dict[tuple[str, str], dict[str, str]] = {}
        handles: list[str] = []
        while messages := self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                handles.append(message["ReceiptHandle"])
                attributes = message.get("MessageAttributes", {})
                letter = {name: value["StringValue"] for name, value in attributes.items()}
                record = json.loads(message["Body"])["Records"][0]["s3"]["object"]
                found[letter[keys.LETTER_KEY], record.get("versionId", "")] = letter
        for handle in handles:
            self._sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0
            )
        return found
