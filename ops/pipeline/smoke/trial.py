"""Send the samples through the pipeline, and judge what becomes of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Final

from handlers import keys
from ops.aws import Account
from ops.dead_letters import listing
from ops.dead_letters.messages import Queue
from ops.dead_letters.queue_contents import depth
from ops.files import following
from ops.files.following import Followed
from ops.files.uploads import Uploaded
from ops.pipeline.smoke import checking, traces
from ops.pipeline.smoke.samples import Sample
from ops.terminal.instants import now

_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a sample: `state` is that of an upload that is followed."""

    key: str
    version: str
    state: str
    output: str | None
    problems: tuple[str, ...]


def planned(run: str, samples: Sequence[Sample]) -> dict[str, Sample]:
    """Return the samples by the keys that a run sends them to."""
    return {f"{keys.INCOMING}{run}/{sample.name}": sample for sample in samples}


def send(account: Account, files: Mapping[str, Sample]) -> Iterator[Uploaded]:
    """Upload the samples one after the other, and yield each."""
    for key, sample in files.items():
        started = now()
        answer = account.s3.put_object(
            Bucket=account.stack.raw_bucket_name, Key=key, Body=sample.body
        )
        version = answer.get("VersionId", "null")
        yield Uploaded(key=key, version=version, started=started, ended=now())


def judge(
    account: Account, files: Mapping[str, Sample], sent: Sequence[Uploaded], *, seconds: float
) -> Iterator[Result]:
    """Follow the samples for at most `seconds`, and yield what became of each."""
    for followed in following.follow(account, sent, seconds=seconds):
        uploaded = followed.uploaded
        yield Result(
            key=uploaded.key,
            version=uploaded.version,
            state=followed.state,
            output=followed.output.key if followed.output else None,
            problems=tuple(_problems(account, files[uploaded.key], followed, seconds)),
        )


def under_way(account: Account, run: str, *, seconds: float) -> set[str]:
    """Return the keys of a run that are not processed and have no dead letter either.

    Waits up to `seconds` until there are none.
    """
    end = monotonic() + seconds
    while True:
        rest = _under_way(account, run)
        if not rest or monotonic() >= end:
            return rest
        sleep(_LOOK_SECONDS)


def _problems(
    account: Account, sample: Sample, followed: Followed, seconds: float
) -> Iterator[str]:
    if followed.output:
        yield from checking.problems(account, sample, followed.uploaded, followed.output)
        raw, key = account.stack.raw_bucket_name, followed.uploaded.key
        yield from (
            f"{one.key} version {one.version} is still there"
            for one in traces.found(account, raw, key)
            if one.key == key
        )
    elif followed.dead_letter:
        yield f"it failed: {followed.dead_letter.reason or 'see `failures`'}"
    else:
        yield f"it is not processed after {seconds:g} s: see `status`"


def _under_way(account: Account, run: str) -> set[str]:
    raw, folder = account.stack.raw_bucket_name, f"{keys.INCOMING}{run}/"
    waiting = {one.key for one in traces.found(account, raw, folder)}
    if waiting and any(depth(account.sqs, account.stack.dlq_url)):
        waiting -= {one.key for one in listing.peek(account, queue=Queue.PROCESSOR) if one.key}
    return waiting
