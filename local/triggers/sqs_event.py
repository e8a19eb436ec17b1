"""Make the event for a batch of SQS messages, and find the failed ones in the function's answer."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from local.compute.outcome import Invocation

# A message as ReceiveMessage returns it.
Message = Mapping[str, Any]


def batch_event(messages: Sequence[Message], queue_arn: str) -> dict[str, Any]:
    """Return the event of a batch, its `Records` in the order of `messages`.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    return {"Records": [_record(message, queue_arn) for message in messages]}


def failed_messages(
    invocation: Invocation, sent: Sequence[str], *, partial: bool
) -> frozenset[str]:
    """Return the ids of the messages that stay in the queue after an invocation.

    `partial` says whether ReportBatchItemFailures is set; if not, the answer is ignored.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html. All
    messages succeed if the response or its list of failures is empty or null. All fail on an
    exception, on a response that cannot be read, and on an identifier that is empty, null, under a
    wrong key, or not in the batch.
    """
    everything = frozenset(sent)
    if invocation.failure:
        return everything
    reported = _reported(invocation) if partial else []
    known = reported is not None and everything.issuperset(reported)
    return frozenset(reported or ()) if known else everything


def _reported(invocation: Invocation) -> list[str] | None:
    """Return the identifiers in the handler's answer, or None if they cannot be read."""
    try:
        answer = invocation.payload
    except ValueError:
        return None
    match answer:
        case None | {"batchItemFailures": None}:
            return []
        case {"batchItemFailures": [*items]}:
            identifiers = [_identifier(item) for item in items]
            known = [identifier for identifier in identifiers if identifier is not None]
            return known if len(known) == len(identifiers) else None
        case {"batchItemFailures": _}:
            return None
        case {}:
            return []
        case _:
            return None


def _identifier(item: Any) -> str | None:
    match item:
        case {"itemIdentifier": str(identifier)}:
            return identifier
        case _:
            return None


def _record(message: Message, queue_arn: str) -> dict[str, Any]:
    attributes: Mapping[str, Any] = message.get("MessageAttributes", {})
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    attribute: dict[str, Any] = {
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return attribute
