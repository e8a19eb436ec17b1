"""Check the processing queue and the dead-letter queues."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from handlers.environment import VISIBILITY_TIMEOUTS
from ops.dead_letters.listing import queues_of
from ops.dead_letters.queue_contents import depth
from ops.pipeline.doctor.findings import Deployment, Finding, judged
from ops.pipeline.status import oldest_message
from ops.stack import queue_name
from ops.terminal.instants import age

_UP: Final = "`pulumi up --refresh` sets it again"


def redrive(deployment: Deployment) -> Iterator[Finding]:
    """Check that messages that fail end in the dead-letter queue, which keeps them longer."""
    stack = deployment.stack
    queue = _attributes(deployment, stack.processing_queue_url)
    dead_letters = _attributes(deployment, stack.dlq_url)
    policy = json.loads(queue.get("RedrivePolicy", "{}"))
    target, wanted = policy.get("deadLetterTargetArn"), stack.queue_arn(stack.dlq_url)
    yield judged(
        "redrive of the processing queue",
        [] if target == wanted else [f"to {target}, expected: {wanted}"],
        well=f"to {wanted} after {policy.get('maxReceiveCount')} receives",
        mend=_UP,
    )
    kept, longer = (int(one["MessageRetentionPeriod"]) for one in (queue, dead_letters))
    yield judged(
        "retention of messages",
        [f"the dead-letter queue keeps them {age(longer)}, no longer than the queue: {age(kept)}"]
        if longer <= kept
        else [],
        well=f"{age(kept)}, then {age(longer)} as dead letters",
        mend=_UP,
    )


def visibility(deployment: Deployment) -> Iterator[Finding]:
    """Check that a message is hidden for long enough for the processor to end."""
    attributes = _attributes(deployment, deployment.stack.processing_queue_url)
    seconds, timeout = int(attributes["VisibilityTimeout"]), deployment.processor["Timeout"]
    least = VISIBILITY_TIMEOUTS * timeout
    yield judged(
        "visibility timeout",
        [f"{seconds} s, expected: at least {least} s, {VISIBILITY_TIMEOUTS} time-outs of it"]
        if seconds < least
        else [],
        well=f"{seconds} s, for a function of {timeout} s",
        mend=_UP,
    )


def dead_letters(deployment: Deployment) -> Iterator[Finding]:
    """Check that there are no dead letters; say how old the oldest one is."""
    account, now = deployment.account, deployment.now()
    for name, url in queues_of(deployment.stack).items():
        count = sum(depth(account.sqs, url))
        oldest = oldest_message(account.cloudwatch, queue_name(url), now) if count else None
        since = f", the oldest for {age(oldest)}" if oldest is not None else ""
        yield judged(
            f"dead letters of the {name}",
            [f"{count}{since}"] if count else [],
            well="none",
            mend="`python -m ops failures` lists them with their reasons",
        )


def _attributes(deployment: Deployment, url: str) -> Mapping[str, str]:
    found = deployment.account.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return {str(name): text for name, text in found.get("Attributes", {}).items()}
