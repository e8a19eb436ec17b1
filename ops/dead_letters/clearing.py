"""Dead letters taken out of their queues: sent back to be processed, or thrown away."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from ops.aws import Account, AwsError, explain, is_refused_content
from ops.dead_letters.listing import batches, described, queues_of
from ops.dead_letters.messages import DeadLetter, Queue
from ops.dead_letters.queue_contents import Reading
from ops.stack import Stack
from ops.terminal.problems import OperatorError, UsageError

# What a batch of messages may weigh in every region, in bytes.
_BATCH_BYTES: Final = 262_144

# Deals with some letters and returns those that are safely elsewhere, to be deleted; why another is
# not, if that is known, goes into the dict, by message id.
Deal = Callable[[Queue, list[DeadLetter], dict[str, str]], list[DeadLetter]]


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

    def deal(queue: Queue, letters: list[DeadLetter], why: dict[str, str]) -> list[DeadLetter]:
        readable = [one for one in letters if one.event is not None]
        fresh = {one.identity: one for one in readable if one.identity not in sent}
        accepted = _send(account, queue, [*fresh.values()], why)
        sent.update(one.identity for one in accepted)
        return [one for one in readable if one.identity in sent]

    return _clear(account, chosen, deal, progress=progress)


def discard(
    account: Account, chosen: set[str], file: Path, *, progress: Callable[[int], None]
) -> Outcome:
    """Delete letters, by their message ids; each is written to a new file first, a JSON line each.

    Raises UsageError if the file exists or cannot be made, OperatorError if it cannot be written:
    then the letters that are not in it stay.
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
        _sync_folder(file.absolute().parent)

        def deal(_: Queue, letters: list[DeadLetter], _why: dict[str, str]) -> list[DeadLetter]:
            try:
                lines.writelines(json.dumps(described(one)) + "\n" for one in letters)
                lines.flush()
                os.fsync(lines.fileno())
            except OSError as error:
                msg = f"{file} cannot be written ({error.strerror}): the rest stays in the queue"
                raise OperatorError(msg) from error
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
                why: dict[str, str] = {}
                elsewhere = (
                    {one.message for one in deal(queue, wanted, why)} if wanted else set[str]()
                )
                kept.update((one.message, "not accepted, stays") for one in wanted)
                kept.update((name, f"not accepted, stays: {told}") for name, told in why.items())
                undeleted = reading.delete(elsewhere)
                for message in elsewhere.difference(undeleted):
                    del kept[message]
                kept.update(dict.fromkeys(undeleted, "sent or saved, but not deleted"))
                done += len(elsewhere) - len(undeleted)
                progress(len(wanted))
                if not kept:
                    break
    return Outcome(done=done, kept=tuple(sorted(kept.items())))


def _send(
    account: Account, queue: Queue, letters: list[DeadLetter], why: dict[str, str]
) -> list[DeadLetter]:
    """Send letters to be processed again, and return those that were accepted."""
    target = destination(account.stack, queue)
    accepted: list[DeadLetter] = []
    queued = queue is Queue.PROCESSOR
    for some in _weighed(letters) if queued else ([one] for one in letters):
        try:
            if queued:
                accepted += _enqueue(account, target, some, why)
            else:
                accepted += _invoke(account, target, some)
        except AwsError as error:
            if not is_refused_content(error):
                raise
            why.update((one.message, explain(error)) for one in some)
    return accepted


def _enqueue(
    account: Account, url: str, letters: list[DeadLetter], why: dict[str, str]
) -> list[DeadLetter]:
    answer = account.sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": str(place), "MessageBody": one.event or ""} for place, one in enumerate(letters)
        ],
    )
    for entry in answer.get("Failed", []):
        why[letters[int(entry["Id"])].message] = f"{entry['Code']}: {entry.get('Message', '')}"
    return [letters[int(entry["Id"])] for entry in answer.get("Successful", [])]


def _invoke(account: Account, function: str, letters: list[DeadLetter]) -> list[DeadLetter]:
    (letter,) = letters
    answer = account.functions.invoke(
        FunctionName=function, InvocationType="Event", Payload=(letter.event or "").encode()
    )
    # The answer to an Event that Lambda has taken.
    return letters if answer["StatusCode"] == HTTPStatus.ACCEPTED else []


def _weighed(letters: list[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """Yield letters in batches whose events SQS takes; a receive holds at most ten."""
    batch: list[DeadLetter] = []
    weight = 0
    for letter in letters:
        size = len((letter.event or "").encode())
        weight += size
        if batch and weight > _BATCH_BYTES:
            yield batch
            batch, weight = [], size
        batch.append(letter)
    if batch:
        yield batch


def _sync_folder(folder: Path) -> None:
    """Make a new file's name in a folder outlive a crash of the machine, as its bytes do."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
