"""Create queues and their policies."""

import json
from typing import Any, Final

from local.program.resources.creation import Created, Creation

_QUEUE_NAME_LENGTH: Final = 80
_FIFO_ENDING: Final = ".fifo"
# SQS's name for each property.
_ATTRIBUTES: Final = {
    "visibilityTimeoutSeconds": "VisibilityTimeout",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "delaySeconds": "DelaySeconds",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "maxMessageSize": "MaximumMessageSize",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "redrivePolicy": "RedrivePolicy",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "policy": "Policy",
    "fifoQueue": "FifoQueue",
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "fifoThroughputLimit": "FifoThroughputLimit",
}


def queue(creation: Creation) -> Created:
    """Create a queue."""
    fifo = creation.take("fifoQueue")
    name = creation.physical_name(_QUEUE_NAME_LENGTH, ending=_FIFO_ENDING if fifo else "")
    attributes = {
        attribute: _text(value)
        for key, attribute in _ATTRIBUTES.items()
        if (value := creation.take(key)) is not None
    }
    answer = creation.call(
        "sqs",
        "create_queue",
        QueueName=name,
        Attributes=attributes or None,
        tags=dict(creation.tags) or None,
    )
    url: str = answer["QueueUrl"]
    arn = f"arn:aws:sqs:{creation.region}:{creation.account.account_id}:{name}"
    return Created(id=url, outputs={"name": name, "url": url, "arn": arn})


def queue_policy(creation: Creation) -> Created:
    """Set a queue's policy."""
    return _set(creation, Policy=creation.take_document("policy"))


def redrive_policy(creation: Creation) -> Created:
    """Set a queue's dead-letter queue."""
    return _set(creation, RedrivePolicy=creation.take_document("redrivePolicy"))


def redrive_allow_policy(creation: Creation) -> Created:
    """Set the queues whose dead letters a queue accepts."""
    return _set(creation, RedriveAllowPolicy=creation.take_document("redriveAllowPolicy"))


def _set(creation: Creation, **attributes: str) -> Created:
    url = creation.take("queueUrl")
    creation.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes=attributes)
    return Created(id=url)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
