"""The same source version gives the same bytes, whoever makes them and however often."""

import gzip
import random
import re

import pytest

from tests.proof.crash import FaultyGate
from tests.proof.files import BY_NAME, KINDS, Kind
from tests.proof.world import SMALL_CHUNK, World, small_limits

GOOD = [kind for kind in KINDS if not kind.failure]
LARGE = [kind for kind in GOOD if kind.large]
STAMP = re.compile(rb'"processed_at":"[^"]*"')


def made(kind, *, chunk=10**9, ticks=10**9, late=0, gate=None):
    """Return all that a delivery stores for a file, `processed_at` apart, by key."""
    with small_limits(chunk):
        world = World(
            compressed=kind.compressed,
            fallback=kind.fallback,
            ticks=ticks,
            gate=gate or FaultyGate("", -1),
        )
        world.s3.now = world.after(late / 86_400)
        world.deliver(world.upload(kind.key, kind.body))
        world.run_until_idle()
    assert not world.dead_letters.messages
    stored = world.outputs() | world.s3.visible("processed-bucket", "rejected/")
    return {key: (plain(one.body), one.metadata, one.headers) for key, one in stored.items()}


def plain(body):
    """Return the text of an object, its one time taken out."""
    text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    stamps = set(STAMP.findall(text))
    assert len(stamps) <= 1
    return STAMP.sub(b"", text)


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.name)
def test_twice(kind):
    assert made(kind) == made(kind, late=60)


@pytest.mark.parametrize("kind", LARGE, ids=lambda kind: kind.name)
def test_in_chunks_and_invocations(kind):
    """Cut anywhere and joined again, the output is that of one run."""
    whole = made(kind)
    again = 5 if kind.fallback else 0  # such a file is read from its beginning each time
    for chunk in (1, 200, SMALL_CHUNK, 2_000):
        for ticks in (7, 8, 9, 11, 15, 10**9):
            assert made(kind, chunk=chunk, ticks=ticks + again) == whole


def test_with_faults():
    kind = BY_NAME["large rejects"]
    whole = made(kind)
    rng = random.Random(7)
    for _ in range(60):
        gate = FaultyGate(
            rng.choice(("killed after", "lost after", "unavailable")), rng.randrange(30)
        )
        assert made(kind, chunk=SMALL_CHUNK, ticks=12, gate=gate) == whole


def test_the_compressed_bytes_hold_no_time():
    kind = Kind(name="packed", key="incoming/a.json", body=b"[]", compressed=True)
    first, second = ([value[0] for value in made(kind, late=late).values()] for late in (0, 3600))
    assert first == second
