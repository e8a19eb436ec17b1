"""Writes a file's records chunk by chunk: one chunk stays in memory, more are staged."""

import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

from handlers import __version__
from handlers.aws.failures import OutOfTimeError, TakenError, TransientError
from handlers.delivery.progress import Progress
from handlers.delivery.staging import CHUNK_BYTES, Staging
from handlers.invocation.deadline import Deadline
from handlers.transform.datasets.dataset import Dataset
from handlers.transform.expansion import ExpansionError, check_expansion
from handlers.transform.files import is_utf8, record_encoder, transform
from handlers.transform.formats.batch import START, BadFileError, Batch, Position
from handlers.transform.formats.text import UTF8, NotUtf8Error
from handlers.transform.records.encoder import metadata_tail

_GZIP_LEVEL: Final = 1  # a third of the time of level 6, for a few per cent more bytes
_GZIP_WINDOW_BITS: Final = 16 + zlib.MAX_WBITS  # gzip; zlib writes no time into its header


class Chunk:
    """The output lines and rejects of some batches; if compressed, one gzip member."""

    def __init__(self, *, compressed: bool) -> None:
        self._pack = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW_BITS) if compressed else None
        self._lines: list[bytes] = []
        self._rejects: list[bytes] = []
        self.size = 0

    def add(self, batch: Batch) -> int:
        """Add a batch and return its bytes, before compression.

        `size` becomes the larger of the bytes of lines and of rejects.
        """
        pack = self._pack
        lines = [pack.compress(part) for part in batch.lines] if pack else batch.lines
        rejects = [reject.line() for reject in batch.rejects]
        self._lines += lines
        self._rejects += rejects
        reject_bytes = sum(map(len, rejects))
        self.size += max(sum(map(len, lines)), reject_bytes)
        return sum(map(len, batch.lines)) + reject_bytes

    def close(self) -> tuple[bytes, bytes]:
        """Return the bytes of the lines and of the rejects."""
        if self._pack:
            self._lines.append(self._pack.flush())
        return b"".join(self._lines), b"".join(self._rejects)


@dataclass(frozen=True, kw_only=True)
class Written:
    """All of a file's output: in `lines` and `rejects`, or in staged chunks if `staged`."""

    progress: Progress
    staged: bool
    lines: bytes = b""
    rejects: bytes = b""


@dataclass(frozen=True, kw_only=True)
class FileWriter:
    """Writes the chunks of one file."""

    source: Callable[[int], Iterator[bytes]]
    suffix: str
    staging: Staging
    deadline: Deadline
    environment: str
    compressed: bool
    source_bytes: int
    max_expansion: int
    fallback_encoding: str | None = None
    forced_encoding: str = ""  # instead of UTF-8 and the fallback
    dataset: Dataset | None = None

    def latest(self) -> Progress | None:
        """Return the progress of staged chunks, or None; those of a second reading come first."""
        second = self.forced_encoding or self.fallback_encoding
        again = self.staging.of(second).latest() if second else None
        return again or self.staging.latest()

    def begin(self, processed_at: datetime) -> Progress:
        """Return the progress of a file at its start."""
        encoding = UTF8 if self.fallback_encoding else ""
        return Progress(processed_at=processed_at, encoding=self.forced_encoding or encoding)

    def write(self, progress: Progress) -> Written | Progress:
        """Write the file from the position of `progress`; return all of it, or the progress made.

        Goes on after chunks that other invocations have staged. A file that turns out not to be
        UTF-8 is read again from its start in the fallback encoding, if one is set. The chunks of
        the first reading stay: if time runs out before the second reading has a chunk, the next
        invocation still knows how far the first one came.

        Raises:
            BadFileError: the file as a whole is broken, or its output too large.
            TransientError: an AWS call failed, or there was no time for a single batch.
        """
        begun = progress.position
        while not progress.complete:
            try:
                written = self._write(progress)
            except TakenError:
                progress = self._latest(progress.encoding)
                continue
            except (NotUtf8Error, BadFileError) as error:
                if isinstance(error, BadFileError) and not self._may_be_read_again(progress, error):
                    raise
                again = self.fallback_encoding or ""
                progress = Progress(processed_at=progress.processed_at, encoding=again)
                begun = progress.position
                continue
            if isinstance(written, Progress) and written.position == begun:
                msg = "the time-out is too short to get any further with this file"
                raise TransientError(msg)
            return written
        return Written(progress=progress, staged=True)

    def _may_be_read_again(self, progress: Progress, error: BadFileError) -> bool:
        """Return whether a file that is broken as UTF-8 holds bytes that are not UTF-8."""
        if progress.encoding != UTF8 or isinstance(error, ExpansionError):
            return False
        try:
            return not is_utf8(self._guarded, self.suffix)
        except (BadFileError, OutOfTimeError):
            return False

    def _latest(self, encoding: str) -> Progress:
        progress = self.staging.of(encoding).latest()
        if not progress:
            msg = "the chunks of this file were removed while it was processed"
            raise TransientError(msg)
        return progress

    def _write(self, begun: Progress) -> Written | Progress:
        tail = metadata_tail(
            processed_at=begun.processed_at,
            environment=self.environment,
            processor_version=__version__,
        )
        encoder = record_encoder(tail, self.dataset)
        progress, start = begun, begun.position
        chunk = Chunk(compressed=self.compressed)
        encoding = begun.encoding
        with _Uploads(self.staging.of(encoding)) as uploads:
            try:
                for batch in transform(
                    self._guarded, self.suffix, encoder, start, encoding=encoding
                ):
                    renamed = begun.counts.renamed + encoder.renamed
                    progress = progress.after(batch, renamed=renamed, size=chunk.add(batch))
                    self._check_expansion(progress)
                    if chunk.size >= CHUNK_BYTES:
                        progress = uploads.add(start, chunk, progress)
                        start, chunk = progress.position, Chunk(compressed=self.compressed)
            except OutOfTimeError:
                return self._cut(uploads, start, chunk, progress)
            progress = replace(progress, complete=True)
            if not uploads.used and begun.position == START:
                lines, rejects = chunk.close()
                return Written(progress=progress, staged=False, lines=lines, rejects=rejects)
            progress = uploads.add(start, chunk, progress)
            uploads.finish()
        return Written(progress=progress, staged=True)

    def _check_expansion(self, progress: Progress) -> None:
        check_expansion(
            progress.output_bytes,
            source_bytes=self.source_bytes,
            max_expansion=self.max_expansion,
        )

    def _guarded(self, offset: int) -> Iterator[bytes]:
        return self.deadline.guard(self.source(offset))

    def _cut(
        self,
        uploads: "_Uploads",
        start: Position,
        chunk: Chunk,
        progress: Progress,
    ) -> Progress:
        try:
            if start != progress.position:
                progress = uploads.add(start, chunk, progress)
            uploads.finish()
        except TakenError:
            return self._latest(progress.encoding)
        return progress


class _Uploads:
    """Writes one chunk at a time, in order, while the next one is made."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._pool: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None

    @property
    def used(self) -> bool:
        return self._pool is not None

    def add(self, start: Position, chunk: Chunk, progress: Progress) -> Progress:
        """Write a chunk after those before it; return the progress with it.

        Raises what went wrong with the chunks before.
        """
        self.finish()
        self._pool = self._pool or ThreadPoolExecutor(1)
        lines, rejects = chunk.close()
        progress = progress.staged(lines, rejects)
        self._running = self._pool.submit(self._staging.add, start, lines, rejects, progress)
        return progress

    def finish(self) -> None:
        running, self._running = self._running, None
        if running:
            running.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(wait=True)
