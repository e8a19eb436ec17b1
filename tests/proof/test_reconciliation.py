"""Events lost in every way: after a reconcile run, each upload has its output exactly once."""

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers import keys
from handlers.environment import Metric
from tests.proof.files import BY_NAME
from tests.proof.memory import aws_error
from tests.proof.watch import Watch
from tests.proof.world import (
    RAW,
    SMALL_CHUNK,
    Context,
    KilledError,
    World,
    batch,
    s3_event,
    small_limits,
)

SEEDS = range(25)
LONG_SEEDS = range(25, 1_000)
NAMES = ("object", "lines", "csv", "rejects", "header", "large", "large cut")
HOUR = timedelta(hours=1)


def upload_lost(world, *names):
    """Upload files whose events are lost; return their keys and versions."""
    for name in names:
        world.upload(BY_NAME[name].key, BY_NAME[name].body)
    return list(world.uploads)


def sent(world):
    """Return the versions that the queue's messages name, and how many messages each has."""
    events = [json.loads(one["body"])["Records"][0]["s3"] for one in world.queue.messages]
    return Counter(event["object"]["versionId"] for event in events)


def only(reports):
    [report] = reports
    return report


def counts(report):
    names = ("looked_at", "sent", "dead_letters", "discarded", "under_way", "held", "failed")
    return {name: report[name] for name in names if report[name]}


class Chance:
    """One pipeline in which events are lost at random."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.world = World(
            queue_mode=self.rng.random() < 0.7,
            page=self.rng.choice((2, 3, 1000)),
            ticks=self.rng.choice((10**9, 40)),
        )
        self.lettered, self.discarded = set(), set()
        self.kinds = [
            replace(BY_NAME[name], key=BY_NAME[name].key.replace("incoming/", f"incoming/{n}/"))
            for n, name in enumerate(self.rng.choices(NAMES, k=5))
        ]
        self.watch = Watch(self.world, self.kinds)

    def upload(self):
        for kind in self.kinds:
            for _ in range(self.rng.choice((1, 1, 2))):
                event = self.world.upload(kind.key, kind.body)
                self.meet(event, *list(self.world.uploads)[-1])
            if self.rng.random() < 0.2:
                self.world.queue_mode = not self.world.queue_mode

    def meet(self, event, key, version):
        """Let an event be handled, or be lost in one of the ways there are."""
        fate = self.rng.choice(("done", "lost", "killed", "killed", "letter", "discarded"))
        if fate == "done":
            self.world.deliver(event)
        elif fate == "killed":  # and its message expired in the queue, or its dead letter did
            self.kill(event)
        elif fate == "letter":
            self.world.dead_letters.add(json.dumps(event))
            self.lettered.add(version)
        elif fate == "discarded":
            self.kill(event)
            if self.world.s3.version(RAW, key, version):
                self.world.discard(key, version)
                self.discarded.add(version)

    def kill(self, event):
        left = self.rng.randrange(1, 8)

        def gate(_operation, _given, call):
            nonlocal left
            left -= 1
            if left < 0:
                raise KilledError
            return call()

        try:
            self.world.processor(gate).handle(batch((json.dumps(event), 1)), Context(40))
        except KilledError:
            self.world.queue.messages.clear()
        self.watch.look()

    def reconcile(self, **asked):
        world, left = self.world, self.rng.choice((10**9, 2, 5, 9, 14, 20))

        def gate(_operation, _given, call):
            nonlocal left
            left -= 1
            if left == 0:
                raise KilledError
            return call()

        world.gate = gate
        # Each look at the clock may be the last: a run of many invocations.
        world.reconcile(ticks=self.rng.choice((10**9, 12)), **asked)
        world.gate = lambda _operation, _given, call: call()
        # A killed reader hides dead letters for as long as a time-out; the next run reads them.
        world.s3.now += timedelta(days=1)
        world.run_until_idle()
        world.reconcile(ticks=10**9, **asked)
        world.run_until_idle()
        self.watch.look()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_upload_gets_its_output_once(seed):
    lose_at_random(seed)


@pytest.mark.long
def test_every_upload_gets_its_output_once_in_many_pipelines():
    for seed in LONG_SEEDS:
        lose_at_random(seed)


def lose_at_random(seed):
    with small_limits(SMALL_CHUNK):
        chance = Chance(seed)
        world = chance.world
        chance.upload()
        world.run_until_idle()
        world.s3.now += 8 * HOUR
        chance.reconcile()
        # What waits for an operator is untouched.
        waiting = {
            one.id
            for key, versions in world.s3.buckets[RAW].items()
            for one in versions
            if key.startswith(keys.INCOMING)
        }
        assert waiting == chance.lettered | chance.discarded
        world.dead_letters.messages.clear()
        chance.reconcile(discarded=True)
        chance.watch.check_finished(copies=3)


def test_what_a_run_tells():
    with small_limits():
        world = World()
        lost, letter, discarded, _ = upload_lost(world, "object", "lines", "csv", "header")
        world.upload("incoming/folder/", b"")
        world.dead_letters.add(json.dumps(s3_event(*letter)))
        world.discard(*discarded)
        world.s3.now += 2 * HOUR
        world.upload("incoming/young.json", b"{}")
        report = only(world.reconcile())
    assert counts(report) == {
        "looked_at": 6, "sent": 2, "dead_letters": 1, "discarded": 1, "under_way": 1,
    }  # fmt: skip
    assert (report["complete"], report["next"], report["notes"]) == (True, None, [])
    assert lost[1] in sent(world)
    assert world.telemetry.totals[Metric.FILES_RECONCILED] == 2


def test_a_noncurrent_version_and_one_whose_output_is_there_are_owed_too():
    with small_limits():
        world, kind = World(), BY_NAME["lines"]
        watch = Watch(world, [kind])
        first = world.upload(kind.key, kind.body)
        world.upload(kind.key, kind.body)

        def gate(operation, _given, call):
            if operation == "copy_object":
                raise KilledError
            return call()

        with pytest.raises(KilledError):
            world.processor(gate).handle(batch((json.dumps(first), 1)), Context())
        world.s3.now += 2 * HOUR
        assert only(world.reconcile())["sent"] == 2
        world.run_until_idle()
        watch.check_finished()


@pytest.mark.parametrize("minutes", [5, 59])
def test_a_young_file_is_left_to_its_message(minutes):
    with small_limits():
        world = World()
        upload_lost(world, "lines")
        world.s3.now += timedelta(minutes=minutes)
        assert counts(only(world.reconcile())) == {"looked_at": 1, "under_way": 1}
        assert not world.queue.messages


def test_without_the_queue_lambda_may_hold_an_event_for_hours():
    with small_limits():
        world = World(queue_mode=False, unfinished_after_seconds=7 * 3600)
        upload_lost(world, "lines")
        world.s3.now += 6 * HOUR
        assert only(world.reconcile())["under_way"] == 1
        world.s3.now += 2 * HOUR
        assert only(world.reconcile())["sent"] == 1


def test_a_paused_queue_gets_one_message_a_file():
    """Files wait for days; each run would add a message for each, and they would all be read."""
    with small_limits():
        world = World()
        [lost] = upload_lost(world, "lines")
        world.s3.now += 5 * HOUR
        kind = BY_NAME["object"]
        world.deliver(world.upload(kind.key, kind.body))
        for _ in range(4):
            report = only(world.reconcile())
            world.s3.now += 23 * HOUR
        assert set(sent(world).values()) == {1}
        assert lost[1] in sent(world)
        assert counts(report) == {"looked_at": 2, "under_way": 2}
        assert "paused or behind" in report["notes"][0]
        world.s3.now += 23 * HOUR
        world.queue.expire()
        assert only(world.reconcile())["sent"] == 2
        world.run_until_idle()
        assert len(world.outputs()) == 2


def test_what_a_busy_queue_may_hold_is_under_way():
    with small_limits():
        world = World()
        old = upload_lost(world, "lines")[0]
        world.s3.now += 3 * HOUR
        upload_lost(world, "csv")
        world.s3.now += 2 * HOUR
        world.queue.add("some other file")
        # A message that is received again and again may stay for three hours.
        assert counts(only(world.reconcile())) == {"looked_at": 2, "sent": 1, "under_way": 1}
        world.queue.messages.pop(0)
        assert set(sent(world)) == {old[1]}


def test_where_the_age_of_the_oldest_message_is_unknown_it_may_be_the_queues_retention():
    with small_limits():
        world = World()
        upload_lost(world, "lines")
        world.queue.add("some other file")
        world.queue.messages[0]["receives"] = 3  # CloudWatch does not count it
        world.s3.now += timedelta(days=4)
        world.queue.messages[0]["sent"] = world.s3.now
        assert only(world.reconcile())["under_way"] == 1
        world.s3.now += 2 * HOUR
        assert only(world.reconcile())["sent"] == 1


def test_a_large_file_that_is_being_continued_is_under_way():
    with small_limits():
        world, kind = World(ticks=8), BY_NAME["large cut"]
        event = world.upload(kind.key, kind.body)
        world.s3.now += timedelta(days=2)
        world.processor().handle(batch((json.dumps(event), 1)), Context(8))
        assert len(world.queue.messages) == 1
        assert counts(only(world.reconcile())) == {"looked_at": 1, "under_way": 1}
        world.queue.messages.clear()
        world.s3.now += 2 * HOUR
        assert only(world.reconcile())["sent"] == 1


def test_while_another_reader_holds_dead_letters_nothing_is_known():
    with small_limits():
        world = World()
        lost, seen = upload_lost(world, "lines", "csv")
        for version in (lost, seen):
            world.dead_letters.add(json.dumps(s3_event(*version)))
        world.s3.now += 2 * HOUR
        world.dead_letters.messages[0]["hidden"] = world.s3.now + HOUR
        report = only(world.reconcile())
        assert counts(report) == {"looked_at": 2, "held": 1, "dead_letters": 1}
        assert report["notes"] == [
            "1 of 2 dead letters could be read: another reader holds some, or there are too many"
        ]
        assert not world.queue.messages
        # What it has read itself, others can read at once.
        assert world.dead_letters.messages[1]["hidden"] <= world.s3.now


def test_many_dead_letters_of_every_kind_are_read():
    with small_limits():
        world = World()
        uploaded = upload_lost(world, "lines", "csv", "object")
        world.dead_letters.add("no JSON")
        world.dead_letters.add('{"reconcile": {}}')
        for number in range(30):
            world.dead_letters.add(json.dumps(s3_event(f"incoming/{number}.json", "v")))
        world.dead_letters.add(json.dumps(s3_event(*uploaded[0])))
        world.dead_letters.add(json.dumps({"key": uploaded[1][0]}))  # a call without a version
        world.s3.now += 2 * HOUR
        assert counts(only(world.reconcile())) == {"looked_at": 3, "dead_letters": 2, "sent": 1}
        assert len(world.dead_letters.visible()) == 34


def test_too_many_dead_letters_hold_back_what_they_may_name(monkeypatch):
    monkeypatch.setattr("handlers.reconciliation.dead_letters._MAX_DEAD_LETTERS", 10)
    with small_limits():
        world = World()
        upload_lost(world, "lines")
        for number in range(11):
            world.dead_letters.add(json.dumps(s3_event(f"incoming/{number}.json", "v")))
        world.s3.now += 2 * HOUR
        assert counts(only(world.reconcile())) == {"looked_at": 1, "held": 1}


def test_a_dry_run_sends_nothing_and_takes_off_no_tag():
    with small_limits():
        world = World()
        lost, discarded = upload_lost(world, "lines", "csv")
        world.discard(*discarded)
        world.s3.now += 2 * HOUR
        asked = {"reconcile": {"dry_run": True, "discarded": True}}
        before = world.s3.state()
        report = world.processor().handle(asked, Context())
        named = sorted((one["key"], one["version"]) for one in report["files"])
        assert named == sorted([lost, discarded])
        assert world.s3.state() == before
        assert not world.queue.messages
        assert Metric.FILES_RECONCILED not in world.telemetry.totals


def test_a_prefix_leaves_out_the_others():
    with small_limits():
        world = World()
        upload_lost(world, "lines", "object")
        world.s3.now += 2 * HOUR
        assert counts(only(world.reconcile(prefix="incoming/x/"))) == {"looked_at": 1, "sent": 1}


def test_a_call_is_answered_with_what_is_left_to_do(monkeypatch):
    monkeypatch.setattr("handlers.reconciliation.reconciler._GROUP", 2)
    monkeypatch.setattr("handlers.reconciliation.reconciler._LISTED", 3)
    with small_limits():
        world = World()
        uploaded = upload_lost(world, "lines", "object", "csv", "header", "rejects")
        world.s3.now += 2 * HOUR
        event, files = {"reconcile": {}}, []
        while event:
            report = world.processor().handle(event, Context())
            assert len(report["files"]) <= 2
            files += report["files"]
            event = report["next"]
            world.s3.now += timedelta(minutes=1)  # its own messages wait meanwhile
        assert sorted((one["key"], one["version"]) for one in files) == sorted(uploaded)
        assert not world.invocations


def test_one_failure_stops_no_other():
    def gate(operation, given, call):
        if operation == "get_object_tagging" and "csv" in given["Key"].lower():
            raise aws_error("AccessDenied", "GetObjectTagging")
        return call()

    with small_limits():
        world = World(gate=gate)
        upload_lost(world, "lines", "csv")
        world.s3.now += 2 * HOUR
        assert counts(only(world.reconcile())) == {"looked_at": 2, "sent": 1, "failed": 1}
        assert world.telemetry.totals[Metric.ACCESS_DENIED] == 1


def test_a_copy_of_a_discarded_version_is_not_discarded():
    with small_limits():
        world, kind = World(), BY_NAME["lines"]
        world.upload(kind.key, kind.body)
        [discarded] = world.uploads
        world.discard(*discarded)
        source = {"Bucket": RAW, "Key": kind.key, "VersionId": discarded[1]}
        world.s3.copy_object(Bucket=RAW, Key="incoming/copy.ndjson", CopySource=source)
        world.s3.now += 2 * HOUR
        assert counts(only(world.reconcile())) == {"looked_at": 2, "sent": 1, "discarded": 1}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([], "reconcile is [], allowed: an object"),
        ({"prefix": "completed/"}, "prefix is 'completed/', allowed: a text that begins incoming/"),
        ({"dry_run": "yes"}, "dry_run is 'yes', allowed: true or false"),
        ({"started": "2024-01-15T10:00:00"}, "started is '2024-01-15T10:00:00', allowed: an inst"),
        (
            {"days": 3, "before": 7},
            "days is 3, allowed: the fields discarded, dry_run, by_schedule",
        ),
    ],
)
def test_a_request_that_is_not_readable(fields, said):
    world = World()
    with pytest.raises(Exception, match="allowed") as raised:
        world.processor().handle({"reconcile": fields}, Context())
    assert said in str(raised.value)


def test_a_run_that_fails_three_times_becomes_a_dead_letter():
    def gate(operation, _given, call):
        if operation == "list_object_versions":
            raise KilledError
        return call()

    world = World(gate=gate)
    assert world.reconcile() == []
    [letter] = world.dead_letters.messages
    assert json.loads(letter["body"]) == {"reconcile": {"by_schedule": True}}
