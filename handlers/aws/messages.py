"""Messages to SQS and Lambda: sent, received, delayed, deleted, and how long they have waited."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from handlers.aws.errors import translated
from handlers.aws.failures import TransientError
from handlers.aws.service_models import Service

# All attributes together stay far below 256 KiB, the limit of a message for most of SQS's life.
_ATTRIBUTE_CHARACTERS: Final = 2_000
_BATCH: Final = 10  # messages of one receive or one batch call, SQS's maximum
# A long poll asks every server of the queue, so an empty answer means an empty queue.
_POLL_SECONDS: Final = 1
_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
_LIMITS: Final = ("MessageRetentionPeriod", "VisibilityTimeout", "RedrivePolicy")


@dataclass(frozen=True, kw_only=True)
class QueueState:
    """How many messages a queue has, and its settings.

    Attributes:
        messages: waiting, delayed and in flight together; SQS's counts are approximate.
        retention: how long SQS keeps a message.
        longest_processing: how long a message that is received again and again stays, before SQS
            moves it to the dead-letter queue.
    """

    messages: int
    retention: timedelta
    longest_processing: timedelta


@dataclass(frozen=True, kw_only=True)
class ReceivedMessage:
    """A message of a queue, hidden from other receivers until it is released."""

    id: str
    receipt_handle: str
    body: str


class Messenger:
    """SQS, Lambda and CloudWatch calls; each method is one, unless it says otherwise."""

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

    def describe(self, queue_url: str) -> QueueState:
        """Return the state of a queue."""
        with translated(f"describe {queue_url}"):
            found: Mapping[str, str] = self._client("sqs").get_queue_attributes(
                QueueUrl=queue_url, AttributeNames=[*_COUNTS, *_LIMITS]
            )["Attributes"]
        receives = int(json.loads(found.get("RedrivePolicy", "{}")).get("maxReceiveCount", 1))
        return QueueState(
            messages=sum(int(found.get(name, "0")) for name in _COUNTS),
            retention=timedelta(seconds=int(found["MessageRetentionPeriod"])),
            longest_processing=timedelta(seconds=receives * int(found["VisibilityTimeout"])),
        )

    def oldest_message_age(
        self, queue_url: str, *, now: datetime, window: timedelta
    ) -> timedelta | None:
        """Return how long a queue's oldest message has waited, as CloudWatch saw it last.

        None if it has seen nothing within the `window` before `now`.
        """
        with translated(f"measure {queue_url}"):
            points = self._client("cloudwatch").get_metric_statistics(
                Namespace="AWS/SQS",
                MetricName="ApproximateAgeOfOldestMessage",
                Dimensions=[{"Name": "QueueName", "Value": queue_url.rpartition("/")[2]}],
                StartTime=now - window,
                EndTime=now,
                Period=60,
                Statistics=["Maximum"],
            )["Datapoints"]
        newest = max(points, key=lambda point: point["Timestamp"], default=None)
        return timedelta(seconds=newest["Maximum"]) if newest else None

    def receive(self, queue_url: str, *, hidden_seconds: int) -> list[ReceivedMessage]:
        """Receive some messages, and hide them from others for a time; none if all are received."""
        with translated(f"receive from {queue_url}"):
            answer = self._client("sqs").receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=hidden_seconds,
                WaitTimeSeconds=_POLL_SECONDS,
            )
        return [
            ReceivedMessage(
                id=one["MessageId"], receipt_handle=one["ReceiptHandle"], body=one["Body"]
            )
            for one in answer.get("Messages", [])
        ]

    def release(self, queue_url: str, receipt_handles: Sequence[str]) -> None:
        """Let received messages be received again at once, ten in a call.

        A failure is ignored: they return by themselves when their time is over.
        """
        for start in range(0, len(receipt_handles), _BATCH):
            entries = [
                {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for place, handle in enumerate(receipt_handles[start : start + _BATCH])
            ]
            with suppress(TransientError), translated(f"release messages of {queue_url}"):
                self._client("sqs").change_message_visibility_batch(
                    QueueUrl=queue_url, Entries=entries
                )

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
