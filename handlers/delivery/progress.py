"""How far a file is processed: record counts, position, and chunks staged so far."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Final, Self

from handlers import keys
from handlers.aws.failures import PermanentError
from handlers.transform.formats.batch import START, Batch, Position

_REASON_CHARACTERS: Final = 200  # of the first reject: metadata hold 2 KB


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Records of a file: `records_in` is the sum of the other three kinds."""

    written: int = 0
    rejected: int = 0
    empty: int = 0
    renamed: int = 0

    @property
    def records_in(self) -> int:
        """Return how many records were read."""
        return self.written + self.rejected + self.empty

    def plus(self, *, written: int, rejected: int, empty: int, renamed: int) -> "Counts":
        """Return these counts with more records added; `renamed` replaces the old count."""
        return Counts(
            written=self.written + written,
            rejected=self.rejected + rejected,
            empty=self.empty + empty,
            renamed=renamed,
        )

    def to_metadata(self) -> dict[str, str]:
        """Return the counts as the metadata of an output."""
        return {
            keys.RECORDS_IN: str(self.records_in),
            keys.RECORDS_OUT: str(self.written),
            keys.RECORDS_REJECTED: str(self.rejected),
            keys.RECORDS_EMPTY: str(self.empty),
            keys.FIELDS_RENAMED: str(self.renamed),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Self:
        """Return the counts in an output's metadata; a missing one is 0."""
        return cls(
            written=int(metadata.get(keys.RECORDS_OUT, 0)),
            rejected=int(metadata.get(keys.RECORDS_REJECTED, 0)),
            empty=int(metadata.get(keys.RECORDS_EMPTY, 0)),
            renamed=int(metadata.get(keys.FIELDS_RENAMED, 0)),
        )


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far one file is processed."""

    processed_at: datetime  # the same for all of its records, whichever invocation wrote them
    position: Position = START
    counts: Counts = field(default_factory=Counts)
    first_reject: str = ""
    complete: bool = False
    encoding: str = ""  # as `handlers.transform.files.transform` takes it
    output_bytes: int = 0  # of lines and rejects, before compression
    # What is staged so far. If a listing shows anything else, chunks were lost.
    chunks: int = 0
    line_bytes: int = 0
    reject_bytes: int = 0

    def after(self, batch: Batch, *, renamed: int, size: int) -> Self:
        """Return the progress after a batch.

        `renamed` counts all renamed fields so far; `size` is the batch's output in bytes.
        """
        counts = self.counts.plus(
            written=batch.written, rejected=len(batch.rejects), empty=batch.empty, renamed=renamed
        )
        first = self.first_reject
        if not first and batch.rejects:
            first = f"{batch.rejects[0].place}: {batch.rejects[0].reason}"
        return replace(
            self,
            position=batch.after,
            counts=counts,
            first_reject=first,
            output_bytes=self.output_bytes + size,
        )

    def staged(self, lines: bytes, rejects: bytes) -> Self:
        """Return the progress with one more chunk staged."""
        return replace(
            self,
            chunks=self.chunks + 1,
            line_bytes=self.line_bytes + len(lines),
            reject_bytes=self.reject_bytes + len(rejects),
        )

    def to_metadata(self) -> dict[str, str]:
        """Return the progress as the metadata of the chunk that ends here."""
        counts = {name: str(value) for name, value in asdict(self.counts).items()}
        return counts | {
            "processed-at": self.processed_at.isoformat(),
            "offset": str(self.position.offset),
            "number": str(self.position.number),
            "lines-end": str(self.position.lines_end),
            "first-reject": keys.encode_value(self.first_reject[:_REASON_CHARACTERS]),
            "complete": str(self.complete).lower(),
            "encoding": self.encoding,
            "output-bytes": str(self.output_bytes),
            "chunks": str(self.chunks),
            "line-bytes": str(self.line_bytes),
            "reject-bytes": str(self.reject_bytes),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Self:
        """Return the progress that `to_metadata` wrote."""
        return cls(
            processed_at=datetime.fromisoformat(metadata["processed-at"]),
            position=Position(*(int(metadata[name]) for name in ("offset", "number", "lines-end"))),
            counts=Counts(**{part.name: int(metadata[part.name]) for part in fields(Counts)}),
            first_reject=keys.decode_value(metadata["first-reject"]),
            complete=metadata["complete"] == "true",
            encoding=metadata["encoding"],
            output_bytes=int(metadata["output-bytes"]),
            chunks=int(metadata["chunks"]),
            line_bytes=int(metadata["line-bytes"]),
            reject_bytes=int(metadata["reject-bytes"]),
        )


def check_rejects(progress: Progress, max_rejected_percent: float) -> None:
    """Raise PermanentError if more of a file's records are bad than are allowed, in percent."""
    rejected, records = progress.counts.rejected, progress.counts.records_in
    if rejected * 100 <= max_rejected_percent * records:
        return
    place, _, reason = progress.first_reject.partition(": ")
    share = f"{rejected} of {records} records are bad ({100 * rejected / records:.1f} %)"
    msg = f"{share}, allowed: {max_rejected_percent:g} %; the first: {reason}"
    raise PermanentError(msg, place)
