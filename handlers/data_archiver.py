"""The data archiver: one run a day, which asks for another while work is left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from handlers.archive.retention import Archiver, Chain
from handlers.archive.savings import saved_dollars
from handlers.archive.summary import Counts, Summary
from handlers.aws.failures import PermanentError, TransientError
from handlers.aws.messages import Messenger
from handlers.aws.objects import Storage
from handlers.construction import construct, is_initialising, read_prefixes
from handlers.environment import ARCHIVER_SERVICE, ArchiverEnvironment, Metric
from handlers.invocation.deadline import Deadline
from handlers.invocation.telemetry import Telemetry


class ArchiverRun:
    """Handles one invocation at a time."""

    def __init__(
        self,
        environment: ArchiverEnvironment,
        storage: Storage,
        messenger: Messenger,
        telemetry: Telemetry,
        now: Callable[[], datetime],
        *,
        folders: Sequence[str] = (),
    ) -> None:
        """`folders` are the prefixes of the datasets."""
        self._environment = environment
        self._storage = storage
        self._messenger = messenger
        self._telemetry = telemetry
        self._now = now
        self._archiver = Archiver(storage, environment, folders, telemetry.logger)

    def handle(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Archive what is old enough at the event's time, and report."""
        self._telemetry.begin(context.aws_request_id)
        deadline = Deadline(lambda: context.get_remaining_time_in_millis() / 1000)
        time, start_after = _read_time(event, self._now), _read_start(event)
        chain = _read_chain(event) or self._begin_chains(
            time, start_after, context.invoked_function_arn
        )
        summary = self._archiver.run(time, deadline, start_after=start_after, chain=chain)
        calls = self._storage.take_calls()
        saved = saved_dollars(summary.counts, archive_days=self._environment.archive_days)
        self._emit(summary.counts, calls, saved, context.function_name)
        following = _following(summary, chain)
        report: dict[str, Any] = self._report(summary, time) | {
            "s3_calls": calls,
            "saved_usd": round(saved, 4) + 0.0,  # no -0.0
            "shard": chain.shard,
            "chains": chain.count,
            "complete": summary.complete and not following,
        }
        self._telemetry.logger.info("archived", **report)
        done = summary.complete or summary.counts.moved or summary.counts.bundles
        if following and not done and summary.position == start_after:
            msg = f"the time-out is too short to get past the key {start_after!r}"
            raise TransientError(msg)
        if following:
            self._invoke(time, *following, context.invoked_function_arn)
        return report

    def _begin_chains(self, time: datetime, start_after: str, function: str) -> Chain:
        """Invoke the chains beside the first, each of which archives its own shard.

        A retry invokes them once more, and two of one shard are no harm.
        """
        count = self._environment.archive_concurrency
        for shard in range(1, count):
            self._invoke(time, start_after, Chain(shard=shard, count=count), function)
        return Chain(shard=0, count=count)

    def _emit(self, counts: Counts, calls: int, saved: float, function: str) -> None:
        metrics: dict[Metric, int | float] = {
            Metric.OBJECTS_ARCHIVED: counts.moved,
            Metric.ARCHIVE_FAILURES: counts.failed,
            Metric.BYTES_ARCHIVED: counts.moved_bytes,
            Metric.BYTES_WRITTEN: self._storage.take_written(),
            Metric.ACCESS_DENIED: counts.denied,
            Metric.OBJECTS_BUNDLED: counts.bundled,
            Metric.BUNDLES_WRITTEN: counts.bundles,
            Metric.BUNDLES_WITHOUT_INDEX: counts.unindexed,
            Metric.ARCHIVER_CALLS: calls,
            Metric.DOLLARS_SAVED: saved,
        }
        self._telemetry.emit(metrics, function_name=function)

    def _report(self, summary: Summary, time: datetime) -> dict[str, Any]:
        counts = summary.counts
        cutoff = time - timedelta(days=self._environment.retention_days)
        glacier = time + timedelta(days=self._environment.archive_days)
        return {
            "archived_count": counts.moved,
            "failed_count": counts.failed,
            "skipped_count": counts.skipped,
            "total_size_bytes": counts.moved_bytes,
            "copied_count": counts.moved - counts.bundled,
            "copied_bytes": counts.moved_bytes - counts.bundled_bytes,
            "bundled_count": counts.bundled,
            "bundled_bytes": counts.bundled_bytes,
            "bundles_count": counts.bundles,
            "bundle_bytes": counts.bundle_bytes,
            "cutoff_date": cutoff.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "glacier_date": glacier.date().isoformat(),
        }

    def _invoke(self, time: datetime, start_after: str, chain: Chain, function: str) -> None:
        event: dict[str, Any] = {"time": time.isoformat(), "start_after": start_after}
        self._messenger.invoke_later(function, event | asdict(chain))


def _following(summary: Summary, chain: Chain) -> tuple[str, Chain] | None:
    """Return behind which key a chain goes on, for what is left or for a shard of days with more.

    None at its end.
    """
    if summary.counts.hopeless:
        return None
    chain = replace(chain, most_shards=summary.most_shards)
    if not summary.complete:
        return summary.position, chain
    following = replace(chain, shard=chain.shard + chain.count)
    return ("", following) if following.shard < summary.most_shards else None


def _read_time(event: Mapping[str, Any], now: Callable[[], datetime]) -> datetime:
    value = event.get("time")
    if value is None:
        return now()
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        msg = f"time is {value!r}, allowed: an instant in ISO 8601, 2024-01-15T02:00:00Z say"
        raise PermanentError(msg) from error
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _read_start(event: Mapping[str, Any]) -> str:
    value = event.get("start_after", "")
    if not isinstance(value, str):
        msg = f"start_after is {value!r}, allowed: a key"
        raise PermanentError(msg)
    return value


def _read_chain(event: Mapping[str, Any]) -> Chain | None:
    """Return the chain that an earlier invocation has named, or None for a run that begins."""
    if "shard" not in event:
        return None
    shard, count = event["shard"], event.get("count")
    if not (isinstance(shard, int) and isinstance(count, int) and count >= 1 and shard >= 0):
        msg = f"shard is {shard!r} of {count!r}, allowed: whole numbers, from 0 of 1 on"
        raise PermanentError(msg)
    most = event.get("most_shards", 1)
    if not isinstance(most, int):
        msg = f"most_shards is {most!r}, allowed: a whole number"
        raise PermanentError(msg)
    return Chain(shard=shard, count=count, most_shards=most)


@cache
def _run() -> ArchiverRun:
    function = partial(ArchiverRun, folders=read_prefixes())
    return construct(function, ArchiverEnvironment, ARCHIVER_SERVICE)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Archive what is older than the retention days at `event["time"]`, or now.

    The answer has `archived_count`, `failed_count`, `skipped_count`, `total_size_bytes`,
    `cutoff_date`, `glacier_date` (when today's arrivals go to GLACIER) and `complete`, which tells
    whether its chain ends with it; `shard`, the number of that, and `chains`, how many there are;
    numbers and bytes by way (`copied_count`, `bundled_count`, …), `s3_calls` and `saved_usd`.

    Raises:
        PermanentError: the event is not readable.
        TransientError: listing failed, or the time-out is too short for a single object.
        MisconfigurationError: the environment is not what infra sets. In Lambda it is raised at
            import, so every invocation fails with it.
    """
    return _run().handle(event, context)


if is_initialising():
    _run()
