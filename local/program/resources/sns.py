"""Create topics, their policies and their subscriptions."""

import json
from typing import Any, Final

from local.program.resources.creation import Created, Creation

_TOPIC_NAME_LENGTH: Final = 256
# https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
_TOPIC_ATTRIBUTES: Final = {
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "deliveryPolicy": "DeliveryPolicy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
# https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
_SUBSCRIPTION_ATTRIBUTES: Final = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
}
# For these the recipient has to confirm the subscription first.
_UNCONFIRMED: Final = ("email", "email-json", "http", "https")


def topic(creation: Creation) -> Created:
    """Create a topic."""
    name = creation.physical_name(_TOPIC_NAME_LENGTH)
    answer = creation.call(
        "sns",
        "create_topic",
        Name=name,
        Attributes=_attributes(creation, _TOPIC_ATTRIBUTES),
        Tags=creation.tag_list or None,
    )
    arn: str = answer["TopicArn"]
    outputs = {"name": name, "arn": arn, "owner": creation.account.account_id}
    return Created(id=arn, outputs=outputs)


def topic_policy(creation: Creation) -> Created:
    """Set a topic's policy."""
    arn = creation.take("arn")
    creation.call(
        "sns",
        "set_topic_attributes",
        TopicArn=arn,
        AttributeName="Policy",
        AttributeValue=creation.take_document("policy"),
    )
    return Created(id=arn, outputs={"owner": creation.account.account_id})


def topic_subscription(creation: Creation) -> Created:
    """Subscribe to a topic."""
    protocol = creation.take("protocol")
    creation.take("confirmationTimeoutInMinutes")  # only about how long the provider waits
    arn: str = creation.call(
        "sns",
        "subscribe",
        TopicArn=creation.take("topic"),
        Protocol=protocol,
        Endpoint=creation.take("endpoint"),
        Attributes=_attributes(creation, _SUBSCRIPTION_ATTRIBUTES),
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    return Created(id=arn, outputs={"arn": arn, "pendingConfirmation": protocol in _UNCONFIRMED})


def _attributes(creation: Creation, names: dict[str, str]) -> dict[str, str] | None:
    given: dict[str, Any] = {
        attribute: value
        for key, attribute in names.items()
        if (value := creation.take(key)) is not None
    }
    return {key: _text(value) for key, value in given.items()} or None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
