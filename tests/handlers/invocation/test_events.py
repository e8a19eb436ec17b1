import json
from dataclasses import replace
from pathlib import Path

import pytest

from handlers.invocation.events import (
    CompletedReference,
    MalformedEventError,
    ObjectReference,
    Reading,
    read_event,
    read_message,
)

EVENTS = Path(__file__).parents[2] / "events"
BUCKET = "raw-bucket"
VERSION = "096fKKXTRTtl3on89fVO.nfljtsv6qko"
CREATED = "2024-01-15T10:30:00.000Z"


def recorded(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


def reference(key, *, size=1024, version=VERSION, created=CREATED):
    return ObjectReference(bucket=BUCKET, key=key, version=version, created=created, size=size)


SALES = reference("incoming/sales/data.csv")
SPECIAL = reference("incoming/a b/café + 100% (final).json")
READ = {
    "s3_put": [SALES],
    "s3_copy": [reference("incoming/sales/copied.json")],
    "s3_multipart": [reference("incoming/large.ndjson", size=7_340_032_000)],
    "s3_special_characters": [SPECIAL],
    "s3_test_event": [],
    "s3_removed": [],
    "s3_folder": [],
    "sns_notification": [SALES],
    "sns_lambda": [SALES],
    "eventbridge_created": [
        reference(
            "incoming/a b/café + 100%.json",
            size=5,
            version="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
            created="2024-01-15T10:30:00Z",
        )
    ],
    "eventbridge_deleted": [],
}


def test_every_recorded_event_is_expected():
    assert {path.stem for path in EVENTS.glob("*.json")} == {*READ, "sqs_batch"}


@pytest.mark.parametrize("name", READ)
def test_recorded(name):
    reading = read_event(recorded(name), BUCKET)
    assert reading.references == tuple(READ[name])
    assert bool(reading.dropped) == (not READ[name])


def test_recorded_batch():
    bodies = [record["body"] for record in recorded("sqs_batch")["Records"]]
    readings = [read_message(body, BUCKET).references for body in bodies]
    assert readings == [(SALES,), (SPECIAL,)]


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("incoming/a+b.json", "incoming/a b.json"),
        ("incoming/a%2Bb.json", "incoming/a+b.json"),
        ("incoming/100%2525.json", "incoming/100%25.json"),
        ("incoming%2Fa.json", "incoming/a.json"),
        ("incoming/..%2F%2E.json", "incoming/../..json"),
    ],
)
def test_keys_are_decoded_exactly_once(encoded, key):
    event = recorded("s3_put")
    event["Records"][0]["s3"]["object"]["key"] = encoded
    assert read_event(event, BUCKET).references[0].key == key


def test_a_call():
    assert read_event({"key": "incoming/a+b.json"}, BUCKET).references == (
        ObjectReference(bucket=BUCKET, key="incoming/a+b.json"),
    )
    [named] = read_event({"key": "incoming/a", "version_id": "v"}, BUCKET).references
    assert named.version == "v"


@pytest.mark.parametrize(
    ("change", "dropped"),
    [
        ({"bucket": "other"}, "foreign bucket"),
        ({"key": "completed/a.json"}, "not under incoming/"),
    ],
)
def test_what_is_not_ours_is_dropped(change, dropped):
    reading = read_event({"key": "incoming/a.json"} | change, BUCKET)
    assert not reading.references
    assert dropped in reading.dropped[0]


def test_a_file_whose_name_ends_like_a_folder_is_none():
    """Nor may it be taken for one where its size is not told."""
    event = recorded("s3_folder")
    assert "folder marker" in read_event(event, BUCKET).dropped[0]
    event["Records"][0]["s3"]["object"]["size"] = 3
    assert len(read_event(event, BUCKET).references) == 1
    del event["Records"][0]["s3"]["object"]["size"]
    assert len(read_event(event, BUCKET).references) == 1


@pytest.mark.parametrize("body", ["", "no", "{", "[" * 100_000, '{"key": 1}', '{"key": "\\ud800"}'])
def test_malformed_messages(body):
    with pytest.raises(MalformedEventError):
        read_message(body, BUCKET)


def test_sns_within_sns_ends():
    event = recorded("s3_put")
    for depth in range(6):
        references = read_event(event, BUCKET).references
        assert references == ((SALES,) if depth <= 3 else ())
        event = {"Type": "Notification", "Message": json.dumps(event)}


@pytest.mark.parametrize("continuations", [0, 1, 7])
def test_an_event_comes_back_as_it_went(continuations):
    one = ObjectReference(
        bucket=BUCKET,
        key="incoming/ü +%/a",
        version="v",
        created=CREATED,
        size=0,
        continuations=continuations,
    )
    assert read_message(json.dumps(one.to_event()), BUCKET).references == (one,)


@pytest.mark.parametrize(
    ("given", "continuations"),
    [({"resume": True}, 1), ({"resume": False}, 0), ({"continuations": -3}, 0),
     ({"continuations": "7"}, 0), ({"continuations": True}, 0), ({"continuations": 3}, 3)],
)  # fmt: skip
def test_the_continuations_that_a_message_tells_of(given, continuations):
    event = ObjectReference(bucket=BUCKET, key="incoming/a.csv").to_event()
    event["Records"][0] |= given  # `resume` is what version 1.0 has sent
    [reference] = read_message(json.dumps(event), BUCKET).references
    assert reference.continuations == continuations


COMPLETED = CompletedReference(
    bucket=BUCKET, key="completed/a b/café + 100%.csv", version=VERSION, continuations=3
)


@pytest.mark.parametrize("reference", [COMPLETED, replace(COMPLETED, continuations=0)])
def test_a_message_about_a_completed_file_says_all_of_it(reference):
    reading = read_message(json.dumps(reference.to_event()), BUCKET)
    assert reading == Reading((reference,), ())


@pytest.mark.parametrize(
    "named",
    [
        None,
        [],
        "completed/a.csv",
        {},
        {"key": "completed/a.csv"},
        {"version": VERSION},
        {"key": "incoming/a.csv", "version": VERSION},
        {"key": 1, "version": VERSION},
        {"key": "completed/\ud800.csv", "version": VERSION},
        {"key": "completed/a.csv", "version": ""},
        {"key": "completed/a.csv", "version": None},
        {"key": "completed/a.csv", "version": VERSION, "continuations": -1},
        {"key": "completed/a.csv", "version": VERSION, "continuations": True},
        {"key": "completed/a.csv", "version": VERSION, "continuations": "1"},
        {"key": "completed/a.csv", "version": VERSION, "bucket": BUCKET},
    ],
)
def test_any_other_message_about_a_completed_file_is_malformed(named):
    with pytest.raises(MalformedEventError, match=r"about a completed file is .*, allowed: "):
        read_message(json.dumps({"reprocess": named}), BUCKET)


def test_a_message_about_a_completed_file_is_about_nothing_else():
    event = COMPLETED.to_event() | {"Records": []}
    with pytest.raises(MalformedEventError, match="about a completed file"):
        read_event(event, BUCKET)


def test_an_event_of_s3_about_a_completed_file_is_dropped():
    event = ObjectReference(bucket=BUCKET, key=COMPLETED.key, version=VERSION).to_event()
    assert read_event(event, BUCKET).references == ()
