"""Refuse messages that SQS would refuse: their size, characters and attributes.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import re
from typing import Any, Final

from moto.sqs.exceptions import BatchRequestTooLong, SQSException
from moto.sqs.models import SQSBackend

from local.account.strict import limits
from local.account.strict.patches import around

# What is not a character of XML 1.0 may not be in a body or a string value.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# A name may not start with these, in upper or lower case: sqs-message-metadata.html.
_RESERVED_NAMES: Final = ("aws.", "amazon.", ".")


@around(SQSBackend, "send_message")
def _send_message(
    original: Any, self: Any, queue_name: str, message_body: str, *arguments: Any, **options: Any
) -> Any:
    _check_message(self, queue_name, message_body, options.get("message_attributes") or {})
    return original(self, queue_name, message_body, *arguments, **options)


@around(SQSBackend, "send_message_batch")
def _send_message_batch(
    original: Any, self: Any, queue_name: str, entries: dict[str, dict[str, Any]]
) -> Any:
    """Send the valid entries, and return each of the others with its own error."""
    total = sum(
        _size(entry["MessageBody"], entry["MessageAttributes"]) for entry in entries.values()
    )
    if total > limits.max_message_bytes:
        raise BatchRequestTooLong(total)
    valid: dict[str, dict[str, Any]] = {}
    failed: list[dict[str, Any]] = []
    for index, entry in entries.items():
        try:
            _check_message(self, queue_name, entry["MessageBody"], entry["MessageAttributes"])
        except SQSException as error:
            named = {"Id": entry["Id"], "Code": error.code, "Message": error.message}
            failed.append(named | {"SenderFault": True})
        else:
            valid[index] = entry
    sent, refused = original(self, queue_name, valid)
    return sent, refused + failed


def _check_message(
    backend: Any, queue_name: str, body: str, attributes: dict[str, dict[str, Any]]
) -> None:
    _check_body(body)
    _check_attributes(attributes)
    limit = min(limits.max_message_bytes, backend.get_queue(queue_name).maximum_message_size)
    if _size(body, attributes) > limit:
        reason = f"Message must be shorter than {limit} bytes"
        message = f"One or more parameters are invalid. Reason: {reason}."
        raise SQSException("InvalidParameterValue", message)


def _check_body(body: str) -> None:
    if not body:
        raise SQSException(
            "MissingParameter", "The request must contain the parameter MessageBody."
        )
    if _FORBIDDEN.search(body):
        message = "Message body contains characters outside the allowed set."
        raise SQSException("InvalidMessageContents", message)


def _check_attributes(attributes: dict[str, dict[str, Any]]) -> None:
    if len(attributes) > limits.max_message_attributes:
        raise SQSException(
            "InvalidParameterValue",
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum "
            f"[{limits.max_message_attributes}].",
        )
    for name, attribute in attributes.items():
        problem = _name_problem(name) or _value_problem(attribute)
        if problem:
            message = f"The message attribute '{name}' {problem}."
            raise SQSException("InvalidParameterValue", message)


def _name_problem(name: str) -> str | None:
    if len(name) > limits.max_attribute_name_characters:
        return f"has a name of more than {limits.max_attribute_name_characters} characters"
    if name.lower().startswith(_RESERVED_NAMES) or name.endswith(".") or ".." in name:
        return (
            "has a name that starts with AWS., Amazon. or a dot, ends with one or has two in a row"
        )
    return None


def _value_problem(attribute: dict[str, Any]) -> str | None:
    kind = attribute["DataType"].partition(".")[0]
    value = attribute.get("BinaryValue" if kind == "Binary" else "StringValue")
    if not value:
        return "must contain non-empty message attribute value"
    if kind == "Number" and not _NUMBER.fullmatch(value):
        return f"has a value that is not a number: {value!r}"
    if kind != "Binary" and _FORBIDDEN.search(value):
        return "contains characters outside the allowed set"
    return None


def _size(body: str, attributes: dict[str, dict[str, Any]]) -> int:
    """Return the bytes of a message: of its body and its attributes' names, types and values."""
    texts = [body]
    binary = 0
    for name, attribute in attributes.items():
        texts += [name, attribute["DataType"], attribute.get("StringValue") or ""]
        binary += len(attribute.get("BinaryValue") or b"")
    return binary + sum(len(text.encode()) for text in texts)
