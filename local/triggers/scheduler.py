"""A schedule of EventBridge Scheduler: when it runs, what it sends, what becomes of a failure.

Sources, of https://docs.aws.amazon.com/scheduler/latest/UserGuide/:
managing-schedule-context-attributes.html and configuring-schedule-dlq.html.
"""

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Final

from infra.schedule_expression import Expression

MAX_RETRY_ATTEMPTS: Final = 185  # the service's default and its limit
_LOOK_SECONDS: Final = 60  # how soon a clock that was set is noticed

_log = logging.getLogger(__name__)

# Takes the input, a JSON value, without waiting for the target's work: `LambdaService.submit` of a
# name, say. An exception is a failed delivery.
Deliver = Callable[[object], object]
# Takes a dead letter: its body and its message attributes, all of type String.
SendDeadLetter = Callable[[str, Mapping[str, str]], None]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: the input of its last attempt, how many it took, and why it failed if it did."""

    scheduled_time: datetime
    input: str
    attempts: int
    error: Exception | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What is delivered when.

    Attributes:
        arn: The schedule's ARN.
        expression: When it runs, of `parse_expression`.
        target_arn: For the dead letter.
        deliver: Brings the input to the target.
        input: JSON for the target, in which the service fills in `<aws.scheduler.…>`.
        retry_attempts: 0 to 185 deliveries after a failed one. The service spreads them over up
            to a day; here they follow at once.
        send_dead_letter: Takes what could not be delivered; where it is None, the log does.
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
        """Deliver the run of `time`, and give it up to the dead-letter queue in the end.

        `time` is an aware instant, the one that the target is told; nothing asks whether the
        expression holds it.
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

    `now` tells the time as an aware instant; `on_run` gets each run.
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
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Wait for the runs in a thread of its own; what was due before is not made up for.

        Raises RuntimeError where it runs already.
        """
        if self._thread:
            msg = "the schedules run already"
            raise RuntimeError(msg)
        self._stopping.clear()
        self._thread = Thread(target=self._run, args=(self._now(),), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop, after a delivery under way; harmless when it does not run."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def _run(self, instant: datetime) -> None:
        while due := self._next_due(instant):
            instant, schedules = due
            while (left := (instant - self._now()).total_seconds()) > 0:
                if self._stopping.wait(min(left, _LOOK_SECONDS)):
                    return
            for schedule in schedules:
                if self._stopping.is_set():
                    return
                self._run_one(schedule, instant)

    def _run_one(self, schedule: Schedule, instant: datetime) -> None:
        try:
            run = schedule.run_now(instant)
        except Exception:  # noqa: BLE001 - a lost dead letter must not end the other schedules
            _log.exception("a run of %s is lost", schedule.arn)
            return
        if self._on_run:
            self._on_run(run)

    def _next_due(self, instant: datetime) -> tuple[datetime, list[Schedule]] | None:
        """Return the next moment after `instant` and what runs then; None where nothing does."""
        runs = [(one.expression.next_after(instant), one) for one in self._schedules]
        first = min((moment for moment, _ in runs if moment), default=None)
        return first and (first, [one for moment, one in runs if moment == first])


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
