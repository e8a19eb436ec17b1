"""Churn: files, replays, fixes, redrives, the archiver and new declarations in random order.

Each seed is one pipeline. What an invocation calls may be interrupted by any other, or killed. In
the end all comes to rest, and each file version must have been delivered exactly once.

`python -m tests.proof.churn` runs some hundred seeds and prints what they met.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from handlers import keys
from handlers.transform.datasets.dataset import Dataset, Datasets
from tests.proof.files import read_output
from tests.proof.memory import Gate, Version
from tests.proof.replays import NAME, declaration
from tests.proof.world import (
    ARCHIVE,
    HELD_IN_MEMORY,
    MAX_ATTEMPTS,
    PROCESSED,
    RAW,
    SMALL_CHUNK,
    Context,
    KilledError,
    World,
    batch,
    small_limits,
)

SEEDS = range(1_000)
_STEPS = 40
_CELLS = ("1", "2.5", "no", "7", "x y")
# Two of them want one output name.
_PATHS = ("shop/a.csv", "shop/a.tsv", "shop/orders/b.csv", "orders/c.csv", "d.csv")
_PREFIXES = ("shop/", "shop/", "shop/orders/", "orders/", None)
_TYPES = ("string", "number", "integer")
_LAMBDA_HOURS = 6
_SOURCE = tuple[str, str]  # a key in incoming/, and its version


def _delimiter(key: str) -> str:
    return "\t" if key.endswith(".tsv") else ","


def _fits(cell: str, kind: str) -> bool:
    """Return whether a cell of the churn is of a declared type."""
    if kind == "string":
        return True
    return cell in ("1", "7") or (kind == "number" and cell == "2.5")


class Churn:
    """One pipeline, what was dropped into it, and what may happen to it next."""

    def __init__(self, seed: int, *, calm: bool = False) -> None:
        """A calm one is neither killed nor interrupted within an invocation."""
        self.rng = random.Random(seed)
        self.world = World(
            queue_mode=self.rng.random() < 0.8,
            retention_days=1,
            bundle_below_kb=1,
            page=self.rng.choice((2, 3, 1000)),
            ticks=self.rng.choice((10**9, 40)),
            compressed=self.rng.random() < 0.2,
            unfinished_after_seconds=3600 * (_LAMBDA_HOURS + 1),
        )
        self.chunk = self.rng.choice((SMALL_CHUNK, HELD_IN_MEMORY, HELD_IN_MEMORY))
        self._calm = calm
        self._depth = 0
        self._kinds: dict[tuple[str, str], str] = {}  # dataset and version → the type of `total`
        # docs/design.md says what is not promised of a duplicate that settings have changed before.
        self._changes = self.rng.random() < 0.8
        self.met = Counter[str]()
        self.deploy()

    # What may happen.

    def act(self) -> None:
        """Let something happen."""
        actions: list[tuple[int, Callable[[], Any]]] = [
            (5, self.drop),
            (8, self.work),
            (2, self.deploy),
            (3, self.replay),
            (1, self.fix),
            (2, self.redrive),
            (2, self.archive),
            (1, self.reconcile),
            (2, self.wait),
            (1, self.set_compression),
        ]
        if not self._changes:
            actions = [one for one in actions if one[1] not in (self.deploy, self.set_compression)]
        weights, chosen = zip(*actions, strict=True)
        (action,) = self.rng.choices(chosen, weights)
        self.met[action.__name__] += 1
        action()

    def drop(self) -> None:
        """Let a user upload a file, of a name that there may be already; events may come twice."""
        key = keys.INCOMING + self.rng.choice(_PATHS)
        rows = self.rng.choice((0, 1, 3, 3, 40))
        cells = [self.rng.choice(_CELLS) for _ in range(rows)]
        mark = len(self.world.uploads)
        lines = ["id,total", *(f"u{mark}r{row},{cell}" for row, cell in enumerate(cells))]
        body = "".join(f"{line}\n" for line in lines).replace(",", _delimiter(key))
        event = self.world.upload(key, body.encode())
        for _ in range(1 if self._changes else self.rng.choice((1, 1, 1, 2))):
            self.world.deliver(event)

    def deploy(self) -> None:
        """Declare the dataset anew, elsewhere, or not at all."""
        prefix = self.rng.choice(_PREFIXES)
        if prefix is None:
            self.world.datasets = {}
            return
        kind = self.rng.choice(_TYPES)
        allowed = self.rng.choice((100, 100, 60))
        declared = declaration(kind, prefix=prefix, maxRejectedPercent=allowed)
        self.world.datasets = {NAME: declared}
        self.world.folders = (prefix,)
        self._kinds[NAME, Dataset.read(NAME, declared).version] = kind

    def set_compression(self) -> None:
        self.world.compressed = not self.world.compressed

    def wait(self) -> None:
        """Let some time pass; Lambda gives up an event after six hours."""
        hours = self.rng.choice((1, 6, 26, 50))
        if hours < _LAMBDA_HOURS or not self.world.invocations:
            self.world.s3.now += timedelta(hours=hours)

    def work(self) -> None:
        """Let the processor take a message, or an event that S3 sends to it."""
        if self.world.queue.messages and self.rng.random() < 0.7:
            self._receive(self.rng.randrange(len(self.world.queue.messages)))
        elif self.world.invocations:
            self._invoke(self.world.invocations.pop(0), retries=2)

    def archive(self) -> None:
        """Let the archiver run, in bundles or not."""
        bundles = self.rng.random() < 0.5
        event = {"time": self.world.s3.now.isoformat()}
        self._run(lambda gate: self.world.archiver(gate, bundles=bundles).handle(event, Context()))

    def reconcile(self) -> None:
        """Let what is left in `incoming/` be sent once more."""
        event = {"reconcile": {}}
        self._run(lambda gate: self.world.processor(gate).handle(event, Context()))

    def replay(self) -> int:
        """Do as `ops replay --dataset`: send what is due, and return how much that is."""
        due = list(self._due())
        self.rng.shuffle(due)
        for copy in due:
            self.world.queue.add(json.dumps({keys.REPROCESS: {"key": copy[0], "version": copy[1]}}))
        return len(due)

    def fix(self) -> None:
        """Do as `ops rejects --fix`: send bad records of a file corrected, as a file of its own."""
        rejected = list(self.world.s3.visible(PROCESSED, keys.REJECTED).values())
        if not rejected:
            return
        one = self.rng.choice(rejected)
        key = keys.decode_value(one.metadata[keys.SOURCE_KEY])
        lines = [json.loads(line) for line in one.body.splitlines()]
        ids = [line["raw"].split(_delimiter(key))[0] for line in lines]
        body = "".join(json.dumps({"id": f"fixed-{one}", "total": "1"}) + "\n" for one in ids)
        digest = keys.fix_digest(key, one.metadata[keys.SOURCE_VERSION], body.encode())
        self.world.deliver(self.world.upload(keys.fix_key(key, digest), body.encode()))

    def redrive(self) -> None:
        """Do as `ops redrive`: send dead letters back, each version's once."""
        for body in dict.fromkeys(one["body"] for one in self.world.dead_letters.messages):
            self.world.queue.add(body, {keys.REPEATED: "true"})
        self.world.dead_letters.messages.clear()

    # How it runs.

    def _receive(self, place: int) -> None:
        message = self.world.queue.messages.pop(place)
        message["receives"] += 1
        if message["receives"] > MAX_ATTEMPTS + 2:
            self.world.dead_letters.messages.append(message)
            self.met["killed each time"] += 1
            return
        event = batch((message["body"], message["receives"]), told=message["attributes"])
        answer = self._run(lambda gate: self._processor(gate).handle(event, self._context()))
        if answer is None or answer["batchItemFailures"]:
            self.met["came back"] += 1
            self.world.queue.messages.append(message)

    def _invoke(self, event: Mapping[str, Any], retries: int) -> None:
        def work(gate: Gate) -> Any:
            return self._processor(gate).handle(event, self._context())

        if self._run(work) is not None:
            return
        if retries:
            self.world.s3.now += timedelta(minutes=3 - retries)  # as Lambda waits
            self._invoke(event, retries - 1)
        else:
            self.world.dead_letters.add(json.dumps(event))

    def _processor(self, gate: Gate) -> Any:
        return self.world.processor(gate)

    def _context(self) -> Context:
        return Context(self.world.ticks)

    def _run(self, work: Callable[[Gate], Any]) -> Any:
        """Run an invocation; return its answer, or None if it failed or was killed."""
        self.world.s3.now += timedelta(seconds=1)
        try:
            return work(self._gate())
        except (Exception, KilledError):  # noqa: BLE001 - Lambda tries again
            return None

    def _gate(self) -> Gate:
        dead = False

        def gate(_operation: str, _given: Any, call: Callable[[], Any]) -> Any:
            nonlocal dead
            if dead:
                raise KilledError
            chance = 1.0 if self._calm else self.rng.random()
            if chance < 0.02:
                if chance < 0.01:
                    call()
                dead = True
                raise KilledError
            if chance < 0.12 and self._depth < 2:
                self._depth += 1
                self.act()
                self._depth -= 1
            return call()

        return gate

    def settle(self) -> None:
        """Let all come to rest: what is left is sent once more, and replayed by the last words."""
        self._calm = True
        for _ in range(3):
            self.world.s3.now += timedelta(days=1)
            self.redrive()
            self.drain()
            self.reconcile()
            self.drain()
            self.replay()
            self.drain()

    def drain(self) -> None:
        for _ in range(2_000):
            if self.world.queue.messages:
                self._receive(0)
            elif self.world.invocations:
                self._invoke(self.world.invocations.pop(0), retries=2)
            else:
                return
        msg = f"never at rest: {self.world.queue.messages[:3]} {self.world.invocations[:3]}"
        raise AssertionError(msg)

    # What is to be seen.

    def _due(self) -> Iterator[_SOURCE]:
        """Yield the completed versions of the dataset whose outputs are not of today's version."""
        for name, declared in self.world.datasets.items():
            today = Dataset.read(name, declared)
            outputs = {_source_of(one): one for _, one in self._unbundled()}
            seen = set[_SOURCE]()
            for key, versions in self.world.s3.buckets[RAW].items():
                if not key.startswith(f"{keys.COMPLETED}{today.prefix}"):
                    continue
                for copy in versions:
                    source = (
                        keys.INCOMING + key.removeprefix(keys.COMPLETED),
                        (copy.metadata[keys.SOURCE_VERSION]),
                    )
                    output = outputs.get(source)
                    if source in seen or not output:
                        continue
                    seen.add(source)
                    if _made_by(output) != (today.name, today.version):
                        yield key, copy.id

    def _unbundled(self) -> Iterator[tuple[str, Version]]:
        """Yield each output that stands by itself, with the key that it has in `processed/`."""
        for key, one in self.world.s3.visible(PROCESSED, keys.PROCESSED).items():
            yield key, one
        for key, one in self.world.s3.visible(ARCHIVE, keys.ARCHIVE).items():
            yield keys.PROCESSED + key.removeprefix(keys.ARCHIVE), one

    # What must hold at rest.

    def check(self) -> None:
        world = self.world
        assert not world.queue.messages
        assert not world.invocations
        letters = self._letters()
        places: dict[_SOURCE, list[tuple[str, Version]]] = {}
        for key, one in self._unbundled():
            places.setdefault(_source_of(one), []).append((key, one))
        in_bundles: dict[_SOURCE, list[tuple[str, Version]]] = {}
        for key, held in world.bundled().items():
            for one in held:
                in_bundles.setdefault(_source_of(one), []).append((key, one))
        strangers = {*places, *in_bundles} - {*world.uploads}
        assert not strangers, f"outputs of no file: {strangers}"
        rejects: dict[_SOURCE, list[Version]] = {}
        for one in world.s3.visible(PROCESSED, keys.REJECTED).values():
            rejects.setdefault(_source_of(one), []).append(one)
        for source, body in world.uploads.items():
            found, bundled = places.get(source, []), in_bundles.get(source, [])
            names = {key for key, _ in (*found, *bundled)}
            waits = world.s3.version(RAW, *source)
            assert bool(waits) == (source in letters), f"{source}: waits {waits}, {letters}"
            if waits:
                assert waits.body == body
                self.met["files that wait for an operator"] += 1
                continue
            assert len(names) == 1, f"{source} has the outputs {sorted(names)}"
            # A copy of the archiver's that a replay has renewed, until it is moved for good.
            assert len({(one.body, tuple(one.metadata.items())) for _, one in found}) <= 1, source
            self.met["in both buckets"] += len(found) > 1
            self.met["in a bundle"] += bool(bundled)
            self.met["in a bundle and replaced"] += bool(bundled and found)
            output = found[0][1] if found else bundled[-1][1]
            replayed = keys.completed_key(source[0])
            has_letter = any(key == replayed for key, _ in letters)
            self.check_output(source, body, output, rejects.get(source, []), has_letter=has_letter)
            if not bundled and not has_letter:
                self.check_current(source, output)
            self.check_completed(source, body)
        assert not [one for one in rejects if one not in world.uploads]

    def check_output(
        self,
        source: _SOURCE,
        body: bytes,
        output: Version,
        rejects: list[Version],
        *,
        has_letter: bool,
    ) -> None:
        """Check that each record is in the output or in the rejects, as the declaration says.

        A replay that was killed between the two, and cannot be repeated since its dataset has
        changed once more, leaves a dead letter and the rejects of before.
        """
        good, bad = self._expected(source, body, output)
        records, _ = read_output(output.body)
        assert records == good, f"{source} {_made_by(output)}: {records} instead of {good}"
        assert int(output.metadata[keys.RECORDS_REJECTED]) == len(bad)
        assert len(rejects) <= 1
        stored = [json.loads(line)["raw"] for one in rejects for line in one.body.splitlines()]
        if stored != bad and has_letter:
            self.met["a replay that ended half way"] += 1
        else:
            assert stored == bad, f"{source} {_made_by(output)}: rejects {stored} instead of {bad}"
        assert (keys.REJECTED_KEY in output.metadata) == bool(bad)

    def _expected(
        self, source: _SOURCE, body: bytes, output: Version
    ) -> tuple[list[dict[str, Any]], list[str]]:
        made_by = _made_by(output)
        kind = self._kinds[made_by] if made_by else "string"
        good: list[dict[str, Any]] = []
        bad: list[str] = []
        for line in body.decode().splitlines()[0 if keys.is_fix(source[0]) else 1 :]:
            if keys.is_fix(source[0]):
                record, fits = json.loads(line), kind == "string"
            else:
                one, cell = line.split(_delimiter(source[0]))
                fits = _fits(cell, kind)
                total = json.loads(cell) if fits and kind != "string" else cell
                record = {"id": one, "total": total}
            if fits:
                good.append(record)
            else:
                bad.append(line)
        return good, bad

    def check_current(self, source: _SOURCE, output: Version) -> None:
        """Check that an output is of the last declaration, if it belongs to a dataset."""
        dataset = Datasets.read(self.world.datasets).find(source[0])
        current = not dataset or _made_by(output) == (dataset.name, dataset.version)
        assert current, f"{source} is of {_made_by(output)}"

    def check_completed(self, source: _SOURCE, body: bytes) -> None:
        copies = self.world.s3.buckets[RAW].get(keys.completed_key(source[0]), [])
        mine = [one for one in copies if one.metadata.get(keys.SOURCE_VERSION) == source[1]]
        assert mine, f"{source} has no completed copy"
        assert all(one.body == body for one in mine)

    def _letters(self) -> Counter[_SOURCE]:
        """Return what the dead letters name: versions in `incoming/` or in `completed/`."""
        return Counter(
            (one["attributes"][keys.DEAD_LETTER_KEY], one["attributes"][keys.DEAD_LETTER_VERSION])
            for one in self.world.dead_letters.messages
        )


def _source_of(stored: Version) -> _SOURCE:
    told = stored.metadata
    return keys.decode_value(told[keys.SOURCE_KEY]), told[keys.SOURCE_VERSION]


def _made_by(stored: Version) -> tuple[str, str] | None:
    told = stored.metadata
    return (told[keys.DATASET], told[keys.DATASET_VERSION]) if keys.DATASET in told else None


def churn(seed: int, steps: int = _STEPS) -> Counter[str]:
    """Run a seed, check its end, and return what it has met."""
    one = Churn(seed)
    with small_limits(one.chunk):
        for _ in range(steps):
            one.act()
        one.settle()
        one.check()
    return one.met


def main() -> int:
    """Run all seeds and print what they met; return the status of the process."""
    met, failures = Counter[str](), 0
    seeds = range(*map(int, sys.argv[1:])) if sys.argv[1:] else SEEDS
    for seed in seeds:
        try:
            met += churn(seed)
        except AssertionError as error:
            failures += 1
            print(f"FAILED seed {seed}: {str(error)[:600]}")
    named = ", ".join(f"{count:,} {name}" for name, count in met.most_common())
    print(f"churn: {len(seeds)} pipelines, {failures} failures ({named})")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
