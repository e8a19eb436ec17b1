import hashlib
import json
import textwrap
import threading
import time

import pytest
from moto.sqs.models import sqs_backends

from local.account.server import Account
from local.compute.functions import LocalFunction
from local.compute.outcome import Failure, Invocation
from local.triggers.event_source_mapping import BatchResult, MappingSettings, QueueMapping

REGION = "us-east-1"


def answering(value):
    return lambda _: value


NOTHING = answering(None)


class Stub:
    """A function that records its events and answers with what `handler` returns."""

    def __init__(self, handler=NOTHING):
        self.handler = handler
        self.events = []

    def invoke(self, payload):
        self.events.append(payload)
        try:
            answer = self.handler(payload)
        except LookupError as error:
            return Invocation(
                request_id="id",
                body=b"{}",
                failure=Failure(type=type(error).__name__, message=str(error)),
            )
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Invocation(request_id="id", body=body)


class Queues:
    """A queue that gives a message up after two receives, and its dead-letter queue."""

    def __init__(self, sqs):
        self.sqs = sqs
        self.dead_url = sqs.create_queue(QueueName="dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": self.arn(self.dead_url), "maxReceiveCount": 2}
        self.url = sqs.create_queue(
            QueueName="work",
            Attributes={"VisibilityTimeout": "600", "RedrivePolicy": json.dumps(redrive)},
        )["QueueUrl"]

    def arn(self, url):
        response = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return response["Attributes"]["QueueArn"]

    def send(self, *bodies, **options):
        return [
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **options)["MessageId"]
            for body in bodies
        ]

    def bodies(self, name):
        return [
            message.body for message in sqs_backends["123456789012"][REGION].queues[name]._messages
        ]

    def mapping(self, function, on_batch=None, is_enabled=lambda: True, **settings):
        return QueueMapping(
            function=function,
            sqs=self.sqs,
            settings=MappingSettings(queue_url=self.url, queue_arn=self.arn(self.url), **settings),
            on_batch=on_batch,
            is_enabled=is_enabled,
        )


@pytest.fixture(scope="module")
def account():
    with Account() as account:
        yield account


@pytest.fixture
def queues(account):
    account.reset()
    return Queues(account.client("sqs"))


def bodies(event):
    return [record["body"] for record in event["Records"]]


def test_an_empty_queue_calls_nothing(queues):
    stub = Stub()
    assert queues.mapping(stub).poll_once() == BatchResult()
    assert stub.events == []


def test_the_event_is_the_one_that_lambda_sends(queues):
    stub = Stub()
    before = int(time.time() * 1000)
    attributes = {
        "kind": {"DataType": "String", "StringValue": "poison"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    [name] = queues.send("Grün", MessageAttributes=attributes)
    result = queues.mapping(stub).poll_once()
    [event] = stub.events
    assert result.event == event
    [record] = event["Records"]
    system = record.pop("attributes")
    assert before <= int(system["SentTimestamp"]) <= int(time.time() * 1000)
    assert int(system["ApproximateFirstReceiveTimestamp"]) >= int(system["SentTimestamp"])
    assert system["ApproximateReceiveCount"] == "1"
    assert system["SenderId"]
    assert record.pop("receiptHandle")
    assert len(record.pop("md5OfMessageAttributes")) == 32
    assert record == {
        "messageId": name,
        "body": "Grün",
        "messageAttributes": {
            "kind": {
                "stringValue": "poison",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            },
            "raw": {
                "binaryValue": "AP8=",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "Binary",
            },
        },
        "md5OfBody": hashlib.md5("Grün".encode()).hexdigest(),  # noqa: S324 - as SQS has it
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:work",
        "awsRegion": "us-east-1",
    }


def raising(_):
    raise LookupError


def reporting(*bodies):
    def handler(event):
        failed = [r["messageId"] for r in event["Records"] if r["body"] in bodies]
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}

    return handler


# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
@pytest.mark.parametrize(
    ("handler", "left"),
    [
        (reporting("b"), ["b"]),
        (reporting("a", "b", "c"), ["a", "b", "c"]),
        (answering(None), []),
        (answering({}), []),
        (answering({"statusCode": 200}), []),
        (answering({"batchItemFailures": None}), []),
        (answering({"batchItemFailures": []}), []),
        (raising, ["a", "b", "c"]),
        (answering(b"not json"), ["a", "b", "c"]),
        (answering("text"), ["a", "b", "c"]),
        (answering([]), ["a", "b", "c"]),
        (answering({"batchItemFailures": "b"}), ["a", "b", "c"]),
        (answering({"batchItemFailures": {}}), ["a", "b", "c"]),
        (answering({"batchItemFailures": ["b"]}), ["a", "b", "c"]),
        (answering({"batchItemFailures": [{"itemIdentifier": ""}]}), ["a", "b", "c"]),
        (answering({"batchItemFailures": [{"itemIdentifier": None}]}), ["a", "b", "c"]),
        (answering({"batchItemFailures": [{"itemIdentifier": []}]}), ["a", "b", "c"]),
        (answering({"batchItemFailures": [{"itemIdentifier": "unknown"}]}), ["a", "b", "c"]),
        (
            lambda event: {"batchItemFailures": [{"messageId": event["Records"][0]["messageId"]}]},
            ["a", "b", "c"],
        ),
        (
            lambda event: {
                "batchItemFailures": [
                    {"itemIdentifier": event["Records"][0]["messageId"]},
                    {"itemIdentifier": "unknown"},
                ]
            },
            ["a", "b", "c"],
        ),
    ],
)
def test_only_what_succeeded_is_deleted(queues, handler, left):
    names = dict(zip("abc", queues.send("a", "b", "c"), strict=True))
    result = queues.mapping(Stub(handler)).poll_once()
    assert queues.bodies("work") == left
    assert result.failed == tuple(names[body] for body in left)
    assert result.succeeded == tuple(names[body] for body in "abc" if body not in left)


def test_without_partial_responses_the_answer_does_not_matter(queues):
    queues.send("a", "b")
    queues.mapping(Stub(reporting("a")), partial_responses=False).poll_once()
    assert queues.bodies("work") == []
    queues.send("a", "b")
    queues.mapping(Stub(raising), partial_responses=False).poll_once()
    assert queues.bodies("work") == ["a", "b"]


def test_a_failed_message_is_hidden_until_its_time_and_counted(queues):
    stub = Stub(raising)
    mapping = queues.mapping(stub)
    queues.send("a")
    first = mapping.poll_once()
    assert mapping.poll_once() == BatchResult()
    mapping.release(first)
    mapping.poll_once()
    counts = [e["Records"][0]["attributes"]["ApproximateReceiveCount"] for e in stub.events]
    assert counts == ["1", "2"]


def test_release_leaves_what_is_gone(queues):
    mapping = queues.mapping(Stub(reporting("b")))
    queues.send("a", "b")
    result = mapping.poll_once()
    mapping.release(result)
    mapping.release(BatchResult())
    assert [bodies(mapping.poll_once().event)] == [["b"]]


def test_too_many_failures_lead_to_the_dead_letter_queue_and_hold_nothing_else_back(queues):
    mapping = queues.mapping(Stub(reporting("poison")))
    queues.send("good", "poison", "fine")
    for _ in range(2):
        mapping.release(mapping.poll_once())
    assert mapping.poll_once() == BatchResult()
    assert (queues.bodies("work"), queues.bodies("dead")) == ([], ["poison"])


def test_an_own_visibility_brings_back_what_a_killed_invocation_held(queues):
    mapping = queues.mapping(Stub(raising), visibility_seconds=1)
    queues.send("a")
    mapping.poll_once()
    assert mapping.poll_once() == BatchResult()
    assert bodies(mapping.poll_once(wait_seconds=3).event) == ["a"]


@pytest.mark.parametrize(("size", "sizes"), [(1, [1] * 12), (5, [5, 5, 2]), (12, [12])])
def test_a_batch_has_its_size(queues, size, sizes):
    stub = Stub()
    queues.send(*map(str, range(12)))
    mapping = queues.mapping(stub, batch_size=size, window_seconds=0)
    while mapping.poll_once().event:
        pass
    assert [len(event["Records"]) for event in stub.events] == sizes
    assert queues.bodies("work") == []
    assert sorted(int(body) for event in stub.events for body in bodies(event)) == [*range(12)]


def test_a_window_fills_the_batch(queues):
    stub = Stub()
    queues.send("early")
    later = threading.Timer(0.2, queues.send, ["late"])
    later.start()
    queues.mapping(stub, window_seconds=5, batch_size=2).poll_once()
    later.join()
    assert [bodies(event) for event in stub.events] == [["early", "late"]]


def test_a_window_ends(queues):
    queues.send("alone")
    begun = time.monotonic()
    assert bodies(queues.mapping(Stub(), window_seconds=0.3).poll_once().event) == ["alone"]
    assert 0.3 <= time.monotonic() - begun < 3


def test_a_window_is_from_the_first_message_on(queues):
    stub, stopped = Stub(), threading.Event()

    def trickle():
        while not stopped.wait(0.1):
            queues.send("more")

    queues.send("first")
    sender = threading.Thread(target=trickle)
    sender.start()
    begun = time.monotonic()
    event = queues.mapping(stub, window_seconds=0.4, batch_size=100).poll_once().event
    taken = time.monotonic() - begun
    stopped.set()
    sender.join()
    assert bodies(event)[0] == "first"
    assert taken < 3


def test_drain_runs_until_nothing_is_left(queues):
    sent_on = []

    def handler(event):
        # One message leads to another, as a large file does.
        if bodies(event) == ["first"]:
            sent_on.extend(queues.send("second"))

    stub = Stub(handler)
    results = []
    mapping = queues.mapping(stub, on_batch=results.append)
    queues.send("first")
    mapping.drain(10)
    assert [bodies(event) for event in stub.events] == [["first"], ["second"]]
    assert [result.succeeded for result in results][1:] == [tuple(sent_on)]
    queues.send("third")
    time.sleep(0.1)
    assert queues.bodies("work") == ["third"]  # it stopped what it started


def test_drain_waits_for_hidden_messages_and_says_what_is_left(queues):
    mapping = queues.mapping(Stub(raising))
    queues.send("a")
    mapping.poll_once()
    with pytest.raises(TimeoutError, match=r"NotVisible': 1"):
        mapping.drain(0.2)


def test_the_loop_keeps_the_concurrency(queues):
    lock = threading.Lock()
    now, most = 0, 0

    def handler(_):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.15)
        with lock:
            now -= 1

    queues.send(*map(str, range(8)))
    mapping = queues.mapping(Stub(handler), batch_size=1, maximum_concurrency=3)
    mapping.start()
    with pytest.raises(RuntimeError, match="runs already"):
        mapping.start()
    mapping.drain(10)
    mapping.stop()
    mapping.stop()
    assert most == 3


def test_the_loop_survives_a_queue_that_fails_and_a_function_that_breaks(queues, monkeypatch):
    broken = [RuntimeError("closed")]

    def invoke(_):
        if broken:
            raise broken.pop()
        return Invocation(request_id="id", body=b"null")

    stub = Stub()
    monkeypatch.setattr(stub, "invoke", invoke)
    receive = queues.sqs.receive_message
    failures = [queues.sqs.exceptions.OverLimit({"Error": {}}, "ReceiveMessage")]

    def failing_once(**request):
        if failures:
            raise failures.pop()
        return receive(**request)

    monkeypatch.setattr(queues.sqs, "receive_message", failing_once)
    monkeypatch.setattr("local.triggers.event_source_mapping._RETRY_SECONDS", 0.01)
    queues.send("a")
    queues.mapping(stub, visibility_seconds=1).drain(10)
    assert (queues.bodies("work"), broken, failures) == ([], [], [])


def test_messages_wait_while_the_mapping_is_disabled(queues, monkeypatch):
    monkeypatch.setattr("local.triggers.event_source_mapping._DISABLED_SECONDS", 0.01)
    stub, enabled = Stub(), threading.Event()
    mapping = queues.mapping(stub, is_enabled=enabled.is_set)
    queues.send("a")
    mapping.start()
    time.sleep(0.2)  # many looks
    assert (stub.events, queues.bodies("work")) == ([], ["a"])
    enabled.set()
    mapping.drain(5)
    mapping.stop()
    assert [bodies(event) for event in stub.events] == [["a"]]


def test_polls_of_an_empty_queue_take_no_place(queues, monkeypatch):
    monkeypatch.setattr("local.triggers.event_source_mapping._POLL_SECONDS", 0)
    stub = Stub()
    mapping = queues.mapping(stub, maximum_concurrency=2)
    mapping.start()
    time.sleep(0.3)  # many polls
    queues.send("a")
    mapping.drain(5)
    mapping.stop()
    assert [bodies(event) for event in stub.events] == [["a"]]


def test_batches_that_are_given_up_take_no_place(queues, monkeypatch):
    stub = Stub()
    broken = [RuntimeError("closed")] * 2
    invoke = stub.invoke

    def breaking(event):
        if broken:
            raise broken.pop()
        return invoke(event)

    monkeypatch.setattr(stub, "invoke", breaking)
    monkeypatch.setattr("local.triggers.event_source_mapping._POLL_SECONDS", 0)
    queues.send("a", "b")
    queues.mapping(stub, batch_size=1, maximum_concurrency=2, visibility_seconds=1).drain(10)
    assert sorted(bodies(event) for event in stub.events) == [["a"], ["b"]]


def test_a_stop_waits_for_the_batches_under_way(queues):
    begun, done = threading.Event(), []

    def handler(_):
        begun.set()
        time.sleep(0.3)
        done.append("a")

    queues.send("a")
    mapping = queues.mapping(Stub(handler))
    mapping.start()
    assert begun.wait(5)
    mapping.stop()
    assert done == ["a"]
    assert queues.bodies("work") == []


def test_messages_of_many_threads_are_received_once_each(queues):
    stub = Stub(lambda _: time.sleep(0.001))
    mapping = queues.mapping(stub)
    senders = [
        threading.Thread(target=queues.send, args=[f"{sender}-{n}" for n in range(25)])
        for sender in range(3)
    ]
    mapping.start()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    mapping.drain(20)
    mapping.stop()
    received = [body for event in stub.events for body in bodies(event)]
    assert sorted(received) == sorted(f"{sender}-{n}" for sender in range(3) for n in range(25))


HANDLER = """
    import boto3, os

    sqs = boto3.client("sqs")

    def handle(event, context):
        failed = []
        for record in event["Records"]:
            match record["body"]:
                case "kill":
                    os._exit(9)
                case "later":
                    sqs.change_message_visibility(
                        QueueUrl=os.environ["QUEUE"], ReceiptHandle=record["receiptHandle"],
                        VisibilityTimeout=0,
                    )
                    failed.append({"itemIdentifier": record["messageId"]})
                case body:
                    sqs.send_message(QueueUrl=os.environ["OUT"], MessageBody=body.upper())
        return {"batchItemFailures": failed}
"""


def test_the_real_function(tmp_path, account, queues):
    (tmp_path / "work.py").write_text(textwrap.dedent(HANDLER))
    out = queues.sqs.create_queue(QueueName="out")["QueueUrl"]
    with LocalFunction(
        name="work",
        archive=tmp_path,
        handler="work.handle",
        timeout_seconds=30,
        memory_mb=512,
        environment={"QUEUE": queues.url, "OUT": out},
        endpoint_url=account.endpoint_url,
    ) as function:
        mapping = queues.mapping(function, batch_size=1, visibility_seconds=3)
        queues.send("a", "b", "kill", "later")
        results = [mapping.poll_once() for _ in range(4)]
        assert [result.invocation.crashed for result in results] == [False, False, True, False]
        mapping.release(results[2])
        mapping.drain(20)
    assert sorted(queues.bodies("out")) == ["A", "B"]
    assert sorted(queues.bodies("dead")) == ["kill", "later"]
    assert queues.bodies("work") == []
