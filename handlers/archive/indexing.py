"""Gives each bundle its index, after no copy of what it holds is left in `archive/`.

A run that was killed leaves a bundle without one. The bundle alone tells what it holds.
"""

from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import datetime, timedelta
from typing import Final

from handlers import keys
from handlers.archive.context import RunContext
from handlers.archive.copying import just_before
from handlers.archive.deletions import PASSED
from handlers.archive.summary import Counts
from handlers.aws.failures import GoneError, PermanentError, TakenError
from handlers.aws.object_info import Location
from handlers.bundles.day_logs import DayLogs
from handlers.bundles.entries import BundleError, Entry, read_bundle
from handlers.bundles.indexes import IndexWriter, find_entry

# A run that is still at work on a bundle takes minutes.
_OVERDUE: Final = timedelta(days=1)


class Indexing:
    """Writes indexes into the archive bucket."""

    def __init__(self, context: RunContext, logs: DayLogs) -> None:
        self._storage = context.storage
        self._bucket = context.environment.archive_bucket
        self._log = context.log
        self._logs = logs

    def finish(self, bundle: str, index: IndexWriter) -> None:
        """Delete copies in `archive/` of what a bundle holds, then store its index.

        A one-by-one run may have copied an output while it was bundled. It looks for the bundle
        after its copy stands, so that one of the two sees the other.
        """
        packed = index.finish()
        self._drop_copies(packed, index.first, index.last)
        with suppress(TakenError):  # another run has written the same bytes
            self._storage.put_new(
                self._logs.index_location(bundle),
                packed,
                metadata=index.metadata(),
                content_type="application/gzip",
            )

    def repair(self, bundle: str) -> None:
        """Make the index of a bundle from the bundle.

        Raises PermanentError where it cannot be read, TransientError, and GoneError.
        """
        index = IndexWriter()
        for entry in self._read(bundle):
            index.add(entry)
        self.finish(bundle, index)

    def repair_all(self, now: datetime) -> Counts:
        """Make each index that is missing; count the bundles of before yesterday that keep none.

        Two listings; one where there are no bundles.
        """
        bundles = {
            one.location.key: one.modified
            for page in self._storage.list_pages(self._bucket, keys.BUNDLES)
            for one in page
            if keys.bundle_number(one.location.key) is not None
        }
        if not bundles:
            return Counts()
        for page in self._storage.list_pages(self._bucket, keys.BUNDLE_INDEXES):
            for one in page:
                bundles.pop(keys.indexed_bundle_key(one.location.key), None)
        unindexed = 0
        for bundle, modified in bundles.items():
            try:
                self.repair(bundle)
            except GoneError:
                continue
            except PermanentError as error:
                self._log.error("bundle without index", key=bundle, reason=str(error))
                unindexed += modified <= now - _OVERDUE
        return Counts(unindexed=unindexed)

    def _read(self, bundle: str) -> Iterable[Entry]:
        with closing(self._storage.open(self._logs.location(bundle))) as opened:
            try:
                yield from (entry for entry, _ in read_bundle(opened.blocks()))
            except BundleError as error:
                msg = f"{bundle}: {error}"
                raise PermanentError(msg) from error

    def _drop_copies(self, index: bytes, first: str, last: str) -> None:
        if not first:
            return
        begin, end = keys.archive_key(first), keys.archive_key(last)
        for page in self._storage.list_pages(
            self._bucket, keys.ARCHIVE, start_after=just_before(begin)
        ):
            for one in page:
                if begin <= one.location.key <= end:
                    self._drop_copy(index, one.location)
            if not page or page[-1].location.key >= end:
                return

    def _drop_copy(self, index: bytes, copy: Location) -> None:
        entry = find_entry([index], keys.PROCESSED + copy.key.removeprefix(keys.ARCHIVE))
        found = self._storage.describe(copy) if entry else None
        if not entry or not found:
            return
        if (found.size, found.metadata) != (entry.size, entry.metadata):
            self._log.warning("archived, and another in a bundle", key=copy.key)
            return
        with suppress(*PASSED):
            self._storage.delete(found)
