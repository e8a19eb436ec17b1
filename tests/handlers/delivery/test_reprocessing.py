"""A completed file is processed again by its dataset: one file at a time, and what can be wrong."""

import json
from dataclasses import replace

import pytest

from handlers import keys
from handlers.environment import Metric
from tests.proof.crash import FaultyGate
from tests.proof.files import read_output
from tests.proof.memory import aws_error
from tests.proof.replays import (
    BY_NAME,
    CHANGED_REJECTS,
    NAME,
    Replayed,
    declaration,
    kill_before,
)
from tests.proof.world import ARCHIVE, PROCESSED, RAW, Context, World, batch, small_limits

PLAIN = BY_NAME["new metadata"]


@pytest.fixture(autouse=True)
def _inline():
    with small_limits(10**9):
        yield


@pytest.fixture
def gate():
    return FaultyGate("", -1)


def replayed(gate, again=PLAIN, **settings):
    return Replayed(World(gate=gate, **settings), again)


def process(world, event, *, receives=1):
    """Deliver a message once, and return whether it is done."""
    answer = world.processor().handle(batch((json.dumps(event), receives)), Context())
    return not answer["batchItemFailures"]


def reasons(world):
    return [one["attributes"][keys.REASON] for one in world.dead_letters.messages]


def test_an_output_is_replaced_at_its_key_as_a_new_version(gate):
    made = replayed(gate)
    (old,) = made.world.outputs().values()
    assert process(made.world, made.event)
    made.check_finished()
    versions = made.world.s3.buckets[PROCESSED][made.output_key]
    assert [one.id for one in versions] == [old.id, made.world.outputs()[made.output_key].id]
    ((_, first), (_, second)) = (read_output(one.body) for one in versions)
    assert first[0]["processed_at"] < second[0]["processed_at"]
    # The completed version, its output, its rejects under three names, and the archive.
    heads = ["head_object"] * 4
    assert gate.calls == ["get_object", *heads, "put_object", "head_object"]


def test_what_is_current_is_left_alone(gate):
    made = replayed(gate)
    assert process(made.world, made.event)
    before = made.world.s3.state()
    gate.calls.clear()
    assert process(made.world, made.event)
    assert made.world.s3.state() == before
    assert gate.calls == ["get_object", *["head_object"] * 5]


def test_rejects_of_another_version_are_replaced_beside_a_current_output(gate):
    """They are left by an invocation that was killed, or came too late."""
    made = replayed(gate, BY_NAME["other rejects"])
    (key,) = made.world.s3.visible(PROCESSED, keys.REJECTED)
    before = made.world.s3.buckets[PROCESSED][key][-1]
    assert process(made.world, made.event)
    made.world.s3.buckets[PROCESSED][key].append(before)
    assert process(made.world, made.event)
    made.check_finished()


def test_a_replay_is_counted_as_a_file_with_its_records(gate):
    made = replayed(gate)
    made.world.telemetry.totals.clear()
    assert process(made.world, made.event)
    totals = made.world.telemetry.totals
    assert (totals[Metric.FILES_PROCESSED], totals[Metric.RECORDS_IN]) == (1, 2)
    assert (totals[Metric.RECORDS_OUT], totals[Metric.FILES_FAILED]) == (2, 0)


def test_a_completed_version_that_is_gone_is_a_dead_letter(gate):
    made = replayed(gate)
    made.world.s3.delete_object(Bucket=RAW, Key=made.completed_key, VersionId=made.completed.id)
    assert process(made.world, made.event)
    (reason,) = reasons(made.world)
    assert "is gone: it has expired, or was deleted" in reason
    (letter,) = made.world.dead_letters.messages
    assert json.loads(letter["body"]) == made.event
    assert letter["attributes"][keys.DEAD_LETTER_KEY] == made.completed_key
    assert letter["attributes"][keys.DEAD_LETTER_VERSION] == made.completed.id


def test_a_file_that_belongs_to_no_dataset_any_more_is_a_dead_letter(gate):
    made = replayed(gate)
    made.world.datasets = {}
    before = made.world.s3.state()
    assert process(made.world, made.event)
    assert made.world.s3.state() == before
    (reason,) = reasons(made.world)
    assert "belongs to no dataset" in reason


def test_a_file_without_an_output_is_a_dead_letter(gate):
    made = replayed(gate)
    made.world.s3.delete_object(Bucket=PROCESSED, Key=made.output_key)
    assert process(made.world, made.event)
    (reason,) = reasons(made.world)
    assert "has no output any more" in reason
    assert not made.world.outputs()


@pytest.mark.parametrize(
    ("left_out", "told"),
    [(keys.SOURCE_VERSION, "tell the version"), (keys.SOURCE_UPLOADED, "tell the time of upload")],
)
def test_a_copy_that_does_not_name_its_source_is_a_dead_letter(gate, left_out, told):
    made = replayed(gate)
    metadata = {name: text for name, text in made.completed.metadata.items() if name != left_out}
    copy = made.world.s3.put_object(Bucket=RAW, Key=made.completed_key, Body=b"", Metadata=metadata)
    event = {"reprocess": {"key": made.completed_key, "version": copy["VersionId"]}}
    assert process(made.world, event)
    (reason,) = reasons(made.world)
    assert told in reason


def test_a_malformed_message_is_a_dead_letter(gate):
    made = replayed(gate)
    event = {"reprocess": {"key": "incoming/x.csv", "version": "v"}}
    assert process(made.world, event)
    (reason,) = reasons(made.world)
    assert "about a completed file" in reason
    assert json.loads(made.world.dead_letters.messages[0]["body"]) == event


@pytest.mark.parametrize("compressed", [False, True])
def test_the_key_stays_and_its_content_is_what_the_key_says(gate, compressed):
    """`compressOutput` may have been switched since."""
    again = replace(
        PLAIN,
        old=replace(PLAIN.old, compressed=compressed),
        new=replace(PLAIN.new, compressed=not compressed),
    )
    made = replayed(gate, again)
    assert made.output_key.endswith(".gz") == compressed
    assert process(made.world, made.event)
    made.check_finished()
    content_type = made.world.outputs()[made.output_key].headers["ContentType"]
    assert content_type == ("application/gzip" if compressed else "application/x-ndjson")


def test_an_archived_output_is_replaced_in_the_archive_and_keeps_its_class(gate):
    made = replayed(gate, replace(PLAIN, archived=True))
    archived = keys.archive_key(made.output_key)
    old = made.world.s3.current(ARCHIVE, archived)
    made.world.s3.buckets[ARCHIVE][archived] = [replace(old, storage_class="GLACIER")]
    assert process(made.world, made.event)
    made.check_finished()
    assert not made.world.s3.visible(PROCESSED, keys.PROCESSED)
    assert made.world.s3.current(ARCHIVE, archived).storage_class == "GLACIER"


def test_what_the_archiver_copied_just_before_is_renewed(gate):
    """Else the archive would hold the old output for weeks beside the new one in processed/."""
    made = replayed(gate)
    archived = {"Bucket": ARCHIVE, "Key": keys.archive_key(made.output_key)}
    source = {"Bucket": PROCESSED, "Key": made.output_key}
    made.world.s3.copy_object(**archived, CopySource=source, StorageClass="STANDARD_IA")
    assert process(made.world, made.event)
    made.check_finished()
    assert len(made.standing()) == 2
    assert made.world.s3.current(ARCHIVE, archived["Key"]).storage_class == "STANDARD_IA"


def test_another_archived_object_of_that_name_stays(gate):
    made = replayed(gate)
    where = {"Bucket": ARCHIVE, "Key": keys.archive_key(made.output_key)}
    made.world.s3.put_object(**where, Body=b"another's", Metadata={keys.SOURCE_VERSION: "v"})
    assert process(made.world, made.event)
    assert made.world.s3.current(ARCHIVE, where["Key"]).body == b"another's"


def meanwhile(world, gate, act, **where):
    """Do something right before the first put there, behind which the gate is as it was."""

    def once(operation, given, call):
        if operation == "put_object" and where.items() <= given.items():
            world.gate = gate
            act()
        return call()

    world.gate = once


def test_an_output_that_was_replaced_meanwhile_is_looked_at_again(gate):
    made = replayed(gate)
    key = made.output_key
    world = made.world

    def replace():
        metadata = dict(world.s3.current(PROCESSED, key).metadata)
        world.s3.put_object(Bucket=PROCESSED, Key=key, Body=b"", Metadata=metadata)

    meanwhile(world, gate, replace, Key=key)
    assert not process(world, made.event)
    assert world.s3.current(PROCESSED, key).body == b""
    assert process(world, made.event, receives=2)
    made.check_finished()


def test_an_output_that_was_archived_meanwhile_is_looked_for_there(gate):
    made = replayed(gate)
    world = made.world

    meanwhile(world, gate, lambda: world.archive(world.after(40)), Key=made.output_key)
    assert not process(world, made.event)
    assert process(world, made.event, receives=2)
    made.check_finished()
    assert not world.s3.visible(PROCESSED, keys.PROCESSED)


@pytest.mark.parametrize("name", CHANGED_REJECTS)
def test_an_output_that_is_bundled_meanwhile_keeps_its_rejects(gate, name):
    """Else a record would be in the bundle and in the rejects, or in neither."""
    made = replayed(gate, BY_NAME[name], archive_bundles=True)
    world = made.world
    before = world.s3.visible(PROCESSED, keys.REJECTED)

    meanwhile(world, gate, lambda: world.archive(world.after(40)), Bucket=PROCESSED)
    assert not process(world, made.event)
    assert process(world, made.event, receives=2)
    assert list(world.bundled()) == [made.output_key]
    (reason,) = reasons(world)
    assert "which is not rewritten" in reason
    assert not world.s3.visible(PROCESSED, keys.PROCESSED)
    assert world.s3.visible(PROCESSED, keys.REJECTED) == before


@pytest.mark.parametrize("name", CHANGED_REJECTS)
def test_rejects_that_a_kill_has_left_out_are_written_by_the_next_attempt(gate, name):
    made = replayed(gate, BY_NAME[name])
    kill_before(made.world, made.event, "put_object", times=1)
    assert made.again.new.is_named_by(made.world.outputs()[made.output_key])
    assert process(made.world, made.event, receives=2)
    made.check_finished()


def test_a_name_of_rejects_that_another_took_meanwhile_is_left_to_it(gate):
    made = replayed(gate, BY_NAME["new rejects"])
    world = made.world
    (name, second, _) = keys.rejected_keys(*made.source, made.day)
    other = {"Bucket": PROCESSED, "Key": name, "Body": b"another's"}
    other["Metadata"] = {keys.SOURCE_VERSION: "v"}
    meanwhile(world, gate, lambda: world.s3.put_object(**other), Key=name)
    assert not process(world, made.event)
    assert process(world, made.event, receives=2)
    assert world.s3.current(PROCESSED, name).body == b"another's"
    assert made.again.new.is_named_by(world.s3.current(PROCESSED, second))
    told = world.outputs()[made.output_key].metadata[keys.REJECTED_KEY]
    assert keys.decode_value(told) == second


def test_a_denied_permission_is_tried_again_and_counted(gate):
    made = replayed(gate)

    def deny(operation, _given, call):
        if operation == "put_object":
            raise aws_error("AccessDenied", operation)
        return call()

    made.world.gate = deny
    assert not process(made.world, made.event)
    assert made.world.telemetry.totals[Metric.ACCESS_DENIED] == 1
    made.world.gate = gate
    assert process(made.world, made.event, receives=2)
    made.check_finished()


def test_how_often_the_content_was_an_output_stays_in_the_metadata(gate):
    made = replayed(gate)
    versions = made.world.s3.buckets[PROCESSED][made.output_key]
    versions[-1] = replace(versions[-1], metadata={**versions[-1].metadata, keys.PASSES: "3"})
    assert process(made.world, made.event)
    assert made.world.outputs()[made.output_key].metadata[keys.PASSES] == "3"


def test_the_second_name_of_an_output_is_found(gate):
    """The plain one was taken that day by another upload of the same key."""
    world = World(gate=gate)
    for body in (b'{"id":"a"}', b'{"id":"b"}'):
        world.deliver(world.upload("incoming/shop/a.json", body))
        world.run_until_idle()
    first, second = sorted(world.outputs())
    world.datasets = {NAME: declaration("string")}
    copy = world.s3.current(RAW, "completed/shop/a.json")
    assert process(world, {"reprocess": {"key": "completed/shop/a.json", "version": copy.id}})
    changed = [key for key, one in world.outputs().items() if keys.DATASET in one.metadata]
    named = [
        key
        for key, one in world.outputs().items()
        if one.metadata[keys.SOURCE_VERSION] == copy.metadata[keys.SOURCE_VERSION]
    ]
    assert changed == named
    assert {first, second} == set(world.outputs())


@pytest.mark.parametrize("name", ["a\x01b.json", f"{'x' * 1_005}.json"])
def test_the_output_of_a_file_under_a_shortened_name_is_replaced(gate, name):
    made = replayed(gate, replace(PLAIN, path=name))
    assert made.completed_key != f"completed/shop/{name}"
    assert process(made.world, made.event)
    made.check_finished()


def test_a_direct_call_is_answered_as_for_any_file(gate):
    made = replayed(gate)
    answer = made.world.processor().handle(made.event, Context())
    assert (answer["processed"], answer["failed"]) == (1, 0)
    made.check_finished()


def test_a_watch_of_replays_is_no_yes_man(gate):
    made = replayed(gate)
    made.world.s3.put_object(Bucket=PROCESSED, Key=made.output_key, Body=b"", Metadata={})
    with pytest.raises((AssertionError, KeyError)):
        made.look()
