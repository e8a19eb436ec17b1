"""docs/design.md is true: its tables name the calls that the functions make, in their order.

The functions run in memory, on the double of tests/proof, and every call is written down with the
place that it is for and with what is stored before and after it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import groupby
from typing import Any, NamedTuple

import pytest

from handlers import keys
from handlers.aws.operations import PARAMETERS
from tests.contracts import pages
from tests.proof import crash, replays
from tests.proof.files import BY_NAME
from tests.proof.world import (
    ARCHIVE,
    DEAD_LETTERS,
    PROCESSED,
    QUEUE,
    RAW,
    Context,
    World,
    batch,
    small_limits,
)

PAGE = "docs/design.md"
SMALL = "A small file with a bad record"
LARGE = "A large file, cut once"
ARCHIVED = "An output in the archiver"
BUNDLED = "A small output that is bundled"
OF_PROCESSOR = (SMALL, LARGE, "The other calls of the processor")
REPLAYED = "A replay of a file of a dataset"
OF_REPLAY = (REPLAYED, "The other calls of a replay")
OF_RECONCILER = ("The calls of a reconcile run",)
OF_ARCHIVER = (ARCHIVED, "The other calls of the archiver")
QUEUES = {QUEUE: "processing queue", DEAD_LETTERS: "dead-letter queue"}
# What shows the calls that only a failure, or another invocation, brings about.
FAULTS = ("killed after", "unavailable")
KINDS = ("rejects", "large cut", "large rejects", "large broken")
HELD_IN_MEMORY = 10**9  # bytes: no small file is staged


class Call(NamedTuple):
    """One call: `PutObject`, and the folder, queue or function that it is for."""

    operation: str
    place: str


class Made(NamedTuple):
    """A call that was made, and the folders in which something was stored before and after it."""

    call: Call
    before: frozenset[str]
    after: frozenset[str]


class Recorder:
    """A gate that writes down each call and makes it."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.made: list[Made] = []

    def __call__(self, operation: str, given: Mapping[str, Any], call: Callable[[], Any]) -> Any:
        before = self._stored()
        try:
            return call()
        finally:
            self.made.append(Made(named(operation, given), before, self._stored()))

    def _stored(self) -> frozenset[str]:
        if not self.world:
            return frozenset()
        stored = self.world.s3.visible
        buckets = (RAW, PROCESSED, ARCHIVE)
        return frozenset(folder_of(key) for bucket in buckets for key in stored(bucket))


def named(operation: str, given: Mapping[str, Any]) -> Call:
    """Return a call of a client's method as the page names it."""
    return Call("".join(map(str.capitalize, operation.split("_"))), place_of(given))


def place_of(given: Mapping[str, Any]) -> str:
    if "QueueUrl" in given:
        return QUEUES[given["QueueUrl"]]
    if "FunctionName" in given:
        return "itself"
    if "Dimensions" in given:
        return f"{given['Dimensions'][0]['Value']} queue"
    objects = given.get("Delete", {}).get("Objects", [{}])
    return folder_of(given.get("Key") or given.get("Prefix") or objects[0]["Key"])


def folder_of(key: str) -> str:
    return key.partition("/")[0] + "/"


def rows_of(title: str) -> list[list[str]]:
    """Return the rows of the table below a heading, as lists of cells."""
    _, _, rest = pages.read(PAGE).partition(f"\n### {title}\n")
    lines = [line for line in rest.partition("\n#")[0].splitlines() if line.startswith("| ")]
    assert len(lines) > 1, f"{PAGE} has no table below {title!r}"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def calls_of(cell: str) -> list[Call]:
    """Return what the first cell of a row names: each of its operations at each of its places."""
    names = re.findall(r"`([^`]+)`", cell)
    operations = [name for name in names if name[0].isupper()]
    places = [name for name in names if not name[0].isupper()]
    assert operations, cell
    assert places, cell
    return [Call(operation, place) for operation in operations for place in places]


def folders_of(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"`([^`]+)`", cell))


def in_page(titles: Iterable[str]) -> set[Call]:
    return {call for title in titles for row in rows_of(title) for call in calls_of(row[0])}


def merged(made: Iterable[Made]) -> list[Made]:
    """Return the calls, those that follow each other at the same place as one."""
    groups = [list(group) for _, group in groupby(made, key=lambda it: it.call)]
    return [group[0]._replace(after=group[-1].after) for group in groups]


def processed(kind: str) -> list[Made]:
    """Return the calls of one faultless delivery of a file."""
    recorder, one = Recorder(), BY_NAME[kind]
    with small_limits() if one.large else small_limits(HELD_IN_MEMORY):
        recorder.world = world = World(ticks=one.ticks, gate=recorder)
        world.deliver(world.upload(one.key, one.body))
        world.run_until_idle()
    return merged(recorder.made)


def replayed(kind: str) -> list[Made]:
    """Return the calls of one faultless replay of a completed file."""
    recorder, again = Recorder(), replays.BY_NAME[kind]
    with small_limits(HELD_IN_MEMORY):
        made = replays.Replayed(World(gate=recorder), again)
        recorder.world = world = made.world
        world.deliver(made.event)
        world.run_until_idle()
    return merged(recorder.made)


def archived() -> list[Made]:
    """Return the calls of one faultless run of the archiver over one output."""
    recorder = Recorder()
    with small_limits():
        recorder.world = world = World(gate=recorder)
        _store_old_output(world, "processed/2024/01/15/a.json")
        world.archive(world.after(40))
    return merged(recorder.made)


def bundled() -> list[Made]:
    """Return the calls of one faultless run of the archiver that bundles one output."""
    recorder = Recorder()
    with small_limits():
        recorder.world = world = World(gate=recorder, archive_bundles=True)
        told = {keys.SOURCE_VERSION: "v", keys.SOURCE_KEY: "incoming/a.json"}
        _store_old_output(world, "processed/2024/01/15/a.json", body=b"{}\n", Metadata=told)
        world.archive(world.after(40))
    return merged(recorder.made)


def _store_old_output(world: World, key: str, body: bytes = b"{}", **more: Any) -> None:
    s3: Any = world.s3
    s3.put_object(Bucket=PROCESSED, Key=key, Body=body, **more)
    s3.now = world.after(40)


@pytest.mark.parametrize(
    ("title", "run"),
    [
        (SMALL, lambda: processed("rejects")),
        (LARGE, lambda: processed("large cut")),
        (ARCHIVED, archived),
        (BUNDLED, bundled),
        (REPLAYED, lambda: replayed("new rejects")),
    ],
)
def test_the_calls_of_a_file_and_what_stands_around_them(title: str, run: Callable[[], list[Made]]):
    shown = [
        Made(call, folders_of(before), folders_of(after))
        for first, before, after, _ in rows_of(title)
        for call in calls_of(first)
    ]
    assert shown == run()


@pytest.mark.parametrize(
    ("arrow", "run"), [("P->>S", lambda: processed("rejects")), ("A->>S", archived)]
)
def test_the_diagram_shows_the_same_calls(arrow: str, run: Callable[[], list[Made]]):
    lines = re.findall(rf"^  {arrow}: (\w+) ([a-z]+/)", pages.read(PAGE), re.MULTILINE)
    assert [Call(*line) for line in lines] == [made.call for made in run()]


def recorded(
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[[crash.Scenario], Any],
    kinds: Iterable[str],
    calls: Iterable[int] | None = None,
) -> set[Call]:
    """Return the calls of some kinds of a run, each failing at each of some calls; None: all."""
    seen: set[Call] = set()

    class Gate(crash.FaultyGate):
        def __call__(self, operation: str, given: Mapping[str, Any], call: Any) -> Any:
            if not self._dead:
                seen.add(named(operation, given))
            return super().__call__(operation, given, call)

    monkeypatch.setattr(crash, "FaultyGate", Gate)
    for scenario in _scenarios(run, kinds, calls):
        run(scenario)
    return seen


def _scenarios(
    run: Callable[[crash.Scenario], Any], kinds: Iterable[str], failing: Iterable[int] | None
) -> Iterator[crash.Scenario]:
    for kind in kinds:
        base = crash.Scenario(kind=kind)
        calls = len(run(base))
        for fault in FAULTS:
            for call in range(calls) if failing is None else failing:
                yield crash.Scenario(kind=kind, fault=fault, call=call)


def rare_calls_of_the_processor() -> set[Call]:
    """Return the calls for a folder, and for a message that may have killed its function."""
    recorder = Recorder()
    with small_limits(HELD_IN_MEMORY):
        world = World(gate=recorder)
        world.processor().handle({"key": "incoming/folder/"}, Context())
        one = BY_NAME["lines"]
        events = [json.dumps(world.upload(one.key, one.body)) for _ in range(2)]
        given = batch(*((event, 2) for event in events))
        long_ago = str(int((world.s3.now - timedelta(days=1)).timestamp() * 1000))
        given["Records"][1]["attributes"]["ApproximateFirstReceiveTimestamp"] = long_ago
        given["Records"][0]["attributes"]["ApproximateReceiveCount"] = "1"
        assert world.processor().handle(given, Context(300))["batchItemFailures"] == []
    return {made.call for made in recorder.made}


def calls_of_reconciliation() -> set[Call]:
    """Return the calls of a run that finds lost and discarded files and a message, by and by."""
    recorder = Recorder()
    with small_limits(HELD_IN_MEMORY):
        world = World(gate=recorder, page=1)
        for name in ("lines", "csv", "object"):
            world.upload(BY_NAME[name].key, BY_NAME[name].body)
        (key, version), tagged, _ = world.uploads
        s3: Any = world.s3
        s3.delete_object_tagging(Bucket=RAW, Key=key, VersionId=version)
        world.discard(key, version)
        world.discard(*tagged)
        world.dead_letters.add("{}")
        world.queue.add("some other file")
        s3.now = world.after(1)
        world.queue.messages[0]["sent"] = s3.now
        world.reconcile(discarded=True, ticks=6)
        assert len(world.queue.messages) == 1 + len(world.uploads)
    return {made.call for made in recorder.made}


def rare_calls_of_the_archiver() -> set[Call]:
    """Return the calls for a key that DeleteObjects cannot name."""
    recorder = Recorder()
    with small_limits():
        world = World(gate=recorder)
        _store_old_output(world, "processed/2024/01/15/\x01.json")
        world.archive(world.after(40))
        assert set(world.s3.visible(ARCHIVE)) == {keys.ARCHIVE + "2024/01/15/\x01.json"}
    return {made.call for made in recorder.made}


def test_every_call_of_the_processor_is_in_the_page(monkeypatch: pytest.MonkeyPatch):
    seen = recorded(monkeypatch, crash.run_processor, KINDS) | rare_calls_of_the_processor()
    assert in_page(OF_PROCESSOR) == seen


def test_every_call_of_a_replay_is_in_the_page(monkeypatch: pytest.MonkeyPatch):
    kinds = ("in both buckets", "archived", "large cut", "large archived", "large too strict")
    seen: set[Call] = set()
    for kind in kinds:
        calls = crash.run_replay(crash.Scenario(kind=kind))
        failing = [at for at, name in enumerate(calls) if name == "complete_multipart_upload"]
        seen |= recorded(monkeypatch, crash.run_replay, [kind], calls=failing)
    assert in_page(OF_REPLAY) == seen


def test_every_call_of_a_reconcile_run_is_in_the_page():
    assert in_page(OF_RECONCILER) == calls_of_reconciliation()


def test_every_call_of_the_archiver_is_in_the_page(monkeypatch: pytest.MonkeyPatch):
    kinds = ("few", "in parts", "out of time")
    seen = recorded(monkeypatch, crash.run_archiver, kinds) | rare_calls_of_the_archiver()
    assert in_page(OF_ARCHIVER) == seen


def test_every_operation_that_the_functions_may_use_is_in_the_page():
    """A call that no run above reaches is named too: `PARAMETERS` has to hold all there are."""
    known = {operation for service in PARAMETERS.values() for operation in service}
    assert {
        call.operation
        for call in in_page((*OF_PROCESSOR, *OF_REPLAY, *OF_RECONCILER, *OF_ARCHIVER))
    } == known
