"""What a restore costs, by AWS's list prices. Pure.

Storage and copies are by `ops.costs.prices`. Here is what only a restore needs: retrieval, reading
and transfer, in US dollars, of the region and date below, from https://aws.amazon.com/s3/pricing/.
Other regions are up to a half dearer. A GB is 1024³ bytes.
"""

from dataclasses import dataclass
from typing import Final

from ops.archive.retrievals import Tier
from ops.costs.prices import Prices

REGION: Final = "us-east-1"
AS_OF: Final = "June 2026"

RETRIEVAL_USD_PER_GB: Final = {Tier.BULK: 0.0, Tier.STANDARD: 0.01, Tier.EXPEDITED: 0.03}
RETRIEVAL_USD_PER_REQUEST: Final = {Tier.BULK: 0.0, Tier.STANDARD: 0.00005, Tier.EXPEDITED: 0.01}
IA_RETRIEVAL_USD_PER_GB: Final = 0.01
IA_GET_USD_PER_REQUEST: Final = 0.000001
# To the Internet, the first 10 TB a month; the first 100 GB of an account are free.
TRANSFER_OUT_USD_PER_GB: Final = 0.09

_GB: Final = 1024**3
_MONTH_DAYS: Final = 30


@dataclass(frozen=True, kw_only=True)
class Amount:
    """A number of objects, and their bytes together."""

    objects: int
    size: int

    @property
    def gigabytes(self) -> float:
        """The size in GB."""
        return self.size / _GB


def retrieval(amount: Amount, tier: Tier, days: int, prices: Prices) -> float:
    """Return the dollars for retrieving objects of GLACIER, readable for some days."""
    return (
        amount.objects * RETRIEVAL_USD_PER_REQUEST[tier]
        + amount.gigabytes * RETRIEVAL_USD_PER_GB[tier]
        + amount.gigabytes * float(prices.standard_gb_month) * days / _MONTH_DAYS
    )


def reading_ia(amount: Amount) -> float:
    """Return the dollars for reading objects of STANDARD_IA, before the requests."""
    return amount.gigabytes * IA_RETRIEVAL_USD_PER_GB


def copying(amount: Amount, prices: Prices) -> float:
    """Return the dollars for copies in `restored/` that are kept for a month."""
    requests = amount.objects * float(prices.writes_1000) / 1_000
    return requests + amount.gigabytes * float(prices.standard_gb_month)


def downloading(amount: Amount) -> float:
    """Return the dollars for reading objects from outside of AWS."""
    return amount.objects * IA_GET_USD_PER_REQUEST + amount.gigabytes * TRANSFER_OUT_USD_PER_GB
