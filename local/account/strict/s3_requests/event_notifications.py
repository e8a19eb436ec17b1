"""Write event notifications as S3 does, and send them after the request is answered.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

import threading
import time
from typing import Any, Final
from urllib.parse import quote_plus
from uuid import uuid4

from moto.s3 import notifications
from moto.s3.models import S3Backend

from local.account.strict.patches import around
from local.account.strict.s3_requests.exchanges import afterwards

_SEQUENCER_DIGITS: Final = 18


class _Sequencer:
    """Hexadecimal numbers that always increase, even if the clock is set back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def following(self) -> str:
        """Return a number greater than every one before it."""
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return f"{self._last:0{_SEQUENCER_DIGITS}X}"


_sequencer = _Sequencer()


def following_sequencer() -> str:
    """Return the sequencer of the next event, greater than every one before it."""
    return _sequencer.following()


@around(notifications, "_get_s3_event")
def _event(
    original: Any, event_name: str, bucket: Any, key: Any, notification_id: str
) -> dict[str, Any]:
    event: dict[str, Any] = original(event_name, bucket, key, notification_id)
    (record,) = event["Records"]
    owner = {"principalId": bucket.account_id}
    record["userIdentity"] = owner
    record["requestParameters"] = {"sourceIPAddress": "127.0.0.1"}
    record["s3"]["bucket"]["ownerIdentity"] = owner
    entry = record["s3"]["object"]
    # As in a URL's query: a space is "+", and other characters are percent-encoded, except for "/".
    entry["key"] = quote_plus(key.name, safe="/")
    if bucket.is_versioned:
        entry["versionId"] = key.version_id
    entry["sequencer"] = following_sequencer()
    return event


@around(notifications, "_get_test_event")
def _test_event(original: Any, bucket_name: str) -> dict[str, Any]:
    return original(bucket_name) | {"RequestId": uuid4().hex[:16].upper(), "HostId": uuid4().hex}


@around(notifications, "_send_sqs_message")
def _send_to_queue(original: Any, *arguments: Any) -> None:
    afterwards(lambda: original(*arguments))


@around(notifications, "_send_sns_message")
def _send_to_topic(original: Any, *arguments: Any) -> None:
    afterwards(lambda: original(*arguments))


@around(notifications, "_invoke_awslambda")
def _send_to_function(original: Any, *arguments: Any) -> None:
    afterwards(lambda: original(*arguments))


@around(S3Backend, "put_object")
def _put_object(original: Any, self: Any, *arguments: Any, **options: Any) -> Any:
    """Store an object without an event if a multipart upload or a copy sends its own later."""
    if options.get("multipart") is not None:
        options["disable_notification"] = True
    return original(self, *arguments, **options)
