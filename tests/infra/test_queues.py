import json

import pytest

from tests.infra.recording import ACCOUNT, KEY, Graph

DAY = 86_400


def test_the_processing_queue_hands_on_what_was_killed_each_time(dev: Graph):
    queue = dev.get("aws:sqs/queue:Queue", "files")

    assert {**queue.inputs, "redrivePolicy": json.loads(queue.inputs["redrivePolicy"])} == {
        "messageRetentionSeconds": 4 * DAY,
        "visibilityTimeoutSeconds": 6 * 300 + 1,
        "sqsManagedSseEnabled": True,
        "redrivePolicy": {"deadLetterTargetArn": dev.arn("dead-letters"), "maxReceiveCount": 4 + 2},
    }


def test_only_the_raw_bucket_of_this_account_sends_to_the_processing_queue(dev: Graph):
    policy = dev.get("aws:sqs/queuePolicy:QueuePolicy", "files-policy")

    receive, deny = json.loads(policy.inputs["policy"])["Statement"]
    assert receive == {
        "Sid": "ReceiveBucketEvents",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": dev.arn("files"),
        "Condition": {
            "ArnEquals": {"aws:SourceArn": dev.arn("raw")},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }
    assert_denies_plain_http(deny, dev.arn("files"))


def test_only_the_processing_queue_moves_messages_to_the_dead_letter_queue(dev: Graph):
    allow = dev.one("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")

    assert allow.inputs["queueUrl"].endswith("-dead-letters")
    assert json.loads(allow.inputs["redriveAllowPolicy"]) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [dev.arn("files")],
    }


@pytest.mark.parametrize("name", ["dead-letters", "archiver-dead-letters"])
def test_a_dead_letter_queue_keeps_messages_as_long_as_sqs_can(graph: Graph, name: str):
    queue = graph.get("aws:sqs/queue:Queue", name)
    policy = graph.get("aws:sqs/queuePolicy:QueuePolicy", f"{name}-policy")

    assert queue.inputs["messageRetentionSeconds"] == 14 * DAY
    (deny,) = json.loads(policy.inputs["policy"])["Statement"]
    assert_denies_plain_http(deny, graph.arn(name))


@pytest.mark.parametrize("name", ["files", "dead-letters", "archiver-dead-letters"])
def test_a_queue_is_encrypted_by_the_key_where_there_is_one(dev: Graph, full: Graph, name: str):
    def encryption(graph: Graph) -> dict[str, object]:
        inputs = graph.get("aws:sqs/queue:Queue", name).inputs
        return {key: value for key, value in inputs.items() if "kms" in key or "Sse" in key}

    # The two exclude each other.
    assert encryption(dev) == {"sqsManagedSseEnabled": True}
    assert encryption(full) == {"kmsMasterKeyId": KEY, "kmsDataKeyReusePeriodSeconds": 3600}


def test_the_queues_stand_wherever_events_go(graph: Graph):
    names = {it.name for it in graph.of("aws:sqs/queue:Queue")}

    assert names == {"files", "dead-letters", "archiver-dead-letters"}


def assert_denies_plain_http(statement: object, arn: str) -> None:
    assert statement == {
        "Sid": "DenyUnencryptedTransport",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": [arn],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
