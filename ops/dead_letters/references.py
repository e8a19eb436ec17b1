"""Find the object versions that an event names, in every form that the processor accepts. Pure.

A record that names no file, or whose key is not UTF-8, is left out: the processor refuses it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final, cast
from urllib.parse import unquote_plus

from handlers import keys
from ops.dead_letters.messages import Source

_MAX_WRAPPINGS: Final = 3  # SNS notifications in one another, as many as the processor opens


def sources_of(event: object) -> tuple[Source, ...]:
    """Return the object versions that an event names.

    The event may come from S3, directly or through SNS or EventBridge, be a direct call, or the
    message that has a completed version processed again.
    """
    return tuple(_sources(event, _MAX_WRAPPINGS))


def _sources(event: object, wrappings: int) -> Iterator[Source]:
    fields = _mapping(event)
    if keys.REPROCESS in fields:
        named = _mapping(fields[keys.REPROCESS])
        yield from _source({}, named.get("key"), named.get("version"))
    elif isinstance(fields.get("Records"), list):
        for record in cast("list[object]", fields["Records"]):
            yield from _record(_mapping(record), wrappings)
    elif isinstance(fields.get("Message"), str):
        yield from _wrapped(fields, wrappings)
    elif "detail" in fields:
        detail = _mapping(fields["detail"])
        described = _mapping(detail.get("object"))
        # Unlike S3, EventBridge does not percent-encode the key.
        yield from _source(detail, described.get("key"), described.get("version-id"))
    elif "key" in fields:
        yield from _source(fields, fields["key"], fields.get("version_id"))


def _record(record: Mapping[str, object], wrappings: int) -> Iterator[Source]:
    if "Sns" in record:
        yield from _wrapped(_mapping(record["Sns"]), wrappings)
        return
    place = _mapping(record.get("s3"))
    described = _mapping(place.get("object"))
    key = described.get("key")
    if isinstance(key, str):
        key = unquote_plus(key, errors="surrogateescape")
    yield from _source(place, key, described.get("versionId"))


def _wrapped(notification: Mapping[str, object], wrappings: int) -> Iterator[Source]:
    text = notification.get("Message")
    if not isinstance(text, str) or not wrappings:
        return
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from _sources(inner, wrappings - 1)


def _source(place: Mapping[str, object], key: object, version: object) -> Iterator[Source]:
    """Yield the source with a key; `place` holds its bucket, as S3's object or as a name."""
    bucket = place.get("bucket")
    named, name = _text(key), _mapping(bucket).get("name", bucket)
    if named:
        yield Source(bucket=_text(name), key=named, version=_text(version))


def _text(value: object) -> str | None:
    """Return text that can be encoded, or None: JSON may hold half of a surrogate pair."""
    if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
        return None
    return value or None


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}
