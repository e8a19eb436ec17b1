"""Which settings lose money at a load, and how much a month. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from ops.costs import bundles, estimates, storage
from ops.costs.bills import Line, cents, kind
from ops.costs.periods import FOREVER, Period
from ops.costs.plans import DAYS_OF_MONTH, ONE_CPU_MB, Load, Plan
from ops.costs.prices import Prices

# Smaller texts hardly get smaller in gzip.
_WORTH_COMPRESSING_BYTES: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A setting that loses money: what to do instead, and how many dollars a month that saves."""

    setting: str
    advice: str
    dollars: Decimal


def losses(plan: Plan, load: Load, prices: Prices, period: Period) -> list[Loss]:
    """Return the settings that lose money at a load, the dearest first."""
    found = [
        *_changes(plan, load, prices, period),
        *_small_objects(plan, load, prices, period),
        *_short_in_glacier(plan, load, prices, period),
    ]
    worth = [loss for loss in found if loss.dollars > 0]
    return sorted(worth, key=lambda loss: loss.dollars, reverse=True)


def _changes(plan: Plan, load: Load, prices: Prices, period: Period) -> Iterator[Loss]:
    """Yield what a change of a single setting saves."""
    now = estimates.estimate(plan, load, prices, period).total

    def change(setting: str, advice: str, better: Plan) -> Loss:
        saved = now - estimates.estimate(better, load, prices, period).total
        return Loss(setting=setting, advice=advice, dollars=saved)

    least = storage.STANDARD_IA_MINIMUM_DAYS
    if plan.archive_days < least and not 0 < plan.expiration_days <= least:
        yield change(
            "archiveDays",
            f"{least}: STANDARD_IA bills so many days anyway, and GLACIER comes on top",
            replace(plan, archive_days=least),
        )
    bundling = replace(plan, archive_bundles=True)
    if not plan.archive_bundles and bundles.is_bundling(bundling, load):
        yield change(
            "archiveBundles",
            "true: the archive holds small outputs many in one object (docs/bundles.md)",
            bundling,
        )
    if plan.batch_size < estimates.QUEUE_BATCH:
        yield change(
            "batchSize",
            "10: files that wait share an invocation, in which their calls overlap",
            replace(
                plan,
                batch_size=estimates.QUEUE_BATCH,
                batch_window_seconds=max(1, plan.batch_window_seconds),
            ),
        )
    if plan.processor_memory_mb > ONE_CPU_MB:
        yield change(
            "processorMemoryMb",
            f"{ONE_CPU_MB}: more buys a second processor, which Python hardly uses",
            replace(plan, processor_memory_mb=ONE_CPU_MB),
        )
    if not plan.compress_output and load.size >= _WORTH_COMPRESSING_BYTES:
        yield change(
            "compressOutput",
            "true, if the readers of outputs take gzip: text gets some five times smaller",
            replace(plan, compress_output=True),
        )


def _small_objects(plan: Plan, load: Load, prices: Prices, period: Period) -> Iterator[Loss]:
    """Yield what archiving costs more than leaving the outputs in STANDARD for as long."""
    per_day, output = load.files / DAYS_OF_MONTH, load.output_size(plan)
    moving = [
        line
        for line in estimates.archiving(plan, load, prices, period)
        if line.item != estimates.LISTING
    ]
    archived = _sum([*storage.archived(plan, load, prices, period), *moving])
    # In the archive an output is current for so long, or for ever, and then noncurrent.
    first = plan.retention_days
    last = first + plan.expiration_days if plan.expiration_days else FOREVER
    twin = period.stock(per_day, first, first + plan.noncurrent_days)  # what the move leaves behind
    staying = period.stock(per_day, first, last + plan.noncurrent_days)
    standard = kind("GB-month", prices.standard_gb_month)
    stayed = standard("", staying * output / storage.GB).dollars
    left = standard("", twin * output / storage.GB).dollars
    yield Loss(
        setting="retentionDays",
        advice=f"as long as outputs are of use, or fewer and larger files: in the archive, objects "
        f"of {output:,.0f} bytes cost more than in STANDARD",
        dollars=archived + left - stayed,
    )


def _short_in_glacier(plan: Plan, load: Load, prices: Prices, period: Period) -> Iterator[Loss]:
    """Yield what is paid for GLACIER after the objects are gone."""
    least, kept = storage.GLACIER_MINIMUM_DAYS, storage.kept_in_glacier_days(plan)
    if not plan.expiration_days or kept >= least:
        return
    moved = plan.retention_days + plan.archive_days
    gone = period.stock(load.files / DAYS_OF_MONTH, moved + kept, moved + least)
    size = load.output_size(plan) + storage.GLACIER_BYTES
    paid = kind("GB-month", prices.glacier_gb_month)("", gone * size / storage.GB).dollars
    yield Loss(
        setting="expirationDays",
        advice=f"{plan.expiration_days + least - kept} costs the same: GLACIER bills {least} days "
        f"at least, and objects are gone after {kept}",
        dollars=paid,
    )


def _sum(lines: list[Line]) -> Decimal:
    return cents(sum((line.dollars for line in lines), Decimal(0)))
