"""All interleavings: workers at once, in every order of their AWS calls, and one of them killed.

`python -m tests.proof.interleavings` runs all of it and prints how many orders there are.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from handlers import keys
from handlers.environment import Metric
from tests.proof.bundled_days import BY_NAME as BUNDLED
from tests.proof.files import BY_NAME, Kind
from tests.proof.memory import Gate, straight
from tests.proof.replays import AS_TEXTS, CHANGED_REJECTS, NAME, Again, Made, Replayed, kill_before
from tests.proof.replays import BY_NAME as REPLAYED
from tests.proof.schedules import Explored, Search, Work, name_by_author
from tests.proof.watch import Watch
from tests.proof.world import (
    ARCHIVE,
    HELD_IN_MEMORY,
    MAX_ATTEMPTS,
    PROCESSED,
    RAW,
    SMALL_CHUNK,
    Context,
    World,
    batch,
    small_limits,
)

SHARED = Kind(
    name="shared",
    key="incoming/lines.json",
    body=b'{"b":2}',
    records=({"b": 2},),
)
# Three chunks, of which two become parts of their own.
STAGED = Kind(
    name="staged",
    key="incoming/staged.json",
    body=b"".join(b'{"id":%d,"name":"%s"}\n' % (number, b"n" * 20) for number in range(9)),
    records=tuple({"id": number, "name": "n" * 20} for number in range(9)),
)
OTHER = Kind(
    name="other",
    key="incoming/lines.csv",
    body=b"a\n1\n",
    records=({"a": "1"},),
)


@dataclass(kw_only=True)
class Meeting:
    """Workers in one world, and their events."""

    world: World
    kinds: Sequence[Kind]
    works: list[Work] = field(default_factory=list)
    copies: int = 1
    archived: Sequence[str] = ()
    reconciles: bool = False
    events: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name_by_author(self.world)
        self.watch = Watch(self.world, self.kinds)

    def process(self, event: Any, *, receives: int = 1, ticks: int = 10**9) -> None:
        """Add a worker that processes an event."""
        number = len(self.works)
        self.events[number] = event

        def work(gate: Gate) -> bool:
            processor = self.world.processor(gate, late=number)
            answer = processor.handle(batch((json.dumps(event), receives)), Context(ticks))
            return not answer["batchItemFailures"]

        self.works.append(work)

    def reconcile(self) -> None:
        """Add a worker that sends what is left."""

        def work(gate: Gate) -> bool:
            return self.world.processor(gate).handle({"reconcile": {}}, Context())["complete"]

        self.works.append(work)

    def archive(self, days: float, *, bundles: bool | None = None) -> None:
        """Add a worker that archives; `bundles` says whether it bundles, else the world does."""

        def work(gate: Gate) -> bool:
            event = {"time": self.world.after(days).isoformat()}
            archiver = self.world.archiver(gate, bundles=bundles)
            return archiver.handle(event, Context())["complete"]

        self.works.append(work)

    def after_call(self, operation: str) -> None:
        self.watch.after(operation)

    def deliver_again(self, failed: Sequence[int]) -> None:
        """Let the events that failed come again, as the queue does."""
        for number in failed:
            if number in self.events:
                self.world.deliver(self.events[number])
                self.world.queue.messages[-1]["receives"] = 1
        self.world.run_until_idle()

    def at_rest(self, failed: Sequence[int]) -> None:
        """Let what failed come again, as the queue and the schedule do, and check the end."""
        self.deliver_again(failed)
        if self.reconciles:
            # A killed run hides dead letters for some time; another reader's hold files back.
            self.world.s3.now += timedelta(days=1)
            self.world.reconcile()
            self.world.run_until_idle()
        # A copy made by each worker that found none, and by the one that comes again.
        self.watch.check_finished(copies=self.copies)
        if self.archived:
            self.world.archive(self.world.after(60))
            self.watch.look()
            assert not self.world.s3.visible(PROCESSED, "processed/")
            standing = self.world.s3.visible(ARCHIVE)
            assert set(self.archived) <= set(standing), set(standing)
            # What two runs have moved between them is counted once; a run that was killed tells
            # nothing of what it moved.
            counted = self.world.telemetry.totals[Metric.OBJECTS_ARCHIVED]
            assert counted == len(standing) or (failed and counted < len(standing))


@dataclass(kw_only=True)
class ReplayMeeting(Meeting):
    """Workers with the completed file of a world, one of whose outputs is made anew."""

    replayed: Replayed
    as_before: bool = False  # what failed comes again to the same function, of before a deployment

    def __post_init__(self) -> None:
        name_by_author(self.world)

    def replay(self, *, by: Made | None = None, receives: int = 1) -> None:
        """Add a worker that replays the file; `by` another declaration, in a function of before."""
        number, event = len(self.works), self.replayed.event
        self.events[number] = event
        datasets = {NAME: by.by} if by and by.by else None

        def work(gate: Gate) -> bool:
            processor = self.world.processor(gate, late=number, datasets=datasets)
            answer = processor.handle(batch((json.dumps(event), receives)), Context())
            return not answer["batchItemFailures"]

        self.works.append(work)

    def deliver(self) -> None:
        """Add a worker that processes the upload, in a function of before its file is replayed."""
        number = len(self.works)
        self.events[number] = self.replayed.delivery
        old = self.replayed.again.old.by

        def work(gate: Gate) -> bool:
            datasets = {NAME: old} if old else {}
            processor = self.world.processor(gate, late=number, datasets=datasets)
            answer = processor.handle(batch((json.dumps(self.events[number]), 1)), Context())
            return not answer["batchItemFailures"]

        self.works.append(work)

    def replay_what_is_completed(self) -> None:
        """Add an operator who replays what is completed by then, and the function that does it."""
        number = len(self.works)

        def work(gate: Gate) -> bool:
            completed = {"Bucket": RAW, "Prefix": self.replayed.completed_key}
            listed = self.world.client("s3", gate).list_object_versions(**completed)
            for copy in listed.get("Versions", [])[:1]:
                event = {"reprocess": {"key": copy["Key"], "version": copy["VersionId"]}}
                self.events[number] = event
                processor = self.world.processor(gate, late=number)
                answer = processor.handle(batch((json.dumps(event), 1)), Context())
                return not answer["batchItemFailures"]
            return True

        self.works.append(work)

    def after_call(self, operation: str) -> None:
        self.replayed.after(operation)

    def at_rest(self, failed: Sequence[int]) -> None:
        """Let what failed come again, and check that output and rejects are of one declaration."""
        for number in failed:
            if self.as_before:
                assert any(self.works[number](straight) for _ in range(MAX_ATTEMPTS))
            elif number in self.events:
                self.world.deliver(self.events[number])
                self.world.queue.messages[-1]["receives"] = 1
        self.world.run_until_idle()
        self.replayed.check_at_rest()


@dataclass(kw_only=True)
class BundleMeeting(Meeting):
    """Workers with a day that is bundled."""

    def at_rest(self, failed: Sequence[int]) -> None:
        """Let what failed come again, and the next night too; each output is archived once."""
        self.deliver_again(failed)
        self.world.archive(self.world.after(80))
        self.watch.check_finished(copies=self.copies)
        self.watch.check_archived()


def two_replays(again: Again, *, before: Made | None = None, as_before: bool = False) -> Meeting:
    """Return two replays of one file; with `before`, one by a function of before a deployment."""
    replayed = Replayed(World(), again, others=[before] if before else [])
    meeting = ReplayMeeting(world=replayed.world, kinds=[], replayed=replayed, as_before=as_before)
    meeting.replay(by=before)
    meeting.replay()
    return meeting


def replay_and_archiver(again: Again, *, bundles: bool = False) -> Meeting:
    """Return a replay beside the archiver, which finds the output old enough."""
    replayed = Replayed(World(archive_bundles=bundles), again)
    meeting = ReplayMeeting(world=replayed.world, kinds=[], replayed=replayed)
    meeting.replay()
    meeting.archive(40)
    return meeting


def replay_and_delivery(again: Again, *, receives: int) -> Meeting:
    """Return a replay beside a delivery that was killed before it deleted the source version."""
    replayed = Replayed(World(), again, killed_before="delete_object")
    meeting = ReplayMeeting(world=replayed.world, kinds=[], replayed=replayed)
    meeting.replay()
    meeting.process(replayed.delivery, receives=receives)
    return meeting


def replay_and_first_delivery(again: Again, *, deliveries: int) -> Meeting:
    """Return a replay, by a new declaration, beside the first delivery, and its duplicates."""
    replayed = Replayed(World(), again, is_new=True)
    meeting = ReplayMeeting(world=replayed.world, kinds=[], replayed=replayed)
    replayed.deploy()
    for _ in range(deliveries):
        meeting.deliver()
    meeting.replay_what_is_completed()
    return meeting


def same_event(kind: Kind, *, times: int = 2, receives: Sequence[int] = (1, 1, 1)) -> Meeting:
    """Return workers that were given the same event."""
    world = World(compressed=kind.compressed)
    meeting = Meeting(world=world, kinds=[kind], copies=times)
    event = world.upload(kind.key, kind.body)
    for number in range(times):
        meeting.process(event, receives=receives[number])
    return meeting


def two_versions(kind: Kind) -> Meeting:
    """Return workers with two versions of one key."""
    world = World()
    meeting = Meeting(world=world, kinds=[kind])
    for _ in range(2):
        meeting.process(world.upload(kind.key, kind.body))
    return meeting


def shared_name() -> Meeting:
    """Return workers with two keys that want the same output name."""
    world = World()
    meeting = Meeting(world=world, kinds=[SHARED, OTHER])
    for kind in (SHARED, OTHER):
        meeting.process(world.upload(kind.key, kind.body))
    return meeting


def redelivery_and_archiver(kind: Kind, operation: str, *, bundles: bool = False) -> Meeting:
    """Return a redelivery, of a version that got as far as an operation, beside the archiver."""
    meeting = _archived_after_a_day(kind, bundles=bundles)
    world = meeting.world
    event = world.upload(kind.key, kind.body)
    kill_before(world, event, operation)
    meeting.watch.look()
    world.s3.now = world.after(2)
    meeting.process(event, receives=2)
    meeting.archive(2)
    return meeting


def second_version_and_archiver(kind: Kind, *, bundles: bool = False) -> Meeting:
    """Return a version that comes late to a name that is being archived, beside the archiver."""
    meeting = _archived_after_a_day(kind, bundles=bundles)
    world = meeting.world
    events = [world.upload(kind.key, kind.body) for _ in range(2)]
    world.deliver(events[0])
    world.run_until_idle()
    meeting.watch.look()
    world.s3.now = world.after(2)
    meeting.process(events[1])
    meeting.archive(2)
    return meeting


def _archived_after_a_day(kind: Kind, *, bundles: bool) -> Meeting:
    """Return a meeting whose archiver moves the output of a file: in a bundle, or by itself."""
    world = World(retention_days=1, archive_bundles=bundles)
    if bundles:
        return BundleMeeting(world=world, kinds=[kind])
    archived = ["archive/2024/01/15/" + _stem(kind) + ".json"]
    return Meeting(world=world, kinds=[kind], archived=archived)


def archivers(*, objects: int) -> Meeting:
    """Return two archivers with the same objects to move."""
    world = World(page=2)
    meeting = Meeting(world=world, kinds=[])
    names = [f"processed/2024/01/15/{number}.json" for number in range(objects)]
    for name in names:
        world.s3.put_object(Bucket=PROCESSED, Key=name, Body=name.encode())
    meeting.watch.adopt()
    world.s3.now = world.after(40)
    for _ in range(2):
        meeting.archive(40)
    meeting.archived = [keys.archive_key(name) for name in names]
    return meeting


def bundlers(day: str, *, settings: Sequence[bool]) -> Meeting:
    """Return runs of the archiver on one day, each with its setting for bundles."""
    meeting = BundleMeeting(world=BUNDLED[day].world(), kinds=[])
    meeting.watch.adopt()
    for bundles in settings:
        meeting.archive(40, bundles=bundles)
    return meeting


def continuations(kind: Kind, *, begun: bool, ticks: int = 10**9) -> Meeting:
    """Return two workers on one large file, from its beginning or where it was cut."""
    world = World(compressed=kind.compressed)
    meeting = Meeting(world=world, kinds=[kind], copies=2)
    event = world.upload(kind.key, kind.body)
    if begun:
        # One block less than is needed for all of it: it was staged, and goes on by message.
        processor = world.processor(late=9)
        answer = processor.handle(batch((json.dumps(event), 1)), Context(7))
        assert answer == {"batchItemFailures": []}
        event = json.loads(world.queue.messages.pop()["body"])
        assert event["Records"][0]["continuations"]
        assert world.s3.visible(PROCESSED, keys.STAGING)
    for _ in range(2):
        meeting.process(event, ticks=ticks)
    return meeting


def reconciled(kind: Kind, *, runs: int, delivered: bool) -> Meeting:
    """Return runs that find a lost file and a bad one, or one beside the late event."""
    world, bad = World(), BY_NAME["too many rejects"]
    meeting = Meeting(world=world, kinds=[kind, bad], copies=runs + delivered)
    event = world.upload(kind.key, kind.body)
    world.dead_letters.add(
        json.dumps(world.upload(bad.key, bad.body)),
        {keys.REASON: bad.failure, keys.FAILURE_KIND: "permanent"},
    )
    world.s3.now = world.after(1)
    for _ in range(runs):
        meeting.reconcile()
    if delivered:
        meeting.process(event)
    meeting.reconciles = True
    return meeting


def _stem(kind: Kind) -> str:
    return kind.key.removeprefix("incoming/").rpartition(".")[0]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is explored, how many workers may be killed, and how far the search goes."""

    name: str
    make: Callable[[], Meeting]
    kills: int = 1
    large: bool = False
    long: bool = False  # more than some ten seconds
    max_runs: int = 10**9

    def explore(self) -> Explored:
        """Search all states of it."""
        with small_limits(SMALL_CHUNK if self.large else HELD_IN_MEMORY):
            return Search(self.make, kills=self.kills, max_runs=self.max_runs).run()


def _cases() -> list[Case]:
    lines, rejects = BY_NAME["lines"], BY_NAME["rejects"]
    bad = BY_NAME["too many rejects"]
    cases = [
        Case(name="the same event twice", make=partial(same_event, lines), kills=2),
        Case(name="the same event twice, with rejects", make=partial(same_event, rejects)),
        Case(name="the same bad file twice", make=partial(same_event, bad)),
        Case(
            name="the same event three times",
            make=partial(same_event, lines, times=3),
            kills=0,
            long=True,
        ),
        Case(
            name="an event and its second attempt",
            make=partial(same_event, lines, receives=(1, 2)),
            kills=2,
        ),
        Case(name="two versions of one key", make=partial(two_versions, lines), kills=2),
        Case(name="two versions with rejects", make=partial(two_versions, rejects)),
        Case(name="two keys of one output name", make=shared_name, kills=2),
    ]
    cases += [
        Case(
            name=f"archiver beside a redelivery from {operation} on",
            make=partial(redelivery_and_archiver, lines, operation),
        )
        for operation in ("put_object", "copy_object", "delete_object")
    ]
    return [
        *cases,
        Case(
            name="archiver beside a late second version",
            make=partial(second_version_and_archiver, lines),
        ),
        Case(name="archiver beside archiver", make=partial(archivers, objects=2)),
        Case(
            name="archiver beside archiver, three objects",
            make=partial(archivers, objects=3),
            long=True,
        ),
        Case(
            name="reconcile beside a late event",
            make=partial(reconciled, lines, runs=1, delivered=True),
        ),
        Case(
            name="reconcile beside reconcile",
            make=partial(reconciled, lines, runs=2, delivered=False),
        ),
        *_bundle_cases(),
        *_replay_cases(),
        *_large_cases(kills=0),
        *_large_cases(kills=1),
    ]


# Days of two dozen calls a run, which crash at every call covers.
_MANY_CALLS = ("large and small, two days, a dataset", "out of time")


def _bundle_cases() -> list[Case]:
    lines = BY_NAME["lines"]
    cases = [
        Case(
            name=f"{names}: {day}",
            make=partial(bundlers, day, settings=settings),
            long=settings == (True, True) or day != "one output",
        )
        for names, settings in (
            ("two bundling runs", (True, True)),
            ("bundling beside one by one", (True, False)),
        )
        for day in BUNDLED
        if day not in _MANY_CALLS
    ]
    return [
        *cases,
        Case(
            name="bundling beside a late second version",
            make=partial(second_version_and_archiver, lines, bundles=True),
        ),
        *(
            Case(
                name=f"bundling beside a redelivery from {operation} on",
                make=partial(redelivery_and_archiver, lines, operation, bundles=True),
            )
            for operation in ("put_object", "copy_object", "delete_object")
        ),
    ]


def _replay_cases() -> list[Case]:
    rejects, others = REPLAYED["new rejects"], REPLAYED["other rejects"]
    return [
        Case(name="two replays of one file", make=partial(two_replays, others), long=True),
        Case(
            name="two replays, the first with rejects",
            make=partial(two_replays, rejects),
            long=True,
        ),
        Case(
            name="two replays by two declarations",
            make=partial(two_replays, others, before=AS_TEXTS),
            kills=2,
        ),
        Case(
            name="two replays by two declarations, again by the same",
            make=partial(two_replays, others, before=AS_TEXTS, as_before=True),
            kills=2,
            long=True,
        ),
        Case(name="replay beside archiver", make=partial(replay_and_archiver, others)),
        *(
            Case(
                name=f"replay beside the first delivery, {kind}, {deliveries} times",
                make=partial(replay_and_first_delivery, REPLAYED[kind], deliveries=deliveries),
                kills=1 if deliveries == 1 else 0,
                long=kind != "other rejects" or deliveries > 1,
            )
            for kind in CHANGED_REJECTS
            for deliveries in (1, 2)
        ),
        Case(
            name="replay beside bundling",
            make=partial(replay_and_archiver, others, bundles=True),
            long=True,
        ),
        Case(
            name="replay beside a second attempt",
            make=partial(replay_and_delivery, others, receives=2),
            long=True,
        ),
        Case(
            name="replay beside a duplicate event",
            make=partial(replay_and_delivery, others, receives=1),
            long=True,
        ),
    ]


def _large_cases(*, kills: int) -> list[Case]:
    killed = ", one killed" if kills else ""
    make = partial(continuations, STAGED)
    return [
        Case(
            name=f"a large file twice{killed}",
            make=partial(make, begun=False),
            kills=kills,
            large=True,
            long=True,
        ),
        Case(
            name=f"two continuations of a large file{killed}",
            make=partial(make, begun=True),
            kills=kills,
            large=True,
            long=True,
        ),
        Case(
            name=f"two continuations that are cut again{killed}",
            make=partial(make, begun=True, ticks=6),
            kills=kills,
            large=True,
        ),
    ]


CASES = _cases()


def main() -> int:
    """Explore all cases and print what each has; return the status of the process."""
    failures = orders = states = 0
    for case in CASES:
        try:
            seen = case.explore()
        except AssertionError as error:
            failures += 1
            print(f"FAILED {case.name}: {str(error)[:500]}")
            continue
        orders, states = orders + seen.orders, states + seen.states
        covered = "bounded" if seen.bounded else f"all {seen.orders} orders"
        print(f"{case.name}: {covered} ({seen.states} states, {seen.runs} runs)")
    print(f"interleavings: {orders} orders, {states} states, {failures} failures")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
