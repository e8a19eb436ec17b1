"""The dead-letter queues, listed without loss."""

import json
from collections.abc import Iterator

from ops.aws import Account
from ops.dead_letters.envelopes import parse
from ops.dead_letters.messages import DeadLetter, Queue, distinct
from ops.dead_letters.queue_contents import Reading, depth
from ops.stack import Stack
from ops.terminal.instants import shown


def queues_of(stack: Stack) -> dict[Queue, str]:
    """Return the URLs of the stack's dead-letter queues."""
    urls = {Queue.PROCESSOR: stack.dlq_url}
    if stack.archiver_dlq_url and stack.archiver_dlq_url != stack.dlq_url:
        urls[Queue.ARCHIVER] = stack.archiver_dlq_url
    return urls


def peek(
    account: Account, *, queue: Queue | None = None, limit: int | None = None
) -> list[DeadLetter]:
    """Return the dead letters of one queue or both, some `limit` distinct ones; all stay."""
    letters: list[DeadLetter] = []
    urls = queues_of(account.stack)
    for name in urls if queue is None else (queue,):
        with Reading(account.sqs, urls[name]) as reading:
            for batch in batches(account, name, reading):
                letters += batch
                if limit is not None and len(distinct(letters)) >= limit:
                    break
    return letters


def held(account: Account) -> dict[Queue, int]:
    """Return how many dead letters another reader holds, so that they cannot be read now."""
    urls = queues_of(account.stack)
    return {name: depth(account.sqs, url)[1] for name, url in urls.items()}


def batches(account: Account, queue: Queue, reading: Reading) -> Iterator[list[DeadLetter]]:
    """Yield the letters of a pass, a receive's at a time."""
    receives = _max_receives(account) if queue is Queue.PROCESSOR else None
    for batch in reading.batches():
        yield [parse(message, queue, max_receives=receives) for message in batch]


def described(letter: DeadLetter, *, count: int = 1) -> dict[str, object]:
    """Return a letter as `--json` and saved files show it."""
    return {
        "message_id": letter.message,
        "queue": letter.queue.value,
        "sent": shown(letter.sent),
        "key": letter.key,
        "version": letter.version,
        "reason": letter.reason,
        "place": letter.place,
        "kind": letter.kind,
        "attempts": letter.attempts,
        "count": count,
        "problem": letter.problem,
        "body": letter.body,
        "attributes": dict(letter.attributes),
    }


def _max_receives(account: Account) -> int | None:
    told = account.sqs.get_queue_attributes(
        QueueUrl=account.stack.processing_queue_url, AttributeNames=["RedrivePolicy"]
    )
    policy = told.get("Attributes", {}).get("RedrivePolicy")
    return int(json.loads(policy)["maxReceiveCount"]) if policy else None
