"""Send an event that failed at every attempt to a queue, with the reason.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mypy_boto3_sqs import SQSClient

from local.compute.outcome import Failure, Invocation

_MESSAGE_BYTES: Final = 1024
_FUNCTION_ERROR_STATUS: Final = 200  # the status of the Invoke call, which succeeded


@dataclass(frozen=True, kw_only=True)
class Exhausted:
    """An event that failed `attempts` times, the last time with `failure`."""

    request_id: str
    function_arn: str
    payload: object
    attempts: int
    invocation: Invocation
    failure: Failure


Destination = Callable[[Exhausted], None]


def dead_letter_queue(sqs: SQSClient, queue_arn: str) -> Destination:
    """Return a function's dead-letter queue: it gets the event, and the reason as attributes."""

    def deliver(event: Exhausted) -> None:
        failure = event.failure
        message = (failure.message or failure.type).encode()[:_MESSAGE_BYTES]
        sqs.send_message(
            QueueUrl=_queue_url(sqs, queue_arn),
            MessageBody=json.dumps(event.payload),
            MessageAttributes={
                "RequestID": {"DataType": "String", "StringValue": event.request_id},
                "ErrorCode": {"DataType": "Number", "StringValue": str(_FUNCTION_ERROR_STATUS)},
                "ErrorMessage": {
                    "DataType": "String",
                    "StringValue": message.decode(errors="ignore"),
                },
            },
        )

    return deliver


def on_failure_queue(
    sqs: SQSClient, queue_arn: str, *, now: Callable[[], datetime] | None = None
) -> Destination:
    """Return an on-failure destination: it gets a record of the event and of the last answer."""

    def deliver(event: Exhausted) -> None:
        moment = now() if now else datetime.now(UTC)
        sqs.send_message(
            QueueUrl=_queue_url(sqs, queue_arn), MessageBody=json.dumps(_record(event, moment))
        )

    return deliver


def schedule_dead_letter_queue(
    sqs: SQSClient, queue_arn: str
) -> Callable[[str, Mapping[str, str]], None]:
    """Return a function that sends a schedule's dead letter, a body and its attributes, to a queue.

    Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    """

    def send(body: str, attributes: Mapping[str, str]) -> None:
        sqs.send_message(
            QueueUrl=_queue_url(sqs, queue_arn),
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )

    return send


def _record(event: Exhausted, moment: datetime) -> dict[str, Any]:
    milliseconds = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return {
        "version": "1.0",
        "timestamp": milliseconds.replace("+00:00", "Z"),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": f"{event.function_arn}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": event.payload,
        "responseContext": {
            "statusCode": _FUNCTION_ERROR_STATUS,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": json.loads(event.invocation.body),
    }


def _queue_url(sqs: SQSClient, queue_arn: str) -> str:
    parts = queue_arn.split(":")
    if parts[2:3] != ["sqs"]:
        msg = f"the destination is {queue_arn}, allowed on this machine: the ARN of an SQS queue"
        raise ValueError(msg)
    return sqs.get_queue_url(QueueName=parts[-1])["QueueUrl"]
