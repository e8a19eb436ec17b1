"""What bundles save, by AWS's list prices. Pure.

Of us-east-1, in US dollars, from https://aws.amazon.com/s3/pricing/; other regions are dearer.
"""

from typing import Final

from handlers.archive.summary import Counts

_PUT_TO_IA: Final = 0.01 / 1000  # of a copy, too
_TRANSITION_TO_GLACIER: Final = 0.03 / 1000
_GET: Final = 0.0004 / 1000
_PUT: Final = 0.005 / 1000
_IA_GB_DAY: Final = 0.0125 / 30
_IA_LEAST_BYTES: Final = 128 * 1024
# Of the day's bundles, of their indexes, and of copies of what a bundle holds.
_LISTINGS_A_BUNDLE: Final = 3
_GB: Final = 1024**3


def saved_dollars(counts: Counts, *, archive_days: int) -> float:
    """Return what the bundled outputs would have cost one by one, less what their bundles cost.

    Requests, transitions, and the days in STANDARD_IA, which bills each object as 128 KB at least.
    """
    alone = counts.bundled * (_PUT_TO_IA + _TRANSITION_TO_GLACIER)
    alone += _stored(max(counts.bundled * _IA_LEAST_BYTES, counts.bundled_bytes), archive_days)
    together = counts.bundled * _GET + counts.bundle_requests * _PUT_TO_IA
    # Beside its own puts, a bundle has its transition, one look at it, its index, and listings.
    a_bundle = _TRANSITION_TO_GLACIER + _GET + _PUT + _LISTINGS_A_BUNDLE * _PUT
    together += counts.bundles * a_bundle
    together += _stored(max(counts.bundles * _IA_LEAST_BYTES, counts.bundle_bytes), archive_days)
    return alone - together


def _stored(size: int, days: int) -> float:
    return size / _GB * _IA_GB_DAY * days
