"""Crash at every call: each AWS call of a run fails once in each way, and the run goes on.

`python -m tests.proof.crash` runs all of it and prints how many scenarios there were.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from botocore.exceptions import ReadTimeoutError

from handlers import keys
from tests.proof.bundled_days import BY_NAME as BUNDLED_BY_NAME
from tests.proof.files import BY_NAME, KINDS
from tests.proof.memory import aws_error
from tests.proof.replays import BY_NAME as REPLAYED_BY_NAME
from tests.proof.replays import CHANGED_REJECTS, Replayed
from tests.proof.watch import Watch
from tests.proof.world import (
    ARCHIVE,
    HELD_IN_MEMORY,
    PROCESSED,
    RAW,
    SMALL_CHUNK,
    SMALL_PART,
    KilledError,
    World,
    s3_event,
    small_limits,
)

FAULTS = (
    "killed before",  # the process ends before the call is sent
    "killed after",  # … after its effect
    "unavailable",  # 503, and once more at the next attempt
    "lost before",  # a time-out, without the call's effect
    "lost after",  # … behind the call's effect
    "sent twice",  # botocore repeats a call whose answer was lost, and gets the second's answer
)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One run: what is delivered, and what goes wrong at which call (from 0)."""

    kind: str
    queue_mode: bool = True
    deliveries: int = 1
    fault: str = ""
    call: int = -1


class FaultyGate:
    """Counts the calls and lets one go wrong; looks at the world after each."""

    def __init__(self, fault: str, call: int) -> None:
        self.calls: list[str] = []
        self.watch: Watch | Replayed | _ReplayedEarly | None = None
        self._fault, self._call = fault, call
        self._again: tuple[str, Any] | None = None
        self._dead = False

    def begin(self) -> None:
        self._dead = False

    def __call__(self, operation: str, given: Mapping[str, Any], call: Callable[[], Any]) -> Any:
        if self._dead:
            raise KilledError
        self.calls.append(operation)
        try:
            if len(self.calls) - 1 == self._call:
                return self._fail(operation, given, call)
            if self._again == (operation, given.get("Key")):
                self._again = None
                raise aws_error("ServiceUnavailable", operation)
            return call()
        finally:
            if self.watch:
                self.watch.after(operation)

    def _fail(self, operation: str, given: Mapping[str, Any], call: Callable[[], Any]) -> Any:
        if self._fault in ("killed after", "lost after", "sent twice"):
            call()
        if self._fault.startswith("killed"):
            self._dead = True
            raise KilledError
        if self._fault == "unavailable":
            self._again = operation, given.get("Key")
            raise aws_error("ServiceUnavailable", operation)
        if self._fault.startswith("lost"):
            raise ReadTimeoutError(endpoint_url="https://s3.test")
        return call()


def run_processor(scenario: Scenario) -> list[str]:
    """Deliver a file in a scenario, check the outcome, return the names of the calls."""
    kind = BY_NAME[scenario.kind]
    gate = FaultyGate(scenario.fault, scenario.call)
    with small_limits(SMALL_CHUNK if kind.large else HELD_IN_MEMORY):
        world = World(
            queue_mode=scenario.queue_mode,
            compressed=kind.compressed,
            fallback=kind.fallback,
            ticks=kind.ticks,
            gate=gate,
        )
        gate.watch = Watch(world, [kind])
        event = world.upload(kind.key, kind.body)
        for _ in range(scenario.deliveries):
            world.deliver(event)
        world.run_until_idle()
    failed = gate.calls[scenario.call] if 0 <= scenario.call < len(gate.calls) else ""
    twice = scenario.fault == "sent twice" and failed in ("copy_object", "send_message")
    gate.watch.check_finished(copies=2 if twice else 1)
    if not scenario.fault.startswith(("killed", "lost")) and not twice:
        _check_leftovers(gate.watch, failed)
    return gate.calls


def _check_leftovers(watch: Watch | Replayed, failed: str) -> None:
    # What could not be deleted or aborted is left to the bucket's lifecycle.
    lifecycle = (
        "list_objects_v2",
        "delete_objects",
        "create_multipart_upload",
        "abort_multipart_upload",
    )
    if failed not in lifecycle:
        watch.nothing_is_left()


ARCHIVER_KINDS = ("few", "pages", "out of time", "in parts")


def run_archiver(scenario: Scenario) -> list[str]:
    """Archive outputs in a scenario, check the outcome, return the names of the calls."""
    gate = FaultyGate(scenario.fault, scenario.call)
    paged = scenario.kind != "few"
    limit = {"max_copy": SMALL_PART} if scenario.kind == "in parts" else {}
    with small_limits(**limit):
        world = World(
            gate=gate,
            **limit,
            page=3 if paged else 1000,
            archiver_ticks=8 if scenario.kind == "out of time" else 10**9,
        )
        old, young = _fill(world, in_parts=scenario.kind == "in parts")
        gate.watch = Watch(world, [])
        gate.watch.adopt()
        for _ in range(scenario.deliveries):
            world.archive(world.after(40))
        # Whatever one night leaves, the next one does, and a 503 may meet it twice.
        world.archive(world.after(40))
        world.archive(world.after(40))
    gate.watch.look()
    archived = world.s3.visible(ARCHIVE)
    assert set(archived) == {keys.archive_key(key) for key in old}
    assert set(world.s3.visible(PROCESSED)) == young
    for key, stored in old.items():
        copy = archived[keys.archive_key(key)]
        assert (copy.body, copy.metadata, copy.tags) == (stored.body, stored.metadata, stored.tags)
        assert copy.headers == stored.headers
        assert copy.storage_class == "STANDARD_IA"
    return gate.calls


def _fill(world: World, *, in_parts: bool) -> tuple[dict[str, Any], set[str]]:
    """Store outputs; return those that are old enough, and the keys of what has to stay."""
    s3 = world.s3
    names = [f"processed/2024/01/{day}/{name}.json" for day in ("15", "16") for name in "abcd"]
    for number, name in enumerate(names):
        s3.put_object(
            Bucket=PROCESSED,
            Key=name,
            Body=b"x" * (700 if in_parts else 10 + number),
            ContentType="application/x-ndjson",
            Metadata={keys.SOURCE_KEY: name, keys.SOURCE_VERSION: str(number)},
            Tagging="team=blue",
        )
    old = dict(s3.visible(PROCESSED))
    young = {"processed/2024/01/16/late.json", "processed/2024/02/20/new.json", "processed/odd"}
    for name in young:
        s3.now = world.after(35)
        s3.put_object(Bucket=PROCESSED, Key=name, Body=b"young")
    s3.now = world.after(40)
    return old, young


def run_bundler(scenario: Scenario) -> list[str]:
    """Bundle a day in a scenario, check the outcome, return the names of the calls."""
    day = BUNDLED_BY_NAME[scenario.kind]
    gate = FaultyGate(scenario.fault, scenario.call)
    with small_limits():
        world = day.world(gate)
        gate.watch = Watch(world, [])
        gate.watch.adopt()
        if day.replaced:
            _replace_at_commit(world, day.replaced, gate.watch)
        for _ in range(scenario.deliveries):
            world.archive(world.after(40))
        calls = list(gate.calls)
        # Whatever one night leaves, a later one does, and a 503 may meet it twice. What was
        # replaced is young.
        for days in (80, 80, 120):
            world.archive(world.after(days))
    gate.watch.look()
    gate.watch.check_archived()
    return calls


def _replace_at_commit(world: World, key: str, watch: Watch) -> None:
    """Let an output be replaced right before the first bundle appears."""
    complete = world.s3.complete_multipart_upload

    def replacing(**given: Any) -> Any:
        world.s3.complete_multipart_upload = complete
        old = world.s3.current(PROCESSED, key)
        world.s3.put_object(Bucket=PROCESSED, Key=key, Body=b'{"new":1}\n', Metadata=old.metadata)
        watch.replace(key)
        return complete(**given)

    world.s3.complete_multipart_upload = replacing


RECONCILE_KINDS = ("few", "pages, out of time, beside messages")


def run_reconciler(scenario: Scenario) -> list[str]:
    """Reconcile what is left in a scenario, check the outcome, return the names of the calls."""
    gate, few = FaultyGate(scenario.fault, scenario.call), scenario.kind == "few"
    with small_limits(HELD_IN_MEMORY):
        world = World(gate=gate, page=1000 if few else 2)
        kinds = [BY_NAME[name] for name in ("lines", "object", "csv", "rejects")]
        gate.watch = Watch(world, kinds)
        for kind in kinds:
            world.upload(kind.key, kind.body)
        letter, discarded = list(world.uploads)[:2]
        world.dead_letters.add(json.dumps(s3_event(*letter)))
        world.discard(*discarded)
        world.s3.now += timedelta(days=1)
        if not few:
            world.queue.add("some other file")
        ticks = 10**9 if few else 6
        for _ in range(scenario.deliveries):
            world.reconcile(ticks=ticks)
        calls = list(gate.calls)
        _take_letters(world)
        world.run_until_idle()
        # Whatever one day leaves, the next one sends; and then what an operator takes in again.
        for asked in ({}, {}, {"discarded": True}):
            left = [version for version in (letter, discarded) if world.s3.version(RAW, *version)]
            assert left == [letter, discarded], "what waits for an operator was sent"
            world.s3.now += timedelta(days=1)
            world.dead_letters.messages[:1] = world.dead_letters.messages[:1] if not asked else []
            world.reconcile(**asked)
            _take_letters(world)
            world.run_until_idle()
            gate.watch.look()
    gate.watch.check_finished(copies=2)
    return calls


def _take_letters(world: World) -> None:
    """Let an operator discard the messages and the runs of which no file comes."""
    world.queue.messages[:] = [one for one in world.queue.messages if one["body"].startswith("{")]
    world.dead_letters.messages[:] = [
        one for one in world.dead_letters.messages if "reconcile" not in one["body"]
    ]


def run_replay(scenario: Scenario) -> list[str]:
    """Replay a completed file in a scenario, check the outcome, return the names of the calls."""
    again = REPLAYED_BY_NAME[scenario.kind]
    gate = FaultyGate(scenario.fault, scenario.call)
    with small_limits(SMALL_CHUNK if again.large else HELD_IN_MEMORY):
        replayed = Replayed(World(gate=gate, ticks=again.ticks), again)
        gate.watch = replayed
        for _ in range(scenario.deliveries):
            replayed.world.deliver(replayed.event)
        replayed.world.run_until_idle()
    failed = gate.calls[scenario.call] if 0 <= scenario.call < len(gate.calls) else ""
    replayed.check_finished()
    if not scenario.fault.startswith(("killed", "lost")):
        _check_leftovers(replayed, failed)
    return gate.calls


REPLAYED_EARLY = (*CHANGED_REJECTS, "in no dataset", "large cut", "packed before", "too strict")
# A duplicate of the event that comes after the setting has changed may make an output or a dead
# letter of its own, says docs/design.md.
_DELIVERED_ONCE = ("packed before", "too strict")


def run_early_replay(scenario: Scenario) -> list[str]:
    """Replay a file as soon as its first delivery has made the completed copy; check the outcome.

    Its dataset is declared anew at that moment. Returns the names of the calls.
    """
    again = REPLAYED_BY_NAME[scenario.kind]
    gate = FaultyGate(scenario.fault, scenario.call)
    with small_limits(SMALL_CHUNK if again.large else HELD_IN_MEMORY):
        replayed = Replayed(World(gate=gate, ticks=again.ticks), again, is_new=True)
        gate.watch = _ReplayedEarly(replayed)
        for _ in range(1 if scenario.kind in _DELIVERED_ONCE else scenario.deliveries):
            replayed.world.deliver(replayed.delivery)
        replayed.world.run_until_idle()
    assert replayed.completed
    assert not replayed.world.s3.visible(RAW, keys.INCOMING)
    replayed.check_finished()
    return gate.calls


class _ReplayedEarly:
    """Looks at a world after each call, and has its file replayed once that is possible."""

    def __init__(self, replayed: Replayed) -> None:
        self._replayed = replayed

    def after(self, operation: str) -> None:
        one = self._replayed
        one.after(operation)
        if not one.completed and one.world.s3.current(RAW, one.completed_key):
            one.complete()
            one.deploy()
            one.world.deliver(one.event)


def scenarios(
    run: Callable[[Scenario], list[str]], base: Scenario
) -> Iterator[tuple[Scenario, int]]:
    """Yield every scenario of a run, with the number of its calls, from the faultless one on."""
    for deliveries in (1, 2, 3):
        whole = replace(base, deliveries=deliveries)
        calls = len(run(whole))
        yield whole, calls
        first = len(run(base))
        for fault in FAULTS:
            # Calls of the second and third delivery that the first one makes too are not repeated.
            for call in range(calls if deliveries == 1 else first + 3 * (deliveries - 1)):
                yield replace(whole, fault=fault, call=call), calls


def every_scenario() -> Iterator[tuple[Callable[[Scenario], list[str]], Scenario]]:
    """Yield all scenarios, with what runs them."""
    bases: list[tuple[Callable[[Scenario], list[str]], Scenario]] = [
        (run_processor, Scenario(kind=kind.name, queue_mode=queue_mode))
        for kind in KINDS
        for queue_mode in (True, False)
    ]
    bases += [(run_archiver, Scenario(kind=name)) for name in ARCHIVER_KINDS]
    bases += [(run_bundler, Scenario(kind=name)) for name in BUNDLED_BY_NAME]
    bases += [(run_reconciler, Scenario(kind=name)) for name in RECONCILE_KINDS]
    bases += [(run_replay, Scenario(kind=name)) for name in REPLAYED_BY_NAME]
    bases += [(run_early_replay, Scenario(kind=name)) for name in REPLAYED_EARLY]
    for run, base in bases:
        for scenario, _ in scenarios(run, base):
            yield run, scenario


def main() -> int:
    """Run all scenarios and print their number; return the status of the process."""
    counted, failures = Counter[str](), 0
    for run, scenario in every_scenario():
        try:
            run(scenario)
        except AssertionError as error:
            failures += 1
            print(f"FAILED {scenario}: {str(error)[:300]}")
        counted[run.__name__.removeprefix("run_")] += 1
    named = ", ".join(f"{count} of the {name}" for name, count in counted.items())
    print(f"crash at every call: {counted.total()} scenarios ({named}), {failures} failures")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
