"""What is stored: classes, ages and billed sizes. Pure."""

from typing import Final

from ops.costs import bundles
from ops.costs.bills import Line, kind
from ops.costs.bundles import Archived
from ops.costs.periods import FOREVER, Period
from ops.costs.plans import DAYS_OF_MONTH, Load, Plan
from ops.costs.prices import Prices

GB: Final = 2**30  # S3 bills in these
# https://aws.amazon.com/s3/pricing/: STANDARD_IA bills 128 KB and 30 days at least; GLACIER 90
# days at least, and 40 KB more for each object, of which 8 KB at the price of STANDARD.
IA_BYTES: Final = 128 * 1024
STANDARD_IA_MINIMUM_DAYS: Final = 30
GLACIER_MINIMUM_DAYS: Final = 90
GLACIER_BYTES: Final = 32 * 1024
GLACIER_INDEX_BYTES: Final = 8 * 1024
# Staged chunks of a large file are deleted at once, and noncurrent for a day.
CHUNK_BYTES: Final = 8 * 1024**2
_STAGED_DAYS: Final = 1


def archived_days(plan: Plan) -> tuple[float, float]:
    """Return for how many days an archived object is billed in STANDARD_IA, and in GLACIER.

    The minimum counts although the object has moved on or is gone. An object that expires is
    noncurrent, and still billed, for `noncurrent_days`.
    """
    infrequent = max(plan.archive_days, STANDARD_IA_MINIMUM_DAYS)
    return infrequent, FOREVER if not plan.expiration_days else max(
        kept_in_glacier_days(plan), GLACIER_MINIMUM_DAYS
    )


def kept_in_glacier_days(plan: Plan) -> int:
    """Return for how many days an object that expires is really in GLACIER."""
    return plan.expiration_days - plan.archive_days + plan.noncurrent_days


def lines(plan: Plan, load: Load, prices: Prices, period: Period) -> list[Line]:
    """Return the storage of a month, by class and purpose."""
    per_day, size, output = load.files / DAYS_OF_MONTH, load.size, load.output_size(plan)
    completed, outputs, extra = plan.completed_days, plan.retention_days, plan.noncurrent_days
    standard = kind("GB-month STANDARD", prices.standard_gb_month)
    staged = size if output > CHUNK_BYTES else 0
    return [
        standard("completed files", period.stock(per_day, 0, completed) * size / GB),
        standard("outputs", period.stock(per_day, 0, outputs) * output / GB),
        standard(
            "noncurrent versions: completed files",
            period.stock(per_day, completed, completed + extra) * size / GB,
        ),
        standard(
            "noncurrent versions: outputs",
            period.stock(per_day, outputs, outputs + extra) * output / GB,
        ),
        standard("staged chunks", period.stock(per_day, 0, _STAGED_DAYS) * staged / GB),
        *archived(plan, load, prices, period),
    ]


def archived(plan: Plan, load: Load, prices: Prices, period: Period) -> list[Line]:
    """Return the storage of the archive, whose objects are outputs or bundles of them."""
    made = bundles.archived(plan, load)
    per_day, output = made.objects, made.size
    infrequent_days, glacier_days = archived_days(plan)
    copied, moved = plan.retention_days, plan.retention_days + plan.archive_days
    infrequent = period.stock(per_day, copied, copied + infrequent_days)
    frozen = period.stock(per_day, moved, moved + glacier_days)
    return [
        kind("GB-month STANDARD_IA", prices.standard_ia_gb_month)(
            "archived outputs", infrequent * max(output, IA_BYTES) / GB
        ),
        kind("GB-month GLACIER", prices.glacier_gb_month)(
            "archived outputs, with 32 KB more each", frozen * (output + GLACIER_BYTES) / GB
        ),
        kind("GB-month STANDARD", prices.standard_gb_month)(
            "index of GLACIER, 8 KB an object", frozen * GLACIER_INDEX_BYTES / GB
        ),
        *_indexes(plan, made, prices, period),
    ]


def _indexes(plan: Plan, made: Archived, prices: Prices, period: Period) -> list[Line]:
    """Return the storage of the bundles' indexes, which live as long as the bundles."""
    if not made.index_size:
        return []
    last = plan.retention_days + plan.expiration_days + plan.noncurrent_days
    dies = last if plan.expiration_days else FOREVER
    kept = period.stock(made.objects, plan.retention_days, dies)
    standard = kind("GB-month STANDARD", prices.standard_gb_month)
    return [standard("indexes of bundles", kept * made.index_size / GB)]
