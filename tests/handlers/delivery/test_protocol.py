"""The Delivery section of the contract, row by row, for one file at a time."""

import gzip
import json
from datetime import UTC, date, datetime, timedelta

import pytest

from handlers import keys
from handlers.aws import copies, joins, object_info
from handlers.delivery import chunks
from handlers.delivery.progress import Counts
from handlers.invocation.deadline import Deadline
from handlers.invocation.events import read_event
from handlers.transform import expansion
from tests.proof.crash import FaultyGate
from tests.proof.files import BY_NAME, Kind, read_output
from tests.proof.memory import MemoryS3, aws_error
from tests.proof.watch import Watch
from tests.proof.world import (
    ARCHIVE,
    PROCESSED,
    RAW,
    Context,
    KilledError,
    World,
    batch,
    s3_event,
    small_limits,
)

LINES = BY_NAME["lines"]
AN_HOUR = timedelta(hours=1)
CLEAN = ["get_object", "put_object", "copy_object", "delete_object"]


@pytest.fixture(autouse=True)
def _inline():
    with small_limits(10**9):
        yield


@pytest.fixture
def gate():
    return FaultyGate("", -1)


@pytest.fixture
def world(gate):
    return World(gate=gate)


def process(world, event, *, receives=1):
    """Deliver an event once, and return whether it is done."""
    message = (json.dumps(event), receives)
    return not world.processor().handle(batch(message), Context())["batchItemFailures"]


def reasons(world):
    return [dead_letter["attributes"][keys.REASON] for dead_letter in world.dead_letters.messages]


def test_a_clean_file_costs_four_calls(world, gate):
    assert process(world, world.upload(LINES.key, LINES.body))
    assert gate.calls == CLEAN


def test_a_file_with_rejects_costs_one_more(world, gate):
    kind = BY_NAME["rejects"]
    assert process(world, world.upload(kind.key, kind.body))
    assert gate.calls == ["get_object", "put_object", *CLEAN[1:]]
    [(key, rejected)] = world.s3.visible(PROCESSED, "rejected/").items()
    assert key == "rejected/2024/01/15/rejects.ndjson"
    [line] = map(json.loads, rejected.body.splitlines())
    assert line["raw"] == "3"
    assert line["reason"]


def test_a_head_only_after_a_conflict(world, gate):
    first, second = (world.upload(LINES.key, LINES.body) for _ in range(2))
    process(world, first)
    gate.calls.clear()
    process(world, second)
    assert gate.calls == ["get_object", "put_object", "head_object", *CLEAN[1:]]


def test_the_same_name_twice_a_day(world):
    events = [world.upload(LINES.key, body) for body in (b'{"a":1}', b'{"a":2}')]
    for event in events:
        assert process(world, event)
    (first, second) = world.uploads
    digest = keys.source_digest(*second)[:8]
    plain, marked = (
        "processed/2024/01/15/x/lines.json",
        f"processed/2024/01/15/x/lines-{digest}.json",
    )
    assert set(world.outputs()) == {plain, marked}
    assert world.outputs()[plain].metadata[keys.SOURCE_VERSION] == first[1]
    assert read_output(world.outputs()[marked].body)[0] == [{"a": 2}]


def test_an_upload_replaced_before_it_is_processed(world):
    events = [world.upload(LINES.key, body) for body in (b'{"a":1}', b'{"a":2}')]
    assert process(world, events[0])
    [output] = world.outputs().values()
    assert read_output(output.body)[0] == [{"a": 1}]
    (_, first), (_, second) = world.uploads
    assert not world.s3.version(RAW, LINES.key, first)
    assert world.s3.current(RAW, LINES.key).id == second


def test_the_day_is_that_of_the_version(world):
    event = world.upload(LINES.key, LINES.body)
    world.s3.now = datetime(2024, 1, 20, 1, tzinfo=UTC)
    assert process(world, event)
    assert set(world.outputs()) == {"processed/2024/01/15/x/lines.json"}


def test_the_original_is_kept_as_it_was(world):
    process(world, world.upload("incoming/a b/x.json", b"{}"))
    copy = world.s3.current(RAW, "completed/a b/x.json")
    [(_, version)] = world.uploads
    assert copy.body == b"{}"
    assert copy.headers["ContentType"] == "text/x-test"
    assert copy.tags == (("team", "blue"),)
    assert copy.metadata == {
        "owner": "me",
        keys.SOURCE_VERSION: version,
        keys.SOURCE_UPLOADED: "2024-01-15T10:30:00Z",
    }
    assert not world.s3.buckets[RAW].get("incoming/a b/x.json")


@pytest.mark.parametrize("name", ["x\x01y.json", f"{'x' * 1_010}.json", f"{'ü' * 505}.json"])
def test_an_original_under_a_shortened_name_tells_its_own(world, name):
    """Otherwise no operator's command could tell whose copy it is."""
    key = f"incoming/{name}"
    assert process(world, world.upload(key, b"{}"))
    (completed,) = world.s3.visible(RAW, keys.COMPLETED)
    assert completed != f"completed/{name}"
    copy = world.s3.current(RAW, completed)
    assert keys.incoming_key(completed, copy.metadata) == key
    assert {"owner", keys.SOURCE_VERSION, keys.SOURCE_UPLOADED} <= copy.metadata.keys()


def test_without_room_for_its_name_an_original_still_names_its_version(world):
    key, full = "incoming/x\x01y.json", {"full": "x" * 1_970}
    stored = world.s3.put_object(Bucket=RAW, Key=key, Body=b"{}", Metadata=full)
    assert process(world, s3_event(key, stored["VersionId"]))
    copy = world.s3.current(RAW, keys.completed_key(key))
    assert copy.metadata == {**full, keys.SOURCE_VERSION: stored["VersionId"]} | {
        keys.SOURCE_UPLOADED: "2024-01-15T10:30:00Z"
    }


def test_metadata_too_large_for_the_source_version_is_kept(world):
    full = {"full": "x" * 2_030}
    stored = world.s3.put_object(Bucket=RAW, Key="incoming/x.json", Body=b"{}", Metadata=full)
    event = s3_event("incoming/x.json", stored["VersionId"])
    assert process(world, event)
    assert world.s3.current(RAW, "completed/x.json").metadata == full
    # Delivered again, the output alone tells that it is done.
    assert process(world, event)
    assert not world.dead_letters.messages


def test_the_time_of_the_upload_is_left_out_before_the_version_is(world):
    full = {"full": "x" * 1_990}
    stored = world.s3.put_object(Bucket=RAW, Key="incoming/x.json", Body=b"{}", Metadata=full)
    assert process(world, s3_event("incoming/x.json", stored["VersionId"]))
    named = full | {keys.SOURCE_VERSION: stored["VersionId"]}
    assert world.s3.current(RAW, "completed/x.json").metadata == named


def test_gone_with_its_completed_copy_is_done(world, gate):
    event = world.upload(LINES.key, LINES.body)
    process(world, event)
    gate.calls.clear()
    assert process(world, event)
    assert gate.calls == ["get_object", "list_object_versions", "head_object"]
    assert not world.dead_letters.messages
    assert len(world.outputs()) == 1


def test_completed_copies_older_than_the_event_are_not_asked(world, gate):
    for _ in range(5):
        process(world, world.upload(LINES.key, LINES.body))
    world.s3.now = world.after(1)
    event = s3_event(LINES.key, "never-was", world.s3.now)
    world.s3.now += AN_HOUR
    gate.calls.clear()
    assert process(world, event)
    assert "is gone" in reasons(world)[0]
    assert len([call for call in gate.calls if call == "head_object"]) <= 24


def test_gone_with_its_output_in_the_archive_is_done(world):
    event = world.upload(LINES.key, LINES.body)
    process(world, event)
    world.s3.buckets[RAW].pop("completed/x/lines.ndjson")
    world.archive(world.after(60))
    assert world.s3.visible(ARCHIVE)
    assert process(world, event)
    assert not world.dead_letters.messages


def test_gone_with_its_completed_copy_alone_is_done(world):
    """A consumer has taken the output away, minutes behind the upload."""
    event = world.upload(LINES.key, LINES.body)
    process(world, event)
    world.s3.buckets[PROCESSED].clear()
    assert process(world, event)
    assert not world.dead_letters.messages


@pytest.mark.parametrize("seconds", [-20, 20])
def test_an_output_of_the_day_beside_the_events_is_found(world, seconds):
    """At midnight the event has another day than S3's own time of the version."""
    midnight = datetime(2024, 1, 16, tzinfo=UTC)
    world.s3.now = midnight - timedelta(seconds=seconds / 2)
    event = world.upload(LINES.key, LINES.body)
    process(world, event)
    world.s3.buckets[RAW].clear()
    event["Records"][0]["eventTime"] = (midnight + timedelta(seconds=seconds / 2)).isoformat()
    assert process(world, event)
    assert not world.dead_letters.messages


def test_gone_without_a_trace_is_a_failure(world):
    event = world.upload(LINES.key, LINES.body)
    [(key, version)] = world.uploads
    world.s3.delete_object(Bucket=RAW, Key=key, VersionId=version)
    world.s3.now += AN_HOUR
    assert process(world, event)
    assert "somebody else deleted it" in reasons(world)[0]
    assert not world.outputs()


@pytest.mark.parametrize(("minutes", "done"), [(0, False), (19, False), (20, True)])
def test_a_version_that_cannot_be_read_yet_is_tried_again(world, minutes, done):
    """S3 may answer 404 for a while after versioning was switched on, and then has it."""
    event = world.upload(LINES.key, LINES.body)
    stored = world.s3.buckets[RAW].pop(LINES.key)
    world.s3.now += timedelta(minutes=minutes)
    assert process(world, event) == done
    assert len(world.dead_letters.messages) == done
    if not done:
        world.s3.buckets[RAW][LINES.key] = stored
        assert process(world, event, receives=2)
        assert len(world.outputs()) == 1
        assert not world.dead_letters.messages


def test_a_young_version_that_never_comes_is_a_dead_letter_that_says_so(world):
    event = world.upload(LINES.key, LINES.body)
    world.s3.buckets[RAW].pop(LINES.key)
    assert process(world, event, receives=world.max_attempts)
    assert "cannot be read yet" in reasons(world)[0]
    assert world.dead_letters.messages[0]["attributes"][keys.FAILURE_KIND] == "transient"


def test_an_unmarked_copy_is_no_trace_of_a_call_without_a_version(world):
    world.s3.put_object(Bucket=RAW, Key="completed/x.json", Body=b"{}")
    event = s3_event("incoming/x.json", None)
    world.s3.now += AN_HOUR
    assert process(world, event)
    assert "is gone" in reasons(world)[0]


@pytest.mark.parametrize(
    "time", ["", "no time", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"]
)
def test_an_event_with_an_odd_time(world, time):
    event = s3_event("incoming/x.json", "never-was")
    event["Records"][0]["eventTime"] = time
    assert process(world, event)
    assert "is gone" in reasons(world)[0]


def test_an_unversioned_bucket_is_refused(world):
    world.s3.buckets[RAW].clear()
    world.s3.versioned = frozenset({PROCESSED, ARCHIVE})
    world.s3.put_object(Bucket=RAW, Key="incoming/x.json", Body=b"{}")
    assert process(world, s3_event("incoming/x.json", None))
    assert "has to be versioned" in reasons(world)[0]
    assert world.s3.current(RAW, "incoming/x.json")


def test_compressed_output(world):
    world.compressed = True
    process(world, world.upload("incoming/x.csv.gz", gzip.compress(b"a\n1\n")))
    [(key, output)] = world.outputs().items()
    assert key == "processed/2024/01/15/x.json.gz"
    assert output.headers["ContentType"] == "application/gzip"
    assert output.body.startswith(b"\x1f\x8b")


def test_compressed_output_of_no_records_is_gzip_too(world):
    world.compressed = True
    process(world, world.upload("incoming/x.csv", b"a\n"))
    [output] = world.outputs().values()
    assert gzip.decompress(output.body) == b""
    assert output.body


def test_rejects_are_not_compressed_with_the_output(world):
    kind = BY_NAME["rejects"]
    world.compressed = True
    process(world, world.upload(kind.key, kind.body))
    [rejected] = world.s3.visible(PROCESSED, "rejected/").values()
    assert rejected.headers["ContentType"] == "application/x-ndjson"
    assert json.loads(rejected.body)["raw"] == "3"


@pytest.mark.parametrize("gone", [False, True])
def test_a_repeat_tells_what_the_first_delivery_counted(world, gone):
    """Its version may be there, the invocation before was killed, or gone with its copy."""
    good = b'{"a b":1,"a_b":2}\n' * 19
    [record] = world.upload("incoming/x.ndjson", good + b'{"c":null}\nnothing\n')["Records"]
    [reference] = read_event({"Records": [record]}, RAW).references

    def deliver(gate):
        delivery = world.processor(gate)._delivery
        return delivery.deliver(reference, Deadline(lambda: 300.0), repeated=True)

    def kill(operation, _given, call):
        if operation == "copy_object":
            raise KilledError
        return call()

    with pytest.raises(KilledError):
        deliver(kill)
    if gone:
        world.s3.buckets[RAW].clear()
    done = deliver(None)
    assert done.repeated
    assert done.counts == Counts(written=19, rejected=1, empty=1, renamed=19)
    assert done.source_bytes == (0 if gone else len(good) + 19)


def test_a_second_attempt_finds_the_output_of_the_first(gate):
    """Also if output compression was switched on in between."""
    world = World(gate=FaultyGate("killed before", 2))
    event = world.upload(LINES.key, LINES.body)
    with pytest.raises(KilledError):
        process(world, event)
    world.gate, world.compressed = gate, True
    assert process(world, event, receives=2)
    assert set(world.outputs()) == {"processed/2024/01/15/x/lines.json"}
    assert "put_object" not in gate.calls


@pytest.mark.parametrize("way", ["redriven", "reconciled", "retried by Lambda"])
def test_a_new_message_finds_the_output_of_an_earlier_one(gate, way):
    """Though it is received for the first time, and output compression was switched on."""
    world = World(gate=FaultyGate("killed before", 2), queue_mode=way != "retried by Lambda")
    event = world.upload(LINES.key, LINES.body)
    with pytest.raises(KilledError):
        process(world, event)
    world.gate, world.compressed = gate, True
    if way == "redriven":
        world.queue.add(json.dumps(event), {keys.REPEATED: "true"})
    elif way == "reconciled":
        world.s3.now += 2 * AN_HOUR
        world.reconcile()
    else:
        world.s3.now += timedelta(minutes=1)
        world.deliver(event)
    world.run_until_idle()
    assert set(world.outputs()) == {"processed/2024/01/15/x/lines.json"}
    assert not world.s3.visible(RAW, keys.INCOMING)


def test_a_late_version_passes_over_names_in_the_archive(world):
    first, second = (world.upload(LINES.key, LINES.body) for _ in range(2))
    process(world, first)
    world.archive(world.after(60))
    world.s3.now = world.after(60)
    process(world, second)
    [(_, version)] = [
        one for one in world.uploads if one[1] != first["Records"][0]["s3"]["object"]["versionId"]
    ]
    digest = keys.source_digest(LINES.key, version)[:8]
    assert set(world.s3.visible(PROCESSED)) == {f"processed/2024/01/15/x/lines-{digest}.json"}


@pytest.mark.parametrize(
    ("minutes", "late"),
    [
        (-10, 0),  # the archiver's clock is early: it has begun with the day before it is over
        (-1, 300),
        (0, 0),
        (1, 0),
        (14, 0),
        (14, 840),  # the processor's clock is late: it has yesterday
        (16, 0),
    ],
)
def test_a_name_freed_at_midnight_is_not_given_again(world, minutes, late):
    """The least retention is a day: an output of its first minute goes with the next midnight."""
    midnight = datetime(2024, 1, 16, tzinfo=UTC)
    world.retention_days = 1
    world.s3.now = midnight - timedelta(days=1)
    process(world, world.upload(LINES.key, LINES.body))
    world.s3.now = midnight - timedelta(minutes=15)
    second = world.upload(LINES.key, LINES.body)
    world.s3.now = midnight + timedelta(minutes=minutes)
    world.archive(max(world.s3.now, midnight) + timedelta(minutes=1))
    assert set(world.s3.visible(ARCHIVE)) == {"archive/2024/01/15/x/lines.json"}
    world.processor(late=late).handle(second, Context())
    [name] = world.s3.visible(PROCESSED)
    assert name.startswith("processed/2024/01/15/x/lines-")
    assert len(world.outputs()) == 2


def test_an_archive_made_under_a_shorter_retention_is_looked_at(world):
    first, second = (world.upload(LINES.key, LINES.body) for _ in range(2))
    process(world, first)
    world.retention_days = 1
    world.archive(world.after(3))
    world.retention_days = 365
    world.s3.now = world.after(3)
    process(world, second)
    assert len(world.outputs()) == 2


def test_a_version_deleted_while_it_is_read_is_looked_after(world):
    """Another invocation ended first, and the connection to the deleted version was lost."""
    event = world.upload(LINES.key, LINES.body)

    class Lost:
        def read(self, _size):
            world.s3.body = type(world.s3).body.__get__(world.s3)
            assert process(world, event)
            raise ConnectionResetError

        def close(self):
            pass

    world.s3.body = lambda _data: Lost()
    assert process(world, event)
    assert not world.dead_letters.messages
    assert len(world.outputs()) == 1


def test_a_version_that_is_denied_though_it_is_there_is_tried_again(world):
    """However old it is: whoever believes a 404 makes a dead letter of a good file."""
    event = world.upload(LINES.key, LINES.body)
    world.s3.now = world.after(1)

    def gate(operation, given, call):
        if operation == "get_object" and "Range" in given:
            raise aws_error("NoSuchVersion", operation)
        return call()

    world.gate, body = gate, world.s3.body
    world.s3.body = lambda _data: body(b"")
    assert not process(world, event)
    assert not world.dead_letters.messages
    world.gate, world.s3.body = FaultyGate("", -1), body
    assert process(world, event, receives=2)
    assert len(world.outputs()) == 1


@pytest.mark.parametrize(("part", "size"), [(7, 25), (10, 100)])
def test_files_above_5_gb_are_copied_in_parts(monkeypatch, part, size):
    monkeypatch.setattr(copies, "MAX_COPY_BYTES", 20)
    monkeypatch.setattr(copies, "_COPY_PART_BYTES", part)
    gate = FaultyGate("", -1)
    world = World(gate=gate, max_copy=20)
    world.s3._min_part = 1
    body = b'{"a":"' + b"x" * size + b'"}'
    kind = Kind(name="big", key="incoming/x.json", body=body, records=({"a": "x" * size},))
    watch = Watch(world, [kind])
    assert process(world, world.upload(kind.key, kind.body))
    assert gate.calls.count("upload_part_copy") == -(-len(body) // part)
    watch.check_finished()


def test_an_output_of_a_long_name_stands_without_the_name_of_its_rejects(world):
    """Both names would be more than S3 takes as metadata."""
    kind = BY_NAME["rejects"]
    key = f"incoming/{'漢' * 300}.csv"
    assert process(world, world.upload(key, kind.body))
    assert not world.dead_letters.messages
    [output] = world.outputs().values()
    [rejected] = world.s3.visible(PROCESSED, "rejected/").values()
    assert keys.REJECTED_KEY not in output.metadata
    assert output.metadata[keys.SOURCE_KEY] == rejected.metadata[keys.SOURCE_KEY]
    assert len(rejected.body.splitlines()) == 1


def test_no_thread_is_needed_for_small_files(world, monkeypatch):
    def refuse(*_args):
        raise AssertionError

    monkeypatch.setattr(chunks, "ThreadPoolExecutor", refuse)
    monkeypatch.setattr(joins, "ThreadPoolExecutor", refuse)
    assert process(world, world.upload(LINES.key, LINES.body))
    assert world.outputs()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (keys.SOURCE_BUCKET, "x"),
        (keys.SOURCE_KEY, "x"),
        (keys.SOURCE_KEY, "base64:x"),  # no base64
        (keys.SOURCE_VERSION, "x"),
    ],
)
def test_an_output_that_names_another_source_is_not_taken_for_its_own(world, name, value):
    event = world.upload(LINES.key, LINES.body)
    [(key, version)] = world.uploads
    own = {keys.SOURCE_BUCKET: RAW, keys.SOURCE_KEY: key, keys.SOURCE_VERSION: version}
    plain, second, _ = keys.output_keys(key, version, date(2024, 1, 15), compressed=False)
    world.s3.put_object(Bucket=PROCESSED, Key=plain, Body=b"theirs", Metadata=own | {name: value})
    assert process(world, event)
    assert world.s3.current(PROCESSED, plain).body == b"theirs"
    assert world.s3.current(PROCESSED, second).metadata.items() >= own.items()


def test_every_name_taken_is_tried_again(world):
    for key in keys.output_keys(LINES.key, "v000004", date(2024, 1, 15), compressed=False):
        world.s3.put_object(Bucket=PROCESSED, Key=key, Body=b"foreign")
    assert not process(world, world.upload(LINES.key, LINES.body))
    assert world.s3.buckets[RAW][LINES.key]
    assert world.queue.delays == [60]


def test_a_refused_condition_of_the_double_is_what_s3_says():
    s3 = MemoryS3(versioned=("b",))
    s3.put_object(Bucket="b", Key="k")
    with pytest.raises(type(aws_error("PreconditionFailed", "PutObject")), match="Precondition"):
        s3.put_object(Bucket="b", Key="k", IfNoneMatch="*")


def test_a_file_that_is_not_utf8_is_read_by_the_fallback_as_a_whole(world, gate):
    world.fallback = "cp1252"
    body = '{"a":"ok"}\n{"a":"Größe – 5 €"}\n'.encode("cp1252")
    assert process(world, world.upload("incoming/x.ndjson", body))
    [output] = world.outputs().values()
    assert read_output(output.body)[0] == [{"a": "ok"}, {"a": "Größe – 5 €"}]
    assert output.metadata[keys.SOURCE_ENCODING] == "cp1252"
    assert output.metadata[keys.RECORDS_REJECTED] == "0"
    assert gate.calls == ["get_object", *CLEAN]  # it is read once more


@pytest.mark.parametrize("body", ['{"a":"é"}'.encode(), '{"a":"é"}'.encode("utf-16")])
def test_a_file_in_unicode_is_never_read_by_the_fallback(world, gate, body):
    world.fallback = "cp1252"
    assert process(world, world.upload("incoming/x.json", body))
    [output] = world.outputs().values()
    assert read_output(output.body)[0] == [{"a": "é"}]
    assert keys.SOURCE_ENCODING not in output.metadata
    assert gate.calls == CLEAN


def test_without_a_fallback_the_reason_has_a_hint(world):
    assert process(world, world.upload("incoming/x.csv", "stadt\nKöln\n".encode("cp1252")))
    [reason] = reasons(world)
    assert "invalid UTF-8 at byte 1, maybe Windows-1252" in reason
    assert not world.outputs()


def test_the_longest_key_leaves_room_for_what_the_metadata_say(world):
    world.fallback = "cp1252"
    key = "incoming/" + "ü" * 500 + ".csv"
    assert process(world, world.upload(key, b"a,b\n" + b"1,\xe9\n" * 20 + b"2\n"))
    [output] = world.outputs().values()
    assert output.metadata[keys.SOURCE_ENCODING] == "cp1252"
    assert object_info.fits_metadata(output.metadata)


def test_an_output_too_large_for_its_source_fails_for_good(world, monkeypatch):
    monkeypatch.setattr(expansion, "_ALWAYS_ALLOWED_BYTES", 1_000)
    world.max_expansion = 30
    bomb = gzip.compress(b"a\n" + b"1\n" * 50_000)
    assert process(world, world.upload("incoming/bomb.csv.gz", bomb))
    [reason] = reasons(world)
    assert f"{len(bomb)} bytes become more than" in reason
    assert "allowed: 30 times as many (maxExpansion)" in reason
    assert not world.s3.visible(PROCESSED)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("rejected", [False, True])
def test_expansion_counts_rejects_and_what_compression_hides(
    world, monkeypatch, compressed, rejected
):
    world.compressed = compressed
    body = gzip.compress((b"{\n" if rejected else b'{"a":1}\n') * 5_000)
    monkeypatch.setattr(expansion, "_ALWAYS_ALLOWED_BYTES", len(body))
    world.max_expansion = 40
    assert process(world, world.upload("incoming/x.ndjson.gz", body))
    assert "maxExpansion" in reasons(world)[0]


def test_a_small_output_may_be_any_number_of_times_its_source(world):
    world.max_expansion = 1
    assert process(world, world.upload("incoming/x.csv", b"a\n" + b"1\n" * 5_000))
    assert len(world.outputs()) == 1


@pytest.mark.parametrize("version", [True, False])
def test_a_folder_marker_whose_size_is_not_told_is_dropped(world, gate, version):
    world.upload("incoming/sales/", b"")
    [(key, stored)] = world.uploads
    call = {"key": key} | ({"version_id": stored} if version else {})
    answer = world.processor().handle(call, Context())
    assert (answer["processed"], answer["failed"]) == (0, 0)
    assert gate.calls == ["head_object"]
    assert world.s3.current(RAW, key)


def test_a_file_whose_name_ends_like_a_folders_is_a_failure_with_a_reason(world):
    world.upload("incoming/sales/", b"a,b\n1,2\n")
    assert world.processor().handle({"key": "incoming/sales/"}, Context())["failed"] == 1
    assert "unknown suffix" in reasons(world)[0]


def test_what_is_broken_as_utf8_may_be_whole_in_what_it_is_in(world):
    """Half of a letter looks like a backslash, far before the first byte that is no UTF-8."""
    world.fallback = "shift_jis"
    first = b'[{"a":"\xc3\x81\\"}'  # as UTF-8 the string does not end here
    assert process(
        world,
        world.upload("incoming/x.json", first + b',{"b":"}"}' * 200 + b',{"c":"\x83\\"}]'),
    )
    [output] = world.outputs().values()
    records, _ = read_output(output.body)
    assert records == [{"a": "ﾃ―"}, *[{"b": "}"}] * 200, {"c": "ソ"}]
    assert output.metadata[keys.SOURCE_ENCODING] == "shift_jis"


def test_a_file_that_is_broken_before_it_is_no_utf8_is_read_by_the_fallback_too(world):
    world.fallback = "cp1252"
    broken = b'[{"a":1},{"b":}' + b',{"c":1}' * 200 + b',{"d":"\xe9"}]'
    assert process(world, world.upload("incoming/x.json", broken))
    assert "row 2" in world.dead_letters.messages[0]["attributes"][keys.PLACE]
    assert not world.s3.visible(PROCESSED)
