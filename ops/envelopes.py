"""Dead letters: the shapes in which a failure waits for a person, read into one. Pure.

A letter is sent by the data processor itself (message attributes of `handlers.keys`), or moved by
SQS after too many receives (no attributes), or put there by Lambda after an asynchronous
invocation (attributes RequestID, ErrorCode, ErrorMessage; or a destination's JSON around the
request), or by the schedule that could not deliver (attributes ERROR_CODE, ERROR_MESSAGE).
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast
from urllib.parse import unquote_plus

from handlers import keys
from ops.letters import DeadLetter, Queue, Source

# Attributes by their writer: the reason's, and the kind's.
_LAMBDA_ERROR: Final = ("ErrorMessage", "ErrorCode")
_SCHEDULE_ERROR: Final = ("ERROR_MESSAGE", "ERROR_CODE")
_UNREADABLE: Final = "unreadable"
_MOVED: Final = "killed, timed out or not started"


def parse(message: Mapping[str, Any], queue: Queue, *, max_receives: int | None) -> DeadLetter:
    """Read a received message; a body that fits no shape makes a letter without an event.

    `max_receives` is the processing queue's, for letters that SQS moved.
    """
    body: str = message.get("Body", "")
    system: Mapping[str, str] = message.get("Attributes", {})
    told = {
        name: str(value.get("StringValue", ""))
        for name, value in message.get("MessageAttributes", {}).items()
    }
    content = _json(body)
    envelope = content if isinstance(content.get("requestContext"), dict) else {}
    request: Any = envelope.get("requestPayload") if envelope else content
    sources = tuple(_sources(request)) or _told_source(told)
    readable = bool(request) and (bool(sources) or queue is Queue.ARCHIVER)
    reason, kind = _failure(told, envelope)
    if reason is None and kind is None:
        kind = _MOVED if readable else _UNREADABLE
    return DeadLetter(
        message=message.get("MessageId", ""),
        queue=queue,
        sent=datetime.fromtimestamp(int(system.get("SentTimestamp", "0")) / 1000, UTC),
        body=body,
        event=_event(request, body, envelope) if readable else None,
        sources=sources,
        reason=reason,
        place=told.get(keys.PLACE) or None,
        kind=kind,
        attempts=_attempts(told, envelope, max_receives if kind == _MOVED else None),
    )


def _failure(told: Mapping[str, str], envelope: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return reason and kind."""
    if keys.REASON in told or keys.FAILURE_KIND in told:
        return told.get(keys.REASON), told.get(keys.FAILURE_KIND)
    for message, code in (_LAMBDA_ERROR, _SCHEDULE_ERROR):
        if message in told or code in told:
            return told.get(message) or None, told.get(code)
    if not envelope:
        return None, None
    answer, context = envelope.get("responsePayload"), envelope["requestContext"]
    error = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    kind = error.get("errorType") or context.get("condition")
    return error.get("errorMessage"), str(kind) if kind else None


def _attempts(
    told: Mapping[str, str], envelope: Mapping[str, Any], max_receives: int | None
) -> int | None:
    invoked = envelope.get("requestContext", {}).get("approximateInvokeCount")
    if isinstance(invoked, int):
        return invoked
    retried = told.get("RETRY_ATTEMPTS", "")
    return int(retried) + 1 if retried.isdigit() else max_receives


def _event(request: object, body: str, envelope: Mapping[str, Any]) -> str:
    return json.dumps(request, separators=(",", ":")) if envelope else body


def _sources(request: object) -> Iterator[Source]:
    """Yield what an event is about: S3's, bare or from SNS or EventBridge, or a direct call."""
    if not isinstance(request, dict):
        return
    event = cast("dict[str, Any]", request)
    if isinstance(event.get("Records"), list):
        yield from filter(None, map(_source, event["Records"]))
    elif isinstance(event.get("Message"), str):
        yield from _sources(_json(event["Message"]))
    elif isinstance(event.get("detail"), dict):
        yield from filter(None, [_bridged(event["detail"])])
    elif isinstance(event.get("key"), str):
        yield Source(bucket=event.get("bucket"), key=event["key"], version=event.get("version_id"))


def _source(record: Any) -> Source | None:
    try:
        described = record["s3"]["object"]
        return Source(
            bucket=record["s3"]["bucket"]["name"],
            key=unquote_plus(described["key"], errors="surrogateescape"),
            version=described.get("versionId"),
        )
    except (KeyError, TypeError, AttributeError):
        return None


def _bridged(detail: Any) -> Source | None:
    """Read EventBridge's form, which does not encode the key."""
    try:
        described = detail["object"]
        return Source(
            bucket=detail["bucket"]["name"],
            key=described["key"],
            version=described.get("version-id"),
        )
    except (KeyError, TypeError):
        return None


def _told_source(told: Mapping[str, str]) -> tuple[Source, ...]:
    if keys.LETTER_KEY not in told:
        return ()
    bucket, version = told.get(keys.LETTER_BUCKET), told.get(keys.LETTER_VERSION)
    return (Source(bucket=bucket, key=told[keys.LETTER_KEY], version=version or None),)


def _json(text: str) -> dict[str, Any]:
    try:
        value: Any = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
