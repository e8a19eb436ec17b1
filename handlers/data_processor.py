"""The data processor: envelopes in, one delivery an object, a report out."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, partial
from json import dumps
from typing import Any, Final

from handlers import keys
from handlers.aws.failures import AccessDeniedError, LoopError, PermanentError, TransientError
from handlers.aws.messages import Messenger
from handlers.aws.object_info import Location
from handlers.aws.objects import Storage
from handlers.construction import construct, is_initialising, read_datasets
from handlers.delivery.outcomes import Continued, Delivered, Dropped
from handlers.delivery.protocol import Delivery
from handlers.delivery.replays import Replays
from handlers.delivery.reprocessing import Reprocessing
from handlers.delivery.source_version import created_at
from handlers.environment import PROCESSOR_SERVICE, Metric, ProcessorEnvironment
from handlers.invocation import attempts, batch_jobs
from handlers.invocation.attempts import Attempt, Record
from handlers.invocation.batch_jobs import ResultCode, Task, TaskResult, read_tasks
from handlers.invocation.deadline import Deadline
from handlers.invocation.events import (
    CompletedReference,
    MalformedEventError,
    Reading,
    Reference,
    read_event,
    read_message,
)
from handlers.invocation.telemetry import Telemetry
from handlers.reconciliation.reconciler import Reconciler
from handlers.reconciliation.request import RECONCILE, Request
from handlers.transform.datasets.dataset import Datasets

_NO_DATASETS: Final = Datasets()
_MAX_THREADS: Final = 10  # files at once; each may hold three chunks of 8 MiB


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one object or of one message."""

    status: str  # processed, continued, dropped, failed (for good) or retried
    reason: str = ""
    metrics: Mapping[Metric, int] = field(default_factory=dict[Metric, int])

    @property
    def finished(self) -> bool:
        """Return whether nothing is left to do: processed, continued, dropped or a dead letter."""
        return self.status != "retried"


class Processor:
    """Handles one invocation at a time; its objects and messages in parallel."""

    def __init__(
        self,
        environment: ProcessorEnvironment,
        storage: Storage,
        messenger: Messenger,
        telemetry: Telemetry,
        now: Callable[[], datetime],
        *,
        datasets: Datasets = _NO_DATASETS,
    ) -> None:
        self._environment = environment
        self._storage = storage
        self._messenger = messenger
        self._telemetry = telemetry
        self._log = telemetry.logger
        self._now = now
        self._delivery = Delivery(storage, environment, now, datasets)
        self._reprocessing = Reprocessing(storage, environment, now, datasets)
        self._replays = Replays(storage, environment.raw_bucket)
        self._reconciler = Reconciler(
            storage, messenger, self._delivery, environment, telemetry.logger
        )

    def handle(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Handle a batch of the queue, an event or a call without one, a job's tasks, or a run."""
        self._telemetry.begin(context.aws_request_id)
        if batch_jobs.is_job_event(event):
            return self._handle_job(event, context)
        deadline = Deadline(lambda: context.get_remaining_time_in_millis() / 1000)
        if _is_batch(event):
            return self._handle_batch(event["Records"], deadline, context)
        if _asks_for_reconciliation(event):
            return self._reconcile(event[RECONCILE], deadline, context)
        return self._handle_event(event, deadline, context)

    def _handle_batch(
        self, records: Sequence[Record], deadline: Deadline, context: Any
    ) -> dict[str, Any]:
        together, alone = attempts.split(
            records, now=self._now(), timeout_seconds=deadline.granted_seconds
        )
        handle = partial(self._handle_message, deadline, neighbours=len(records) > 1)
        done: dict[str, list[Result]] = {}
        if together:
            with ThreadPoolExecutor(min(len(together), _MAX_THREADS)) as pool:
                found = pool.map(handle, together)
                done.update(zip(map(_message_id, together), found, strict=True))
        handled: Sequence[Record] = together
        for record in alone:
            # If this one kills the function, what is done stays done: Lambda deletes no message of
            # a killed batch.
            self._delete_finished(handled, done)
            done[_message_id(record)] = handle(record)
            handled = [record]
        self._emit([result for results in done.values() for result in results], context)
        failed = [
            {"itemIdentifier": message}
            for message in map(_message_id, records)
            if not _is_finished(done[message])
        ]
        return {"batchItemFailures": failed}

    def _delete_finished(self, records: Sequence[Record], done: Mapping[str, list[Result]]) -> None:
        for record in records:
            if _is_finished(done[_message_id(record)]):
                self._messenger.delete(
                    self._environment.processing_queue_url, record["receiptHandle"]
                )

    def _handle_message(
        self, deadline: Deadline, record: Record, *, neighbours: bool
    ) -> list[Result]:
        if neighbours and deadline.remaining_seconds() <= 0:
            return self._put_off(record)
        attempt = attempts.read_attempt(record, now=self._now())
        try:
            reading = read_message(record["body"], self._environment.raw_bucket)
        except MalformedEventError as error:
            results = [self._fail_message(record["body"], str(error))]
        else:
            results = self._handle_objects(reading, deadline, attempt)
        if not _is_finished(results):
            self._return(record, attempts.back_off_seconds(attempt.number))
        return results

    def _put_off(self, record: Record) -> list[Result]:
        """Leave a message that the others have left no time for to a later invocation.

        This is not an attempt: otherwise a file that nobody has read could become a dead letter. It
        waits as after a first attempt, so that a long outage does not use up its receives.
        """
        reason = "the other messages of its batch have left no time for it"
        for named in self._names(record) or [{}]:
            self._log.info("put off", **named, message=_message_id(record), reason=reason)
        self._return(record, attempts.back_off_seconds(1))
        return [Result(status="retried", reason=reason)]

    def _names(self, record: Record) -> list[dict[str, Any]]:
        """Return the files that a message names, as log lines name them; none if it is broken."""
        try:
            reading = read_message(record["body"], self._environment.raw_bucket)
        except MalformedEventError:
            return []
        return [_named(reference) for reference in reading.references]

    def _return(self, record: Record, seconds: int) -> None:
        """Let a message return to its queue after so many seconds."""
        queue = self._environment.processing_queue_url
        try:
            self._messenger.delay(queue, record["receiptHandle"], seconds)
        except TransientError as error:  # it returns after the queue's own time-out then
            self._log.warning("back-off not set", reason=str(error))

    def _handle_event(
        self, event: Mapping[str, Any], deadline: Deadline, context: Any
    ) -> dict[str, Any]:
        """Handle an event that S3 or a caller sends; raises what Lambda is to try again."""
        try:
            reading = read_event(event, self._environment.raw_bucket)
        except MalformedEventError as error:
            results = [self._fail_message(dumps(event), str(error))]
        else:
            # Lambda itself counts the attempts at an event, and makes a dead letter of the last.
            attempt = Attempt(number=0, received=self._now())
            results = self._handle_objects(reading, deadline, attempt)
        self._emit(results, context)
        retried = [result.reason for result in results if not result.finished]
        if retried:
            raise TransientError("; ".join(retried))
        counted = Counter[str](result.status for result in results)
        rejected = sum(result.metrics.get(Metric.RECORDS_REJECTED, 0) for result in results)
        failures = [result.reason for result in results if result.status == "failed"]
        return {
            "processed": counted["processed"],
            "failed": counted["failed"],
            "rejected": rejected,
            "continued": counted["continued"],
            "failures": failures,
        }

    def _handle_job(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Replay the completed files that a job of S3 Batch Operations names."""
        results = [self._replay(task) for task in read_tasks(event)]
        # What this invocation has written: a process has one at a time.
        totals = Counter(
            {
                Metric.ACCESS_DENIED: sum(result.denied for result in results),
                Metric.BYTES_WRITTEN: self._storage.take_written(),
            }
        )
        self._telemetry.emit(+totals, function_name=context.function_name)  # without zeros
        return batch_jobs.answer(event, results)

    def _replay(self, task: Task) -> TaskResult:
        where = Location(bucket=task.bucket, key=task.key, version=task.version)
        try:
            text, code, error = self._replays.replay(where, task.job), ResultCode.SUCCEEDED, None
        except (PermanentError, AccessDeniedError) as failure:
            # The job ends by itself where most of its tasks fail, as they do without a permission.
            text, code, error = str(failure), ResultCode.PERMANENT_FAILURE, failure
        except Exception as failure:  # noqa: BLE001 - one task never holds back the others
            text, code, error = str(failure), ResultCode.TEMPORARY_FAILURE, failure
        log = self._log.warning if error else self._log.info
        log("replay", key=task.key, version=task.version, job=task.job, result=code, reason=text)
        denied = isinstance(error, AccessDeniedError)
        return TaskResult(task=task, code=code, text=text, denied=denied)

    def _reconcile(self, fields: object, deadline: Deadline, context: Any) -> dict[str, Any]:
        """Send what is left in `incoming/`, and ask for another invocation if that takes longer."""
        request = Request.read(fields, self._now())
        summary = self._reconciler.run(request, deadline)
        if not request.dry_run:
            metrics = {Metric.FILES_RECONCILED: summary.sent, Metric.ACCESS_DENIED: summary.denied}
            self._telemetry.emit(metrics, function_name=context.function_name)
        report = summary.to_report()
        self._log.info("reconciliation", **report)
        if request.by_schedule and summary.following:
            following = summary.following.to_event()
            self._messenger.invoke_later(context.invoked_function_arn, following)
        files = [{"key": key, "version": version} for key, version in summary.files]
        return {**report, "files": files}

    def _handle_objects(
        self, reading: Reading, deadline: Deadline, attempt: Attempt
    ) -> list[Result]:
        for reason in reading.dropped:
            self._log.info("dropped", reason=reason)
        return [
            self._handle_object(reference, deadline, attempt) for reference in reading.references
        ]

    def _handle_object(self, reference: Reference, deadline: Deadline, attempt: Attempt) -> Result:
        if attempt.number > 1:  # so that one that is killed leaves a line, at no cost for most
            self._log.info("attempt begun", **_named(reference, attempt))
        try:
            done = self._work(reference, deadline, attempt)
            if isinstance(done, Continued):
                return self._continue(done, attempt)
            if isinstance(done, Dropped):
                self._log.info("dropped", reason=done.reason)
                return Result(status="dropped")
        except PermanentError as error:
            failed = self._fail(reference, attempt, "permanent", error.reason, error.place)
            stopped = {Metric.LOOPS_STOPPED: 1} if isinstance(error, LoopError) else {}
            return replace(failed, metrics={**failed.metrics, **stopped})
        except Exception as error:  # noqa: BLE001 - one object never holds back the others
            return self._retry(reference, error, attempt)
        return self._processed(reference, attempt, done)

    def _work(
        self, reference: Reference, deadline: Deadline, attempt: Attempt
    ) -> Delivered | Continued | Dropped:
        if isinstance(reference, CompletedReference):
            repeated = attempt.may_be_repeated(None)
            return self._reprocessing.reprocess(reference, deadline, repeated=repeated)
        repeated = attempt.may_be_repeated(created_at(reference))
        return self._delivery.deliver(reference, deadline, repeated=repeated)

    def _processed(self, reference: Reference, attempt: Attempt, done: Delivered) -> Result:
        counts = done.counts
        metrics = {
            Metric.FILES_PROCESSED: 1,
            Metric.RECORDS_IN: counts.records_in,
            Metric.RECORDS_OUT: counts.written,
            Metric.RECORDS_REJECTED: counts.rejected,
            Metric.RECORDS_EMPTY: counts.empty,
            Metric.BYTES_IN: done.source_bytes,
        }
        again = isinstance(reference, CompletedReference)
        self._log.info(
            "processed again" if again else "processed",
            **_named(reference, attempt),
            output_key=done.output_key,
            repeated=done.repeated,
            records_in=counts.records_in,
            records_out=counts.written,
            records_rejected=counts.rejected,
            records_empty=counts.empty,
            fields_renamed=counts.renamed,
            **_made_by(done),
        )
        return Result(status="processed", metrics=metrics)

    def _continue(self, done: Continued, attempt: Attempt) -> Result:
        """Ask for another invocation; the one at hand is then over for this object."""
        queue, event = self._environment.processing_queue_url, done.reference.to_event()
        self._messenger.send(queue, dumps(event))
        offset = done.progress.position.offset
        self._log.info("continued", **_named(done.reference, attempt), offset=offset)
        return Result(status="continued")

    def _retry(self, reference: Reference, error: Exception, attempt: Attempt) -> Result:
        """Leave an object for the next attempt; after the last, it becomes a dead letter."""
        reason = (
            str(error) if isinstance(error, TransientError) else f"{type(error).__name__}: {error}"
        )
        named = _named(reference, attempt)
        self._log.warning("attempt failed", **named, reason=reason, exc_info=error)
        denied = {Metric.ACCESS_DENIED: 1} if isinstance(error, AccessDeniedError) else {}
        if attempt.number >= self._environment.max_attempts:
            failed = self._fail(reference, attempt, "transient", reason)
            return replace(failed, metrics={**failed.metrics, **denied})
        # Report zero processed files too: without it, an outage would show no rate of retries.
        counted = {Metric.FILES_RETRIED: 1, Metric.FILES_PROCESSED: 0}
        return Result(status="retried", reason=reason, metrics={**counted, **denied})

    def _fail(
        self, reference: Reference, attempt: Attempt, kind: str, reason: str, place: str = ""
    ) -> Result:
        attributes = {
            keys.REASON: reason,
            keys.PLACE: place,
            keys.FAILURE_KIND: kind,
            keys.DEAD_LETTER_BUCKET: reference.bucket,
            keys.DEAD_LETTER_KEY: reference.key,
            keys.DEAD_LETTER_VERSION: reference.version or "",
        }
        named = _named(reference, attempt)
        self._log.error("failed", **named, kind=kind, reason=reason, place=place)
        return self._send_dead_letter(dumps(reference.to_event()), attributes)

    def _fail_message(self, body: str, reason: str) -> Result:
        self._log.error("failed", kind="permanent", reason=reason)
        return self._send_dead_letter(body, {keys.REASON: reason, keys.FAILURE_KIND: "permanent"})

    def _send_dead_letter(self, body: str, attributes: Mapping[str, str]) -> Result:
        reason = attributes[keys.REASON]
        try:
            self._messenger.send(self._environment.dead_letter_queue_url, body, attributes)
        except TransientError as error:
            # The message stays in its queue; SQS moves it to the dead-letter queue later.
            self._log.error("dead letter not sent", reason=str(error))
            return Result(status="retried", reason=f"{reason} (no dead letter sent: {error})")
        return Result(status="failed", reason=reason, metrics={Metric.FILES_FAILED: 1})

    def _emit(self, results: Sequence[Result], context: Any) -> None:
        totals = Counter[Metric]()
        for result in results:
            totals.update(result.metrics)
        if written := self._storage.take_written():
            totals[Metric.BYTES_WRITTEN] = written
        self._telemetry.emit(totals, function_name=context.function_name)


def _is_batch(event: Any) -> bool:
    try:
        return event["Records"][0]["eventSource"] == "aws:sqs"
    except (TypeError, LookupError):
        return False


def _asks_for_reconciliation(event: Any) -> bool:
    return isinstance(event, dict) and RECONCILE in event


def _message_id(record: Record) -> str:
    return record["messageId"]


def _is_finished(results: Sequence[Result]) -> bool:
    return all(result.finished for result in results)


def _named(reference: Reference, attempt: Attempt | None = None) -> dict[str, Any]:
    """Return how a log line names a file, and the attempt at it; `show` finds the line by them."""
    named = {"key": reference.key, "version": reference.version}
    return named | (attempt.fields() if attempt else {})


def _made_by(done: Delivered) -> dict[str, Any]:
    """Return what a log line says of an output's dataset and encoding, where it has one."""
    dataset = {name.replace("-", "_"): value for name, value in done.dataset.items()}
    return dataset | ({"source_encoding": done.source_encoding} if done.source_encoding else {})


@cache
def _processor() -> Processor:
    made = partial(Processor, datasets=read_datasets())
    return construct(made, ProcessorEnvironment, PROCESSOR_SERVICE)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Process what an SQS batch, an S3 event or a direct call names.

    A batch is answered with `batchItemFailures`; an event or a call `{"key": "incoming/…"}` with
    the counts `processed`, `failed`, `rejected` and `continued`, and with the failures' reasons. A
    job of S3 Batch Operations is answered with the result of each of its tasks.
    `{"reconcile": {…}}` is answered with the report of `reconciliation.request.Summary`, and with
    the files that were sent.

    Raises:
        TransientError: for an event or a call, when trying again may help.
        PermanentError: for a reconcile run whose request is not readable.
        MisconfigurationError: the environment is not what infra sets, or the datasets are not what
            it packages. In Lambda it is raised at import, so every invocation fails with it, and so
            does publishing a snapshot.
    """
    return _processor().handle(event, context)


if is_initialising():
    _processor()
