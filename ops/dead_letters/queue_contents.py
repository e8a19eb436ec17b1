"""Read the messages of an SQS queue and leave them there: SQS only offers to receive them."""

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

# Messages in one receive or one batch call: SQS's maximum.
BATCH: Final = 10
# Long enough to read and handle one batch, and how long a reader that is killed hides messages.
VISIBILITY_SECONDS: Final = 60
# A long poll asks every server of the queue, so an empty answer means an empty queue.
POLL_SECONDS: Final = 1
# In a large queue the first messages become visible again, and are received twice.
_RECEIVES_WITHOUT_NEWS: Final = 3


class Reading:
    """One pass over a queue's messages, a context manager.

    A message is hidden from other readers once it is received. On exit those that were not deleted
    become visible again.
    """

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._handles: dict[str, str] = {}  # the newest receipt handle, by message id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def batches(self) -> Iterator[list[Mapping[str, Any]]]:
        """Yield batches of messages, each message once, until the queue has no more."""
        seen: set[str] = set()
        quiet = 0
        while quiet < _RECEIVES_WITHOUT_NEWS:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=VISIBILITY_SECONDS,
                WaitTimeSeconds=POLL_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            messages = cast("list[dict[str, Any]]", answer.get("Messages", []))
            if not messages:
                return
            self._handles.update({one["MessageId"]: one["ReceiptHandle"] for one in messages})
            fresh = [one for one in messages if one["MessageId"] not in seen]
            seen.update(one["MessageId"] for one in fresh)
            quiet = 0 if fresh else quiet + 1
            if fresh:
                yield [*fresh]

    def delete(self, messages: Iterable[str]) -> list[str]:
        """Delete messages of this pass by their ids; return the ids that SQS did not delete."""
        failed: list[str] = []
        for some in _tens(messages):
            answer = self._sqs.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": self._handles[one]}
                    for place, one in enumerate(some)
                ],
            )
            refused = {int(entry["Id"]) for entry in answer.get("Failed", [])}
            failed += [some[place] for place in refused]
            for place, one in enumerate(some):
                if place not in refused:
                    del self._handles[one]
        return failed

    def release(self) -> None:
        """Make every message of this pass that was not deleted visible again at once."""
        for some in _tens(self._handles):
            # SQS refuses a message that is visible again already: its time-out has passed.
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {
                        "Id": str(place),
                        "ReceiptHandle": self._handles[one],
                        "VisibilityTimeout": 0,
                    }
                    for place, one in enumerate(some)
                ],
            )
        self._handles.clear()


def depth(sqs: "SQSClient", url: str) -> tuple[int, int]:
    """Return how many messages are waiting, delayed ones included, and how many are in flight.

    SQS's counts are approximate; they are exact about a minute after the last change.
    """
    counts = sqs.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
        ],
    )["Attributes"]
    waiting = int(counts["ApproximateNumberOfMessages"])
    delayed = int(counts.get("ApproximateNumberOfMessagesDelayed", "0"))
    return waiting + delayed, int(counts["ApproximateNumberOfMessagesNotVisible"])


def retention_seconds(sqs: "SQSClient", url: str) -> int:
    """Return for how long a queue keeps a message, in seconds."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MessageRetentionPeriod"])
    return int(answer["Attributes"]["MessageRetentionPeriod"])


def _tens(items: Iterable[str]) -> Iterator[list[str]]:
    every = list(items)
    for start in range(0, len(every), BATCH):
        yield every[start : start + BATCH]
