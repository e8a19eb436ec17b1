"""Moves outputs one by one: each is copied, the copy is checked, then that output is deleted."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from handlers import keys
from handlers.archive.context import RunContext
from handlers.archive.deletions import PASSED, Deletions
from handlers.archive.summary import Counts
from handlers.aws.copies import copy_object
from handlers.aws.failures import AccessDeniedError, PermanentError, TransientError
from handlers.aws.object_info import STANDARD_IA, Location, ObjectInfo

# Which of some outputs, all of one day, a bundle holds that has come up meanwhile.
HeldByNow = Callable[[Sequence[ObjectInfo]], set[str]]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Copy:
    source: ObjectInfo
    etag: str = ""
    error: Exception | None = None
    begun: bool = True


class Copying:
    """Moves outputs to `archive/`, several at once."""

    def __init__(self, context: RunContext, deletions: Deletions) -> None:
        self._storage = context.storage
        self._archive_bucket = context.environment.archive_bucket
        self._log = context.log
        self._deadline = context.deadline
        self._pool = context.pool
        self._deletions = deletions

    def move(
        self, outputs: Sequence[ObjectInfo], held_by_now: HeldByNow
    ) -> tuple[Counts, ObjectInfo | None]:
        """Move outputs of one day, in key order.

        Returns the counts, and the first that there was no time for.

        `held_by_now` is asked after the copies stand, before an output is deleted: a bundling run
        that is at the same output looks for the copy after its bundle stands, so that one of the
        two sees the other. The bundle wins, and the copy is deleted.
        """
        copies = list(self._pool.map(self._copy, outputs))
        checked = self._check([copy for copy in copies if copy.etag])
        self._drop_held(checked, held_by_now)
        deleted = self._deletions.delete([copy.source for copy in checked])
        problems = [copy.error for copy in copies if copy.error]
        unchecked = sum(1 for copy in copies if copy.etag) - len(checked)
        passed = sum(copy.begun and not copy.etag and not copy.error for copy in copies)
        counts = deleted + Counts(
            failed=len(problems) + unchecked,
            skipped=passed,
            undeleted=unchecked,
            denied=sum(isinstance(one, AccessDeniedError) for one in problems),
        )
        return counts, next((copy.source for copy in copies if not copy.begun), None)

    def _copy(self, source: ObjectInfo) -> _Copy:
        if self._deadline.remaining_seconds() <= 0:
            return _Copy(source=source, begun=False)
        target = self._target(source)
        try:
            etag = copy_object(self._storage, source, target, storage_class=STANDARD_IA)
        except PASSED:
            return _Copy(source=source)
        except (TransientError, PermanentError) as error:
            self._log.warning("not archived", key=source.location.key, reason=str(error))
            return _Copy(source=source, error=error)
        return _Copy(source=source, etag=etag)

    def _check(self, copies: Sequence[_Copy]) -> list[_Copy]:
        """Return the copies that the archive's listing shows with their ETag and size."""
        shown: list[_Copy] = []
        try:
            shown += self._shown(copies) if copies else []
        except AccessDeniedError:
            raise  # it is denied for every day
        except TransientError as error:
            self._log.warning("copies of a day not checked", reason=str(error))
        for copy in set(copies) - set(shown):
            self._log.warning("copy is not seen as it was made", key=copy.source.location.key)
        return shown

    def _shown(self, copies: Sequence[_Copy]) -> list[_Copy]:
        by_key = {self._target(copy.source).key: copy for copy in copies}
        shown: list[_Copy] = []
        for page in self._storage.list_among(self._archive_bucket, keys.ARCHIVE, sorted(by_key)):
            for entry in page:
                copy = by_key[entry.location.key]
                if (entry.etag, entry.size) == (copy.etag, copy.source.size):
                    shown.append(copy)
        return shown

    def _drop_held(self, copies: Sequence[_Copy], held_by_now: HeldByNow) -> None:
        """Delete the copies of outputs that a bundle holds."""
        held = held_by_now([copy.source for copy in copies]) if copies else ()
        for copy in copies:
            if copy.source.location.key in held:
                made = replace(copy.source, location=self._target(copy.source), etag=copy.etag)
                with suppress(*PASSED):
                    self._storage.delete(made)

    def _target(self, source: ObjectInfo) -> Location:
        key = keys.archive_key(source.location.key)
        return Location(bucket=self._archive_bucket, key=key)
