"""Run the stack's schedules, as EventBridge Scheduler does.

Sources, of https://docs.aws.amazon.com/scheduler/latest/UserGuide/:
managing-schedule-context-attributes.html and configuring-schedule-dlq.html.
"""

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from infra.schedule_expression import Expression
from local.triggers.background import BackgroundThread

MAX_RETRY_ATTEMPTS: Final = 185  # the service's default and its limit
_LOOK_SECONDS: Final = 60  # how soon a change of this machine's clock is noticed

_log = logging.getLogger(__name__)

# Delivers the input, a JSON value, to the target without waiting for its work:
# `LambdaService.submit` with a name, say. An exception is a failed delivery.
Deliver = Callable[[object], object]
# Sends a dead letter: its body and its message attributes, all of type String.
SendDeadLetter = Callable[[str, Mapping[str, str]], None]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: its last attempt's input, the number of attempts, and the error if it failed."""

    scheduled_time: datetime
    input: str
    attempts: int
    error: Exception | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A schedule: when it runs, and what it delivers to its target.

    Attributes:
        arn: The schedule's ARN.
        expression: When it runs, from `parse_expression`.
        target_arn: The target's ARN, for dead letters.
        deliver: Delivers the input to the target.
        input: JSON for the target, in which each `<aws.scheduler.…>` is replaced by its value.
        retry_attempts: How often a failed delivery is tried again, 0 to 185 times. The service
            waits between them, up to a day in all; here they follow at once.
        send_dead_letter: Sends an input that could not be delivered to a dead-letter queue; None
            to log it.

    Raises ValueError for any other `retry_attempts`.
    """

    arn: str
    expression: Expression
    target_arn: str
    deliver: Deliver
    input: str = "{}"
    retry_attempts: int = MAX_RETRY_ATTEMPTS
    send_dead_letter: SendDeadLetter | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.retry_attempts <= MAX_RETRY_ATTEMPTS:
            msg = f"retry_attempts is {self.retry_attempts}, allowed: 0 to {MAX_RETRY_ATTEMPTS}"
            raise ValueError(msg)

    def run_now(self, time: datetime, *, execution_id: str | None = None) -> Run:
        """Run the schedule once, whatever its expression says, and return how it went.

        `time` is the scheduled time that the target is given, an aware one. If every attempt
        fails, the input goes to the dead-letter queue.
        """
        execution = execution_id or str(uuid.uuid4())
        filled, error = "", None
        for attempt in range(1, self.retry_attempts + 2):
            filled = self._filled(time, execution, attempt)
            try:
                self.deliver(json.loads(filled))
            except Exception as failure:  # noqa: BLE001 - a delivery may fail in any way
                error = failure
            else:
                return Run(scheduled_time=time, input=filled, attempts=attempt)
        attempts = self.retry_attempts + 1
        run = Run(scheduled_time=time, input=filled, attempts=attempts, error=error)
        self._give_up(run, execution)
        return run

    def _filled(self, time: datetime, execution: str, attempt: int) -> str:
        text = self.input
        values = {
            "scheduled-time": _iso(time),
            "execution-id": execution,
            "schedule-arn": self.arn,
            "attempt-number": str(attempt),
        }
        for name, value in values.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return text

    def _give_up(self, run: Run, execution: str) -> None:
        if not self.send_dead_letter:
            _log.error("%s could not be delivered", self.arn, exc_info=run.error)
            return
        self.send_dead_letter(
            run.input,
            {
                "ERROR_CODE": type(run.error).__name__,
                "ERROR_MESSAGE": str(run.error) or type(run.error).__name__,
                "EXECUTION_ID": execution,
                "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
                "IS_PAYLOAD_TRUNCATED": "false",
                "RETRY_ATTEMPTS": str(run.attempts - 1),
                "SCHEDULED_TIME": _iso(run.scheduled_time),
                "SCHEDULE_ARN": self.arn,
                "TARGET_ARN": self.target_arn,
            },
        )


class ScheduleRunner:
    """Runs schedules when they are due, from `start` to `stop`.

    `now` returns the current time, an aware one; `on_run` is called with each run.
    """

    def __init__(
        self,
        *schedules: Schedule,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_run: Callable[[Run], None] | None = None,
    ) -> None:
        self._schedules = schedules
        self._now = now
        self._on_run = on_run
        self._background = BackgroundThread("the schedule runner", self._run)

    def start(self) -> None:
        """Run the schedules in a thread of its own; runs that were due before now are left out.

        Raises RuntimeError if the runner is running.
        """
        self._background.start(self._now())

    def stop(self) -> None:
        """Stop, after the delivery under way; harmless if not running."""
        self._background.stop()

    def _run(self, instant: datetime) -> None:
        while due := self._next_due(instant):
            instant, schedules = due
            while (left := (instant - self._now()).total_seconds()) > 0:
                if self._background.stopping.wait(min(left, _LOOK_SECONDS)):
                    return
            for schedule in schedules:
                if self._background.stopping.is_set():
                    return
                self._run_one(schedule, instant)

    def _run_one(self, schedule: Schedule, instant: datetime) -> None:
        try:
            run = schedule.run_now(instant)
        except Exception:  # noqa: BLE001 - the other schedules go on without this run's dead letter
            _log.exception("a run of %s is lost", schedule.arn)
            return
        if self._on_run:
            self._on_run(run)

    def _next_due(self, instant: datetime) -> tuple[datetime, list[Schedule]] | None:
        """Return the next time after `instant` and what runs then, or None if nothing ever does."""
        runs = [(one.expression.next_after(instant), one) for one in self._schedules]
        first = min((moment for moment, _ in runs if moment), default=None)
        return first and (first, [one for moment, one in runs if moment == first])


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
