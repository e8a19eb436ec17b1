"""A day's bundling by chains side by side: simulated, beside what the arithmetic of costs says."""

import gc
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from bench.measurement import measured, span
from bench.simulated_chains import Chains
from bench.simulated_listing import Tally
from ops.costs import bundles, fan_out
from ops.costs.plans import DAYS_OF_MONTH, ONE_CPU_MB, Load, Plan
from ops.costs.prices import REGIONS

OUTPUT_BYTES: Final = 1_000
_PRICES: Final = REGIONS["us-east-1"]
_READS: Final = ("GetObject", "HeadObject")
_WRITES: Final = ("ListObjectsV2", "PutObject")
_STANDARD_IA_WRITES: Final = ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
_HOURS: Final = 12


@dataclass(frozen=True, kw_only=True)
class FanOut:
    """A day's run, simulated: `hours` of the longest chain; calls and dollars of all chains.

    Of the chains so many were `simulated`; where not all were, each of the others is taken to need
    as many calls and dollars. `run` is the same on paper.
    """

    objects: int
    chains: int
    simulated: int
    hours: float
    invocations: float
    calls: float
    dollars: float
    peak_mb: float
    cpu_us: float
    paper: fan_out.Run


def plan_of(chains: int) -> Plan:
    """Return the settings of a stack that bundles in so many chains, each a whole processor."""
    return Plan(archive_bundles=True, archive_concurrency=chains, archiver_memory_mb=ONE_CPU_MB)


def compare(objects: int, chains: int, simulated: int) -> FanOut:
    """Simulate some of the chains of a run, in a process of its own."""
    found = measured(
        simulate,
        timeout_seconds=_HOURS * 3_600,
        objects=objects,
        chains=chains,
        simulated=simulated,
    )
    share = simulated / chains
    return FanOut(
        objects=objects,
        chains=chains,
        simulated=simulated,
        hours=found["longest"] / 3_600,
        invocations=found["invocations"] / simulated,
        calls=found["calls"] / share,
        dollars=found["dollars"] / share,
        peak_mb=found["peak_mb"],
        cpu_us=found["cpu"] / simulated / objects * 1e6,
        paper=fan_out.a_day(plan_of(chains), objects, OUTPUT_BYTES, _PRICES),
    )


def simulate(objects: int, chains: int, simulated: int) -> dict[str, Any]:
    """Run some chains, and see that each output is moved once."""
    # Nothing here is in a cycle, and looking for one takes as long as a listing.
    gc.disable()
    all_chains = Chains(objects, chains, entry_bytes(objects, chains))
    with span() as taken:
        runs = [all_chains.run(shard) for shard in range(simulated)]
    moved, deleted = sum(run.moved for run in runs), all_chains.s3.deleted
    owed = all_chains.listing.share(0, 1)
    if simulated < chains:
        shares = [all_chains.listing.share(shard, chains) for shard in range(simulated)]
        owed = sum(shares, Tally())
    if not moved == deleted.count == owed.count or deleted != owed:
        msg = f"{moved} outputs moved, {deleted} deleted, of {owed}"
        raise RuntimeError(msg)
    seconds = sum(run.seconds for run in runs)
    return {
        "longest": max(run.seconds for run in runs),
        "invocations": sum(run.invocations for run in runs),
        "calls": all_chains.calls.total(),
        "dollars": dollars(all_chains.calls, seconds * plan_of(chains).archiver_memory_mb / 1024),
        "cpu": taken.cpu,
    }


def entry_bytes(objects: int, chains: int) -> int:
    """Return the bytes that an output takes in a bundle, as the arithmetic of costs has it."""
    load = Load(files=objects * DAYS_OF_MONTH, size=OUTPUT_BYTES)
    made = bundles.archived(plan_of(chains), load)
    return round(made.size / made.gets)


def dollars(calls: Counter[str], gigabyte_seconds: float) -> float:
    """Return what calls and compute cost, by the prices of the paper; deletes are free."""

    def price(operations: tuple[str, ...], of_1000: Any) -> float:
        return sum(calls[name] for name in operations) * float(of_1000) / 1_000

    return (
        price(_READS, _PRICES.reads_1000)
        + price(_WRITES, _PRICES.writes_1000)
        + price(_STANDARD_IA_WRITES, _PRICES.standard_ia_writes_1000)
        + gigabyte_seconds * float(_PRICES.lambda_arm64_gb_second)
    )
