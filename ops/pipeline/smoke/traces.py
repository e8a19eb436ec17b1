"""Find and remove all that a run of `smoke` has left: versions, delete markers, dead letters."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from handlers import keys
from ops.aws import Account, AwsError, explain
from ops.dead_letters.listing import batches
from ops.dead_letters.messages import Queue
from ops.dead_letters.queue_contents import Reading, depth

RUN_PREFIX: Final = "smoke-"  # of the name of a run, which is a folder


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One version or delete marker, or the dead letters of one key."""

    bucket: str
    key: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Left:
    """What was not removed, and why."""

    place: str
    why: str


def folders(account: Account, run: str, days: Iterable[date]) -> Iterator[tuple[str, str]]:
    """Yield the bucket and prefix of each folder that a run has files in, `incoming/` first."""
    stack = account.stack
    yield stack.raw_bucket_name, f"{keys.INCOMING}{run}/"
    yield stack.raw_bucket_name, f"{keys.COMPLETED}{run}/"
    for day in days:
        for prefix in (keys.PROCESSED, keys.REJECTED):
            yield stack.processed_bucket_name, f"{keys.day_prefix(prefix, day)}{run}/"


def found(account: Account, bucket: str, prefix: str) -> Iterator[Trace]:
    """Yield every version and delete marker under a prefix."""
    paginator = account.s3.get_paginator("list_object_versions")
    for page in paginator.paginate(Bucket=bucket, Prefix=prefix):
        for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            yield Trace(bucket=bucket, key=one.get("Key", ""), version=one.get("VersionId", "null"))


def remove(
    account: Account, run: str, days: Iterable[date], *, under_way: Iterable[str]
) -> list[Left]:
    """Remove all traces of a run, and return what was not removed.

    The files `under_way`, given by key, stay in `incoming/`: without its file, a message that is
    still to be processed would become a dead letter. Dead letters go first, since an operator
    would send one back whose file is gone.
    """
    waiting = set(under_way)
    left = _remove_dead_letters(account, run)
    for bucket, prefix in folders(account, run, days):
        try:
            for trace in [*found(account, bucket, prefix)]:
                if trace.key in waiting:
                    left.append(Left(place=_place(trace), why="it is not processed yet"))
                else:
                    left += _remove(account, trace)
        except AwsError as error:
            left.append(Left(place=f"s3://{bucket}/{prefix}", why=explain(error)))
    return left


def _remove(account: Account, trace: Trace) -> list[Left]:
    try:
        account.s3.delete_object(Bucket=trace.bucket, Key=trace.key, VersionId=trace.version)
    except AwsError as error:
        return [Left(place=_place(trace), why=explain(error))]
    return []


def _remove_dead_letters(account: Account, run: str) -> list[Left]:
    url, folder = account.stack.dlq_url, f"{keys.INCOMING}{run}/"
    try:
        if not any(depth(account.sqs, url)):
            return []
        with Reading(account.sqs, url) as reading:
            for batch in batches(account, Queue.PROCESSOR, reading):
                own = [one.message_id for one in batch if (one.key or "").startswith(folder)]
                if kept := reading.delete(own):
                    why = f"SQS did not delete {', '.join(kept)}"
                    return [Left(place=f"dead letters of {folder}", why=why)]
    except AwsError as error:
        return [Left(place=f"dead letters of {folder}", why=explain(error))]
    return []


def _place(trace: Trace) -> str:
    return f"s3://{trace.bucket}/{trace.key} version {trace.version}"
