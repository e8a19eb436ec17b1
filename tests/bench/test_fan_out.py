"""Chains side by side over a simulated listing: each output once, at the costs on paper."""

import pytest

from bench import fan_out
from bench.bundling import SimulatedDay
from bench.invocations import NOW, PROCESSED, archiver
from bench.simulated_chains import Chains
from bench.simulated_listing import Tally
from handlers import keys
from handlers.invocation.deadline import Deadline
from ops.costs.fan_out import SECONDS_A_START, a_day
from ops.costs.prices import REGIONS

ENTRY_BYTES = 800


@pytest.mark.parametrize("chains", [1, 3])
def test_chains_move_each_output_once_however_often_they_go_on(chains):
    objects = 7_500  # the last page is not full
    them = Chains(objects, chains, ENTRY_BYTES, timeout_seconds=2)
    runs = [them.run(shard) for shard in range(chains)]
    assert sum(run.moved for run in runs) == objects
    assert them.s3.deleted == Tally.of(range(objects))
    assert min(run.invocations for run in runs) >= 2
    # What an invocation has begun as its time ends is whole: a bundle each, at least.
    assert them.calls["HeadObject"] >= sum(run.invocations for run in runs)


@pytest.mark.parametrize(("objects", "chains"), [(25_000, 1), (60_000, 4)])
def test_a_chain_takes_as_long_as_on_paper(objects, chains):
    """But for what is in no proportion to the outputs: a start, and some calls a day."""
    them = Chains(objects, chains, fan_out.entry_bytes(objects, chains))
    run = them.run(0)
    plan = fan_out.plan_of(chains)
    paper = a_day(plan, objects, fan_out.OUTPUT_BYTES, REGIONS["us-east-1"])
    seconds = run.seconds - SECONDS_A_START
    compute = seconds * plan.archiver_memory_mb / 1024
    assert seconds == pytest.approx(3_600 * paper.hours, rel=0.06)
    assert them.calls.total() * chains == pytest.approx(paper.calls, rel=0.01)
    assert fan_out.dollars(them.calls, compute) * chains == pytest.approx(paper.dollars, rel=0.03)


def test_what_is_not_read_takes_the_calls_of_what_is():
    of_day = 1_000
    real, simulated = SimulatedDay(of_day, 0), Chains(2 * of_day, 1, ENTRY_BYTES)
    assert archiver(real, bundles=True).run(NOW, Deadline(lambda: 900.0)).counts.bundled == of_day
    simulated.run(0)
    for name in ("GetObject", "HeadObject", "DeleteObjects"):
        assert simulated.calls[name] == 2 * real.calls[name], name
    puts = simulated.calls["PutObject"] + simulated.calls["CompleteMultipartUpload"]
    assert puts == 2 * real.calls["PutObject"]


@pytest.mark.parametrize(("objects", "shards"), [(1, 1), (999, 4), (12_345, 1), (12_345, 16)])
def test_the_share_of_a_shard_is_known_without_a_look_at_each_key(objects, shards):
    listing = Chains(objects, shards, ENTRY_BYTES).listing
    numbers = {shard: [] for shard in range(shards)}
    for page in listing.list_pages(PROCESSED, keys.PROCESSED):
        for one in page:
            key = one.location.key
            numbers[keys.shard_of(key, shards)].append(int(key[-14:-5]))
    assert sorted(at for them in numbers.values() for at in them) == list(range(objects))
    for shard in range(shards):
        assert listing.share(shard, shards) == Tally.of(numbers[shard])


@pytest.mark.parametrize("numbers", [[0, 1, 2], [0, 1, 2, 3, 3], [0, 1, 1, 4], [0, 1, 2, 4]])
def test_a_tally_tells_what_is_missing_or_there_twice(numbers):
    assert Tally.of(numbers) != Tally.of(range(4))
