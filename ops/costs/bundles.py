"""What the outputs of a month are in the archive: objects of their own, or bundles. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from handlers.bundles.entries import MAX_BUNDLE_BYTES, MAX_ENTRIES
from ops.costs.plans import COMPRESSED, DAYS_OF_MONTH, Load, Plan

_KIB: Final = 1024
# Parts of an upload, as handlers/aws/uploads.py sends them.
_PART_BYTES: Final = 8 * 1024**2
# Beside the parts of a large bundle: create and complete the upload.
_UPLOAD_REQUESTS: Final = 2
FULL_BUNDLE_REQUESTS: Final = MAX_BUNDLE_BYTES // _PART_BYTES + _UPLOAD_REQUESTS
# Measured with the metadata that outputs have: an entry's description in its bundle, and its line
# in the index, compressed.
_DESCRIPTION_BYTES: Final = 600
_INDEX_LINE_BYTES: Final = 70


@dataclass(frozen=True, kw_only=True)
class Archived:
    """What a day's outputs become: so many objects of so many bytes, each with its index.

    `requests` are the writes that each takes, by the price of STANDARD_IA, and `gets` the outputs
    that are read for it; those that are copied are not read.
    """

    objects: float
    size: float
    requests: float = 1
    gets: float = 0
    index_size: float = 0


def archived(plan: Plan, load: Load) -> Archived:
    """Return what the outputs of one day of an even month are in the archive."""
    outputs, size = load.files / DAYS_OF_MONTH, load.output_size(plan)
    if not is_bundling(plan, load):
        return Archived(objects=outputs, size=size)
    entry = _DESCRIPTION_BYTES + load.size * COMPRESSED
    # One run a day, and each of the invocations that share it writes bundles of its own.
    full = max(outputs / MAX_ENTRIES, outputs * entry / MAX_BUNDLE_BYTES)
    bundles = min(outputs, max(math.ceil(full), plan.archive_concurrency))
    each = outputs / bundles
    parts = math.ceil(each * entry / _PART_BYTES)
    return Archived(
        objects=bundles,
        size=each * entry,
        requests=1 if parts <= 1 else parts + _UPLOAD_REQUESTS,
        gets=each,
        index_size=each * _INDEX_LINE_BYTES,
    )


def is_bundling(plan: Plan, load: Load) -> bool:
    """Return whether the outputs of a load go into bundles."""
    small = load.output_size(plan) < plan.bundle_below_kb * _KIB
    return plan.archive_bundles and small and load.files > 0
