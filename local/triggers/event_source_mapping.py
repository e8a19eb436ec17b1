"""Poll a queue and invoke a function with its messages, as Lambda's event source mapping does.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html. The queue counts receives,
hides messages and moves them to its dead-letter queue, which moto does.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from mypy_boto3_sqs import SQSClient

from local.compute.functions import Invokable
from local.compute.outcome import Invocation
from local.triggers.background import BackgroundThread
from local.triggers.source_queue import SourceQueue
from local.triggers.sqs_event import Message, batch_event, failed_messages

_POLL_SECONDS: Final = 1  # Lambda polls for 20, but `stop` waits for the end of a poll
_RETRY_SECONDS: Final = 1  # after a failed poll
_DISABLED_SECONDS: Final = 0.2  # until a mapping that is disabled is looked at again
_PAUSE_SECONDS: Final = 0.05

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class MappingSettings:
    """The settings of a mapping; names and limits are Lambda's.

    Attributes:
        queue_url: The queue to poll.
        queue_arn: The ARN of the same queue.
        batch_size: The maximum number of messages in an event.
        window_seconds: How long a batch that is not full waits for more messages.
        maximum_concurrency: The maximum number of events at once.
        partial_responses: Whether the function reports the failed messages of a batch.
        visibility_seconds: The visibility time-out of received messages; None for the queue's own.
            Local only: the queue's own is half an hour for a function of five minutes, and the
            messages of a killed invocation should come back soon. It must be longer than any
            invocation here.
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
    """The result of one batch: its event, the invocation, and the ids of its messages.

    `event` and `invocation` are None if the queue had no visible message. Messages that succeeded
    are deleted, those that failed stay in the queue.
    """

    event: dict[str, Any] | None = None
    invocation: Invocation | None = None
    succeeded: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class QueueMapping:
    """Polls a queue and invokes a function: once, or in threads from `start` to `stop`."""

    def __init__(
        self,
        *,
        function: Invokable,
        sqs: SQSClient,
        settings: MappingSettings,
        on_batch: Callable[[BatchResult], None] | None = None,
        is_enabled: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make a mapping that does not poll yet.

        `on_batch` is called with the result of each batch, in the thread that processed it.
        `is_enabled` is asked before each poll from `start` to `stop`: while it is not, the messages
        wait.
        """
        self.settings = settings
        self._function = function
        self._queue = SourceQueue(
            sqs=sqs, url=settings.queue_url, visibility_seconds=settings.visibility_seconds
        )
        self._on_batch = on_batch
        self._is_enabled = is_enabled
        self._background = BackgroundThread(f"the mapping of {settings.queue_arn}", self._run)

    def poll_once(self, *, wait_seconds: int = 0) -> BatchResult:
        """Receive one batch, invoke the function with it, and delete the messages that succeeded.

        Waits up to `wait_seconds` (0 to 20) for the first message.
        """
        messages = self._receive(wait_seconds)
        return self._process(messages) if messages else BatchResult()

    def release(self, result: BatchResult) -> None:
        """Make the failed messages of a batch visible now, without waiting for their time-out."""
        records = result.event["Records"] if result.event else ()
        for record in records:
            if record["messageId"] in result.failed:
                self._queue.release(record["receiptHandle"])

    def start(self) -> None:
        """Poll in a thread of its own until `stop`.

        Raises RuntimeError if the mapping is running.
        """
        self._background.start()

    def stop(self) -> None:
        """Stop polling, and wait for the batches under way; harmless if not running."""
        self._background.stop()

    def drain(self, timeout_seconds: float) -> None:
        """Poll until the queue holds no message, whether visible, hidden or delayed.

        Raises TimeoutError with the counts if it still holds one after `timeout_seconds`.
        """
        started_here = not self._background.running
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
        # Two: while SQS counts, a message can move so that no count includes it.
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
            while not self._background.stopping.is_set():
                # Receiving hides a message and counts as an attempt, so a free thread comes first.
                if not free.acquire(timeout=_POLL_SECONDS):
                    continue
                messages = self._receive_or_pause()
                if messages:
                    pool.submit(self._process_quietly, messages, free)
                else:
                    free.release()

    def _receive_or_pause(self) -> list[Message]:
        try:
            enabled = self._is_enabled()
            messages = self._receive(_POLL_SECONDS) if enabled else []
        except (BotoCoreError, ClientError):
            _log.warning("cannot poll %s", self.settings.queue_url, exc_info=True)
            self._background.stopping.wait(_RETRY_SECONDS)
            return []
        if not enabled:
            self._background.stopping.wait(_DISABLED_SECONDS)
        return messages

    def _process_quietly(self, messages: list[Message], free: BoundedSemaphore) -> None:
        try:
            self._process(messages)
        except Exception:  # noqa: BLE001 - the messages become visible again
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
