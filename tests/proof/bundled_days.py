"""The kinds of days that the proofs bundle, each with what an earlier run has left of it."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from handlers import keys
from tests.proof.memory import Gate, straight
from tests.proof.world import ARCHIVE, PROCESSED, Context, KilledError, World

DAY = "processed/2024/01/15/"
_LONG = "n" * 900


def put(world: World, name: str, body: bytes = b'{"a":1}\n', tags: str = "") -> None:
    """Store an output, its source version named for it."""
    world.s3.put_object(
        Bucket=PROCESSED,
        Key=name if name.startswith("processed/") else DAY + name,
        Body=body,
        ContentType="application/x-ndjson",
        Metadata={keys.SOURCE_KEY: f"incoming/{name[-9:]}", keys.SOURCE_VERSION: f"v-{name[-9:]}"},
        Tagging=tags,
    )


@dataclass(frozen=True, kw_only=True)
class Day:
    """What stands before a run, and how the run is limited."""

    name: str
    fill: Callable[[World], Any]
    page: int = 1000
    below_kb: int = 1
    ticks: int = 10**9
    folders: tuple[str, ...] = ()
    replaced: str = ""  # an output that is replaced right before the first bundle is committed

    def world(self, gate: Gate = straight) -> World:
        """Return a world with this day, forty days later."""
        world = World(
            gate=gate,
            page=self.page,
            archive_bundles=True,
            bundle_below_kb=self.below_kb,
            archiver_ticks=self.ticks,
            folders=self.folders,
        )
        world.gate = straight
        self.fill(world)
        world.gate = gate
        world.s3.now = world.after(40)
        return world


def killed_at(world: World, operation: str, prefix: str, *, bundles: bool = True) -> None:
    """Let a run of the archiver be killed right before its first such call on a key."""

    def gate(called: str, given: Any, call: Callable[[], Any]) -> Any:
        if called == operation and given.get("Key", given.get("Bucket")).startswith(prefix):
            raise KilledError
        return call()

    now, world.s3.now = world.s3.now, world.after(40)
    try:
        world.archiver(gate, bundles=bundles).handle(
            {"time": world.after(40).isoformat()}, Context()
        )
    except KilledError:
        world.s3.now = now
    else:
        msg = f"no {operation} of {prefix}"
        raise AssertionError(msg)


def _one(world: World) -> None:
    put(world, "a.json", tags="team=blue")


def _empty(world: World) -> None:
    for name in ("a.json", "b.json"):
        put(world, name, b"")


def _long(world: World) -> None:
    for ending in ("1.json", "2.json"):
        put(world, _LONG + ending)


def _mixed(world: World) -> None:
    put(world, "a.json.gz", gzip.compress(b'{"a":1}\n', mtime=0))
    put(world, "b.json", b'{"b":"%s"}\n' % (b"x" * 1_500))
    put(world, "shop/c.json")
    put(world, "z.json")
    put(world, "processed/2024/01/16/a.json")


def _without_index(world: World) -> None:
    _one(world)
    killed_at(world, "put_object", keys.BUNDLE_INDEXES + "2024/01/15/0")
    put(world, "b.json")


def _undeleted(world: World) -> None:
    _empty(world)
    killed_at(world, "delete_objects", PROCESSED)
    put(world, "c.json")


def _half_uploaded(world: World) -> None:
    for name in "abc":
        put(world, f"{name}.json", b'{"a":"%s"}\n' % (name.encode() * 300))
    killed_at(world, "complete_multipart_upload", keys.BUNDLES)


def _copied(world: World) -> None:
    for name in ("a.json", "b.json"):
        put(world, name)
    killed_at(world, "delete_objects", PROCESSED, bundles=False)


def _index_lost(world: World) -> None:
    _undeleted(world)
    for key in world.s3.visible(ARCHIVE, keys.BUNDLE_INDEXES):
        if keys.bundle_number(key):
            world.s3.delete_object(Bucket=ARCHIVE, Key=key)


def _three(world: World) -> None:
    for name in "abc":
        put(world, f"{name}.json")


DAYS = (
    Day(name="one output", fill=_one),
    Day(name="empty outputs", fill=_empty),
    Day(name="names that differ behind 900 bytes", fill=_long),
    Day(name="large and small, two days, a dataset", fill=_mixed, page=2, folders=("shop/",)),
    Day(name="a bundle without its index", fill=_without_index),
    Day(name="bundled, not deleted", fill=_undeleted),
    Day(name="an index lost", fill=_index_lost),
    Day(name="a bundle half uploaded", fill=_half_uploaded),
    Day(name="copied one by one, not deleted", fill=_copied),
    Day(name="out of time", fill=_three, ticks=6, page=2),
    Day(name="replaced meanwhile", fill=_three, replaced=DAY + "b.json"),
)
BY_NAME = {day.name: day for day in DAYS}
