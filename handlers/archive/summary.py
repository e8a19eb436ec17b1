"""What a run of the archiver has done. Pure."""

from dataclasses import dataclass, fields
from typing import Final, Self

# A whole page of deletes failed: the cause is not a single key.
_HOPELESS_DELETES: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Numbers of objects, and bytes, that add up; `moved` is by both ways together."""

    moved: int = 0
    moved_bytes: int = 0
    bundled: int = 0  # of the moved
    bundled_bytes: int = 0
    bundles: int = 0  # that are finished: a bundle counts once, in the run that stores its index
    bundle_bytes: int = 0  # as stored
    bundle_requests: int = 0  # that stored them
    failed: int = 0
    skipped: int = 0  # too young, changed or moved meanwhile, or not an output
    denied: int = 0  # of the failed: a permission is missing
    undeleted: int = 0  # of the failed: copied, but not deleted
    unindexed: int = 0  # bundles without an index, for more than a day

    def __add__(self, other: Self) -> "Counts":
        """Return the sums of both."""
        return Counts(
            **{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        )

    @property
    def hopeless(self) -> bool:
        """Return whether deletes fail throughout, so that each night would copy all again."""
        return not self.moved and self.undeleted >= _HOPELESS_DELETES


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How far a run has come: `position` is the last key that is dealt with.

    `most_shards` is the largest number of shards of a day that it came by.
    """

    counts: Counts = Counts()
    position: str = ""
    complete: bool = False
    most_shards: int = 1
