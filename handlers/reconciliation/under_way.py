"""Which versions may have a message in the queue still, by the queue's counts and its oldest one.

S3 sends a message when a version is created, an operator or an earlier run may send one at any time
later. The queue cannot be searched. But while it is worked on, its messages are young, and so are
all versions that have one. A queue whose oldest message has waited for long is paused or behind:
any version may have a message there, and one more would only wait with the others.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from handlers.aws.messages import Messenger

# A message that waits longer is not one of a queue that is worked on. With an hour between two
# runs at least, a run meets no message of the one before it.
_BEHIND: Final = timedelta(hours=1)
# SQS publishes its metrics each minute, some minutes late.
METRIC_LAG: Final = timedelta(minutes=15)
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """Versions created before an instant have no message under way.

    `empty` says that the queue had no message at all, `note` why nothing can be sent.
    """

    before: datetime
    empty: bool
    note: str = ""


def find_under_way(
    messenger: Messenger, queue_url: str, *, now: datetime, min_age: timedelta
) -> UnderWay:
    """Return which versions have no message in a queue; those younger than `min_age` may have one.

    Two calls at most. Raises TransientError where they fail.
    """
    queue = messenger.describe(queue_url)
    if not queue.messages:
        return UnderWay(before=now - min_age, empty=True)
    oldest = messenger.oldest_message_age(queue_url, now=now, window=METRIC_LAG)
    if oldest is None:
        return UnderWay(before=now - min_age - queue.retention, empty=False)
    if oldest > _BEHIND:
        hours = oldest / timedelta(hours=1)
        note = f"the oldest message of the processing queue has waited for {hours:.1f} hours: "
        note += "the queue is paused or behind, so nothing is sent"
        return UnderWay(before=_NEVER, empty=False, note=note)
    # The age leaves out messages that were received three times or more; such a message ends after
    # the queue's receives. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    longest = max(oldest + METRIC_LAG, queue.longest_processing)
    return UnderWay(before=now - min_age - longest, empty=False)
