"""Read a message of a dead-letter queue, whoever sent it. Pure.

There are four senders:

- the data processor, with the message attributes of `handlers.keys`;
- SQS, which moves a message after too many receives, without attributes;
- Lambda, after an asynchronous invocation: with the attributes RequestID, ErrorCode and
  ErrorMessage, or with a destination's JSON around the request;
- EventBridge Scheduler, if it cannot deliver: with the attributes ERROR_CODE and ERROR_MESSAGE.

Anyone with permission to send to the queue can put anything there, so every field is checked.
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

# By sender, the attribute with the reason, and the one with the kind.
_LAMBDA_ERROR: Final = ("ErrorMessage", "ErrorCode")
_SCHEDULE_ERROR: Final = ("ERROR_MESSAGE", "ERROR_CODE")
# What the event of a run that looks for files left in incoming/ has, and no file's event.
_RECONCILE: Final = "reconcile"
_UNREADABLE: Final = "unreadable"
_MOVED: Final = "killed, timed out or not started"
# Why JSON cannot be processed by the function that a queue belongs to.
_NOTHING: Final = {
    Queue.PROCESSOR: "JSON that names no file: it has no key, or one that is not UTF-8",
    Queue.ARCHIVER: "JSON without a request to the archiver",
}
_KINDS: Final[Mapping[type, str]] = {
    list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number",
    type(None): "null",
}  # fmt: skip


def parse(message: Mapping[str, Any], queue: Queue, *, max_receives: int | None) -> DeadLetter:
    """Return the dead letter in a received message.

    If the body is none of the known forms, the dead letter has no event, and its `problem` says
    what the body is. `max_receives` is the processing queue's setting: the number of attempts at a
    message that SQS moved.
    """
    body: str = message.get("Body", "")
    attributes = _attributes(message.get("MessageAttributes", {}))
    content, problem = _content(body)
    envelope = content if isinstance(content.get("requestContext"), dict) else {}
    request: object = envelope.get("requestPayload") if envelope else content
    reconciles = queue is Queue.PROCESSOR and _RECONCILE in _mapping(request)
    named = sources_of(request)
    sources = named or _source_in(attributes)
    if queue is Queue.PROCESSOR and not named and not reconciles:
        event = _call(*sources[:1])
    else:
        event = _event(request, None if envelope else body)
    reason, kind = _failure(attributes, envelope)
    if reason is None and kind is None:
        kind = _UNREADABLE if event is None else _MOVED
    return DeadLetter(
        message_id=message.get("MessageId", ""),
        queue=queue,
        sent=_instant(message.get("Attributes", {}).get("SentTimestamp", "")),
        body=body,
        attributes=attributes,
        event=event,
        problem=None if event else problem or _NOTHING[queue],
        sources=sources,
        reason=reason,
        place=attributes.get(keys.PLACE) or None,
        kind=kind,
        attempts=_attempts(attributes, envelope, max_receives if kind == _MOVED else None),
        reconciles=reconciles,
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


def _mapping(request: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", request) if isinstance(request, dict) else {}


def _event(request: object, body: str | None) -> str | None:
    """Return the JSON text to process again: the body itself, or the request in an envelope."""
    if not isinstance(request, dict) or not request:
        return None
    return _dumped(cast("object", request)) if body is None else body


def _call(source: Source | None = None) -> str | None:
    """Return the direct call that processes a file which only the attributes name, or None."""
    if not source:
        return None
    call = {"bucket": source.bucket, "key": source.key, "version_id": source.version}
    return json.dumps({name: text for name, text in call.items() if text})


def _failure(
    attributes: Mapping[str, str], envelope: Mapping[str, Any]
) -> tuple[str | None, str | None]:
    """Return the reason and the kind of failure, None for each that is unknown."""
    if keys.REASON in attributes or keys.FAILURE_KIND in attributes:
        return attributes.get(keys.REASON), attributes.get(keys.FAILURE_KIND)
    for message, code in (_LAMBDA_ERROR, _SCHEDULE_ERROR):
        if message in attributes or code in attributes:
            return attributes.get(message) or None, attributes.get(code)
    if not envelope:
        return None, None
    answer, context = envelope.get("responsePayload"), envelope["requestContext"]
    error = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    return _text(error.get("errorMessage")), _text(
        error.get("errorType") or context.get("condition")
    )


def _attempts(
    attributes: Mapping[str, str], envelope: Mapping[str, Any], max_receives: int | None
) -> int | None:
    invoked = envelope.get("requestContext", {}).get("approximateInvokeCount")
    if isinstance(invoked, int) and not isinstance(invoked, bool):
        return invoked
    retried = _whole(attributes.get("RETRY_ATTEMPTS", ""))
    return max_receives if retried is None else retried + 1


def _source_in(attributes: Mapping[str, str]) -> tuple[Source, ...]:
    return sources_of(
        {
            "bucket": attributes.get(keys.DEAD_LETTER_BUCKET),
            "key": attributes.get(keys.DEAD_LETTER_KEY),
            "version_id": attributes.get(keys.DEAD_LETTER_VERSION),
        }
    )


def _text(value: object) -> str | None:
    """Return a value as text that can be encoded as UTF-8, or None for an empty one."""
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
    """Return the time that SQS gives, or the epoch if it gives none."""
    try:
        return datetime.fromtimestamp((_whole(milliseconds) or 0) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _whole(text: str) -> int | None:
    """Return the number in a text of plain digits, or None."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
