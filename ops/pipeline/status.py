"""Collect the state of the pipeline in numbers, and what needs a person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from handlers import keys
from ops.aws import Account
from ops.dead_letters import listing
from ops.dead_letters.queue_contents import depth
from ops.files import objects
from ops.pipeline import polling
from ops.pipeline.polling import Polling
from ops.pipeline.usage import notes
from ops.stack import queue_name
from ops.terminal.instants import age, shown

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient

# SQS writes its metrics each minute, some minutes late.
_METRIC_WINDOW: Final = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class QueueState:
    """How many messages are waiting and in flight; `oldest_seconds` is None if unknown."""

    waiting: int
    in_flight: int
    oldest_seconds: float | None = None

    @property
    def messages(self) -> int:
        """The number of all messages."""
        return self.waiting + self.in_flight


@dataclass(frozen=True, kw_only=True)
class Pile:
    """The objects under a prefix: how many, their bytes, and the oldest one's age if asked."""

    objects: int
    size: int
    oldest_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Status:
    """The state of the pipeline.

    None stands for what was not asked (`--quick`), cannot be known (alarms without a topic), or is
    not there (`polling`).
    `notes` say which settings lose money; they need nobody at once.
    """

    queue: QueueState
    polling: Polling | None
    dead_letters: dict[str, QueueState]
    incoming: Pile
    processed_today: Pile
    completed: Pile | None
    archived: Pile | None
    alarms: tuple[str, ...] | None
    notes: tuple[str, ...] = ()

    @property
    def attention(self) -> tuple[str, ...]:
        """A sentence for each thing that needs a person."""
        dead_letters = [
            f"dead letters of the {name}: {state.messages}{_in_flight(state)}, see `failures`"
            for name, state in self.dead_letters.items()
            if state.messages
        ]
        alarms = (f"alarm: {name}" for name in self.alarms or ())
        return (*self._about_polling(), *dead_letters, *alarms)

    def _about_polling(self) -> tuple[str, ...]:
        if self.polling is None:
            return ("nothing polls the processing queue: `pulumi up` makes its mapping again",)
        if not self.polling.paused:
            return ()
        since, longest = shown(self.polling.changed), age(self.polling.retention_seconds)
        paused = (
            f"paused since {since}: {self.queue.messages} messages wait in the processing queue, "
            f"each at most {longest}; `resume` has them processed"
        )
        return (paused,)


def collect(account: Account, now: datetime, *, quick: bool) -> Status:
    """Return the state of a stack; `quick` leaves out the counts that take longer each year."""
    stack, s3 = account.stack, account.s3
    today = keys.day_prefix(keys.PROCESSED, now.date())
    return Status(
        queue=_processing_queue(account, now),
        polling=polling.read(account),
        dead_letters={
            queue.value: _queue(account, url) for queue, url in listing.queues_of(stack).items()
        },
        incoming=_incoming(account, now),
        processed_today=_pile(objects.count(s3, stack.processed_bucket_name, today)),
        completed=(
            None if quick else _pile(objects.count(s3, stack.raw_bucket_name, keys.COMPLETED))
        ),
        archived=None if quick else _archived(account),
        alarms=_alarms(account),
        notes=() if quick else notes.money(account, now),
    )


def _archived(account: Account) -> Pile:
    """Count the objects of the archive: outputs of their own, and bundles."""
    bucket = account.stack.archive_bucket_name
    some = [objects.count(account.s3, bucket, it) for it in (keys.ARCHIVE, keys.BUNDLES)]
    return _pile((sum(number for number, _ in some), sum(size for _, size in some)))


def _in_flight(state: QueueState) -> str:
    return f" ({state.in_flight} in flight, held by another reader)" if state.in_flight else ""


def _processing_queue(account: Account, now: datetime) -> QueueState:
    url = account.stack.processing_queue_url
    state = _queue(account, url)
    oldest = oldest_message(account.cloudwatch, queue_name(url), now)
    return QueueState(waiting=state.waiting, in_flight=state.in_flight, oldest_seconds=oldest)


def _queue(account: Account, url: str) -> QueueState:
    waiting, in_flight = depth(account.sqs, url)
    return QueueState(waiting=waiting, in_flight=in_flight)


def oldest_message(cloudwatch: "CloudWatchClient", queue: str, now: datetime) -> float | None:
    """Return the age of the oldest message in seconds, which SQS publishes as a metric alone."""
    points = cloudwatch.get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=now - _METRIC_WINDOW,
        EndTime=now,
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]
    ages = [(point.get("Timestamp", now), point.get("Maximum")) for point in points]
    return max(ages)[1] if ages else None


def _incoming(account: Account, now: datetime) -> Pile:
    """Count every version: one that was overwritten before it was processed still will be."""
    number = size = 0
    oldest = now
    for item in objects.versions(account.s3, account.stack.raw_bucket_name, keys.INCOMING):
        number += 1
        size += item.size
        oldest = min(oldest, item.modified)
    seconds = (now - oldest).total_seconds() if number else None
    return Pile(objects=number, size=size, oldest_seconds=seconds)


def _pile(counted: tuple[int, int]) -> Pile:
    return Pile(objects=counted[0], size=counted[1])


def _alarms(account: Account) -> tuple[str, ...] | None:
    """Return the names of the alarms in ALARM that notify the stack's topic."""
    topic = account.stack.alarm_topic_arn
    if not topic:
        return None
    pages = account.cloudwatch.get_paginator("describe_alarms").paginate(
        StateValue="ALARM", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    return tuple(
        alarm.get("AlarmName", "")
        for page in pages
        for alarm in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", []))
        if topic in alarm.get("AlarmActions", [])
    )
