"""Retention: outputs older than the retention days move to the archive bucket.

One by one, or small ones many at a time where bundles are on; see `copying` and `bundling`. A run
may be killed at any call, run twice at once, and go on from any key. Keys sort by day, and a day's
prefix holds only objects created on that day or later, so the listing stops at the first day that
is too young.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Final, TypeAlias, TypeVar

from handlers import keys
from handlers.archive.bundling import Bundling, NumberTakenError
from handlers.archive.context import RunContext
from handlers.archive.copying import Copying
from handlers.archive.deletions import Deletions
from handlers.archive.finishing import Finishing
from handlers.archive.layouts import Layout, Layouts, Place
from handlers.archive.logs import Log
from handlers.archive.summary import Counts, Summary
from handlers.aws.failures import AccessDeniedError, PermanentError, TransientError
from handlers.aws.object_info import ObjectInfo
from handlers.aws.objects import Storage, just_before
from handlers.bundles.day_logs import DayLogs
from handlers.environment import ArchiverEnvironment
from handlers.invocation.deadline import Deadline

_CALLS_AT_ONCE: Final = 32  # at 30 ms a copy, all that one processor can request

# Why outputs of a day are not archived in this run. A failure that may pass is one, too: it may
# last, as that of an object whose KMS key is disabled does, and holds up no other day.
_HeldUp: TypeAlias = PermanentError | TransientError
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Which part of the work a run does: that of a shard, beside `count` - 1 others.

    `most_shards` is the largest number of shards of a day that the chain came by before.
    """

    shard: int = 0
    count: int = 1
    most_shards: int = 1


class Archiver:
    """Moves outputs from `processed/` to the archive bucket."""

    def __init__(
        self, storage: Storage, environment: ArchiverEnvironment, folders: Sequence[str], log: Any
    ) -> None:
        """`folders` are the prefixes of the datasets, whose outputs have bundles of their own."""
        self._storage = storage
        self._environment = environment
        self._folders = folders
        self._log = log

    def run(
        self,
        time: datetime,
        deadline: Deadline,
        *,
        start_after: str = "",
        chain: Chain | None = None,
    ) -> Summary:
        """Move what is older at `time` than the retention days, after a key, while there is time.

        A failed object is counted and does not stop the others, unless the run is `hopeless`; nor
        does a day whose layout or bundles cannot be read. Raises TransientError when listing
        fails, or a permission for all of it is missing.
        """
        with ThreadPoolExecutor(_CALLS_AT_ONCE) as pool:
            context = RunContext(
                storage=self._storage,
                environment=self._environment,
                log=self._log,
                deadline=deadline,
                pool=pool,
            )
            return _Walk(context, self._folders, chain or Chain()).run(time, start_after)


class _Day:
    """A day that a walk comes by, and its logs of bundles."""

    def __init__(
        self,
        day: date,
        logs: DayLogs,
        finishing: Finishing,
        layout: Layout | _HeldUp | None,
        chain: Chain,
    ) -> None:
        """Without a layout, nothing is bundled; if it cannot be read, nothing is archived."""
        self._day = day
        self._logs = logs
        self._finishing = finishing
        self._layout = layout
        self._shard = chain.shard
        self._shards = layout.shards if isinstance(layout, Layout) else chain.count
        self._opened: dict[str | None, Log | _HeldUp] = {}

    def share(self, outputs: Sequence[ObjectInfo]) -> list[ObjectInfo]:
        """Return the outputs that the chain is to archive."""
        shard, shards = self._shard, self._shards
        return [one for one in outputs if keys.shard_of(one.location.key, shards) == shard]

    def log(self, output: ObjectInfo) -> Log | _HeldUp:
        """Return the log that an output of the chain belongs to, or why it cannot be read."""
        if isinstance(self._layout, _HeldUp):
            return self._layout
        folder = self._layout.folder(output.location.key) if self._layout else None
        if folder not in self._opened:
            self._opened[folder] = _or_held_up(lambda: self._open(folder))
        return self._opened[folder]

    def _open(self, folder: str | None) -> Log:
        place = None
        if folder is not None:
            place = Place(folder=folder, shard=self._shard, shards=self._shards)
        return Log(self._logs, self._finishing, self._day, place)


class _Walk:
    """One walk through the outputs, in the order of their keys."""

    def __init__(self, context: RunContext, folders: Sequence[str], chain: Chain) -> None:
        environment, bucket = context.environment, context.environment.archive_bucket
        self._storage = context.storage
        self._environment = environment
        self._log = context.log
        self._deadline = context.deadline
        self._chain = chain
        self._logs = DayLogs(context.storage, bucket)
        deletions = Deletions(context)
        self._finishing = Finishing(context, self._logs, deletions)
        self._copying = Copying(context, deletions)
        self._bundling = Bundling(context, self._finishing)
        proposed = Layout(shards=chain.count, folders=tuple(folders))
        layouts = Layouts(context.storage, bucket, proposed)
        self._layouts = layouts if environment.archive_bundles else None
        self._counts = Counts()
        self._most_shards = self._chain.most_shards
        self._day: tuple[date, _Day] | None = None

    def run(self, time: datetime, start_after: str) -> Summary:
        if not start_after and not self._chain.shard:
            self._counts += self._finishing.finish_all(time)
        while True:
            self._day = None
            try:
                position, complete = self._walk(time, start_after)
                self._counts += self._bundling.close()
            except NumberTakenError as taken:
                self._counts += taken.counts
                # What the bundle that stands holds is in the log by now.
                position, complete = just_before(taken.first), False
                if self._deadline.remaining_seconds() > 0:
                    start_after = position
                    continue
            finally:
                self._bundling.abandon()
            self._counts += self._finishing.take_counts()
            return Summary(
                counts=self._counts,
                position=position,
                complete=complete,
                most_shards=self._most_shards,
            )

    def _walk(self, time: datetime, start_after: str) -> tuple[str, bool]:
        """Return the last key that is dealt with, and whether that is all."""
        cutoff = time - timedelta(days=self._environment.retention_days)
        behind = keys.day_prefix(keys.PROCESSED, cutoff.date() + timedelta(days=1))
        position = start_after
        for page in self._storage.list_pages(
            self._environment.processed_bucket, keys.PROCESSED, start_after=start_after
        ):
            known = [one for one in page if one.location.key < behind]
            waiting = self._move_page(known, cutoff)
            if waiting:
                done = known[: known.index(waiting)]
                return (done[-1].location.key if done else position), False
            position = known[-1].location.key if known else position
            if self._counts.hopeless:
                self._log.error("no object can be deleted, the run ends here")
                return position, False
            if len(known) < len(page):
                break
            if self._deadline.remaining_seconds() <= 0:
                return position, False
        return position, True

    def _move_page(self, page: Sequence[ObjectInfo], cutoff: datetime) -> ObjectInfo | None:
        """Move the outputs of a page; return the first that there was no time for."""
        for date_, of_date in groupby(page, key=_day_of):
            listed = list(of_date)
            due = [one for one in listed if one.modified < cutoff] if date_ else []
            if not self._chain.shard:
                self._counts += Counts(skipped=len(listed) - len(due))
            if not (date_ and due):
                continue
            day = self._enter(date_)
            for log, of_log in groupby(day.share(due), key=day.log):
                if waiting := self._move(list(of_log), log):
                    return waiting
        return None

    def _enter(self, date_: date) -> _Day:
        """Return a day; those before it are done with."""
        if not self._day or self._day[0] != date_:
            layouts = self._layouts
            layout = _or_held_up(lambda: layouts.of(date_)) if layouts else None
            if isinstance(layout, Layout):
                self._most_shards = max(self._most_shards, layout.shards)
            self._day = date_, _Day(date_, self._logs, self._finishing, layout, self._chain)
        return self._day[1]

    def _move(self, outputs: Sequence[ObjectInfo], log: Log | _HeldUp) -> ObjectInfo | None:
        """Move the outputs of a log; return the first that there was no time for."""
        self._counts += self._finishing.take_counts()
        if not isinstance(log, Log):
            self._log.error("not archived", key=outputs[0].location.key, reason=str(log))
            self._counts += Counts(failed=len(outputs))
            return None
        small = [output for output in outputs if self._is_small(output)]
        if waiting := self._copy([one for one in outputs if not self._is_small(one)], log):
            return _first(waiting, small)
        counts, unbundled, waiting = self._bundling.move(small, log)
        self._counts += counts
        if waiting:
            return _first(waiting, unbundled)
        return self._copy(unbundled, log)

    def _copy(self, outputs: Sequence[ObjectInfo], log: Log) -> ObjectInfo | None:
        if not outputs:
            return None
        counts, waiting = self._copying.move(outputs, log.held_by_now)
        self._counts += counts
        return waiting

    def _is_small(self, output: ObjectInfo) -> bool:
        environment = self._environment
        return environment.archive_bundles and output.size < environment.bundle_below_kb * 1024


def _or_held_up(read: Callable[[], _T]) -> _T | _HeldUp:
    """Return what is read, or why it cannot be."""
    try:
        return read()
    except AccessDeniedError:
        raise  # it is denied for every day
    except (PermanentError, TransientError) as error:
        return error


def _first(waiting: ObjectInfo, others: Sequence[ObjectInfo]) -> ObjectInfo:
    """Return the first by key of outputs that wait; the others are in the order of their keys."""
    return min([waiting, *others[:1]], key=lambda one: one.location.key)


def _day_of(output: ObjectInfo) -> date | None:
    return keys.partition_day(output.location.key)
