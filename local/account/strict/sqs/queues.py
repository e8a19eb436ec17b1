# ruff: noqa: SLF001 - a queue's messages and lock are moto's own, which has no other way to them
"""Check a queue's attributes, and receive and delete its messages, as SQS does.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html
"""

import json
import threading
import time
from typing import Any, Final

from moto.core.utils import unix_time_millis
from moto.sqs.exceptions import ReceiptHandleIsInvalid, SQSException
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

from local.account.strict import limits
from local.account.strict.errors import invalid_parameter
from local.account.strict.patches import around

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
_RANGES: Final = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, limits.MIB),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
_LOOK_MILLISECONDS: Final = 20_000
_TICK_SECONDS: Final = 0.001
_RECEIVES: Final = (1, 1000)

# One lock for all queues, since a receive moves messages from one to another; a receive that waits
# releases it. Without a lock moto loses a message that is sent while another is deleted.
_lock = threading.RLock()

Queue.redrive_allow_policy = None  # pyright: ignore[reportAttributeAccessIssue] - of queues that set none
Queue.BASE_ATTRIBUTES = [*Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]


@around(Queue, "__init__")
def _queue(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
    original(self, *arguments, **options)
    self._messages_lock = threading.Condition(_lock)


@around(Queue, "_set_attributes")
def _set_attributes(
    original: Any, self: Any, attributes: dict[str, Any], now: float | None = None
) -> None:
    """Check the attributes and set them; moto would drop the policy when it sets any other."""
    for name, (least, most) in _RANGES.items():
        value = attributes.get(name)
        if value is not None and not least <= int(value) <= most:
            raise SQSException("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
    _check_json(attributes, "Policy", "RedriveAllowPolicy")
    _check_redrive(self, attributes.get("RedrivePolicy"))
    policy = getattr(self, "policy", None) if hasattr(self, "_policy_json") else None
    original(self, {"Policy": policy} | attributes, now)


@around(Message, "mark_received")
def _mark_received(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
    self.received_at = unix_time_millis()
    original(self, *arguments, **options)


@around(Queue, "add_message")
def _add_message(original: Any, self: Any, message: Any) -> None:
    with _lock:
        original(self, message)


@around(Queue, "delete_message")
def _delete_message(original: Any, self: Any, receipt_handle: str) -> None:
    """Delete a message only by the handle of its last receive.

    With an older one "the request succeeds, but the message might not be deleted"
    (API_DeleteMessage.html): here it never is.
    """
    with _lock:
        if not any(_is_outdated(message, receipt_handle) for message in self._messages):
            original(self, receipt_handle)


@around(SQSBackend, "receive_message")
def _receive_message(
    original: Any,
    self: Any,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    *arguments: Any,
    **options: Any,
) -> Any:
    """Receive messages, and wait no longer than asked; moto looks once a second."""
    queue = self.get_queue(queue_name)
    end = time.monotonic() + int(wait_seconds_timeout or 0)
    with queue._messages_lock:
        while True:
            messages = original(self, queue_name, count, 0, *arguments, **options)
            left = end - time.monotonic()
            if messages or left <= 0:
                return messages
            queue._messages_lock.wait(min(left, _seconds_to_next(queue)))


@around(SQSBackend, "purge_queue")
def _purge_queue(original: Any, self: Any, queue_name: str) -> None:
    with _lock:
        original(self, queue_name)


@around(SQSBackend, "change_message_visibility")
def _change_message_visibility(
    _original: Any, self: Any, queue_name: str, receipt_handle: str, visibility_timeout: int
) -> None:
    """Change the visibility of a message in flight, up to 12 hours after its receive.

    moto counts the 12 hours from when the message was sent, and hides a message again that is
    visible already.
    """
    seconds = int(visibility_timeout)
    if not 0 <= seconds <= limits.max_visibility_seconds:
        reason = f"VisibilityTimeout must be between 0 and {limits.max_visibility_seconds}"
        raise invalid_parameter(seconds, "VisibilityTimeout", reason)
    with _lock:
        queue = self.get_queue(queue_name)
        message = next((m for m in queue._messages if m.had_receipt_handle(receipt_handle)), None)
        if message is None:
            raise ReceiptHandleIsInvalid
        if message.visible or _is_outdated(message, receipt_handle):
            reason = "Message does not exist or is not available for visibility timeout change"
            raise invalid_parameter(receipt_handle, "ReceiptHandle", reason)
        total = unix_time_millis() - message.received_at + seconds * 1000
        if total > limits.max_visibility_seconds * 1000:
            reason = (
                "Total VisibilityTimeout for the message is beyond the limit "
                f"[{limits.max_visibility_seconds} seconds]"
            )
            raise invalid_parameter(seconds, "VisibilityTimeout", reason)
        message.change_visibility(seconds)
        if seconds == 0:
            queue.pending_messages.discard(message)


def _seconds_to_next(queue: Any) -> float:
    """Return the seconds until a message becomes visible, of which no thread is notified."""
    now = unix_time_millis()
    moments = [max(message.visible_at, message.delayed_until) for message in queue._messages]
    return max(min(moments, default=now + _LOOK_MILLISECONDS) - now, 0) / 1000 + _TICK_SECONDS


def _is_outdated(message: Any, receipt_handle: str) -> bool:
    """Return whether a handle is from a receive before the message's last one."""
    return message.had_receipt_handle(receipt_handle) and receipt_handle != message.receipt_handle


def _check_json(attributes: dict[str, Any], *names: str) -> None:
    for name in names:
        try:
            json.loads(attributes.get(name) or "{}")
        except ValueError as error:
            message = f"Invalid value for the parameter {name}."
            raise SQSException("InvalidAttributeValue", message) from error


def _check_redrive(queue: Any, policy: Any) -> None:
    """Check a redrive policy: its number of receives, and that the dead-letter queue allows it."""
    redrive = json.loads(policy) if isinstance(policy, str) and policy else policy
    if not redrive or "maxReceiveCount" not in redrive or "deadLetterTargetArn" not in redrive:
        return
    receives = int(redrive["maxReceiveCount"])
    least, most = _RECEIVES
    if not least <= receives <= most:
        reason = (
            f"Invalid value for maxReceiveCount: {receives}, valid values are from {least} to "
            f"{most} both inclusive"
        )
        raise invalid_parameter(policy, "RedrivePolicy", reason)
    name = redrive["deadLetterTargetArn"].split(":")[-1]
    target = sqs_backends[queue.account_id][queue.region].queues.get(name)
    allowed = json.loads(getattr(target, "redrive_allow_policy", None) or "{}")
    sources = allowed.get("sourceQueueArns", [])
    if allowed.get("redrivePermission") == "denyAll" or (
        allowed.get("redrivePermission") == "byQueue" and queue.queue_arn not in sources
    ):
        reason = "The dead-letter queue's redrive allow policy does not allow this source queue"
        raise invalid_parameter(policy, "RedrivePolicy", reason)
