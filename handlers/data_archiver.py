"""The data archiver: one run a day, which asks for another while work is left."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from handlers.archive.retention import Archiver, Summary
from handlers.aws.failures import PermanentError, TransientError
from handlers.aws.messages import Messenger
from handlers.aws.objects import Storage
from handlers.construction import construct, is_initialising
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
    ) -> None:
        self._environment = environment
        self._storage = storage
        self._messenger = messenger
        self._telemetry = telemetry
        self._now = now
        self._archiver = Archiver(storage, environment, telemetry.logger)

    def handle(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Archive what is old enough at the event's time, and report."""
        self._telemetry.begin(context.aws_request_id)
        deadline = Deadline(lambda: context.get_remaining_time_in_millis() / 1000)
        time, start_after = _read_time(event, self._now), _read_start(event)
        cutoff = time - timedelta(days=self._environment.retention_days)
        summary = self._archiver.run(cutoff, deadline, start_after=start_after)
        metrics = {
            Metric.OBJECTS_ARCHIVED: summary.archived,
            Metric.ARCHIVE_FAILURES: summary.failed,
            Metric.BYTES_ARCHIVED: summary.total_bytes,
            Metric.BYTES_WRITTEN: self._storage.take_written(),
            Metric.ACCESS_DENIED: summary.denied,
        }
        self._telemetry.emit(metrics, function_name=context.function_name)
        report = self._report(summary, time, cutoff)
        self._telemetry.logger.info("archived", **report)
        if not summary.complete and not summary.hopeless:
            self._continue(summary, time, start_after, context.invoked_function_arn)
        return report

    def _report(self, summary: Summary, time: datetime, cutoff: datetime) -> dict[str, Any]:
        glacier = time + timedelta(days=self._environment.archive_days)
        return {
            "archived_count": summary.archived,
            "failed_count": summary.failed,
            "skipped_count": summary.skipped,
            "total_size_bytes": summary.total_bytes,
            "cutoff_date": cutoff.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "glacier_date": glacier.date().isoformat(),
            "complete": summary.complete,
        }

    def _continue(self, summary: Summary, time: datetime, start_after: str, function: str) -> None:
        if summary.position == start_after:
            msg = f"the time-out is too short to get past the key {start_after!r}"
            raise TransientError(msg)
        event = {"time": time.isoformat(), "start_after": summary.position}
        self._messenger.invoke_later(function, event)


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


@cache
def _run() -> ArchiverRun:
    return construct(ArchiverRun, ArchiverEnvironment, ARCHIVER_SERVICE)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Archive what is older than the retention days at `event["time"]`, or now.

    The answer has `archived_count`, `failed_count`, `skipped_count`, `total_size_bytes`,
    `cutoff_date`, `glacier_date` (when today's arrivals go to GLACIER) and `complete`.

    Raises:
        PermanentError: the event is not readable.
        TransientError: listing failed, or the time-out is too short for a single object.
        MisconfigurationError: the environment is not what infra sets. In Lambda it is raised at
            import, so every invocation fails with it.
    """
    return _run().handle(event, context)


if is_initialising():
    _run()
