"""What a plain design would cost, to compare with: the first that comes to mind. Pure.

Three versioned buckets without expiry of what is noncurrent, so that every deleted object stays
in STANDARD for ever; one invocation a file, straight from S3's notification; every output copied
into STANDARD_IA by itself, moved to GLACIER, and left there behind its delete marker. Logs and
alarms are the same as ours, so that only the design makes a difference.
"""

from dataclasses import replace
from decimal import Decimal

from ops.costs import estimates, storage
from ops.costs.bills import Bill, Line, kind
from ops.costs.periods import FOREVER, Period
from ops.costs.plans import DAYS_OF_MONTH, Load, Plan
from ops.costs.prices import Prices


def estimate(plan: Plan, load: Load, prices: Prices, period: Period) -> Bill:
    """Return the bill of a month, with the retention and archive days of a plan."""
    single = replace(plan, batch_size=1, expiration_days=0, archive_bundles=False)
    return Bill(
        lines=[
            *_stored(single, load, prices, period),
            *estimates.requests(single, load, prices, period),
            *estimates.compute(single, load, prices, period),
            *estimates.monitoring(single, load, prices),
            *estimates.key(single, load, prices, period),
        ]
    )


def totals(plan: Plan, load: Load, prices: Prices, months: int) -> tuple[Decimal, Decimal]:
    """Return what both designs cost in the first months of a stack: the plain one's, and ours."""
    periods = [Period(month) for month in range(1, months + 1)]
    plain = sum((estimate(plan, load, prices, it).total for it in periods), Decimal(0))
    ours = sum((estimates.estimate(plan, load, prices, it).total for it in periods), Decimal(0))
    return plain, ours


def _stored(plan: Plan, load: Load, prices: Prices, period: Period) -> list[Line]:
    per_day, output = load.files / DAYS_OF_MONTH, load.output_size(plan)
    kept = period.stock(per_day, 0, FOREVER)
    standard = kind("GB-month STANDARD", prices.standard_gb_month)
    return [
        standard("noncurrent uploads, for ever", kept * load.size / storage.GB),
        standard("completed files, for ever", kept * load.size / storage.GB),
        standard("outputs, then noncurrent, for ever", kept * output / storage.GB),
        *storage.archived(plan, load, prices, period),
    ]
