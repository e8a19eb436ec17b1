"""Finishes bundles: what one holds is deleted wherever else it is, and then it gets its index.

So a bundle with an index is finished. A run that was killed leaves one without; since a bundle
alone tells what it holds, any later run finishes it.
"""

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from handlers import keys
from handlers.archive.context import RunContext
from handlers.archive.deletions import PASSED, Deletions
from handlers.archive.summary import Counts
from handlers.aws.failures import (
    AccessDeniedError,
    GoneError,
    PermanentError,
    TakenError,
    TransientError,
)
from handlers.aws.object_info import Location, ObjectInfo
from handlers.aws.uploads import requests
from handlers.bundles.day_logs import DayLogs
from handlers.bundles.entries import Entry
from handlers.bundles.indexes import IndexWriter, find_all

# A run that is still at work on a bundle takes minutes.
_OVERDUE: Final = timedelta(days=1)


class UnfinishedError(TransientError):
    """A bundle stands and has no index yet; `counts` is what was moved nevertheless."""

    def __init__(self, reason: str, counts: Counts) -> None:
        super().__init__(reason)
        self.counts = counts


class Finishing:
    """Finishes bundles of the archive bucket."""

    def __init__(self, context: RunContext, logs: DayLogs, deletions: Deletions) -> None:
        self._storage = context.storage
        self._archive_bucket = context.environment.archive_bucket
        self._processed_bucket = context.environment.processed_bucket
        self._log = context.log
        self._deadline = context.deadline
        self._logs = logs
        self._deletions = deletions
        self._left = Counts()

    def finish(self, bundle: str, index: IndexWriter, outputs: Sequence[ObjectInfo]) -> Counts:
        """Delete the outputs of a bundle, then copies of them in `archive/`; store its index.

        A one-by-one run may have copied an output while it was bundled. It looks for bundles after
        its copy stands; and it can make no copy any more once the output is deleted, so the copies
        are looked for after that. One of the two sees the other, whoever is killed.

        Raises UnfinishedError where an output cannot be deleted, or what comes after that fails:
        the bundle has no index then, and the next run finishes it. Raises AccessDeniedError.
        """
        deleted = self._deletions.delete(outputs)
        counts = replace(deleted, bundled=deleted.moved, bundled_bytes=deleted.moved_bytes)
        if deleted.undeleted:
            msg = f"{deleted.undeleted} outputs that {bundle} holds cannot be deleted"
            raise UnfinishedError(msg, counts)
        try:
            packed = index.finish()
            self._drop_copies(packed, [one.location.key for one in outputs])
            if not self._put_index(bundle, packed, index):
                return counts  # another run has stored it, and counts the bundle
        except AccessDeniedError:
            raise
        except (*PASSED, TransientError, PermanentError) as error:
            raise UnfinishedError(str(error), counts) from error
        size = index.bundle_bytes
        return counts + Counts(bundles=1, bundle_bytes=size, bundle_requests=requests(size))

    def finish_left(self, bundle: str) -> None:
        """Finish a bundle that has no index, by what it holds; `take_counts` tells what was moved.

        Raises UnfinishedError; where it cannot be read, PermanentError, TransientError and
        GoneError.
        """
        index, outputs = IndexWriter(), list[ObjectInfo]()
        for entry in self._logs.entries(bundle):
            index.add(entry)
            outputs.append(self._output(entry))
        try:
            counts = self.finish(bundle, index, outputs)
        except UnfinishedError as error:
            # What stays counts as failed where the walk comes by.
            self._left += replace(error.counts, skipped=0, failed=0, undeleted=0, denied=0)
            raise
        self._left += replace(counts, skipped=0)  # what was deleted before is not skipped

    def take_counts(self) -> Counts:
        """Return what finishing bundles that were left has moved since the last call of this."""
        left, self._left = self._left, Counts()
        return left

    def finish_all(self, now: datetime) -> Counts:
        """Finish every bundle without an index; count those older than a day that keep none.

        `take_counts` tells what was moved.

        Two listings; one where there are no bundles. Half of the time at most, since a run also has
        to get on with what is due: the rest is left for later runs.
        """
        bundles = {
            one.location.key: one.modified
            for page in self._storage.list_pages(self._archive_bucket, keys.BUNDLES)
            for one in page
            if keys.bundle_number(one.location.key) is not None
        }
        if not bundles:
            return Counts()
        for page in self._storage.list_pages(self._archive_bucket, keys.BUNDLE_INDEXES):
            for one in page:
                bundles.pop(keys.indexed_bundle_key(one.location.key), None)
        counts = Counts()
        for bundle, modified in bundles.items():
            if self._deadline.remaining_seconds() < self._deadline.granted_seconds / 2:
                break
            counts += self._finish_old(bundle, modified, now)
        return counts

    def _finish_old(self, bundle: str, modified: datetime, now: datetime) -> Counts:
        try:
            self.finish_left(bundle)
        except GoneError:
            pass
        except (PermanentError, TransientError) as error:
            # One whose KMS key is disabled, say, holds up no other.
            self._log.error("bundle without index", key=bundle, reason=str(error))
            return Counts(
                unindexed=int(modified <= now - _OVERDUE),
                denied=int(isinstance(error, AccessDeniedError)),
            )
        return Counts()

    def _output(self, entry: Entry) -> ObjectInfo:
        return ObjectInfo(
            location=Location(bucket=self._processed_bucket, key=entry.key),
            etag=entry.etag,
            size=entry.size,
            modified=entry.modified,
        )

    def _put_index(self, bundle: str, packed: bytes, index: IndexWriter) -> bool:
        """Store the index of a bundle; return whether this call did.

        Another one in its place is that of a bundle that somebody deleted, whose number was free.
        """
        where = self._logs.index_location(bundle)
        told: Any = {"metadata": index.metadata(), "content_type": "application/gzip"}
        try:
            self._storage.put_new(where, packed, **told)
        except TakenError:
            with closing(self._storage.open(where)) as opened:
                if b"".join(opened.blocks()) == packed:
                    return False
            self._storage.replace(replace(opened.info, location=where), packed, **told)
        return True

    def _drop_copies(self, index: bytes, held: Sequence[str]) -> None:
        """Delete the copies of outputs that a bundle holds, which are named in key order.

        Other objects may lie between them, as many as the day has large outputs: the index is read
        only where there is a copy, once a page.
        """
        archived = [keys.archive_key(key) for key in held]
        for page in self._storage.list_among(self._archive_bucket, keys.ARCHIVE, archived):
            copies = {keys.processed_key(one.location.key): one.location for one in page}
            entries = find_all([index], copies) if copies else []
            for entry in entries:
                self._drop_copy(entry, copies[entry.key])

    def _drop_copy(self, entry: Entry, copy: Location) -> None:
        """Delete a copy of an output that a bundle holds; another object of its key is kept."""
        found = self._storage.describe(copy)
        if not found:
            return
        if (found.size, found.metadata) != (entry.size, entry.metadata):
            self._log.warning("in archive/, and another one in a bundle", key=copy.key)
            return
        with suppress(*PASSED):
            self._storage.delete(found)
