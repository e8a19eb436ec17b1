"""Dead letters: the shapes in which a failure waits for a person, read into one. Pure.

A letter is sent by the data processor itself (message attributes of `handlers.keys`), or moved by
SQS after too many receives (no attributes), or put there by Lambda after an asynchronous
invocation (attributes RequestID, ErrorCode, ErrorMessage; or a destination's JSON around the
request), or by the schedule that could not deliver (attributes ERROR_CODE, ERROR_MESSAGE).
Whoever may send to the queue can put anything there: no field is taken for granted.
"""

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from handlers import keys
from ops.dead_letters.messages import DeadLetter, Queue, Source
from ops.dead_letters.references import sources_of

# Attributes by their writer: the reason's, and the kind's.
_LAMBDA_ERROR: Final = ("ErrorMessage", "ErrorCode")
_SCHEDULE_ERROR: Final = ("ERROR_MESSAGE", "ERROR_CODE")
_UNREADABLE: Final = "unreadable"
_MOVED: Final = "killed, timed out or not started"
# What JSON of no use to a queue's function is.
_NOTHING: Final = {
    Queue.PROCESSOR: "JSON that names no file: it has no key, or one that is not UTF-8",
    Queue.ARCHIVER: "JSON without a request to the archiver",
}
_KINDS: Final[Mapping[type, str]] = {
    list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number",
    type(None): "null",
}  # fmt: skip


def parse(message: Mapping[str, Any], queue: Queue, *, max_receives: int | None) -> DeadLetter:
    """Read a received message, whatever is in it.

    A body that fits no shape makes a letter without an event, and with a problem that says what the
    body is. `max_receives` is the processing queue's, for letters that SQS moved.
    """
    body: str = message.get("Body", "")
    told = _attributes(message.get("MessageAttributes", {}))
    content, problem = _content(body)
    envelope = content if isinstance(content.get("requestContext"), dict) else {}
    request: object = envelope.get("requestPayload") if envelope else content
    named = sources_of(request)
    sources = named or _told_source(told)
    if queue is Queue.PROCESSOR and not named:
        event = _call(*sources[:1])
    else:
        event = _event(request, None if envelope else body)
    reason, kind = _failure(told, envelope)
    if reason is None and kind is None:
        kind = _UNREADABLE if event is None else _MOVED
    return DeadLetter(
        message=message.get("MessageId", ""),
        queue=queue,
        sent=_instant(message.get("Attributes", {}).get("SentTimestamp", "")),
        body=body,
        attributes=told,
        event=event,
        problem=None if event else problem or _NOTHING[queue],
        sources=sources,
        reason=reason,
        place=told.get(keys.PLACE) or None,
        kind=kind,
        attempts=_attempts(told, envelope, max_receives if kind == _MOVED else None),
    )


def _attributes(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the message attributes as text, binary ones in base64."""
    return {
        name: f"base64:{base64.b64encode(value['BinaryValue']).decode()}"
        if "BinaryValue" in value
        else str(value.get("StringValue", ""))
        for name, value in given.items()
    }


def _content(body: str) -> tuple[dict[str, Any], str]:
    """Return the JSON object of a body, or an empty one and what the body is instead."""
    try:
        value: Any = json.loads(body)
    except RecursionError:
        return {}, "JSON that is nested too deep"
    except ValueError:
        return {}, "not JSON"
    if isinstance(value, dict):
        return cast("dict[str, Any]", value), ""
    return {}, f"JSON, but {_KINDS[type(value)]} instead of an object"


def _event(request: object, body: str | None) -> str | None:
    """Return the JSON text to process again: the body itself, or the request in an envelope."""
    if not isinstance(request, dict) or not request:
        return None
    return _dumped(cast("object", request)) if body is None else body


def _call(source: Source | None = None) -> str | None:
    """Return the direct call for a file that only the attributes name, None for no file."""
    if not source:
        return None
    call = {"bucket": source.bucket, "key": source.key, "version_id": source.version}
    return json.dumps({name: text for name, text in call.items() if text})


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
    return _text(error.get("errorMessage")), _text(
        error.get("errorType") or context.get("condition")
    )


def _attempts(
    told: Mapping[str, str], envelope: Mapping[str, Any], max_receives: int | None
) -> int | None:
    invoked = envelope.get("requestContext", {}).get("approximateInvokeCount")
    if isinstance(invoked, int) and not isinstance(invoked, bool):
        return invoked
    retried = _whole(told.get("RETRY_ATTEMPTS", ""))
    return max_receives if retried is None else retried + 1


def _told_source(told: Mapping[str, str]) -> tuple[Source, ...]:
    return sources_of(
        {
            "bucket": told.get(keys.LETTER_BUCKET),
            "key": told.get(keys.LETTER_KEY),
            "version_id": told.get(keys.LETTER_VERSION),
        }
    )


def _text(value: object) -> str | None:
    """Return a value as text that can be written anywhere, None for nothing."""
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else _dumped(value) or "nested too deep to show"
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _dumped(value: object) -> str | None:
    """Return a value as JSON, None where it is nested too deep."""
    try:
        return json.dumps(value, separators=(",", ":"))
    except RecursionError:
        return None


def _instant(milliseconds: str) -> datetime:
    """Return the instant that SQS names, the epoch where it names none."""
    try:
        return datetime.fromtimestamp((_whole(milliseconds) or 0) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _whole(text: str) -> int | None:
    """Return the number that a text of plain digits is, else None."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
