"""Controls: the topic for alarms."""

from policy import statements, tokens
from policy.control import control, unless
from policy.controls.tagging import is_tagged
from policy.graph import Graph, Resource


@control(
    "SNS.1",
    "SNS topics should be encrypted at-rest using AWS KMS",
    tokens.TOPIC,
    also=("CKV_AWS_26",),
    waiver="An alarm holds names and counts, no data, and CloudWatch drops alarms without a word "
    "for a topic whose key does not let it in. With a key policy that does, set "
    "`kms_master_key_id` in infra/monitoring.py.",
)
def is_encrypted(topic: Resource) -> list[str]:
    return unless(bool(topic.get("kmsMasterKeyId")), "no KMS key encrypts it")


@control("SNS.3", "SNS topics should be tagged", tokens.TOPIC)
def carries_tags(topic: Resource, graph: Graph) -> list[str]:
    return is_tagged(topic, graph)


@control(
    "SNS.4",
    "SNS topic access policies should not allow public access",
    tokens.TOPIC_POLICY,
    also=("CKV_AWS_169", "CKV_AWS_283"),
)
def is_not_public(policy: Resource) -> list[str]:
    public = filter(statements.is_public, statements.statements(policy))
    return [f"{statements.label(it)} allows any principal" for it in public]


@control(
    "CKV_AWS_385", "AWS SNS topic policies do not allow cross-account access", tokens.TOPIC_POLICY
)
def is_for_this_account(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} names a principal of an account, or no aws:SourceAccount"
        for it in statements.allowing(policy)
        if statements.principals(it, "AWS")
        or not statements.conditions(it).get("aws:sourceaccount")
    ]


@control("PIPE.57", "The topic accepts only alarms of the stack's account and region",
         tokens.TOPIC_POLICY)  # fmt: skip
def takes_alarms_alone(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} names no aws:SourceArn"
        for it in statements.allowing(policy)
        if statements.principals(it, "Service")
        and not statements.conditions(it).get("aws:sourcearn")
    ]


@control("PIPE.58", "The topic refuses requests without TLS", tokens.TOPIC_POLICY)
def requires_tls(policy: Resource) -> list[str]:
    return unless(
        any(
            statements.denies_plain_transport(it, "sns:Publish")
            for it in statements.denying(policy)
        ),
        "no statement denies requests without TLS",
    )


@control("PIPE.59", "The topic has a subscription", tokens.TOPIC, option="alarmEmail")
def has_a_subscriber(topic: Resource, graph: Graph) -> list[str]:
    return unless(bool(graph.referring(topic, tokens.SUBSCRIPTION, "topic")), "nobody subscribes")


@control("PIPE.60", "No subscription uses plain HTTP", tokens.SUBSCRIPTION)
def is_sent_encrypted(subscription: Resource) -> list[str]:
    return unless(subscription.get("protocol") != "http", "is sent by plain HTTP")
