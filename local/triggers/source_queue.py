"""The queue that an event source mapping polls."""

import time
from collections.abc import Sequence
from typing import Final

from mypy_boto3_sqs import SQSClient
from mypy_boto3_sqs.type_defs import ReceiveMessageRequestTypeDef

from local.triggers.sqs_event import Message

_CALL_LIMIT: Final = 10  # messages in one ReceiveMessage or DeleteMessageBatch call
_PAUSE_SECONDS: Final = 0.05


class SourceQueue:
    """An SQS queue that hides received messages for `visibility_seconds`; None for its own time."""

    def __init__(self, *, sqs: SQSClient, url: str, visibility_seconds: int | None) -> None:
        self._sqs = sqs
        self._url = url
        self._visibility_seconds = visibility_seconds

    def receive_batch(self, size: int, window_seconds: float, wait_seconds: int) -> list[Message]:
        """Receive up to `size` messages.

        Waits up to `wait_seconds` for the first, and then up to `window_seconds` for a full batch.
        """
        messages = self._receive(size, wait_seconds)
        end = time.monotonic() + window_seconds
        while messages and len(messages) < size:
            more = self._receive(size - len(messages), 0)
            messages += more
            if not more:
                if time.monotonic() >= end:
                    break
                time.sleep(_PAUSE_SECONDS)
        return messages

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete received messages."""
        for start in range(0, len(messages), _CALL_LIMIT):
            self._sqs.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages[start : start + _CALL_LIMIT])
                ],
            )

    def release(self, receipt_handle: str) -> None:
        """Make a received message visible again."""
        self._sqs.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=0
        )

    def counts(self) -> dict[str, int]:
        """Return how many messages are visible, hidden and delayed."""
        response = self._sqs.get_queue_attributes(
            QueueUrl=self._url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )
        return {name: int(count) for name, count in response["Attributes"].items()}

    def _receive(self, size: int, wait_seconds: int) -> list[Message]:
        request: ReceiveMessageRequestTypeDef = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": min(_CALL_LIMIT, size),
            "WaitTimeSeconds": wait_seconds,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        if self._visibility_seconds is not None:
            request["VisibilityTimeout"] = self._visibility_seconds
        return [*self._sqs.receive_message(**request).get("Messages", ())]
