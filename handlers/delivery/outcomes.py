"""What becomes of a file in one invocation."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from handlers import keys
from handlers.aws.failures import LoopError
from handlers.aws.object_info import ObjectInfo
from handlers.delivery.conversion import Converted, dataset_of
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

    @classmethod
    def made(
        cls, converted: Converted, output_key: str, *, source_bytes: int, repeated: bool = False
    ) -> Self:
        """Return that the output of a file is stored at a key."""
        return cls(
            counts=converted.counts,
            output_key=output_key,
            source_bytes=source_bytes,
            source_encoding=converted.encoding,
            repeated=repeated,
            dataset=converted.form.to_metadata(),
        )

    @classmethod
    def found(cls, output: ObjectInfo, *, source_bytes: int) -> Self:
        """Return that an earlier delivery has stored an output."""
        told = output.metadata
        return cls(
            counts=Counts.from_metadata(told),
            output_key=output.location.key,
            source_bytes=source_bytes,
            source_encoding=told.get(keys.SOURCE_ENCODING, ""),
            repeated=True,
            dataset=dataset_of(told),
        )


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
