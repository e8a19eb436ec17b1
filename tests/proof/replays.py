"""Replays of a dataset: completed files whose outputs are made anew, and what must hold of them."""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from handlers import keys
from handlers.transform.datasets.dataset import Dataset
from tests.proof.files import Kind, output_bytes, read_output
from tests.proof.memory import Version
from tests.proof.world import ARCHIVE, NOW, PROCESSED, RAW, Context, KilledError, World, batch

NAME = "orders"
CHANGES = ("put_object", "copy_object", "complete_", "delete_")


def declaration(total: str = "number", **more: Any) -> dict[str, Any]:
    """Return the declaration of a dataset whose field `total` has a type."""
    properties = {"id": {"type": "string"}, "total": {"type": total}}
    return {
        "prefix": "shop/",
        "schema": {"type": "object", "properties": properties},
        "maxRejectedPercent": 40,
        **more,
    }


TEXTS, NUMBERS = declaration("string"), declaration("number")
STRICT = declaration("number", maxRejectedPercent=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """What a file becomes by a declaration, None for no dataset; written down by hand."""

    by: Mapping[str, Any] | None
    records: tuple[dict[str, Any], ...] = ()
    rejects: tuple[dict[str, Any], ...] = ()  # the lines in `rejected/`, without their reasons
    compressed: bool = False

    @property
    def dataset(self) -> dict[str, str]:
        """What the metadata says of the dataset."""
        if self.by is None:
            return {}
        made = Dataset.read(NAME, self.by)
        return {keys.DATASET: made.name, keys.DATASET_VERSION: made.version}

    def is_named_by(self, stored: Version) -> bool:
        told = stored.metadata
        named = (keys.DATASET, keys.DATASET_VERSION)
        return {name: told[name] for name in named if name in told} == self.dataset


@dataclass(frozen=True, kw_only=True, eq=False)
class Again:
    """A completed file, and its output before and after a replay."""

    name: str
    path: str
    body: bytes
    old: Made
    new: Made
    archived: bool = False
    copied: bool = False  # the archiver was killed between its copy and its delete
    failure: str = ""  # a part of the reason, if the replay is a dead letter: the old output stays
    ticks: int = 10**9
    large: bool = False

    @property
    def key(self) -> str:
        return f"{keys.INCOMING}shop/{self.path}"


@dataclass
class Replayed:
    """A world with one completed file, and the message that replays it."""

    world: World
    again: Again
    others: Sequence[Made] = ()  # what another declaration may make of it meanwhile
    killed_before: str = ""  # the call before which its first delivery was killed, and not repeated
    is_new: bool = False  # it is only uploaded: its first delivery is part of what is proved
    event: dict[str, Any] = field(init=False)
    source: tuple[str, str] = field(init=False)
    output_key: str = field(init=False)
    completed: Version | None = field(init=False)

    def __post_init__(self) -> None:
        """Deliver the file as it was declared before, archive its output, declare it anew."""
        world, again = self.world, self.again
        gate, world.gate = world.gate, _straight
        ticks, world.ticks = world.ticks, 10**9
        world.datasets = {NAME: again.old.by} if again.old.by else {}
        world.compressed = again.old.compressed
        self.delivery = world.upload(again.key, again.body)
        (self.source,) = world.uploads
        if self.is_new:
            names = keys.output_keys(*self.source, NOW.date(), compressed=again.old.compressed)
            self.output_key, self.completed = names[0], None
            world.gate, world.ticks = gate, ticks
            return
        if self.killed_before:
            kill_before(world, self.delivery, self.killed_before)
        else:
            world.deliver(self.delivery)
            world.run_until_idle()
        ((self.output_key, _),) = world.outputs().items()
        self.complete()
        world.s3.now = world.after(40)
        if again.archived:
            world.archive(world.after(40))
            assert not world.s3.visible(PROCESSED, keys.PROCESSED)
        if again.copied:
            world.s3.copy_object(
                Bucket=ARCHIVE,
                Key=keys.archive_key(self.output_key),
                CopySource={"Bucket": PROCESSED, "Key": self.output_key},
                StorageClass="STANDARD_IA",
            )
        self.deploy()
        world.gate, world.ticks = gate, ticks

    def complete(self) -> None:
        """Take note of the completed copy, which a message can name from now on."""
        self.completed = self.world.s3.current(RAW, self.completed_key)
        assert self.completed
        self.event = {"reprocess": {"key": self.completed_key, "version": self.completed.id}}

    def deploy(self) -> None:
        """Declare the file anew."""
        self.world.datasets = {NAME: self.again.new.by} if self.again.new.by else {}
        self.world.compressed = self.again.new.compressed

    # What must hold.

    def after(self, operation: str) -> None:
        if operation.startswith(CHANGES):
            self.look()

    def look(self) -> None:
        """Check what must hold at any time: every object is the old one or the new one, whole."""
        s3 = self.world.s3
        if self.is_new:
            copies = s3.buckets[RAW].get(self.completed_key, [])
            assert all(one.body == self.again.body for one in copies)
            assert copies or s3.version(RAW, *self.source), "the original is gone"
            assert set(self.world.outputs()) <= {self.output_key}
            assert self.world.outputs() or not copies, "completed without an output"
        else:
            assert s3.current(RAW, self.completed_key) == self.completed, "the original has changed"
            assert set(self.world.outputs()) == {self.output_key}
        for output in self.standing():
            self._check_output(output, self._made(output))
        for key, rejects in s3.visible(PROCESSED, keys.REJECTED).items():
            assert key in keys.rejected_keys(*self.source, self.day)
            self._check_rejects(rejects, self._made(rejects))

    def check_at_rest(self) -> None:
        """Check that output and rejects are of one declaration, whichever came last.

        An output in a bundle stays as it was, and a dead letter says so.
        """
        self.look()
        assert not self.world.s3.visible(RAW, keys.INCOMING)
        letters = [one["attributes"][keys.REASON] for one in self.world.dead_letters.messages]
        bundled = self.world.bundled().get(self.output_key, [])
        assert not letters or (bundled and "is not rewritten" in letters[0])
        (made,) = {self._made(one) for one in self.standing() or bundled}
        assert (made is self.again.old) == bool(letters) or not bundled
        self.check_rejects(made)

    def check_finished(self) -> None:
        """Check what must hold at rest: all of it is new, or a dead letter says why not."""
        self.look()
        letters = self.world.dead_letters.messages
        made = self.again.old if self.again.failure else self.again.new
        assert bool(letters) == bool(self.again.failure), letters
        for letter in letters:
            assert json.loads(letter["body"]) == self.event
            assert self.again.failure in letter["attributes"][keys.REASON]
            assert letter["attributes"][keys.FAILURE_KIND] == "permanent"
            assert letter["attributes"][keys.DEAD_LETTER_KEY] == self.completed_key
        assert all(made.is_named_by(one) for one in self.standing())
        self.check_rejects(made)

    def check_rejects(self, made: Made) -> None:
        """Check that the rejects at rest are those of an output, or an empty object for none."""
        rejects = list(self.world.s3.visible(PROCESSED, keys.REJECTED).values())
        if made.rejects or rejects:
            (only,) = rejects
            assert made.is_named_by(only), "rejects of another declaration"
        (output,) = self.world.outputs().values()
        assert (keys.REJECTED_KEY in output.metadata) == bool(made.rejects)

    def nothing_is_left(self) -> None:
        assert not self.world.s3.visible(PROCESSED, keys.STAGING)
        assert not self.world.s3.uploads

    @property
    def completed_key(self) -> str:
        return keys.completed_key(self.again.key)

    @property
    def day(self) -> Any:
        return keys.partition_day(self.output_key)

    def standing(self) -> list[Version]:
        """Return the output, and its copy in the archive if it is in both buckets."""
        s3 = self.world.s3
        places = ((PROCESSED, self.output_key), (ARCHIVE, keys.archive_key(self.output_key)))
        return [found for place in places if (found := s3.current(*place))]

    def _made(self, stored: Version) -> Made:
        known = (self.again.old, *self.others, self.again.new)
        found = [one for one in known if one.is_named_by(stored)]
        assert found, f"neither old nor new: {stored.metadata}"
        return found[-1]

    def _check_output(self, output: Version, made: Made) -> None:
        assert output.metadata[keys.SOURCE_VERSION] == self.source[1]
        assert keys.decode_value(output.metadata[keys.SOURCE_KEY]) == self.source[0]
        packed = self.output_key.endswith(keys.GZIP_SUFFIX)
        assert packed == output.body.startswith(b"\x1f\x8b")
        records, metadata = read_output(output.body)
        assert records == list(made.records), records
        if not packed:
            kind = Kind(name="", key=self.again.key, body=b"", records=made.records)
            assert output.body == output_bytes(
                kind, metadata[0]["processed_at"] if metadata else ""
            )
        counted = {
            keys.RECORDS_IN: len(made.records) + len(made.rejects),
            keys.RECORDS_OUT: len(made.records),
            keys.RECORDS_REJECTED: len(made.rejects),
        }
        assert {name: int(output.metadata[name]) for name in counted} == counted

    def _check_rejects(self, rejects: Version, made: Made) -> None:
        lines = [json.loads(line) for line in rejects.body.splitlines()]
        assert all(line.pop("reason") for line in lines)
        assert lines == list(made.rejects), lines
        assert int(rejects.metadata[keys.RECORDS_REJECTED]) == len(lines)


def kill_before(world: World, event: Any, operation: str, *, times: int = 0) -> None:
    """Process an event as far as before an operation that was made so many times before."""
    left = times

    def gate(called: str, _given: Any, call: Callable[[], Any]) -> Any:
        nonlocal left
        if called == operation:
            if not left:
                raise KilledError
            left -= 1
        return call()

    with contextlib.suppress(KilledError):
        world.processor(gate).handle(batch((json.dumps(event), 1)), Context())
        raise AssertionError(operation)


def _straight(_operation: str, _given: Any, call: Any) -> Any:
    return call()


_LINES = b'{"id":"a","total":"x"}\n{"id":"b","total":"y"}\n'
_RECORDS = ({"id": "a", "total": "x"}, {"id": "b", "total": "y"})
_CSV = b"id,total\na,1\nb,2.5\nc,no\n"
_CELLS = (("a", "1"), ("b", "2.5"), ("c", "no"))
AS_TEXTS = Made(by=TEXTS, records=tuple({"id": one, "total": two} for one, two in _CELLS))
_OF_BEFORE = Made(by=None, records=AS_TEXTS.records)
_NO_NUMBER = {"line": 4, "field": "total", "rule": "type", "raw": "c,no"}
_AS_NUMBERS = Made(
    by=NUMBERS,
    records=({"id": "a", "total": 1}, {"id": "b", "total": 2.5}),
    rejects=(_NO_NUMBER,),
)
# At most 70 % may be bad here.
_AS_INTEGERS = Made(
    by=declaration("integer", maxRejectedPercent=70),
    records=({"id": "a", "total": 1},),
    rejects=({"line": 3, "field": "total", "rule": "type", "raw": "b,2.5"}, _NO_NUMBER),
)
_SOME = [(f"n{n}-{24 * 'x'}", n) for n in range(20)]  # of which some chunks are parts of their own
_LARGE = b"id,total\n" + b"".join(f"{name},{n}\n".encode() for name, n in _SOME) + b"z,no\n"
_LARGE_TEXTS = Made(
    by=None,
    records=(
        *({"id": name, "total": str(n)} for name, n in _SOME),
        {"id": "z", "total": "no"},
    ),
)
_LARGE_NUMBERS = Made(
    by=NUMBERS,
    records=tuple({"id": name, "total": n} for name, n in _SOME),
    rejects=({"line": len(_SOME) + 2, "field": "total", "rule": "type", "raw": "z,no"},),
)

KINDS = (
    Again(
        name="new metadata",
        path="a b/lines+1.json",
        body=_LINES,
        old=Made(by=None, records=_RECORDS),
        new=Made(by=TEXTS, records=_RECORDS),
    ),
    Again(name="new rejects", path="new.csv", body=_CSV, old=_OF_BEFORE, new=_AS_NUMBERS),
    Again(name="other rejects", path="other.csv", body=_CSV, old=_AS_NUMBERS, new=_AS_INTEGERS),
    Again(name="no rejects any more", path="none.csv", body=_CSV, old=_AS_NUMBERS, new=AS_TEXTS),
    Again(
        name="packed before",
        path="packed.csv",
        body=_CSV,
        old=replace(_OF_BEFORE, compressed=True),
        new=_AS_NUMBERS,
    ),
    Again(
        name="archived",
        path="archived.csv",
        body=_CSV,
        old=_AS_NUMBERS,
        new=_AS_INTEGERS,
        archived=True,
    ),
    Again(
        name="in both buckets",
        path="both.csv",
        body=_CSV,
        old=_OF_BEFORE,
        new=_AS_NUMBERS,
        copied=True,
    ),
    Again(
        name="too strict",
        path="strict.csv",
        body=_CSV,
        old=_AS_NUMBERS,
        new=Made(by=STRICT),
        failure="1 of 3 records are bad",
    ),
    Again(
        name="in no dataset",
        path="nowhere.csv",
        body=_CSV,
        old=_AS_NUMBERS,
        new=Made(by=None),
        failure="belongs to no dataset",
    ),
    Again(
        name="large",
        path="large.csv",
        body=_LARGE,
        old=_LARGE_TEXTS,
        new=_LARGE_NUMBERS,
        large=True,
    ),
    Again(
        name="large cut",
        path="cut.csv",
        body=_LARGE,
        old=_LARGE_TEXTS,
        new=_LARGE_NUMBERS,
        large=True,
        ticks=9,
    ),
    Again(
        name="large archived",
        path="large archived.csv",
        body=_LARGE,
        old=_LARGE_TEXTS,
        new=_LARGE_NUMBERS,
        archived=True,
        large=True,
    ),
    Again(
        name="large too strict",
        path="large strict.csv",
        body=_LARGE,
        old=_LARGE_TEXTS,
        new=Made(by=STRICT),
        failure=f"1 of {len(_SOME) + 1} records are bad",
        large=True,
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}
# Those whose rejects are others under the new declaration.
CHANGED_REJECTS = ("new rejects", "other rejects", "no rejects any more")
