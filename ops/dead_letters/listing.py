"""List the dead letters of a stack; they stay in their queues."""

import json
from collections.abc import Iterator
from typing import Final

from ops.aws import Account
from ops.dead_letters.envelopes import parse
from ops.dead_letters.messages import DeadLetter, Queue, Selection, distinct
from ops.dead_letters.queue_contents import Reading, depth
from ops.stack import Stack
from ops.terminal.instants import shown

_EVERY: Final = Selection()


def queues_of(stack: Stack) -> dict[Queue, str]:
    """Return the URLs of the stack's dead-letter queues."""
    urls = {Queue.PROCESSOR: stack.dlq_url}
    if stack.archiver_dlq_url and stack.archiver_dlq_url != stack.dlq_url:
        urls[Queue.ARCHIVER] = stack.archiver_dlq_url
    return urls


def peek(
    account: Account,
    *,
    queue: Queue | None = None,
    wanted: Selection = _EVERY,
    limit: int | None = None,
) -> list[DeadLetter]:
    """Return the wanted dead letters of one queue, or of both; they stay there.

    Stops once it has read such dead letters about `limit` different versions.
    """
    dead_letters: list[DeadLetter] = []
    urls = queues_of(account.stack)
    for name in urls if queue is None else (queue,):
        with Reading(account.sqs, urls[name]) as reading:
            for batch in batches(account, name, reading):
                dead_letters += [one for one in batch if one in wanted]
                if limit is not None and len(distinct(dead_letters)) >= limit:
                    break
    return dead_letters


def in_flight(account: Account) -> dict[Queue, int]:
    """Return how many dead letters cannot be read now, since another reader has received them."""
    urls = queues_of(account.stack)
    return {name: depth(account.sqs, url)[1] for name, url in urls.items()}


def batches(account: Account, queue: Queue, reading: Reading) -> Iterator[list[DeadLetter]]:
    """Yield the dead letters of a queue, in the batches in which SQS returns them."""
    receives = _max_receives(account) if queue is Queue.PROCESSOR else None
    for batch in reading.batches():
        yield [parse(message, queue, max_receives=receives) for message in batch]


def document(dead_letter: DeadLetter, *, count: int = 1) -> dict[str, object]:
    """Return a dead letter as `--json` and saved files show it."""
    return {
        "message_id": dead_letter.message_id,
        "queue": dead_letter.queue.value,
        "sent": shown(dead_letter.sent),
        "key": dead_letter.key,
        "version": dead_letter.version,
        "reason": dead_letter.reason,
        "place": dead_letter.place,
        "kind": dead_letter.kind,
        "attempts": dead_letter.attempts,
        "count": count,
        "problem": dead_letter.problem,
        "body": dead_letter.body,
        "attributes": dict(dead_letter.attributes),
    }


def _max_receives(account: Account) -> int | None:
    answer = account.sqs.get_queue_attributes(
        QueueUrl=account.stack.processing_queue_url, AttributeNames=["RedrivePolicy"]
    )
    policy = answer.get("Attributes", {}).get("RedrivePolicy")
    return int(json.loads(policy)["maxReceiveCount"]) if policy else None
