"""Invoke a function asynchronously: queue its events, retry them, send failed ones on.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import heapq
import itertools
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Final

from local.compute.destinations import Destination, Exhausted
from local.compute.functions import Invokable
from local.compute.outcome import Invocation

LAMBDA_BACK_OFF_SECONDS: Final = (60.0, 120.0)
LOCAL_BACK_OFF_SECONDS: Final = (0.1, 0.2)
MAX_RETRIES: Final = 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class AsynchronousSettings:
    """The settings for a function's asynchronous events.

    Attributes:
        function_arn: The function's ARN, for the destination's record.
        retries: How often a failed event is tried again, 0 to 2 times.
        back_off_seconds: The wait before the first and before the second retry. Lambda waits one
            and two minutes; the default is shorter, so that nobody has to wait on this machine.
        destinations: Where an event goes whose last attempt failed.
        concurrency: The maximum number of attempts at once.

    Raises ValueError for other retries.
    """

    function_arn: str
    retries: int = MAX_RETRIES
    back_off_seconds: tuple[float, float] = LOCAL_BACK_OFF_SECONDS
    destinations: Sequence[Destination] = ()
    concurrency: int = 10

    def __post_init__(self) -> None:
        if self.retries not in range(MAX_RETRIES + 1):
            msg = f"retries is {self.retries}, allowed: 0 to {MAX_RETRIES}"
            raise ValueError(msg)


@dataclass(order=True, frozen=True)
class _Waiting:
    due: float  # a time of the monotonic clock
    number: int
    request_id: str = field(compare=False)
    payload: object = field(compare=False)
    attempt: int = field(compare=False)


class AsynchronousInvocations:
    """The asynchronous events of one function.

    `on_attempt` is called with each attempt's result, in the thread that ran it.
    """

    def __init__(
        self,
        function: Invokable,
        settings: AsynchronousSettings,
        *,
        on_attempt: Callable[[Invocation], None] | None = None,
    ) -> None:
        self._function = function
        self._settings = settings
        self._on_attempt = on_attempt
        self._changed = Condition()
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        self._unfinished = 0
        self._closed = False
        self._workers = [
            Thread(target=self._work, daemon=True) for _ in range(settings.concurrency)
        ]
        for worker in self._workers:
            worker.start()

    def submit(self, payload: object) -> str:
        """Queue an event, a JSON value, and return the request id of all its attempts.

        Raises RuntimeError after `close`.
        """
        request_id = str(uuid.uuid4())
        with self._changed:
            if self._closed:
                msg = f"the events of {self._settings.function_arn} are closed"
                raise RuntimeError(msg)
            self._unfinished += 1
            self._push(0, request_id, payload, 1)
        return request_id

    def drain(self, timeout_seconds: float) -> None:
        """Wait until every event has succeeded or is in its destinations.

        Raises TimeoutError with the number of those left after `timeout_seconds`.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self._unfinished, timeout_seconds):
                msg = f"after {timeout_seconds} s {self._unfinished} events wait, wanted: none"
                raise TimeoutError(msg)

    def close(self, wait_seconds: float = 5) -> None:
        """Drop the waiting events, and wait a while for those under way; harmless when repeated.

        An invocation that takes longer ends when its function is closed.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        end = time.monotonic() + wait_seconds
        for worker in self._workers:
            worker.join(max(0, end - time.monotonic()))

    def _push(self, delay: float, request_id: str, payload: object, attempt: int) -> None:
        due = time.monotonic() + delay
        heapq.heappush(
            self._waiting, _Waiting(due, next(self._numbers), request_id, payload, attempt)
        )
        self._changed.notify_all()

    def _work(self) -> None:
        while event := self._next():
            try:
                again = self._attempt(event)
            except Exception:  # noqa: BLE001 - the other events go on
                _log.exception("an event of %s is lost", self._settings.function_arn)
                again = False
            with self._changed:
                if again:
                    delay = self._settings.back_off_seconds[event.attempt - 1]
                    self._push(delay, event.request_id, event.payload, event.attempt + 1)
                else:
                    self._unfinished -= 1
                    self._changed.notify_all()

    def _next(self) -> _Waiting | None:
        with self._changed:
            while not self._closed:
                left = self._waiting[0].due - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(left)
            return None

    def _attempt(self, event: _Waiting) -> bool:
        """Invoke the function with an event, and return whether to try again."""
        invocation = self._function.invoke(event.payload, request_id=event.request_id)
        if self._on_attempt:
            self._on_attempt(invocation)
        if not invocation.failure:
            return False
        if event.attempt <= self._settings.retries:
            return True
        exhausted = Exhausted(
            request_id=event.request_id,
            function_arn=self._settings.function_arn,
            payload=event.payload,
            attempts=event.attempt,
            invocation=invocation,
            failure=invocation.failure,
        )
        for deliver in self._settings.destinations:
            deliver(exhausted)
        return False
