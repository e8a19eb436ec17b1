"""Messages to SQS and Lambda: dead letters, continuations, delays and deletions."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from handlers.aws.errors import translated
from handlers.aws.failures import TransientError
from handlers.aws.service_models import Service

# All attributes together stay far below 256 KiB, the limit of a message for most of SQS's life.
_ATTRIBUTE_CHARACTERS: Final = 2_000


class Messenger:
    """SQS and Lambda calls; each method is one."""

    def __init__(self, client: Callable[[Service], Any]) -> None:
        """`client` makes a service's client when it is needed; most invocations need none."""
        self._client = client

    def send(self, queue_url: str, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Send a message. Attribute values are shortened, and characters SQS refuses replaced."""
        fitted = {
            name: {"DataType": "String", "StringValue": _attribute_text(value)}
            for name, value in (attributes or {}).items()
            if value
        }
        with translated(f"send to {queue_url}"):
            self._client("sqs").send_message(
                QueueUrl=queue_url, MessageBody=body, MessageAttributes=fitted
            )

    def delay(self, queue_url: str, receipt_handle: str, seconds: int) -> None:
        """Make a received message visible again after `seconds`."""
        with translated(f"delay a message of {queue_url}"):
            self._client("sqs").change_message_visibility(
                QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )

    def delete(self, queue_url: str, receipt_handle: str) -> None:
        """Delete a received message. A failure is ignored: the message may safely return."""
        with suppress(TransientError), translated(f"delete a message of {queue_url}"):
            self._client("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=receipt_handle)

    def invoke_later(self, function: str, event: Mapping[str, Any]) -> None:
        """Invoke a function asynchronously."""
        with translated(f"invoke {function}"):
            self._client("lambda").invoke(
                FunctionName=function, InvocationType="Event", Payload=json.dumps(event)
            )


def _attribute_text(value: str) -> str:
    """Return a text with only characters that SQS takes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html."""
    return "".join(
        char
        if char in "\t\n\r"
        or " " <= char <= "\ud7ff"
        or "\ue000" <= char <= "\ufffd"
        or char > "\uffff"
        else "\ufffd"
        for char in value[:_ATTRIBUTE_CHARACTERS]
    )
