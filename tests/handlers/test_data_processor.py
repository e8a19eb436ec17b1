import io
import json
from contextlib import redirect_stdout

import boto3
import pytest
from moto import mock_aws

from handlers import data_processor, keys
from handlers.aws.messages import Messenger
from handlers.aws.objects import Storage
from handlers.environment import Metric, ProcessorEnvironment
from handlers.invocation.telemetry import Telemetry
from local.account.strict import ruleset
from tests.proof.files import BY_NAME
from tests.proof.memory import aws_error
from tests.proof.watch import Watch
from tests.proof.world import (
    ASYNC_ATTEMPTS,
    MAX_ATTEMPTS,
    PROCESSED,
    RAW,
    Context,
    KilledError,
    World,
    batch,
    s3_event,
    small_limits,
)

LINES, BROKEN = BY_NAME["lines"], BY_NAME["broken"]


@pytest.fixture(autouse=True)
def _inline():
    with small_limits(10**9):
        yield


def denied(operation):
    def gate(called, _given, call):
        if called == operation:
            raise aws_error("AccessDenied", operation)
        return call()

    return gate


def send(world, *bodies, receives=1):
    """Handle a batch and return the numbers of the messages that failed."""
    event = batch(*((body, receives) for body in bodies))
    failures = world.processor().handle(event, Context())["batchItemFailures"]
    return [int(failure["itemIdentifier"].removeprefix("m")) for failure in failures]


def uploaded(world, kind=LINES):
    return json.dumps(world.upload(kind.key, kind.body))


def test_a_failed_message_holds_back_no_other():
    world = World()
    gone_wrong = iter([True])

    def gate(operation, given, call):
        if operation == "copy_object" and "csv" in given["Key"] and next(gone_wrong, None):
            raise aws_error("SlowDown", operation)
        return call()

    world.gate = gate
    kinds = [LINES, BROKEN, BY_NAME["rejects"], BY_NAME["object"]]
    bodies = [uploaded(world, kind) for kind in kinds]
    poison = "no JSON"
    assert send(world, bodies[0], poison, *bodies[1:]) == [3]
    assert len(world.outputs()) == 3
    assert send(world, bodies[2], receives=2) == []
    dead_letters = [dead_letter["body"] for dead_letter in world.dead_letters.messages]
    assert poison in dead_letters
    assert len(dead_letters) == 2
    del world.dead_letters.messages[dead_letters.index(poison)]
    Watch(world, kinds).check_finished()


@pytest.mark.parametrize("direct", [False, True])
def test_every_object_of_an_event_is_processed(direct):
    world = World(queue_mode=not direct)
    kinds = [LINES, BROKEN, BY_NAME["object"]]
    records = [record for it in kinds for record in world.upload(it.key, it.body)["Records"]]
    event = {"Records": records}
    if direct:
        answer = world.processor().handle(event, Context())
        assert (answer["processed"], answer["failed"]) == (2, 1)
    else:
        assert send(world, json.dumps(event)) == []
    assert len(world.outputs()) == 2
    assert len(world.dead_letters.messages) == 1


def test_a_half_surrogate_pair_in_a_key_is_one_dead_letter():
    world = World()
    body = '{"key": "incoming/\\ud800.json"}'
    assert send(world, body, uploaded(world)) == []
    assert len(world.outputs()) == 1
    assert [dead_letter["body"] for dead_letter in world.dead_letters.messages] == [body]


@pytest.mark.parametrize(("receives", "seconds"), [(1, 60), (2, 300), (3, 900)])
def test_back_off(receives, seconds):
    world = World(gate=denied("put_object"))
    assert send(world, uploaded(world), receives=receives) == [0]
    assert world.queue.delays == [seconds]
    assert not world.dead_letters.messages


def killing(key):
    """Return a gate that kills the function when it reads a file."""

    def gate(operation, given, call):
        if operation == "get_object" and given["Key"] == key:
            raise KilledError
        return call()

    return gate


def suspects(*bodies, receives):
    """Return a batch of messages that came back after the queue's own time-out."""
    event = batch(*((body, receives) for body in bodies))
    for record in event["Records"]:
        record["attributes"]["ApproximateFirstReceiveTimestamp"] = "0"
    return event


@pytest.mark.parametrize("killer", [0, 1, 2])
def test_a_message_that_kills_takes_no_neighbour_with_it(killer):
    world = World()
    kinds = [BY_NAME[name] for name in ("lines", "rejects", "object")]
    bodies = [uploaded(world, kind) for kind in kinds]
    # Lambda deletes nothing of a killed batch: the functions do, and turn the order round.
    waiting = dict(enumerate(bodies))
    for receives in (2, 3):
        event = suspects(*waiting.values(), receives=receives)
        world.queue.deleted.clear()
        with pytest.raises(KilledError):
            world.processor(killing(kinds[killer].key)).handle(event, Context(ticks=300))
        deleted = [int(name.removeprefix("r")) for name in world.queue.deleted]
        names = list(waiting)
        waiting = {name: waiting[name] for place, name in enumerate(names) if place not in deleted}
    assert list(waiting) == [killer]
    assert len(world.outputs()) == 2
    assert not world.dead_letters.messages


def test_messages_that_are_worked_on_alone_leave_those_of_their_batch_done():
    world = World()
    kinds = [BY_NAME[name] for name in ("lines", "rejects", "object")]
    fresh, broken, killer = (uploaded(world, kind) for kind in kinds)
    event = batch((fresh, 1), (broken, 1), (killer, 2))
    event["Records"][2]["attributes"]["ApproximateFirstReceiveTimestamp"] = "0"
    kill = killing(kinds[2].key)

    def gate(operation, given, call):
        if operation == "get_object" and given["Key"] == kinds[1].key:
            raise aws_error("SlowDown", operation)
        return kill(operation, given, call)

    with pytest.raises(KilledError):
        world.processor(gate).handle(event, Context(ticks=300))
    # The second waits for its next attempt, and is therefore not deleted.
    assert world.queue.deleted == ["r0"]
    assert world.queue.delays == [60]


def test_each_message_that_is_done_is_deleted_once():
    world = World()
    fresh, *alone = (uploaded(world) for _ in range(5))
    event = batch((fresh, 1), *((body, 2) for body in alone))
    for record in event["Records"][1:]:
        record["attributes"]["ApproximateFirstReceiveTimestamp"] = "0"
    assert world.processor().handle(event, Context(ticks=300)) == {"batchItemFailures": []}
    # The last one is left to Lambda, which deletes what a batch's answer does not name.
    assert sorted(world.queue.deleted) == ["r0", "r1", "r2", "r3"]


def test_a_message_that_no_time_is_left_for_is_no_attempt_and_no_dead_letter():
    world = World()
    context = Context(ticks=300)
    bodies = [uploaded(world) for _ in range(3)]
    read: list[str] = []

    def gate(operation, given, call):
        if operation == "get_object":
            read.append(given["VersionId"])
        if operation == "delete_object":
            context.ticks = 20  # this file has taken all the time but what ends an invocation
        return call()

    event = suspects(*bodies, receives=MAX_ATTEMPTS)
    answer = world.processor(gate).handle(event, context)
    assert len(read) == len(world.outputs()) == 1
    assert not world.dead_letters.messages
    assert len(answer["batchItemFailures"]) == 2
    # A later invocation has time for them.
    assert world.queue.delays == [60, 60]


def test_a_batch_that_comes_alone_is_answered_as_any_other():
    world = World()
    bodies = [uploaded(world), uploaded(world, BROKEN)]
    event = suspects(*bodies, receives=2)
    assert world.processor().handle(event, Context(ticks=300)) == {"batchItemFailures": []}
    assert len(world.outputs()) == 1
    assert len(world.dead_letters.messages) == 1


def test_a_back_off_that_cannot_be_set_is_none():
    world = World(gate=denied("put_object"))
    gate = world.gate

    def worse(operation, given, call):
        if operation == "change_message_visibility":
            raise aws_error("ReceiptHandleIsInvalid", operation)
        return gate(operation, given, call)

    world.gate = worse
    assert send(world, uploaded(world)) == [0]


def test_the_last_attempt_ends_as_a_dead_letter():
    world = World(gate=denied("put_object"))
    body = uploaded(world)
    assert send(world, body, receives=MAX_ATTEMPTS) == []
    [dead_letter] = world.dead_letters.messages
    [(key, version)] = world.uploads
    assert dead_letter["attributes"][keys.FAILURE_KIND] == "transient"
    assert "AccessDenied" in dead_letter["attributes"][keys.REASON]
    assert dead_letter["attributes"][keys.DEAD_LETTER_BUCKET] == RAW
    assert dead_letter["attributes"][keys.DEAD_LETTER_KEY] == key
    assert dead_letter["attributes"][keys.DEAD_LETTER_VERSION] == version
    assert world.telemetry.totals[Metric.FILES_FAILED] == 1
    assert world.telemetry.totals[Metric.ACCESS_DENIED] == 1
    # The dead letter is an event: sent to the queue again, it is processed.
    world.gate = World().gate
    assert send(world, dead_letter["body"]) == []
    assert len(world.outputs()) == 1


def test_a_permanent_failure_is_a_dead_letter_at_once():
    world = World()
    assert send(world, uploaded(world, BY_NAME["too many rejects"])) == []
    [dead_letter] = world.dead_letters.messages
    assert dead_letter["attributes"][keys.FAILURE_KIND] == "permanent"
    assert (
        "1 of 2 records are bad (50.0 %), allowed: 10 %" in dead_letter["attributes"][keys.REASON]
    )
    assert dead_letter["attributes"][keys.PLACE] == "line 2"


def test_a_dead_letter_that_cannot_be_sent_stays_in_the_queue():
    world = World(gate=denied("send_message"))
    assert send(world, uploaded(world, BROKEN)) == [0]
    assert not world.dead_letters.messages


def put_back(world, key):
    """Copy the newest output back to incoming/, its metadata with it, as a rule of S3 would."""
    [output] = [one for _, one in sorted(world.outputs().items())][-1:]
    stored = world.s3.put_object(
        Bucket=RAW, Key=key, Body=output.body, Metadata=dict(output.metadata)
    )
    world.uploads[key, stored["VersionId"]] = output.body
    return json.dumps(s3_event(key, stored["VersionId"], world.s3.now))


def test_a_rule_that_feeds_outputs_back_is_stopped():
    world = World()
    assert send(world, uploaded(world, BY_NAME["object"])) == []
    for passes in range(1, 9):
        assert send(world, put_back(world, f"incoming/pass-{passes}.json")) == []
        output = world.outputs()[f"processed/2024/01/15/pass-{passes}.json"]
        assert output.metadata[keys.PASSES] == str(passes)
    assert send(world, put_back(world, "incoming/pass-9.json")) == []
    assert len(world.outputs()) == 9
    [dead_letter] = world.dead_letters.messages
    assert dead_letter["attributes"][keys.REASON].startswith(
        "it has been an output 9 times, allowed: 8"
    )
    assert world.telemetry.totals[Metric.LOOPS_STOPPED] == 1


def test_a_file_that_is_continued_without_an_end_is_stopped():
    world = World(ticks=30)
    key = "incoming/long.ndjson"
    event = world.upload(key, b'{"a": 1}\n' * 2000)
    event["Records"][0]["continuations"] = 9_999
    with small_limits():
        deliver = world.processor().handle
        assert deliver(batch((json.dumps(event), 1)), Context(30)) == {"batchItemFailures": []}
        [message] = world.queue.messages
        assert json.loads(message["body"])["Records"][0]["continuations"] == 10_000
        assert deliver(batch((message["body"], 1)), Context(30)) == {"batchItemFailures": []}
    [dead_letter] = world.dead_letters.messages
    reason = "10000 invocations have not brought it to an end"
    assert dead_letter["attributes"][keys.REASON] == reason
    assert world.telemetry.totals[Metric.LOOPS_STOPPED] == 1
    assert not world.s3.visible(PROCESSED)


def test_what_is_not_ours_is_dropped():
    world = World()
    world.upload("incoming/folder/", b"")
    folder = {"key": "incoming/folder/"}
    foreign = {"key": "incoming/a.json", "bucket": "other"}
    noise = [{"Event": "s3:TestEvent"}, folder, foreign, [], 7, {"Records": []}]
    assert send(world, *map(json.dumps, noise)) == []
    assert not world.dead_letters.messages
    assert not world.telemetry.totals


@pytest.mark.parametrize(
    "event", [[], 7, None, "x", {"Records": 7}, {"Records": [7]}, {"Records": []}, {}]
)
def test_a_call_with_anything(event):
    answer = World().processor().handle(event, Context())
    assert answer["processed"] == answer["failed"] == 0


def test_metrics_conserve():
    world = World()
    kinds = [BY_NAME[name] for name in ("array", "rejects", "empty", "broken")]
    send(world, *(uploaded(world, kind) for kind in kinds))
    totals = world.telemetry.totals
    assert totals[Metric.FILES_PROCESSED] == 3
    assert totals[Metric.FILES_FAILED] == 1
    assert totals[Metric.RECORDS_IN] == 23
    parts = (Metric.RECORDS_OUT, Metric.RECORDS_REJECTED, Metric.RECORDS_EMPTY)
    assert [totals[part] for part in parts] == [21, 1, 1]
    assert totals[Metric.BYTES_IN] == sum(len(kind.body) for kind in kinds[:3])
    stored = [*world.s3.visible(PROCESSED).values(), *world.s3.visible(RAW, "completed/").values()]
    assert totals[Metric.BYTES_WRITTEN] == sum(len(version.body) for version in stored) > 0


def test_a_direct_call_is_answered_with_counts():
    world = World(queue_mode=False)
    world.upload(BY_NAME["rejects"].key, BY_NAME["rejects"].body)
    answer = world.processor().handle({"key": "incoming/rejects.csv"}, Context())
    assert answer == {"processed": 1, "failed": 0, "rejected": 1, "continued": 0, "failures": []}
    bad = world.processor().handle({"key": "incoming/x.pdf"}, Context())
    assert (bad["failed"], bad["processed"]) == (1, 0)
    assert "unknown suffix" in bad["failures"][0]


def test_a_direct_event_that_cannot_be_read_is_a_dead_letter_as_it_came():
    world = World(queue_mode=False)
    event = world.upload(LINES.key, LINES.body)
    del event["Records"][0]["s3"]["object"]["key"]
    answer = world.processor().handle(event, Context())
    assert answer["failed"] == 1
    [dead_letter] = world.dead_letters.messages
    assert json.loads(dead_letter["body"]) == event
    assert "key is None" in dead_letter["attributes"][keys.REASON]


def test_a_direct_event_that_fails_is_raised_for_lambda_to_retry():
    world = World(queue_mode=False, gate=denied("get_object"))
    event = world.upload(LINES.key, LINES.body)
    with pytest.raises(Exception, match="AccessDenied"):
        world.processor().handle(event, Context())
    assert world.telemetry.totals[Metric.ACCESS_DENIED] == 1


def test_the_attempts_at_a_direct_event_are_lambdas_to_count():
    world = World(queue_mode=False, max_attempts=1, gate=denied("put_object"))
    world.deliver(world.upload(LINES.key, LINES.body))
    world.run_until_idle()
    assert world.telemetry.totals[Metric.FILES_RETRIED] == ASYNC_ATTEMPTS
    assert not world.telemetry.totals[Metric.FILES_FAILED]
    [dead_letter] = world.dead_letters.messages
    assert set(dead_letter["attributes"]) == {"ErrorMessage"}  # Lambda's own
    # Sent back, it is a message of the queue, whose attempts are counted there.
    assert send(world, dead_letter["body"]) == []
    assert world.dead_letters.messages[1]["attributes"][keys.FAILURE_KIND] == "transient"


@pytest.fixture
def account(monkeypatch):
    ruleset.install()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield {service: boto3.client(service) for service in ("s3", "sqs")}


def test_on_clients_of_boto3(account):
    """Real clients and telemetry, once: metrics are EMF, dead letters have attributes."""
    s3, sqs = account["s3"], account["sqs"]
    for bucket in (RAW, PROCESSED):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    dead_letters = sqs.create_queue(QueueName="letters")["QueueUrl"]
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
    environment = ProcessorEnvironment(
        environment="test",
        log_level="CRITICAL",
        processed_bucket=PROCESSED,
        archive_bucket="no-such-bucket",
        raw_bucket=RAW,
        dead_letter_queue_url=dead_letters,
        max_attempts=MAX_ATTEMPTS,
        max_rejected_percent=10,
        max_expansion=500,
        unfinished_after_seconds=3600,
        fallback_encoding=None,
        compress_output=False,
        processing_queue_url=queue,
    )
    for name in ("good", "bad"):
        s3.put_object(
            Bucket=RAW, Key=f"incoming/{name}.json", Body=b"{}" if name == "good" else b"["
        )
    out = io.StringIO()
    with redirect_stdout(out):
        processor = data_processor.Processor(
            environment,
            Storage(s3),
            Messenger(account.__getitem__),
            Telemetry("data-processor", level="CRITICAL", environment="test"),
            now=lambda: World().s3.now,
        )
        bodies = [json.dumps({"key": f"incoming/{name}.json"}) for name in ("good", "bad")]
        answer = processor.handle(batch(*((body, 1) for body in bodies)), Context())
    assert answer == {"batchItemFailures": []}
    [key] = [entry["Key"] for entry in s3.list_objects_v2(Bucket=PROCESSED)["Contents"]]
    assert key.endswith("/good.json")
    [dead_letter] = sqs.receive_message(QueueUrl=dead_letters, MessageAttributeNames=["All"])[
        "Messages"
    ]
    assert (
        dead_letter["MessageAttributes"][keys.DEAD_LETTER_KEY]["StringValue"] == "incoming/bad.json"
    )
    [emf] = [json.loads(line) for line in out.getvalue().splitlines() if '"_aws"' in line]
    assert emf["FilesProcessed"] == [1.0]
    assert emf["FilesFailed"] == [1.0]
    assert emf["function_name"] == Context.function_name
    [described] = emf["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "S3DataPipeline"
    units = {one["Name"]: one["Unit"] for one in described["Metrics"]}
    assert {units.pop("BytesIn"), units.pop("BytesWritten")} == {"Bytes"}
    assert set(units.values()) == {"Count"}


def test_denied_permissions_are_metered_in_emf():
    world = World(gate=denied("put_object"))
    out = io.StringIO()
    with redirect_stdout(out):
        world.telemetry = Telemetry("data-processor", level="CRITICAL", environment="test")
        assert send(world, uploaded(world)) == [0]
    [emf] = [json.loads(line) for line in out.getvalue().splitlines() if '"_aws"' in line]
    assert emf["AccessDenied"] == [1.0]
    assert emf["FilesRetried"] == [1.0]
    # In an outage, too, the share of retries has something to be a share of.
    assert emf["FilesProcessed"] == [0.0]
