"""docs/consumers.md: its pattern takes outputs and nothing else, and its program reads them."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from moto import mock_aws

from handlers import keys
from tests.contracts import examples, pages

BUCKET = "acme-processed"
EVENTS = pages.ROOT / "tests" / "events"


def recorded(name: str, key: str, bucket: str = BUCKET) -> dict[str, Any]:
    """Return an event that EventBridge sent, about another object."""
    event = json.loads((EVENTS / f"{name}.json").read_text())
    event["detail"]["bucket"]["name"] = bucket
    event["detail"]["object"]["key"] = key
    return event


def matches(pattern: Any, found: Any) -> bool:
    """Return whether an event matches a pattern of exact values and prefixes.

    Each field of the pattern has to be in the event, and hold one of its values.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
    """
    if isinstance(pattern, dict):
        return all(name in found and matches(it, found[name]) for name, it in pattern.items())
    return any(
        found.startswith(it["prefix"]) if isinstance(it, dict) else found == it for it in pattern
    )


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (recorded("eventbridge_created", f"{keys.PROCESSED}2024/01/15/a b/é+.json"), True),
        (recorded("eventbridge_created", f"{keys.PROCESSED}2024/01/15/a.json.gz"), True),
        (recorded("eventbridge_created", f"{keys.REJECTED}2024/01/15/a.ndjson"), False),
        (recorded("eventbridge_created", f"{keys.STAGING}build/digest/chunk"), False),
        (recorded("eventbridge_created", f"{keys.RESTORED}2024/01/15/a.json"), False),
        (recorded("eventbridge_created", f"{keys.PROCESSED}2024/01/15/a.json", "other"), False),
        (recorded("eventbridge_deleted", f"{keys.PROCESSED}2024/01/15/a.json"), False),
    ],
)
def test_the_pattern_takes_new_outputs_alone(event: dict[str, Any], expected: bool):
    assert matches(examples.pattern(BUCKET), event) is expected


def test_no_pattern_of_the_page_uses_what_the_matcher_does_not_know():
    def operators(node: Any) -> set[str]:
        if isinstance(node, dict):
            return set().union(*map(operators, node.values()))
        return {name for it in node if isinstance(it, dict) for name in it}

    assert operators(examples.pattern(BUCKET)) == {"prefix"}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield examples.program()


def test_the_program_prints_each_output_once(
    example: dict[str, Callable[..., Any]], capsys: pytest.CaptureFixture[str]
):
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    location = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    queue = sqs.create_queue(QueueName="outputs")["QueueUrl"]
    text = '{"a":"1","b":"é\\u2028"}\n{"a":12345678901234567890123}\n'.encode()
    plain, packed, empty = (f"{keys.PROCESSED}2024/01/15/a b+/{name}" for name in "abc")
    bodies = {f"{plain}.json": text, f"{packed}.json.gz": gzip.compress(text), f"{empty}.json": b""}
    for key, body in bodies.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        for _ in range(2):  # EventBridge may send an event twice
            event = json.dumps(recorded("eventbridge_created", key))
            sqs.send_message(QueueUrl=queue, MessageBody=event)

    seen: set[str] = set()
    example["take_batch"](queue, seen)

    printed = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in printed] == 2 * [
        {"a": "1", "b": "é\u2028"},
        {"a": 12345678901234567890123},
    ]
    assert seen == set(bodies)
    counted = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == "0"
    assert counted["ApproximateNumberOfMessagesNotVisible"] == "0"
