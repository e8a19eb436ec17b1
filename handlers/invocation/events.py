"""Reads events: S3 notifications, also within SNS, EventBridge events and direct calls. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import quote_plus, unquote_plus

from handlers.keys import COMPLETED, INCOMING, REPROCESS

_MAX_WRAPPINGS: Final = 3  # SNS within SNS; deeper than any real set-up


class MalformedEventError(Exception):
    """The event cannot be read; the message is the reason."""


@dataclass(frozen=True, kw_only=True)
class ObjectReference:
    """An object that an event says was created."""

    bucket: str
    key: str
    version: str | None = None
    created: str = ""  # ISO 8601, from the event; S3's LastModified counts more
    size: int | None = None
    continuations: int = 0  # invocations that worked on a large file and asked for another

    @property
    def is_folder(self) -> bool:
        """Return whether it is a folder marker, the empty object that S3's console makes."""
        return self.key.endswith("/") and self.size == 0

    def to_event(self) -> dict[str, Any]:
        """Return an S3 notification of this object, as `read_event` takes it."""
        entry: dict[str, Any] = {"key": quote_plus(self.key, safe="/")}
        if self.version:
            entry["versionId"] = self.version
        if self.size is not None:
            entry["size"] = self.size
        record: dict[str, Any] = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": self.bucket}, "object": entry},
        }
        if self.created:
            record["eventTime"] = self.created
        if self.continuations:
            record["continuations"] = self.continuations
        return {"Records": [record]}


@dataclass(frozen=True, kw_only=True)
class CompletedReference:
    """A version in `completed/` whose output is to be made anew, in the place of the old one."""

    bucket: str
    key: str
    version: str
    continuations: int = 0  # as of an ObjectReference

    def to_event(self) -> dict[str, Any]:
        """Return the message about it, as `read_event` takes it."""
        named = {"key": self.key, "version": self.version}
        continued = {"continuations": self.continuations} if self.continuations else {}
        return {REPROCESS: {**named, **continued}}


Reference = ObjectReference | CompletedReference


@dataclass(frozen=True)
class Reading:
    """What an event holds: objects to process, and the reasons for what was dropped."""

    references: tuple[Reference, ...]
    dropped: tuple[str, ...]


def read_message(body: str, bucket: str) -> Reading:
    """Return what the body of a queue message holds for `bucket`.

    Raises MalformedEventError where it is not JSON, an S3 event lacks its bucket or key, or a
    message about a completed file is not as `CompletedReference` writes it.
    """
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        msg = f"the message is not JSON: {error}"
        raise MalformedEventError(msg) from error
    return read_event(event, bucket)


def read_event(event: object, bucket: str) -> Reading:
    """Return what an event holds for `bucket`; raises as `read_message`."""
    try:
        return _read(event, bucket)
    except RecursionError as error:
        msg = "the event is nested too deep"
        raise MalformedEventError(msg) from error


def _read(event: object, bucket: str) -> Reading:
    references: list[Reference] = []
    dropped: list[str] = []
    fields = _mapping(event)
    if fields is not None and REPROCESS in fields:
        return Reading((_read_completed(fields, bucket),), ())
    for found in _unwrap(event, bucket, _MAX_WRAPPINGS):
        reason = found if isinstance(found, str) else _foreign(found, bucket)
        if isinstance(found, ObjectReference) and not reason:
            references.append(found)
        else:
            dropped.append(reason)
    return Reading(tuple(references), tuple(dropped))


def _foreign(reference: ObjectReference, bucket: str) -> str:
    if reference.bucket != bucket:
        return f"foreign bucket {reference.bucket!r}"
    if not reference.key.startswith(INCOMING):
        return f"not under {INCOMING}: {reference.key!r}"
    if reference.is_folder:
        return f"folder marker {reference.key!r}"
    return ""


def _unwrap(event: object, bucket: str, wrappings: int) -> Iterator[ObjectReference | str]:
    fields = _mapping(event)
    if fields is None:
        yield f"foreign event: {type(event).__name__}, not an object"
    elif isinstance(fields.get("Records"), list):
        for record in cast("list[object]", fields["Records"]):
            yield from _read_record(record, bucket, wrappings)
    elif fields.get("Event") == "s3:TestEvent":
        yield "s3:TestEvent, which S3 sends when a notification is set up"
    elif fields.get("Type") == "Notification" and "Message" in fields:
        yield from _unwrap_text(fields["Message"], bucket, wrappings)
    elif fields.get("source") == "aws.s3":
        yield _read_bridge_event(fields)
    elif "key" in fields:
        yield _read_call(fields, bucket)
    else:
        yield f"foreign event with the fields {sorted(map(str, fields))[:10]}"


def _unwrap_text(text: object, bucket: str, wrappings: int) -> Iterator[ObjectReference | str]:
    if not isinstance(text, str) or not wrappings:
        yield "foreign event: a notification that holds no event"
        return
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        yield "foreign event: a notification that holds no JSON"
        return
    yield from _unwrap(inner, bucket, wrappings - 1)


def _read_record(record: object, bucket: str, wrappings: int) -> Iterator[ObjectReference | str]:
    fields = _mapping(record)
    if fields is None:
        yield "foreign record: not an object"
    elif fields.get("EventSource") == "aws:sns":
        notification = _mapping(fields.get("Sns")) or {}
        yield from _unwrap_text(notification.get("Message"), bucket, wrappings)
    elif fields.get("eventSource") != "aws:s3":
        yield f"foreign record from {fields.get('eventSource')!r}"
    elif not str(fields.get("eventName")).startswith("ObjectCreated:"):
        yield f"not a creation: {fields.get('eventName')!r}"
    else:
        s3 = _mapping(fields.get("s3")) or {}
        entry = _mapping(s3.get("object")) or {}
        encoded = _text(entry, "key")
        yield ObjectReference(
            bucket=_text(_mapping(s3.get("bucket")) or {}, "name"),
            key=_decode(encoded),
            version=_optional(entry.get("versionId")),
            created=_optional(fields.get("eventTime")) or "",
            size=_size(entry.get("size")),
            continuations=_continuations(fields),
        )


def _read_bridge_event(fields: Mapping[str, object]) -> ObjectReference | str:
    if fields.get("detail-type") != "Object Created":
        return f"not a creation: {fields.get('detail-type')!r}"
    detail = _mapping(fields.get("detail")) or {}
    entry = _mapping(detail.get("object")) or {}
    return ObjectReference(
        bucket=_text(_mapping(detail.get("bucket")) or {}, "name"),
        key=_text(entry, "key"),  # EventBridge does not encode it
        version=_optional(entry.get("version-id")),
        created=_optional(fields.get("time")) or "",
        size=_size(entry.get("size")),
    )


def _read_call(fields: Mapping[str, object], bucket: str) -> ObjectReference:
    return ObjectReference(
        bucket=_optional(fields.get("bucket")) or bucket,
        key=_text(fields, "key"),
        version=_optional(fields.get("version_id")),
    )


def _read_completed(fields: Mapping[str, object], bucket: str) -> CompletedReference:
    """Return the completed file that a message names. It is ours, so nothing else may be in it."""
    named = _mapping(fields[REPROCESS]) or {}
    key, version = _optional(named.get("key")), _optional(named.get("version"))
    continuations = _size(named.get("continuations", 0))
    whole = set(fields) == {REPROCESS} and set(named) <= {"key", "version", "continuations"}
    counted = continuations is not None and continuations >= 0
    if not (whole and key and key.startswith(COMPLETED) and version and counted):
        msg = (
            f"the message about a completed file is {json.dumps(fields)[:300]}, allowed: "
            f'{{"{REPROCESS}": {{"key": "{COMPLETED}…", "version": "…", "continuations": 0}}}}'
        )
        raise MalformedEventError(msg)
    return CompletedReference(
        bucket=bucket, key=key, version=version, continuations=continuations or 0
    )


def _decode(encoded: str) -> str:
    try:
        return unquote_plus(encoded, errors="strict")
    except UnicodeDecodeError as error:
        msg = f"an S3 event whose key is {encoded!r}, allowed: URL-encoded UTF-8"
        raise MalformedEventError(msg) from error


def _mapping(value: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value or not _is_unicode(value):
        msg = f"an S3 event whose {name} is {value!r}, allowed: text"
        raise MalformedEventError(msg)
    return value


def _is_unicode(text: str) -> bool:
    """Return whether a text can be sent: JSON may hold half of a surrogate pair."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _optional(value: object) -> str | None:
    return value if isinstance(value, str) and value and _is_unicode(value) else None


def _continuations(fields: Mapping[str, object]) -> int:
    # Version 1.0 only recorded that there was one.
    return max(_size(fields.get("continuations")) or 0, int(fields.get("resume") is True))


def _size(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
