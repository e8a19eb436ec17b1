"""The event source mapping between a queue and a function, as Lambda runs it.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html. The queue itself counts
receives, hides messages and moves them to its dead-letter queue: moto does that.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import BoundedSemaphore, Event, Thread
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from mypy_boto3_sqs import SQSClient

from local.compute.functions import Invokable
from local.compute.outcome import Invocation
from local.triggers.batch import Message, batch_event, failed_messages
from local.triggers.source_queue import SourceQueue

_POLL_SECONDS: Final = 1  # Lambda's long poll lasts 20; stopping waits for ours
_RETRY_SECONDS: Final = 1  # after a poll that failed
_PAUSE_SECONDS: Final = 0.05

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class MappingSettings:
    """What the mapping is told; the names and limits are Lambda's.

    Attributes:
        queue_url: The queue to poll.
        queue_arn: The same queue.
        batch_size: Messages an event at most.
        window_seconds: How long a batch that is not full waits for more messages.
        maximum_concurrency: Events at once at most.
        partial_responses: Whether the function reports the failed messages of a batch.
        visibility_seconds: Local only: hides received messages for so long instead of the queue's
            own time (half an hour for a function of five minutes), so that the messages of a
            killed invocation come back soon. It must be longer than an invocation here takes.
            None: the queue's own.
    """

    queue_url: str
    queue_arn: str
    batch_size: int = 10
    window_seconds: float = 0
    maximum_concurrency: int = 10
    partial_responses: bool = True
    visibility_seconds: int | None = None


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """One batch: what was sent, what came back, and which messages (ids) that settles.

    `event` and `invocation` are None where the queue had nothing visible.
    """

    event: dict[str, Any] | None = None
    invocation: Invocation | None = None
    succeeded: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class QueueMapping:
    """Polls a queue and calls a function: batch by batch, or in threads from `start` to `stop`."""

    def __init__(
        self,
        *,
        function: Invokable,
        sqs: SQSClient,
        settings: MappingSettings,
        on_batch: Callable[[BatchResult], None] | None = None,
    ) -> None:
        """Take the parts; nothing is polled yet.

        `on_batch` gets the result of each batch, from the thread that ran it.
        """
        self.settings = settings
        self._function = function
        self._queue = SourceQueue(
            sqs=sqs, url=settings.queue_url, visibility_seconds=settings.visibility_seconds
        )
        self._on_batch = on_batch
        self._stopping = Event()
        self._thread: Thread | None = None

    def poll_once(self, *, wait_seconds: int = 0) -> BatchResult:
        """Receive one batch, call the function with it, delete what succeeded.

        Waits up to `wait_seconds` (0 to 20) for the first message.
        """
        messages = self._receive(wait_seconds)
        return self._process(messages) if messages else BatchResult()

    def release(self, result: BatchResult) -> None:
        """Make the failed messages of a batch visible at once, as time would."""
        records = result.event["Records"] if result.event else ()
        for record in records:
            if record["messageId"] in result.failed:
                self._queue.release(record["receiptHandle"])

    def start(self) -> None:
        """Poll in a thread of its own until `stop`.

        Raises RuntimeError where it runs already.
        """
        if self._thread:
            msg = f"the mapping of {self.settings.queue_arn} runs already"
            raise RuntimeError(msg)
        self._stopping.clear()
        self._thread = Thread(target=self._run, name="queue-mapping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop polling and wait for the batches under way; harmless when it does not run."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def drain(self, timeout_seconds: float) -> None:
        """Poll until the queue holds no message: visible, hidden or delayed.

        Raises TimeoutError, with the counts, where it still does after `timeout_seconds`.
        """
        started_here = self._thread is None
        if started_here:
            self.start()
        try:
            self._await_empty(timeout_seconds)
        finally:
            if started_here:
                self.stop()

    def _await_empty(self, timeout_seconds: float) -> None:
        end = time.monotonic() + timeout_seconds
        empty_looks = 0
        # Two: a message can go from one count to another between the counts of one answer.
        while empty_looks < 2:  # noqa: PLR2004
            counts = self._queue.counts()
            empty_looks = 0 if any(counts.values()) else empty_looks + 1
            if empty_looks == 0 and time.monotonic() > end:
                msg = f"after {timeout_seconds} s the queue holds {counts}, wanted: nothing"
                raise TimeoutError(msg)
            time.sleep(_PAUSE_SECONDS)

    def _run(self) -> None:
        free = BoundedSemaphore(self.settings.maximum_concurrency)
        with ThreadPoolExecutor(self.settings.maximum_concurrency, "queue-mapping") as pool:
            while not self._stopping.is_set():
                # Nothing is received, and so hidden and counted, before it can be processed.
                if not free.acquire(timeout=_POLL_SECONDS):
                    continue
                messages = self._receive_or_pause()
                if messages:
                    pool.submit(self._process_quietly, messages, free)
                else:
                    free.release()

    def _receive_or_pause(self) -> list[Message]:
        try:
            return self._receive(_POLL_SECONDS)
        except (BotoCoreError, ClientError):
            _log.warning("cannot poll %s", self.settings.queue_url, exc_info=True)
            self._stopping.wait(_RETRY_SECONDS)
            return []

    def _process_quietly(self, messages: list[Message], free: BoundedSemaphore) -> None:
        try:
            self._process(messages)
        except Exception:  # noqa: BLE001 - whatever it was, its messages come back in time
            _log.exception("a batch of %s was given up", self.settings.queue_url)
        finally:
            free.release()

    def _receive(self, wait_seconds: int) -> list[Message]:
        return self._queue.receive_batch(
            self.settings.batch_size, self.settings.window_seconds, wait_seconds
        )

    def _process(self, messages: list[Message]) -> BatchResult:
        event = batch_event(messages, self.settings.queue_arn)
        invocation = self._function.invoke(event)
        sent = [message["MessageId"] for message in messages]
        failed = failed_messages(invocation, sent, partial=self.settings.partial_responses)
        self._queue.delete([message for message in messages if message["MessageId"] not in failed])
        result = BatchResult(
            event=event,
            invocation=invocation,
            succeeded=tuple(name for name in sent if name not in failed),
            failed=tuple(name for name in sent if name in failed),
        )
        if self._on_batch:
            self._on_batch(result)
        return result
