"""What a query costs, by Athena's list price. Pure.

The price of us-east-1, which most regions share, as of November 2026, from
https://aws.amazon.com/athena/pricing/. S3's requests and the results' storage come on top.
"""

from decimal import Decimal
from typing import Final

USD_PER_TB: Final = Decimal(5)
# Athena rounds up to a whole megabyte, and charges 10 of them at least.
_LEAST_MB: Final = 10
_MB: Final = 10**6
_MB_A_TB: Final = 10**6


def dollars(bytes_read: int) -> Decimal:
    """Return the price in US dollars of a query that read some bytes."""
    if not bytes_read:
        return Decimal(0)
    megabytes = max(-(-bytes_read // _MB), _LEAST_MB)
    return USD_PER_TB * megabytes / _MB_A_TB
