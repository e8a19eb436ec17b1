"""Empty the dead-letter queues: send dead letters to be processed again, or discard them."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from handlers import keys
from ops.aws import Account, AwsError, explain, is_refused_content
from ops.dead_letters import marks
from ops.dead_letters.listing import batches, document, queues_of
from ops.dead_letters.messages import DeadLetter, Queue
from ops.dead_letters.pace import Pace
from ops.dead_letters.queue_contents import Reading
from ops.stack import Stack
from ops.terminal import new_files
from ops.terminal.problems import OperatorError

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

# The size of a batch of messages that SQS accepts in every region.
_BATCH_BYTES: Final = 262_144
_MARKED_AT_ONCE: Final = 10  # a batch of received messages
# So that the processor looks first for what was made of a file before it became a dead letter.
_REPEATED: Final[Mapping[str, "MessageAttributeValueTypeDef"]] = {
    keys.REPEATED: {"DataType": "String", "StringValue": "true"}
}
_REPEATED_BYTES: Final = len(f"{keys.REPEATED}Stringtrue")  # of a message's size, says SQS

# Sends or saves some dead letters, and returns those that may now be deleted. Why one of the others
# may not be deleted goes into the dict, by message id, if that is known.
Transfer = Callable[[Queue, list[DeadLetter], dict[str, str]], list[DeadLetter]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How many dead letters left their queue, and why which of the others did not."""

    done: int
    kept: tuple[tuple[str, str], ...]  # message id, reason
    stopped: bool = False  # by Ctrl-C; then `kept` is empty, since nothing is wrong with the others


def redrive(
    account: Account, chosen: set[str], *, pace: Pace, progress: Callable[[int], None]
) -> Outcome:
    """Send dead letters to be processed again, at a pace, then delete them.

    `chosen` holds their message ids. `progress` is called with the size of each batch. Of several
    dead letters about the same version only one is sent. A crash or Ctrl-C after sending leaves at
    most one batch of duplicates, which have no second effect.
    """
    sent: set[tuple[object, ...]] = set()

    def send(_: Queue, dead_letters: list[DeadLetter], why: dict[str, str]) -> list[DeadLetter]:
        readable = [one for one in dead_letters if one.event is not None]
        fresh = {one.identity: one for one in readable if one.identity not in sent}
        accepted = _send(account, [*fresh.values()], why)
        sent.update(one.identity for one in accepted)
        return [one for one in readable if one.identity in sent]

    return _clear(account, chosen, send, pace=pace, progress=progress)


def discard(
    account: Account, chosen: set[str], file: Path, *, progress: Callable[[int], None]
) -> Outcome:
    """Delete dead letters, after writing each to a new file as a line of JSON.

    Before that, their versions are marked as discarded, so that `reconcile` leaves them out.

    `chosen` holds their message ids. Raises UsageError if the file exists or cannot be made,
    OperatorError if a write fails: dead letters that are not in the file stay in their queue.
    """
    with new_files.made(file, "--save"):
        lines = file.open("x", encoding="utf-8")
    with lines:
        _sync_folder(file.absolute().parent)

        def save(_: Queue, dead_letters: list[DeadLetter], why: dict[str, str]) -> list[DeadLetter]:
            try:
                lines.writelines(json.dumps(document(one)) + "\n" for one in dead_letters)
                lines.flush()
                os.fsync(lines.fileno())
            except OSError as error:
                msg = f"{file} cannot be written ({error.strerror}): the rest stays in the queue"
                raise OperatorError(msg) from error
            with ThreadPoolExecutor(_MARKED_AT_ONCE) as pool:
                problems = list(pool.map(partial(marks.mark_discarded, account), dead_letters))
            pairs = list(zip(dead_letters, problems, strict=True))
            why.update((one.message_id, problem) for one, problem in pairs if problem)
            return [one for one, problem in pairs if not problem]

        return _clear(account, chosen, save, pace=Pace(None), progress=progress)


def destination(stack: Stack, dead_letter: DeadLetter) -> str:
    """Return where `redrive` sends a dead letter: a queue's URL or a function's ARN."""
    if dead_letter.queue is Queue.ARCHIVER:
        return stack.data_archiver_lambda_arn
    if dead_letter.reconciles:
        return stack.data_processor_lambda_arn
    return stack.processing_queue_url


def _clear(
    account: Account,
    chosen: set[str],
    transfer: Transfer,
    *,
    pace: Pace,
    progress: Callable[[int], None],
) -> Outcome:
    clearing = _Clearing(account, chosen, transfer, pace, progress)
    try:
        for queue, url in queues_of(account.stack).items():
            # A pass over a large queue may miss some: they are hidden, or SQS returns others
            # again and again, since a slow pass takes longer than it hides a message.
            while clearing.waiting and clearing.run(queue, url):
                pass
    except KeyboardInterrupt:
        return Outcome(done=clearing.done, kept=(), stopped=True)
    return Outcome(done=clearing.done, kept=tuple(sorted(clearing.kept.items())))


class _Clearing:
    """The chosen dead letters on their way out of the queues.

    Attributes:
        done: How many have left.
        waiting: The ids of those that no pass has met yet.
        kept: Why each of those that have not left has not, by message id.
    """

    def __init__(
        self,
        account: Account,
        chosen: set[str],
        transfer: Transfer,
        pace: Pace,
        progress: Callable[[int], None],
    ) -> None:
        self._account = account
        self._transfer = transfer
        self._pace = pace
        self._progress = progress
        self.done = 0
        self.waiting = set(chosen)
        self.kept = dict.fromkeys(
            chosen, "no longer in the queue, or being read by another command"
        )

    def run(self, queue: Queue, url: str) -> bool:
        """Clear a queue in one pass; return whether another may find more."""
        before = len(self.waiting)
        with Reading(self._account.sqs, url) as reading:
            for batch in batches(self._account, queue, reading):
                wanted = [one for one in batch if one.message_id in self.waiting]
                size = self._pace.most_at_once or len(wanted) or 1
                for start in range(0, len(wanted), size):
                    self._move(queue, reading, wanted[start : start + size])
                if not self.waiting:
                    break
        return len(self.waiting) < before

    def _move(self, queue: Queue, reading: Reading, wanted: list[DeadLetter]) -> None:
        self._pace.wait(len(wanted))
        self.waiting.difference_update(one.message_id for one in wanted)
        why: dict[str, str] = {}
        elsewhere = {one.message_id for one in self._transfer(queue, wanted, why)}
        self.kept.update((one.message_id, "not accepted, stays") for one in wanted)
        self.kept.update((name, f"not accepted, stays: {said}") for name, said in why.items())
        undeleted = reading.delete(elsewhere)
        for message_id in elsewhere.difference(undeleted):
            del self.kept[message_id]
        self.kept.update(dict.fromkeys(undeleted, "sent or saved, but not deleted"))
        self.done += len(elsewhere) - len(undeleted)
        self._progress(len(elsewhere) - len(undeleted))


def _send(
    account: Account, dead_letters: list[DeadLetter], why: dict[str, str]
) -> list[DeadLetter]:
    """Send dead letters to be processed again, and return those that AWS accepted."""
    accepted: list[DeadLetter] = []
    runs = [[one] for one in dead_letters if one.is_run]
    for some in (*_weighed([one for one in dead_letters if not one.is_run]), *runs):
        target = destination(account.stack, some[0])
        try:
            if some[0].is_run:
                accepted += _invoke(account, target, some)
            else:
                accepted += _enqueue(account, target, some, why)
        except AwsError as error:
            if not is_refused_content(error):
                raise
            why.update((one.message_id, explain(error)) for one in some)
    return accepted


def _enqueue(
    account: Account, url: str, dead_letters: list[DeadLetter], why: dict[str, str]
) -> list[DeadLetter]:
    answer = account.sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": str(place), "MessageBody": one.event or "", "MessageAttributes": _REPEATED}
            for place, one in enumerate(dead_letters)
        ],
    )
    for entry in answer.get("Failed", []):
        refused = dead_letters[int(entry["Id"])]
        why[refused.message_id] = f"{entry['Code']}: {entry.get('Message', '')}"
    return [dead_letters[int(entry["Id"])] for entry in answer.get("Successful", [])]


def _invoke(account: Account, function: str, dead_letters: list[DeadLetter]) -> list[DeadLetter]:
    (dead_letter,) = dead_letters
    answer = account.functions.invoke(
        FunctionName=function, InvocationType="Event", Payload=(dead_letter.event or "").encode()
    )
    # How Lambda confirms that it has queued an event.
    return dead_letters if answer["StatusCode"] == HTTPStatus.ACCEPTED else []


def _weighed(dead_letters: list[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """Yield dead letters in batches that SQS accepts by size.

    Their number needs no check: one receive returns at most ten.
    """
    batch: list[DeadLetter] = []
    weight = 0
    for dead_letter in dead_letters:
        size = len((dead_letter.event or "").encode()) + _REPEATED_BYTES
        weight += size
        if batch and weight > _BATCH_BYTES:
            yield batch
            batch, weight = [], size
        batch.append(dead_letter)
    if batch:
        yield batch


def _sync_folder(folder: Path) -> None:
    """Write a folder's entries to disk, so that a crash of the machine cannot lose a new file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
