"""Retention: outputs older than the retention days move to the archive bucket.

Each object is copied, the copy is checked, then exactly that object is deleted. A run may be killed
at any call, run twice at once, and go on from any key. Keys sort by day, and a day's prefix holds
only objects created on that day or later, so the listing stops at the first day that is too young.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from handlers import keys
from handlers.aws.copies import copy_object
from handlers.aws.failures import (
    AccessDeniedError,
    GoneError,
    PermanentError,
    TakenError,
    TransientError,
)
from handlers.aws.object_info import STANDARD_IA, Location, ObjectInfo
from handlers.aws.objects import Storage
from handlers.environment import ArchiverEnvironment
from handlers.invocation.deadline import Deadline

_COPIES_AT_ONCE: Final = 32  # at 30 ms a copy, all that one processor can request
_PASSED: Final = (GoneError, TakenError)  # another run moved it, or it was replaced
# A whole page of deletes failed: the cause is not a single key.
_HOPELESS_DELETES: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run has done; `position` is the last key that is dealt with."""

    archived: int = 0
    failed: int = 0
    skipped: int = 0  # too young, changed or moved meanwhile, or not an output
    denied: int = 0  # of the failed: a permission is missing
    undeleted: int = 0  # of the failed: copied, but not deleted
    total_bytes: int = 0
    position: str = ""
    complete: bool = False

    @property
    def hopeless(self) -> bool:
        """Return whether deletes fail throughout, so that each night would copy all again."""
        return not self.archived and self.undeleted >= _HOPELESS_DELETES


@dataclass(frozen=True, kw_only=True, eq=False)
class _Copy:
    source: ObjectInfo
    etag: str = ""
    error: Exception | None = None
    begun: bool = True


class Archiver:
    """Moves objects from `processed/` to `archive/`."""

    def __init__(self, storage: Storage, environment: ArchiverEnvironment, log: Any) -> None:
        self._storage = storage
        self._environment = environment
        self._log = log

    def run(self, cutoff: datetime, deadline: Deadline, *, start_after: str = "") -> Summary:
        """Move objects stored before `cutoff`, after the key `start_after`, while there is time.

        A failed object is counted and does not stop the others, unless the run is `hopeless`.
        Raises TransientError when listing fails.
        """
        summary = Summary(position=start_after)
        behind = keys.day_prefix(keys.PROCESSED, cutoff.date() + timedelta(days=1))
        bucket = self._environment.processed_bucket
        with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
            for page in self._storage.list_pages(bucket, keys.PROCESSED, start_after=start_after):
                known = [entry for entry in page if entry.location.key < behind]
                move = _PageMove(self._storage, self._environment, self._log, deadline)
                summary = move.run(known, cutoff, pool, summary)
                if summary.hopeless:
                    self._log.error("no object can be deleted, the run ends here")
                    return summary
                if known and summary.position != known[-1].location.key:
                    return summary  # out of time within the page
                if len(known) < len(page):
                    break
                if deadline.remaining_seconds() <= 0:
                    return summary
        return replace(summary, complete=True)


class _PageMove:
    """Moves the objects of one page of a listing."""

    def __init__(
        self, storage: Storage, environment: ArchiverEnvironment, log: Any, deadline: Deadline
    ) -> None:
        self._storage = storage
        self._environment = environment
        self._log = log
        self._deadline = deadline

    def run(
        self,
        page: Sequence[ObjectInfo],
        cutoff: datetime,
        pool: ThreadPoolExecutor,
        summary: Summary,
    ) -> Summary:
        due = [entry for entry in page if entry.modified < cutoff and _is_output(entry)]
        copies = list(pool.map(self._copy, due))
        checked = self._check([copy for copy in copies if copy.etag])
        failures = self._delete(checked, pool)
        moved = [copy for copy in checked if copy.source.location.key not in failures]
        problems = [copy.error for copy in copies if copy.error]
        passed = sum(copy.begun and not copy.etag and not copy.error for copy in copies)
        unchecked = sum(1 for copy in copies if copy.etag) - len(checked)
        undeleted = [one for one in failures.values() if not isinstance(one, _PASSED)]
        passed += len(failures) - len(undeleted)
        denied = sum(isinstance(one, AccessDeniedError) for one in (*problems, *undeleted))
        for key, failure in failures.items():
            self._log.warning("not deleted, the next run looks again", key=key, reason=str(failure))
        return replace(
            summary,
            archived=summary.archived + len(moved),
            failed=summary.failed + len(problems) + unchecked + len(undeleted),
            skipped=summary.skipped + len(page) - len(due) + passed,
            denied=summary.denied + denied,
            undeleted=summary.undeleted + unchecked + len(undeleted),
            total_bytes=summary.total_bytes + sum(copy.source.size for copy in moved),
            position=_position(page, copies) or summary.position,
        )

    def _delete(self, copies: Sequence[_Copy], pool: ThreadPoolExecutor) -> dict[str, Exception]:
        """Delete the copied objects; return the failures by key.

        A key that XML cannot hold makes S3 refuse the whole batch; then each is deleted alone.
        """
        etags = {copy.source.location.key: copy.source.etag for copy in copies}
        try:
            return self._storage.delete_all(self._environment.processed_bucket, etags)
        except TransientError as error:
            return dict.fromkeys(etags, error)
        except PermanentError as error:
            self._log.warning("batch refused, each object is deleted alone", reason=str(error))
        failures = zip(etags, pool.map(self._delete_alone, copies), strict=True)
        return {key: failure for key, failure in failures if failure}

    def _delete_alone(self, copy: _Copy) -> Exception | None:
        try:
            self._storage.delete(copy.source)
        except (*_PASSED, TransientError, PermanentError) as error:
            return error
        return None

    def _copy(self, source: ObjectInfo) -> _Copy:
        if self._deadline.remaining_seconds() <= 0:
            return _Copy(source=source, begun=False)
        target = self._target(source)
        try:
            etag = copy_object(self._storage, source, target, storage_class=STANDARD_IA)
        except _PASSED:
            return _Copy(source=source)
        except (TransientError, PermanentError) as error:
            self._log.warning("not archived", key=source.location.key, reason=str(error))
            return _Copy(source=source, error=error)
        return _Copy(source=source, etag=etag)

    def _check(self, copies: Sequence[_Copy]) -> list[_Copy]:
        """Return the copies that the archive's listing shows with their ETag and size.

        Lists one day at a time, since years of archive may lie between two days of outputs.
        """
        shown: list[_Copy] = []
        for _, same_day in groupby(
            copies, key=lambda copy: keys.partition_day(copy.source.location.key)
        ):
            try:
                shown += self._check_day(list(same_day))
            except AccessDeniedError:
                raise  # it is denied for every day
            except TransientError as error:
                self._log.warning("copies of a day not checked", reason=str(error))
        for copy in set(copies) - set(shown):
            self._log.warning("copy is not seen as it was made", key=copy.source.location.key)
        return shown

    def _check_day(self, copies: Sequence[_Copy]) -> list[_Copy]:
        by_key = {self._target(copy.source).key: copy for copy in copies}
        first, last = min(by_key), max(by_key)
        shown: list[_Copy] = []
        for page in self._storage.list_pages(
            self._environment.archive_bucket, keys.ARCHIVE, start_after=_just_before(first)
        ):
            for entry in page:
                copy = by_key.get(entry.location.key)
                if copy and (entry.etag, entry.size) == (copy.etag, copy.source.size):
                    shown.append(copy)
            if not page or page[-1].location.key >= last:
                break
        return shown

    def _target(self, source: ObjectInfo) -> Location:
        key = keys.archive_key(source.location.key)
        return Location(bucket=self._environment.archive_bucket, key=key)


def _is_output(entry: ObjectInfo) -> bool:
    return keys.partition_day(entry.location.key) is not None


def _just_before(key: str) -> str:
    """Return a text that sorts just before a key."""
    return key[:-1]


def _position(page: Sequence[ObjectInfo], copies: Sequence[_Copy]) -> str:
    """Return the last key of a page before the first that there was no time to copy."""
    waiting = next((copy.source for copy in copies if not copy.begun), None)
    done = page if waiting is None else page[: page.index(waiting)]
    return done[-1].location.key if done else ""
