"""Dead letters taken out of their queues: sent back to be processed, or thrown away."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.aws import Account
from ops.failures import batches, described, queues_of
from ops.letters import DeadLetter, Queue
from ops.problems import UsageError
from ops.queues import Reading
from ops.stack import Stack

# What a batch of messages may weigh in every region, in bytes.
_BATCH_BYTES: Final = 262_144

# Deals with some letters and returns those that are safely elsewhere, to be deleted.
Deal = Callable[[Queue, list[DeadLetter]], list[DeadLetter]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the chosen letters: how many left the queue, and which did not, with why."""

    done: int
    kept: tuple[tuple[str, str], ...]  # message id, reason


def redrive(account: Account, chosen: set[str], *, progress: Callable[[int], None]) -> Outcome:
    """Send letters, by their message ids, to be processed again, then delete them.

    In that order: a crash in between leaves a duplicate, which has no second effect. Several
    letters of one version are sent once. `progress` is told how many letters were dealt with.
    """
    sent: set[tuple[object, ...]] = set()

    def deal(queue: Queue, letters: list[DeadLetter]) -> list[DeadLetter]:
        fresh = {
            one.identity: one
            for one in letters
            if one.event is not None and one.identity not in sent
        }
        sent.update(one.identity for one in _send(account, queue, [*fresh.values()]))
        return [one for one in letters if one.identity in sent]

    return _clear(account, chosen, deal, progress=progress)


def discard(
    account: Account, chosen: set[str], file: Path, *, progress: Callable[[int], None]
) -> Outcome:
    """Delete letters, by their message ids; each is written to a new file first, a JSON line each.

    Raises UsageError if the file exists, or cannot be written.
    """
    try:
        lines = file.open("x", encoding="utf-8")
    except FileExistsError:
        msg = f"--save {file} exists, allowed: a new file"
        raise UsageError(msg) from None
    except OSError as error:
        msg = f"--save {file} cannot be written ({error.strerror})"
        raise UsageError(msg) from error
    with lines:

        def deal(_queue: Queue, letters: list[DeadLetter]) -> list[DeadLetter]:
            lines.writelines(json.dumps(described(one)) + "\n" for one in letters)
            lines.flush()
            os.fsync(lines.fileno())
            return letters

        return _clear(account, chosen, deal, progress=progress)


def destination(stack: Stack, queue: Queue) -> str:
    """Return where `redrive` sends the letters of a queue: a queue's URL or a function's ARN."""
    if queue is Queue.ARCHIVER:
        return stack.data_archiver_lambda_arn
    return stack.processing_queue_url


def _clear(
    account: Account, chosen: set[str], deal: Deal, *, progress: Callable[[int], None]
) -> Outcome:
    done = 0
    kept = dict.fromkeys(chosen, "no longer in the queue, or being read by another command")
    for queue, url in queues_of(account.stack).items():
        with Reading(account.sqs, url) as reading:
            for batch in batches(account, queue, reading):
                wanted = [one for one in batch if one.message in chosen]
                elsewhere = {one.message for one in deal(queue, wanted)} if wanted else set[str]()
                kept.update((one.message, "not accepted, stays") for one in wanted)
                undeleted = reading.delete(elsewhere)
                for message in elsewhere.difference(undeleted):
                    del kept[message]
                kept.update(dict.fromkeys(undeleted, "sent or saved, but not deleted"))
                done += len(elsewhere) - len(undeleted)
                progress(len(wanted))
                if not kept:
                    break
    return Outcome(done=done, kept=tuple(sorted(kept.items())))


def _send(account: Account, queue: Queue, letters: list[DeadLetter]) -> list[DeadLetter]:
    """Send letters to be processed again, and return those that were accepted."""
    target = destination(account.stack, queue)
    if queue is Queue.ARCHIVER:
        return [one for one in letters if _invoke(account, target, one)]
    accepted: list[DeadLetter] = []
    for some in _weighed(letters):
        answer = account.sqs.send_message_batch(
            QueueUrl=target,
            Entries=[
                {"Id": str(place), "MessageBody": body} for place, (_, body) in enumerate(some)
            ],
        )
        accepted += [some[int(entry["Id"])][0] for entry in answer.get("Successful", [])]
    return accepted


def _invoke(account: Account, function: str, letter: DeadLetter) -> bool:
    answer = account.functions.invoke(
        FunctionName=function, InvocationType="Event", Payload=(letter.event or "").encode()
    )
    return answer["StatusCode"] == 202  # noqa: PLR2004 accepted, the answer to an Event


def _weighed(letters: list[DeadLetter]) -> Iterator[list[tuple[DeadLetter, str]]]:
    """Yield letters with their events in batches that SQS takes; a receive holds at most ten."""
    batch: list[tuple[DeadLetter, str]] = []
    weight = 0
    for letter in letters:
        event = letter.event or ""
        weight += len(event.encode())
        if batch and weight > _BATCH_BYTES:
            yield batch
            batch, weight = [], len(event.encode())
        batch.append((letter, event))
    if batch:
        yield batch
