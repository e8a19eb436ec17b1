"""Storms of events: duplicated, reordered, foreign, broken, and wrapped in each other."""

import contextlib
import json
import random
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from handlers.invocation.events import (
    MalformedEventError,
    ObjectReference,
    Reading,
    read_event,
    read_message,
)
from tests.proof.files import BY_NAME
from tests.proof.watch import Watch
from tests.proof.world import MAX_ATTEMPTS, RAW, Context, World, batch, small_limits

SEQUENCES = 10_000
END_TO_END = 300
RECORDED = Path(__file__).parents[1] / "events"
ALPHABET = "ab/ +%&=?é漢😀'\"\\\n\x00.~"
JUNK = (
    None,
    True,
    0,
    -1.5,
    "",
    "incoming/a.json",
    [],
    {},
    [[]],
    {"Records": {}},
    {"Records": [None, 1, "x", [], {}]},
    {"Records": [{"eventSource": "aws:s3"}]},
    {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete"}]},
    {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": ""}}]},
    {"Records": [{"EventSource": "aws:sns"}]},
    {"Type": "Notification", "Message": 7},
    {"Type": "Notification", "Message": "no JSON"},
    {"Type": "SubscriptionConfirmation", "Token": "t"},
    {"source": "aws.s3"},
    {"source": "aws.ec2", "detail-type": "Object Created"},
    {"Event": "s3:TestEvent", "Bucket": RAW},
)
# Events that are meant for the pipeline and cannot be read: each is a dead letter.
MALFORMED = (
    {"key": ""},
    {"key": 1},
    {"key": "incoming/\ud800.json"},
    {"source": "aws.s3", "detail-type": "Object Created", "detail": []},
    {"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {"name": RAW}}},
    {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]},
    {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": 1}]},
    {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": RAW}, "object": {"key": "incoming/%ff.json"}},
            }
        ]
    },
)


@dataclass(frozen=True)
class Sent:
    """An event and what must be read of it: references, or that it is malformed."""

    event: object
    references: tuple[ObjectReference, ...] = ()
    malformed: bool = False


def random_key(rng):
    return "incoming/" + "".join(rng.choices(ALPHABET, k=rng.randrange(1, 12))) + ".json"


def record(reference, rng):
    entry = {"key": quote_plus(reference.key, safe=rng.choice(("", "/")))}
    if reference.version:
        entry["versionId"] = reference.version
    if reference.size is not None:
        entry["size"] = reference.size
    name = rng.choice(("Put", "Post", "Copy", "CompleteMultipartUpload"))
    return {
        "eventVersion": rng.choice(("2.1", "2.2", "2.3")),
        "eventSource": "aws:s3",
        "eventName": f"ObjectCreated:{name}",
        "eventTime": reference.created,
        "s3": {"bucket": {"name": reference.bucket}, "object": entry},
    }


def random_reference(rng):
    return ObjectReference(
        bucket=RAW,
        key=random_key(rng),
        version=rng.choice((None, "v1", "096fKKXTRTtl3on89fVO.nfljtsv6qko")),
        created="2024-01-15T10:30:00.000Z",
        size=rng.choice((None, 0, 5, 10**13)),
    )


def good(rng):
    """Return an event of some objects, in one of its three forms."""
    references = [random_reference(rng) for _ in range(rng.choice((1, 1, 1, 2, 5)))]
    foreign = rng.random() < 0.2
    if rng.random() < 0.3:
        reference = references[0]
        entry = {"key": reference.key}
        entry |= {"version-id": reference.version} if reference.version else {}
        entry |= {"size": reference.size} if reference.size is not None else {}
        detail = {"bucket": {"name": "other" if foreign else RAW}, "object": entry}
        event = {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "time": reference.created,
            "detail": detail,
        }
        return Sent(event, () if foreign else (reference,))
    records = [record(reference, rng) for reference in references]
    if foreign:
        at = rng.randrange(len(records))
        records[at]["s3"]["bucket"]["name"] = "other-bucket"
        references.pop(at)
    if rng.random() < 0.2:
        records.insert(rng.randrange(len(records) + 1), rng.choice((None, 3, {}, {"a": 1})))
    return Sent({"Records": records}, tuple(references))


def wrapped(sent, rng):
    """Return an event as SNS delivers it: to a queue, or to a function."""
    text = json.dumps(sent.event)
    if rng.random() < 0.5:
        return Sent({"Type": "Notification", "Message": text}, sent.references, sent.malformed)
    notification = {"EventSource": "aws:sns", "Sns": {"Message": text}}
    return Sent({"Records": [notification]}, sent.references, sent.malformed)


def random_event(rng):
    chance = rng.random()
    if chance < 0.6:
        sent = good(rng)
    elif chance < 0.85:
        sent = Sent(rng.choice(JUNK))
    else:
        sent = Sent(rng.choice(MALFORMED), malformed=True)
    while rng.random() < 0.25 and _depth(sent.event) < 3:
        sent = wrapped(sent, rng)
    return sent


def _depth(event):
    return json.dumps(event).count("Message")


def storm(rng):
    """Return a sequence of events: some of them again, and in another order."""
    events = [random_event(rng) for _ in range(rng.randrange(1, 6))]
    events += rng.choices(events, k=rng.randrange(3))
    rng.shuffle(events)
    return events


def check(sent):
    body = json.dumps(sent.event)
    try:
        reading = read_message(body, RAW)
    except MalformedEventError:
        assert sent.malformed, body
        with pytest.raises(MalformedEventError):
            read_event(sent.event, RAW)
        return 1
    assert not sent.malformed, body
    assert isinstance(reading, Reading)
    assert reading.references == sent.references, body
    assert all(reading.dropped)
    assert reading == read_event(sent.event, RAW)
    for reference in reading.references:
        again = read_event(reference.to_event(), RAW)
        assert again.references == (reference,)
    return 0


def test_sequences():
    rng = random.Random(20240115)
    events = malformed = 0
    for _ in range(SEQUENCES):
        for sent in storm(rng):
            events += 1
            malformed += check(sent)
    print(f"event storms: {SEQUENCES} sequences, {events} events, {malformed} malformed")
    assert malformed > SEQUENCES // 10
    assert events > 3 * SEQUENCES


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.json")), ids=lambda path: path.stem)
def test_mangled_recordings(path):
    """A recorded event with any part of it cut off or changed is read or malformed."""
    rng = random.Random(path.name)
    text = path.read_text()
    for _ in range(200):
        start = rng.randrange(len(text))
        end = min(len(text), start + rng.randrange(1, 30))
        middle = rng.choice(("", "null", "0", '"', "{}", "[]", "%", "\\ud800"))
        body = text[:start] + middle + text[end:]
        try:
            reading = read_message(body, RAW)
        except MalformedEventError:
            continue
        assert all(one.bucket == RAW for one in reading.references)


@pytest.mark.parametrize("opening", ["[", '{"Records":[', '{"eventSource":', '{"Message":'])
@pytest.mark.parametrize("depth", [500, 900, 950, 980, 990, 2_000, 100_000])
def test_depth_is_no_crash(opening, depth):
    nested = "[" * depth + "]" * depth
    within = (f'{{"Records":[{{"eventSource":{nested}}}]}}', f'{{"key":{nested}}}')
    for body in (opening * depth, nested, *within):
        with contextlib.suppress(MalformedEventError):
            assert read_message(body, RAW).references == ()


def end_to_end(seed):
    """Send a storm of messages, in batches, at a pipeline with some files; check the end."""
    rng = random.Random(seed)
    names = rng.sample(("object", "array", "lines", "csv", "rejects", "broken"), 3)
    kinds = [BY_NAME[name] for name in names]
    world = World()
    watch = Watch(world, kinds)
    bodies = []
    for kind in kinds:
        for _ in range(rng.choice((1, 1, 2))):
            event = world.upload(kind.key, kind.body)
            bodies += [json.dumps(event)] * rng.choice((1, 1, 2, 3))
    broken = [json.dumps(rng.choice(MALFORMED)) for _ in range(rng.randrange(3))]
    noise = [json.dumps(rng.choice(JUNK)) for _ in range(rng.randrange(4))]
    sns = [json.dumps({"Type": "Notification", "Message": body}) for body in bodies[:2]]
    messages = bodies + sns + broken + noise + ["no JSON"]
    rng.shuffle(messages)
    while messages:
        size = rng.randrange(1, 11)
        sent, messages = messages[:size], messages[size:]
        attempts = rng.choice((1, 1, 2, MAX_ATTEMPTS))
        answer = world.processor().handle(batch(*((one, attempts) for one in sent)), Context())
        assert answer == {"batchItemFailures": []}
        watch.look()
    dead_letters = world.dead_letters.messages
    unreadable = [one["body"] for one in dead_letters if "source_key" not in one["attributes"]]
    assert sorted(unreadable) == sorted([*broken, "no JSON"])
    dead_letters[:] = [one for one in dead_letters if "source_key" in one["attributes"]]
    watch.check_finished()
    watch.nothing_is_left()


def test_end_to_end():
    with small_limits(10**9):
        for seed in range(END_TO_END):
            end_to_end(seed)
    print(f"event storms: {END_TO_END} end to end")
