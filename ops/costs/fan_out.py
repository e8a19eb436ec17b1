"""How long a day's bundling takes, side by side, and what it costs. On paper. Pure."""

import math
from dataclasses import dataclass, replace
from typing import Final

from ops.costs import bundles
from ops.costs.plans import DAYS_OF_MONTH, Load, Plan, slower
from ops.costs.prices import Prices

# What one chain of invocations moves, each after the other, with a whole processor: so many reads
# at once, each of which it takes 1 ms to request.
OBJECTS_A_SECOND: Final = 900
READS_AT_ONCE: Final = 32
# A listing answers in some 60 ms. Each chain lists all keys, since its share of them is by a hash.
LISTED: Final = 1_000
SECONDS_A_CALL: Final = 0.06
# An invocation that goes on comes by Lambda's queue of events, and mostly starts a process.
SECONDS_A_START: Final = 1
# Of every run: a look at the bundles of a day, their indexes, and copies beside them.
_CALLS_A_BUNDLE: Final = 5
_SECONDS_OF_HOUR: Final = 3_600


@dataclass(frozen=True, kw_only=True)
class Run:
    """A day's bundling by some chains: how long each takes, all calls of S3, and dollars."""

    hours: float
    calls: float
    dollars: float


def a_day(plan: Plan, objects: int, size: int, prices: Prices) -> Run:
    """Return what bundling so many outputs of a day takes, of so many bytes each."""
    chains = plan.archive_concurrency
    listings = objects / LISTED
    # A chain reads its share of a page, then lists the next.
    rounds = math.ceil(LISTED / chains / READS_AT_ONCE)
    reading = rounds * READS_AT_ONCE / OBJECTS_A_SECOND * slower(plan.archiver_memory_mb)
    seconds = listings * (SECONDS_A_CALL + reading)
    load = Load(files=objects * DAYS_OF_MONTH, size=size)
    made = bundles.archived(replace(plan, archive_bundles=True), load)
    puts = made.objects * made.requests
    others = made.objects * _CALLS_A_BUNDLE
    writes = chains * listings + others
    dollars = (
        float(prices.reads_1000) * objects / 1_000
        + float(prices.writes_1000) * writes / 1_000
        + float(prices.standard_ia_writes_1000) * puts / 1_000
        + float(prices.lambda_arm64_gb_second) * chains * seconds * plan.archiver_memory_mb / 1024
    )
    deletes = objects / LISTED  # they are free
    calls = objects + deletes + writes + puts
    return Run(hours=seconds / _SECONDS_OF_HOUR, calls=calls, dollars=dollars)
