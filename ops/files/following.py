"""Follow uploaded versions until each is processed or has failed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Final

from ops.aws import Account
from ops.dead_letters import listing
from ops.dead_letters.messages import DeadLetter, Queue
from ops.dead_letters.queue_contents import depth
from ops.files import objects, results
from ops.files.results import Output
from ops.files.uploads import Uploaded
from ops.terminal.instants import days_around

_PAUSE_SECONDS: Final = 1.0
# Reading dead letters hides them from other readers for a moment, so they are read less often.
_ROUNDS_BETWEEN_READS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Followed:
    """How an upload ended: with an output, with a dead letter, or with neither in time."""

    uploaded: Uploaded
    output: Output | None = None
    dead_letter: DeadLetter | None = None

    @property
    def state(self) -> str:
        """`processed`, `failed` or `timed out`."""
        if self.output:
            return "processed"
        return "failed" if self.dead_letter else "timed out"


def follow(account: Account, uploads: Iterable[Uploaded], *, seconds: float) -> Iterator[Followed]:
    """Yield each upload as soon as it is processed or has failed, and after `seconds` the rest."""
    waiting = {(one.key, one.version): one for one in uploads}
    end = monotonic() + seconds
    rounds = 0
    while waiting:
        last = monotonic() >= end
        done = [*_processed(account, waiting.values())]
        if last or rounds % _ROUNDS_BETWEEN_READS == 0:
            done += _failed(account, waiting, found={one.uploaded.version for one in done})
        for one in done:
            del waiting[one.uploaded.key, one.uploaded.version]
            yield one
        if last:
            break
        if waiting:
            sleep(_PAUSE_SECONDS)
        rounds += 1
    for one in waiting.values():
        yield Followed(uploaded=one)


def _processed(account: Account, waiting: Iterable[Uploaded]) -> Iterator[Followed]:
    """Yield the uploads that are processed.

    The processor deletes the source version last, so an upload whose version exists is not done.
    """
    for one in waiting:
        if objects.head(account.s3, account.stack.raw_bucket_name, one.key, one.version):
            continue
        days = days_around(one.started, one.ended)
        output = results.find(account, one.key, one.version, days)
        if output:
            yield Followed(uploaded=one, output=output)


def _failed(
    account: Account, waiting: dict[tuple[str, str], Uploaded], *, found: set[str]
) -> Iterator[Followed]:
    if not any(depth(account.sqs, account.stack.dlq_url)):
        return
    dead_letters = {
        (source.key, source.version): dead_letter
        for dead_letter in listing.peek(account, queue=Queue.PROCESSOR)
        for source in dead_letter.sources
    }
    for place, one in waiting.items():
        if place in dead_letters and one.version not in found:
            yield Followed(uploaded=one, dead_letter=dead_letters[place])
