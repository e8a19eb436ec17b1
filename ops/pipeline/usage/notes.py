"""What `status` says about money: settings that lose it at the measured load."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from ops import aws
from ops.aws import Account
from ops.costs.losses import losses
from ops.costs.periods import Period
from ops.costs.prices import REGIONS
from ops.pipeline.usage import measures, settings

_DAYS: Final = 14
# What is less is not worth a line.
_DOLLARS: Final = Decimal(1)
# Where the archive is kept for ever, there is no steady state.
_MONTH: Final = 12


def money(account: Account, now: datetime) -> tuple[str, ...]:
    """Return a sentence for each setting that loses a dollar a month or more.

    A note never fails a command: if something cannot be read, the sentence says so. Where the
    region's prices are not known, there is none, nor on the local pipeline, which costs nothing.
    """
    prices = REGIONS.get(account.stack.region)
    if prices is None or account.stack.endpoint_url:
        return ()
    try:
        found = settings.read(account)
        usage = measures.collect(account, found, now, days=_DAYS, count=False)
    except aws.AwsError as error:
        return (f"what settings lose is not known: {aws.explain(error)}",)
    period = Period(None if found.plan.expiration_days else _MONTH)
    return tuple(
        f"{loss.setting} loses about ${loss.dollars:,.2f} a month; better {loss.advice} (`cost`)"
        for loss in losses(found.plan, usage.load, prices, period)
        if loss.dollars >= _DOLLARS
    )
