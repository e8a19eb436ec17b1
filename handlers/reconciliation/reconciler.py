"""Reconciliation: versions in `incoming/` that nobody will process any more are sent once more.

A delivery deletes its source version last, so an old one in `incoming/` is unfinished: its event
was lost, its message or its dead letter expired, or its original was not moved. Its event goes to
the processing queue. That is safe at any time, since a version has its effect exactly once. What
has a dead letter, or was discarded, waits for an operator; what may be under way is left to its
message.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from functools import partial
from json import dumps
from typing import Any, Final, Literal

from handlers import keys
from handlers.aws.failures import AccessDeniedError, GoneError, PermanentError, TransientError
from handlers.aws.messages import Messenger
from handlers.aws.object_info import Location, ObjectInfo
from handlers.aws.objects import Storage
from handlers.delivery.protocol import Delivery
from handlers.delivery.source_version import source_of
from handlers.environment import ProcessorEnvironment
from handlers.invocation.deadline import Deadline
from handlers.invocation.events import ObjectReference
from handlers.reconciliation.dead_letters import DeadLetters, read_dead_letters
from handlers.reconciliation.request import Request, Summary
from handlers.reconciliation.under_way import UnderWay, find_under_way

# Versions that are decided on at a time; after each such group the clock is looked at.
_GROUP: Final = 64
_AT_ONCE: Final = 16
# Files in one answer: with the longest keys some 1 MB, of the 6 MB that Lambda returns.
_LISTED: Final = 1_000

_Outcome = Literal[
    "sent", "dead_letters", "discarded", "under_way", "held", "failed", "denied", "gone"
]


@dataclass(frozen=True, kw_only=True)
class _Circumstances:
    """What all decisions of an invocation rest on."""

    under_way: UnderWay
    dead_letters: DeadLetters


class Reconciler:
    """Sends what is left in `incoming/` to the processing queue."""

    def __init__(
        self,
        storage: Storage,
        messenger: Messenger,
        delivery: Delivery,
        environment: ProcessorEnvironment,
        log: Any,
    ) -> None:
        self._storage = storage
        self._messenger = messenger
        self._delivery = delivery
        self._environment = environment
        self._log = log

    def run(self, request: Request, deadline: Deadline) -> Summary:
        """Go through the versions from the request's markers on, while there is time.

        Raises TransientError where a listing, the queue or its dead letters cannot be read. A
        failure with one version is counted, and stops no other.
        """
        return _Run(self, request, deadline).run()

    def pages(self, request: Request) -> Iterator[tuple[list[ObjectInfo], Location | None]]:
        """Yield the versions of a request a page at a time, each page with its end, as listed."""
        after = Location(
            bucket=self._environment.raw_bucket,
            key=request.key_marker,
            version=request.version_marker,
        )
        return self._storage.version_pages(
            self._environment.raw_bucket, request.prefix, after=after if after.key else None
        )

    @property
    def min_age(self) -> timedelta:
        """How long a version may be in `incoming/` before it counts as unfinished."""
        return timedelta(seconds=self._environment.unfinished_after_seconds)

    def circumstances(self, request: Request, deadline: Deadline) -> _Circumstances:
        """Ask for messages first, then for dead letters: a message may become one meanwhile."""
        queue, dead_letters = (
            self._environment.processing_queue_url,
            self._environment.dead_letter_queue_url,
        )
        under_way = (
            UnderWay(before=request.before, empty=False)
            if request.before
            else find_under_way(self._messenger, queue, now=request.started, min_age=self.min_age)
        )
        bucket = self._environment.raw_bucket
        return _Circumstances(
            under_way=under_way,
            dead_letters=read_dead_letters(self._messenger, dead_letters, bucket, deadline),
        )

    def settle(self, found: _Circumstances, request: Request, version: ObjectInfo) -> _Outcome:
        """Decide on one version, and send it if that is what is left to do."""
        try:
            return self._settle(found, request, version)
        except GoneError:
            return "gone"  # it was processed meanwhile
        except (TransientError, PermanentError) as error:
            self._log.warning("not reconciled", **_named(version), reason=str(error))
            return "denied" if isinstance(error, AccessDeniedError) else "failed"

    def _settle(self, found: _Circumstances, request: Request, version: ObjectInfo) -> _Outcome:
        where = version.location
        if version.modified >= found.under_way.before:
            return "under_way"
        if where in found.dead_letters:
            return "dead_letters"
        if not found.dead_letters.whole:
            return "held"
        if not found.under_way.empty and self._is_continued(version, found.under_way):
            return "under_way"
        # Tags are read after the dead letters: `discard` marks a version, then deletes the letter.
        tags = self._storage.tags(where)
        mark = keys.discarded_mark(where.key, where.version or "")
        is_discarded = tags.get(keys.DISCARDED_TAG) == mark
        if is_discarded and not request.discarded:
            return "discarded"
        if not request.dry_run:
            if is_discarded:
                del tags[keys.DISCARDED_TAG]
                self._storage.set_tags(where, tags)
            self._send(version)
        return "sent"

    def _is_continued(self, version: ObjectInfo, under_way: UnderWay) -> bool:
        """Return whether a large file has a chunk as young as messages are."""
        if version.location.version == "null":
            return False
        return self._delivery.staging_of(source_of(version)).is_younger_than(under_way.before)

    def _send(self, version: ObjectInfo) -> None:
        created = version.modified.astimezone(UTC)
        reference = ObjectReference(
            bucket=version.location.bucket,
            key=version.location.key,
            version=version.location.version,
            created=created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            size=version.size,
        )
        queue, event = self._environment.processing_queue_url, reference.to_event()
        self._messenger.send(queue, dumps(event), {keys.REPEATED: "true"})
        self._log.info("reconciled", **_named(version))


class _Run:
    """One invocation."""

    def __init__(self, reconciler: Reconciler, request: Request, deadline: Deadline) -> None:
        self._reconciler = reconciler
        self._request = request
        self._deadline = deadline
        self._found: _Circumstances | None = None
        self._summary = Summary()

    def run(self) -> Summary:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for page, end in self._reconciler.pages(self._request):
                for group, position in _groups(page, end):
                    self._settle(group, pool)
                    if position and self._is_over():
                        return replace(self._summary, following=self._following(position))
        return self._summary

    def _settle(self, group: Sequence[ObjectInfo], pool: ThreadPoolExecutor) -> None:
        files = [one for one in group if not _is_folder(one)]
        young = self._request.started - self._reconciler.min_age
        old = [one for one in files if one.modified < young]
        self._summary = self._summary.plus(looked_at=len(group), under_way=len(files) - len(old))
        if not old:
            return
        found = self._circumstances()
        outcomes = list(pool.map(partial(self._reconciler.settle, found, self._request), old))
        counts = Counter[str](outcomes)
        counts["failed"] += counts["denied"]
        del counts["gone"]
        self._summary = self._summary.plus(**counts)
        if not self._request.by_schedule:
            sent = [
                (one.location.key, one.location.version or "")
                for one, outcome in zip(old, outcomes, strict=True)
                if outcome == "sent"
            ]
            self._summary = replace(self._summary, files=(*self._summary.files, *sent))

    def _circumstances(self) -> _Circumstances:
        """Return what the decisions rest on; found out for the first old version, if there is."""
        if self._found is None:
            self._found = self._reconciler.circumstances(self._request, self._deadline)
            notes = (self._found.under_way.note, self._found.dead_letters.note)
            self._summary = replace(self._summary, notes=tuple(filter(None, notes)))
        return self._found

    def _is_over(self) -> bool:
        listed = len(self._summary.files)
        return self._deadline.remaining_seconds() <= 0 or listed + _GROUP > _LISTED

    def _following(self, position: Location) -> Request:
        return replace(
            self._request,
            # What this run has sent meanwhile is no message of a version that comes later.
            before=self._found.under_way.before if self._found else None,
            key_marker=position.key,
            version_marker=position.version or "",
        )


def _groups(
    page: Sequence[ObjectInfo], end: Location | None
) -> Iterator[tuple[Sequence[ObjectInfo], Location | None]]:
    """Yield a page in groups, each with the position behind it; None behind the last version."""
    starts = range(0, len(page), _GROUP) or range(1)
    for start in starts:
        group = page[start : start + _GROUP]
        is_last = start + _GROUP >= len(page)
        yield group, end if is_last else group[-1].location


def _is_folder(version: ObjectInfo) -> bool:
    return version.location.key.endswith("/") and not version.size


def _named(version: ObjectInfo) -> dict[str, Any]:
    return {"key": version.location.key, "version": version.location.version}
