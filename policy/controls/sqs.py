"""Controls: queues."""

import json
from typing import Any, Final

from policy import statements, tokens
from policy.control import control, unless
from policy.controls.tagging import is_tagged
from policy.graph import UNKNOWN, Graph, Resource, UnknownError

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY_TIMEOUTS: Final = 6


@control(
    "SQS.1", "Amazon SQS queues should be encrypted at rest", tokens.QUEUE, also=("CKV_AWS_27",)
)
def is_encrypted(queue: Resource) -> list[str]:
    return unless(
        bool(queue.get("sqsManagedSseEnabled") or queue.get("kmsMasterKeyId")),
        "is encrypted neither by SQS nor by a KMS key",
    )


@control("SQS.2", "SQS queues should be tagged", tokens.QUEUE)
def carries_tags(queue: Resource, graph: Graph) -> list[str]:
    return is_tagged(queue, graph)


@control(
    "SQS.3",
    "SQS queue access policies should not allow public access",
    tokens.QUEUE_POLICY,
    also=("CKV_AWS_168", "CKV_AWS_387", "CKV_AWS_283"),
)
def is_not_public(policy: Resource) -> list[str]:
    public = filter(statements.is_public, statements.statements(policy))
    return [f"{statements.label(it)} allows any principal" for it in public]


@control("CKV_AWS_72", "SQS policy does not allow ALL (*) actions", tokens.QUEUE_POLICY)
def allows_no_wildcard(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} allows {action}"
        for it in statements.allowing(policy)
        for action in statements.actions(it)
        if "*" in action
    ]


@control(
    "CKV2_AWS_73",
    "AWS SQS uses CMK not AWS default keys for encryption",
    tokens.QUEUE,
    option="kmsKeyArn",
)
def is_encrypted_with_a_kms_key(queue: Resource) -> list[str]:
    key = queue.get("kmsMasterKeyId")
    return unless(bool(key) and "alias/aws/" not in key, "no KMS key of the account encrypts it")


@control("PIPE.15", "A queue refuses requests without TLS", tokens.QUEUE)
def requires_tls(queue: Resource, graph: Graph) -> list[str]:
    return unless(
        any(
            statements.denies_plain_transport(it, "sqs:SendMessage")
            for policy in graph.referring(queue, tokens.QUEUE_POLICY, "queueUrl")
            for it in statements.denying(policy)
        ),
        "no statement denies requests without TLS",
    )


@control("PIPE.16", "A service may only send, and only for one resource", tokens.QUEUE_POLICY)
def lets_services_send_for_one_resource(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} lets a service do more than send for one aws:SourceArn"
        for it in statements.allowing(policy)
        if statements.principals(it, "Service")
        and (
            statements.actions(it) != ["sqs:SendMessage"]
            or not statements.conditions(it).get("aws:sourcearn")
        )
    ]


@control("PIPE.17", "A service may only send for this account", tokens.QUEUE_POLICY)
def lets_services_send_for_this_account(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} names no aws:SourceAccount"
        for it in statements.allowing(policy)
        if statements.principals(it, "Service")
        and not statements.conditions(it).get("aws:sourceaccount")
    ]


@control("PIPE.18", "A queue that a function polls has a dead-letter queue", tokens.MAPPING)
def has_a_dead_letter_queue(mapping: Resource, graph: Graph) -> list[str]:
    queues = graph.referred(mapping, "eventSourceArn", tokens.QUEUE)
    return unless(
        bool(queues) and all(graph.referred(it, "redrivePolicy", tokens.QUEUE) for it in queues),
        "works on a queue without a dead-letter queue",
    )


@control("PIPE.19", "A message is received at least as often as the function tries",
         tokens.MAPPING)  # fmt: skip
def is_received_as_often_as_tried(mapping: Resource, graph: Graph) -> list[str]:
    return [
        f"{queue.name} gives {receives} receives, the function makes {attempts} attempts"
        for function in graph.referred(mapping, "functionName", tokens.FUNCTION)
        for queue in graph.referred(mapping, "eventSourceArn", tokens.QUEUE)
        if (attempts := int(function.get("environment.variables.MAX_ATTEMPTS") or 1))
        > (receives := _redrive(queue).get("maxReceiveCount", 0))
    ]


@control("PIPE.20", "A message stays hidden for six time-outs of its function and the window",
         tokens.MAPPING)  # fmt: skip
def hides_messages_long_enough(mapping: Resource, graph: Graph) -> list[str]:
    window = mapping.get("maximumBatchingWindowInSeconds") or 0
    return [
        f"{queue.name} hides a message for {hidden} s, {needed} are needed"
        for function in graph.referred(mapping, "functionName", tokens.FUNCTION)
        for queue in graph.referred(mapping, "eventSourceArn", tokens.QUEUE)
        if (hidden := queue.get("visibilityTimeoutSeconds") or 0)
        < (needed := _VISIBILITY_TIMEOUTS * function.inputs["timeout"] + window)
    ]


@control(
    "PIPE.21",
    "A dead-letter queue keeps messages longer than the queue they come from",
    tokens.QUEUE,
)
def keeps_dead_letters_longer(queue: Resource, graph: Graph) -> list[str]:
    kept = queue.get("messageRetentionSeconds") or 0
    return [
        f"{it.name} keeps messages for {it.get('messageRetentionSeconds')} s, {queue.name} {kept}"
        for it in graph.referred(queue, "redrivePolicy", tokens.QUEUE)
        if it.get("messageRetentionSeconds") <= kept
    ]


@control("PIPE.22", "A dead-letter queue accepts messages only from its own queue", tokens.QUEUE)
def takes_dead_letters_of_its_own(queue: Resource, graph: Graph) -> list[str]:
    sources = graph.referring(queue, tokens.QUEUE, "redrivePolicy")
    allowed = graph.referring(queue, tokens.REDRIVE_ALLOW, "queueUrl")
    return unless(
        not sources
        or any(
            _parsed(it.get("redriveAllowPolicy")).get("redrivePermission") == "byQueue"
            and all(it.refers_to(source, "redriveAllowPolicy") for source in sources)
            for it in allowed
        ),
        "any queue may dead-letter into it",
    )


@control("PIPE.87", "Messages cannot be deleted with the stack", tokens.QUEUE, option="protectData")
def is_protected(queue: Resource) -> list[str]:
    return unless(queue.protect, "the engine may delete it, with every message in it")


def _redrive(queue: Resource) -> dict[str, Any]:
    return _parsed(queue.get("redrivePolicy"))


def _parsed(text: Any) -> dict[str, Any]:
    if text is UNKNOWN:
        raise UnknownError
    return json.loads(text or "{}") if isinstance(text, str | None) else text
