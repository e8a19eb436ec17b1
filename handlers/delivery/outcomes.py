"""What becomes of a file in one invocation."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from handlers.aws.failures import LoopError
from handlers.delivery.progress import Counts, Progress
from handlers.invocation.events import Reference

# Each continuation handles about 5 GB, so 10,000 cover S3's largest object, 50 TB.
_MAX_CONTINUATIONS: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A version has its output, and its original is in `completed/`."""

    counts: Counts
    output_key: str
    source_bytes: int
    source_encoding: str = ""  # what the file was read as, where it was not UTF-8
    repeated: bool = False  # an earlier delivery had stored the output
    # The dataset's name and version, as the output's metadata has them; empty without a dataset.
    dataset: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Continued:
    """A large file is partly processed; a later invocation goes on from there."""

    reference: Reference
    progress: Progress

    @classmethod
    def of(cls, reference: Reference, progress: Progress) -> Self:
        """Return that the next invocation continues; raises LoopError above a limit."""
        if reference.continuations >= _MAX_CONTINUATIONS:
            msg = f"{reference.continuations} invocations have not brought it to an end"
            raise LoopError(msg)
        following = replace(reference, continuations=reference.continuations + 1)
        return cls(reference=following, progress=progress)


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """The object is no file to process."""

    reason: str
