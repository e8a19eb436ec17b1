"""Moves small outputs many at a time: as one bundle, which stands before any of them is deleted.

A kill between any two calls leaves a bundle that is not finished; the next run finishes it.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Final

from handlers import keys
from handlers.archive.context import RunContext
from handlers.archive.deletions import PASSED
from handlers.archive.finishing import Finishing, UnfinishedError
from handlers.archive.logs import Log
from handlers.archive.summary import Counts
from handlers.aws.failures import AccessDeniedError, GoneError, PermanentError, TransientError
from handlers.aws.object_info import STANDARD_IA, Location, ObjectInfo
from handlers.aws.objects import Storage
from handlers.aws.uploads import Upload
from handlers.bundles.entries import MAX_BUNDLE_BYTES, MAX_ENTRIES, UnbundledError, pack
from handlers.bundles.indexes import IndexWriter

# Outputs that are read ahead of the one that is packed: enough for all threads, little memory.
_AHEAD_OBJECTS: Final = 64
_AHEAD_BYTES: Final = 32 * 1024**2


# Java's GZIPInputStream, by which Athena reads, calls itself for each empty member in a row, and
# its stack ends at some 8,000: GZIPInputStream.java, read().
_MAX_EMPTY_IN_A_ROW: Final = 1_000
# Gzip of nothing has some 20 bytes; of a record, which has its `_metadata`, far more.
_LEAST_GZIP_BYTES: Final = 40


class NumberTakenError(Exception):
    """A bundle of the same number stands already.

    `first` is the first key that is not dealt with, `counts` is what was done before.
    """

    def __init__(self, first: str, counts: Counts | None = None) -> None:
        super().__init__(first)
        self.first = first
        self.counts = counts or Counts()


@dataclass(frozen=True, kw_only=True)
class _Read:
    """An output as it was read, or why it was not; neither, if there was no time."""

    source: ObjectInfo
    info: ObjectInfo | None = None
    body: bytes = b""
    tags: dict[str, str] | None = None
    error: Exception | None = None


class _OpenBundle:
    """A bundle that is being written."""

    def __init__(self, storage: Storage, bucket: str, log: Log) -> None:
        self.log = log
        self.index = IndexWriter()
        self.outputs: list[ObjectInfo] = []
        self._empty_in_a_row = 0
        self.upload = Upload(
            storage,
            Location(bucket=bucket, key=log.next_key()),
            content_type="application/gzip",
            storage_class=STANDARD_IA,
        )

    @property
    def is_full(self) -> bool:
        return (
            self.upload.size >= MAX_BUNDLE_BYTES
            or len(self.outputs) >= MAX_ENTRIES
            or self._empty_in_a_row >= _MAX_EMPTY_IN_A_ROW
        )

    def add(self, read: _Read, info: ObjectInfo) -> None:
        """Add an output. Raises UnbundledError, and TransientError where a part is not stored."""
        entry, packed = pack(
            read.body,
            key=info.location.key,
            etag=read.source.etag,
            modified=info.modified,
            headers=info.headers,
            metadata=info.metadata,
            tags=read.tags or {},
            offset=self.upload.size,
        )
        # All that is needed to delete it: a hundred thousand of these are held.
        self.outputs.append(read.source)
        self.index.add(entry)
        is_empty = entry.size < (_LEAST_GZIP_BYTES if entry.is_gzip else 1)
        self._empty_in_a_row = self._empty_in_a_row + 1 if is_empty else 0
        self.upload.write(packed)


class Bundling:
    """Bundles outputs that are given in the order of their keys, a log's together."""

    def __init__(self, context: RunContext, finishing: Finishing) -> None:
        self._storage = context.storage
        self._archive_bucket = context.environment.archive_bucket
        self._log = context.log
        self._deadline = context.deadline
        self._pool = context.pool
        self._finishing = finishing
        self._open: _OpenBundle | None = None

    def move(
        self, outputs: Sequence[ObjectInfo], log: Log
    ) -> tuple[Counts, list[ObjectInfo], ObjectInfo | None]:
        """Add outputs to the open bundle of a log.

        Returns the counts, what a bundle cannot hold, and the first that there was no time for.
        They are moved only when their bundle is closed. Raises NumberTakenError.
        """
        counts, alone = Counts(), list[ObjectInfo]()
        if self._open and self._open.log is not log:
            counts += self.close()
        for read in self._read_ahead(outputs):
            if read.error:
                counts += self._unmoved(read.source, read.error)
            elif not read.info:
                return counts, alone, read.source
            elif keys.SOURCE_VERSION not in read.info.metadata:
                alone.append(read.source)
            else:
                try:
                    counts += self._add(read, read.info, log, alone)
                except NumberTakenError as taken:
                    first = min([taken.first, *(one.location.key for one in alone)])
                    raise NumberTakenError(first, counts) from taken
        return counts, alone, None

    def _add(self, read: _Read, info: ObjectInfo, log: Log, alone: list[ObjectInfo]) -> Counts:
        try:
            bundle = self._open or _OpenBundle(self._storage, self._archive_bucket, log)
        except PermanentError as error:  # the log is full
            return self._unmoved(read.source, error)
        self._open = bundle
        try:
            bundle.add(read, info)
        except UnbundledError as error:
            self._log.warning("archived by itself", key=info.location.key, reason=str(error))
            alone.append(read.source)
        except (TransientError, PermanentError, GoneError) as error:
            return self._fail(bundle, error)
        return self.close() if bundle.is_full else Counts()

    def close(self) -> Counts:
        """Commit the open bundle, if there is one, and delete what it holds.

        Raises NumberTakenError if one of its number stands already: another run's, or this one
        though S3 did not say so. Raises AccessDeniedError, since that is so for each.
        """
        bundle, self._open = self._open, None
        if not bundle or not bundle.outputs:
            if bundle:
                bundle.upload.abort()
            return Counts()
        try:
            bundle.upload.commit()
        except (*PASSED, TransientError, PermanentError) as error:
            # A commit that was answered late, and so was repeated, finds its upload gone.
            if isinstance(error, PASSED) or self._stands(bundle.upload.location):
                bundle.upload.abort()
                raise NumberTakenError(bundle.index.first) from error
            return self._fail(bundle, error)
        key = bundle.upload.location.key
        bundle.log.add(key)
        try:
            bundle.upload.check()
            return self._finishing.finish(key, bundle.index, bundle.outputs)
        except UnfinishedError as error:
            self._log.warning("bundle not finished", key=key, reason=str(error))
            return error.counts
        except (TransientError, PermanentError, GoneError) as error:
            return self._fail(bundle, error)

    def abandon(self) -> None:
        """Drop the open bundle; what it was to hold stays where it is."""
        if self._open:
            self._open.upload.abort()
            self._open = None

    def _stands(self, bundle: Location) -> bool:
        """Return whether there is a bundle after a commit of unknown outcome, whoever's it is."""
        try:
            return self._storage.describe(bundle) is not None
        except (TransientError, PermanentError):
            return False  # nor is that known: a later run finds it, if it is there

    def _fail(self, bundle: _OpenBundle, error: Exception) -> Counts:
        """Count the outputs of a bundle as failed; they are where they were, for the next run."""
        self._open = None
        bundle.upload.abort()
        if isinstance(error, AccessDeniedError):
            raise error
        where = bundle.upload.location.key
        self._log.warning("bundle not finished", key=where, reason=str(error))
        return Counts(failed=len(bundle.outputs))

    def _unmoved(self, source: ObjectInfo, error: Exception) -> Counts:
        if isinstance(error, PASSED):
            return Counts(skipped=1)
        self._log.warning("not archived", key=source.location.key, reason=str(error))
        return Counts(failed=1, denied=int(isinstance(error, AccessDeniedError)))

    def _read_ahead(self, outputs: Sequence[ObjectInfo]) -> Iterator[_Read]:
        waiting: deque[tuple[ObjectInfo, Future[_Read]]] = deque()
        held = 0
        for source in outputs:
            waiting.append((source, self._pool.submit(self._read, source)))
            held += source.size
            while waiting and (len(waiting) > _AHEAD_OBJECTS or held > _AHEAD_BYTES):
                first, future = waiting.popleft()
                held -= first.size
                yield future.result()
        for _, future in waiting:
            yield future.result()

    def _read(self, source: ObjectInfo) -> _Read:
        if self._deadline.remaining_seconds() <= 0:
            return _Read(source=source)
        try:
            opened = self._storage.open(source.location, etag=source.etag)
            body = b"".join(opened.blocks())
            tags = self._storage.tags(source.location) if opened.info.tag_count else {}
        except (*PASSED, TransientError, PermanentError) as error:
            return _Read(source=source, error=error)
        info = replace(opened.info, location=source.location)
        return _Read(source=source, info=info, body=body, tags=tags)
