"""Send S3's events to EventBridge as S3 does: to the default bus, after the request is answered.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import json
from typing import Any, Final
from uuid import uuid4

from moto.core.utils import unix_time
from moto.events.models import events_backends
from moto.s3 import notifications
from moto.sqs.models import sqs_backends

from local.account.strict.patches import around
from local.account.strict.s3_requests import resource_policies
from local.account.strict.s3_requests.event_notifications import following_sequencer
from local.account.strict.s3_requests.exchanges import afterwards

_SERVICE: Final = "events.amazonaws.com"
# What created an object, by the end of the name that a notification gives the same event.
_REASONS: Final = {
    "Put": "PutObject",
    "Post": "POST Object",
    "Copy": "CopyObject",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
}


@around(notifications, "_send_event_bridge_message")
def _send(_original: Any, account_id: str, bucket: Any, event_name: str, key: Any) -> None:
    """Send the event of a created object; moto's others are not S3's, a put's "Tags Added" say."""
    reason = _REASONS.get(event_name.removeprefix("s3:ObjectCreated:"))
    if reason is None:
        return
    event = _created(account_id, bucket, key, reason)
    rules = events_backends[account_id][bucket.region_name].event_buses["default"].rules
    afterwards(lambda: _deliver(event, account_id, list(rules.values())))


def _created(account: str, bucket: Any, key: Any, reason: str) -> dict[str, Any]:
    version = {"version-id": key.version_id} if bucket.is_versioned else {}
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": account,
        "time": unix_time(),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": {
                "key": key.name,
                "size": key.size,
                "etag": key.etag.replace('"', ""),
                **version,
                "sequencer": following_sequencer(),
            },
            "request-id": uuid4().hex[:16].upper(),
            "requester": account,
            "source-ip-address": "127.0.0.1",
            "reason": reason,
        },
    }


def _deliver(event: dict[str, Any], account: str, rules: list[Any]) -> None:
    for rule in rules:
        if rule.state == "ENABLED" and all(_admits(it, rule, account) for it in rule.targets):
            rule.send_to_targets(event, transform_input=False)


def _admits(target: dict[str, Any], rule: Any, account: str) -> bool:
    """Return whether a target's policy lets EventBridge in; only a queue's is checked."""
    service, region, _, name = target["Arn"].split(":", 5)[2:]
    if service != "sqs":
        return True
    queue: Any = sqs_backends[account][region].queues.get(name)
    context = {
        "aws:sourcearn": rule.arn,
        "aws:sourceaccount": account,
        "aws:securetransport": "true",
    }
    return bool(queue and queue.policy) and resource_policies.allows(
        json.loads(queue.policy),
        service=_SERVICE,
        action="sqs:SendMessage",
        resource=target["Arn"],
        context=context,
    )
