"""What a restore costs, by AWS's list prices. Pure.

Those of the region and date below, from https://aws.amazon.com/s3/pricing/, in US dollars; other
regions are up to a half dearer. A GB is 1024³ bytes.
"""

from dataclasses import dataclass
from typing import Final

from ops.archive.retrievals import Tier

REGION: Final = "US East (N. Virginia)"
AS_OF: Final = "June 2026"

RETRIEVAL_USD_PER_GB: Final = {Tier.BULK: 0.0, Tier.STANDARD: 0.01, Tier.EXPEDITED: 0.03}
RETRIEVAL_USD_PER_REQUEST: Final = {Tier.BULK: 0.0, Tier.STANDARD: 0.00005, Tier.EXPEDITED: 0.01}
IA_RETRIEVAL_USD_PER_GB: Final = 0.01
STANDARD_USD_PER_GB_MONTH: Final = 0.023  # of the temporary copies, and of restored/
PUT_USD_PER_REQUEST: Final = 0.000005  # a copy too
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


def retrieval(amount: Amount, tier: Tier, days: int) -> float:
    """Return the dollars for retrieving objects of GLACIER, readable for some days."""
    return (
        amount.objects * RETRIEVAL_USD_PER_REQUEST[tier]
        + amount.gigabytes * RETRIEVAL_USD_PER_GB[tier]
        + amount.gigabytes * STANDARD_USD_PER_GB_MONTH * days / _MONTH_DAYS
    )


def reading_ia(amount: Amount) -> float:
    """Return the dollars for reading objects of STANDARD_IA, before the requests."""
    return amount.gigabytes * IA_RETRIEVAL_USD_PER_GB


def copying(amount: Amount) -> float:
    """Return the dollars for copies in `restored/` that are kept for a month."""
    return amount.objects * PUT_USD_PER_REQUEST + amount.gigabytes * STANDARD_USD_PER_GB_MONTH


def downloading(amount: Amount) -> float:
    """Return the dollars for reading objects from outside of AWS."""
    return amount.objects * IA_GET_USD_PER_REQUEST + amount.gigabytes * TRANSFER_OUT_USD_PER_GB
