"""A job of S3 Batch Operations: each task makes one new upload, however often it is delivered."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from handlers import keys
from handlers.environment import Metric
from tests.proof.memory import aws_error
from tests.proof.world import RAW, Context, KilledError, World, s3_event

KEY = "incoming/sales/a b+ä%41.json"
JOB = "f3cc4f60-61f6-4a2b-8a21-d07600c373ce"


def job_event(
    key: str, version: str | None, *, schema: str = "1.0", job: str = JOB, encode: Any = quote
) -> dict[str, Any]:
    """An event as Batch Operations sends it.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html
    """
    bucket = {"s3Bucket": RAW} if schema == "2.0" else {"s3BucketArn": f"arn:aws:s3:::{RAW}"}
    task = {"taskId": "dGFzaw==", "s3Key": encode(key), "s3VersionId": version, **bucket}
    event = {"invocationSchemaVersion": schema, "invocationId": "aW52b2NhdGlvbg", "tasks": [task]}
    return {**event, "job": {"id": job}}


def done(world: World, key: str = KEY, body: bytes = b'{"a":1}') -> str:
    """Let a file be processed, and return the version of its completed copy."""
    world.deliver(world.upload(key, body))
    world.run_until_idle()
    found = world.s3.current(RAW, keys.completed_key(key))
    assert found
    world.s3.now += timedelta(minutes=1)
    return found.id


def invoke(world: World, event: dict[str, Any]) -> dict[str, Any]:
    world.begin()
    return json.loads(json.dumps(world.processor().handle(event, Context())))


def result(world: World, event: dict[str, Any]) -> tuple[str, str]:
    (only,) = invoke(world, event)["results"]
    return only["resultCode"], only["resultString"]


def uploads(world: World, key: str = KEY) -> list[Any]:
    return [one for one in world.s3.buckets[RAW].get(key, []) if one.body is not None]


def process(world: World, key: str = KEY) -> None:
    """Let S3's event of the copy come, and be handled."""
    copy = world.s3.current(RAW, key)
    assert copy
    world.deliver(s3_event(key, copy.id, world.s3.now))
    world.run_until_idle()


@pytest.mark.parametrize("schema", ["1.0", "2.0"])
@pytest.mark.parametrize("encode", [quote, quote_plus])
def test_a_task_makes_a_new_upload_with_headers_metadata_and_tags(schema, encode):
    world = World()
    version = done(world)
    event = job_event("completed/sales/a b+ä%41.json", version, schema=schema, encode=encode)
    answer = invoke(world, event)
    assert answer == {
        "invocationSchemaVersion": schema,
        "invocationId": "aW52b2NhdGlvbg",
        "treatMissingKeysAs": "PermanentFailure",
        "results": [{"taskId": "dGFzaw==", "resultCode": "Succeeded", "resultString": KEY}],
    }
    (copy,) = uploads(world)
    assert copy.body == b'{"a":1}'
    assert copy.headers["ContentType"] == "text/x-test"
    assert copy.tags == (("team", "blue"),)
    assert copy.metadata == {"owner": "me", keys.REPLAY_JOB: JOB, keys.REPLAY_OF: version}


def test_the_copy_is_processed_as_any_upload_and_its_output_is_new():
    world = World()
    version = done(world)
    before = set(world.outputs())
    result(world, job_event(keys.completed_key(KEY), version))
    process(world)
    assert len(set(world.outputs()) - before) == 1
    assert uploads(world) == []
    assert not world.dead_letters.messages


def test_the_bytes_that_a_task_writes_are_reported_at_once():
    world = World()
    event = job_event(keys.completed_key(KEY), done(world, body=b'{"a":12}'))
    before = world.telemetry.totals[Metric.BYTES_WRITTEN]
    result(world, event)
    assert world.telemetry.totals[Metric.BYTES_WRITTEN] - before == len(b'{"a":12}')
    result(world, event)  # finds the copy, and writes nothing
    assert world.telemetry.totals[Metric.BYTES_WRITTEN] - before == len(b'{"a":12}')


@pytest.mark.parametrize("processed_between", [False, True])
def test_a_task_that_is_delivered_twice_makes_one_upload(processed_between):
    world = World()
    version = done(world)
    event = job_event(keys.completed_key(KEY), version)
    assert result(world, event) == ("Succeeded", KEY)
    if processed_between:
        process(world)
    outputs = set(world.outputs())
    assert result(world, event) == ("Succeeded", KEY)
    assert len(uploads(world)) == (0 if processed_between else 1)
    assert set(world.outputs()) == outputs


def test_another_job_and_another_version_make_uploads_of_their_own():
    world = World()
    first = done(world, body=b'{"a":1}')
    second = done(world, body=b'{"a":2}')
    for version, job in ((first, JOB), (second, JOB), (second, "another")):
        assert result(world, job_event(keys.completed_key(KEY), version, job=job))[0] == "Succeeded"
    assert sorted(one.body for one in uploads(world)) == [b'{"a":1}', b'{"a":2}', b'{"a":2}']


def test_jobs_that_share_a_mark_make_one_upload():
    world = World()
    event = job_event(keys.completed_key(KEY), done(world), schema="2.0")
    for job in ("first", "second"):
        event["job"] = {"id": job, "userArguments": {keys.REPLAY_JOB: "mark"}}
        assert result(world, event) == ("Succeeded", KEY)
    (copy,) = uploads(world)
    assert copy.metadata[keys.REPLAY_JOB] == "mark"


def test_a_replay_of_a_replay_names_its_own_job_alone():
    world = World()
    result(world, job_event(keys.completed_key(KEY), done(world)))
    process(world)
    again = world.s3.current(RAW, keys.completed_key(KEY))
    assert again.metadata[keys.REPLAY_JOB] == JOB
    assert result(world, job_event(keys.completed_key(KEY), again.id, job="next"))[0] == "Succeeded"
    (copy,) = uploads(world)
    assert copy.metadata == {"owner": "me", keys.REPLAY_JOB: "next", keys.REPLAY_OF: again.id}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", ["head_object", "list_object_versions", "copy_object"])
def test_a_kill_at_any_call_is_repaired_by_the_next_delivery(operation, when):
    world = World()
    event = job_event(keys.completed_key(KEY), done(world))

    def gate(called, _given, call):
        if called == operation and when == "before":
            raise KilledError
        answer = call()
        if called == operation:
            raise KilledError
        return answer

    world.gate = gate
    with pytest.raises(KilledError):
        invoke(world, event)
    world.gate = World().gate
    assert result(world, event) == ("Succeeded", KEY)
    assert len(uploads(world)) == 1


@pytest.mark.parametrize(
    ("code", "told", "denied"),
    [
        ("SlowDown", "TemporaryFailure", 0),
        ("AccessDenied", "PermanentFailure", 1),
        ("NoSuchVersion", "TemporaryFailure", 0),  # gone between two calls: looked for again
    ],
)
def test_a_failure_is_told_as_what_to_do_about_it(code, told, denied):
    world = World()
    event = job_event(keys.completed_key(KEY), done(world))

    def gate(called, _given, call):
        if called == "copy_object":
            raise aws_error(code, called)
        return call()

    world.gate = gate
    found, reason = result(world, event)
    assert found == told
    assert code in reason
    assert world.telemetry.totals[Metric.ACCESS_DENIED] == denied


def test_what_cannot_be_replayed_fails_for_good_with_its_reason():
    world = World(max_copy=5 * 1024**3)
    version = done(world)
    completed = keys.completed_key(KEY)
    fails = {
        "is gone": job_event(completed, "v999999"),
        "names no version": job_event(completed, None),
        "allowed: objects of": job_event("processed/2024/01/15/a.json", version),
    }
    for reason, event in fails.items():
        code, text = result(world, event)
        assert (code, reason in text) == ("PermanentFailure", True), text
    foreign = job_event(completed, version)
    foreign["tasks"][0]["s3BucketArn"] = "arn:aws:s3:::other"
    assert result(world, foreign)[0] == "PermanentFailure"
    assert uploads(world) == []


def test_a_file_under_a_shortened_name_is_copied_to_its_own():
    world = World()
    long = f"incoming/{'x' * 1010}.json"
    assert result(world, job_event(keys.completed_key(long), done(world, long)))[0] == "Succeeded"
    assert world.s3.current(RAW, long)


def test_a_shortened_name_alone_and_metadata_without_room_are_left_to_a_person():
    world = World()
    long = f"incoming/{'x' * 1010}.json"
    nameless = world.s3.put_object(Bucket=RAW, Key=keys.completed_key(long), Body=b"{}")
    code, text = result(world, job_event(keys.completed_key(long), nameless["VersionId"]))
    assert (code, "name is shortened" in text) == ("PermanentFailure", True)
    stored = world.s3.put_object(
        Bucket=RAW, Key="completed/full.json", Body=b"{}", Metadata={"x": "y" * 2_000}
    )
    code, text = result(world, job_event("completed/full.json", stored["VersionId"]))
    assert (code, "no room" in text) == ("PermanentFailure", True)
