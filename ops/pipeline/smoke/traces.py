"""Find and remove all that a run of `smoke` has left: versions, delete markers, dead letters."""

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from handlers import keys
from ops.aws import Account, AwsError, explain
from ops.dead_letters.listing import batches
from ops.dead_letters.messages import Queue
from ops.dead_letters.queue_contents import Reading, depth
from ops.files.bundles import contents
from ops.files.bundles.contents import Wanted

# The name of a run, which is a folder: no producer names one so. It holds the day, to find the
# outputs by.
_RUN: Final = re.compile(r"_smoke-(20[0-9]{6})-[0-9a-f]{8}")
RUN_PATTERN: Final = "_smoke-????????-????????"  # the same for IAM
RUN_EXAMPLE: Final = "_smoke-20240115-1a2b3c4d"


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


def new_run(started: datetime) -> str:
    """Return the name of a new run that starts at a time in UTC."""
    return f"_smoke-{started:%Y%m%d}-{secrets.token_hex(4)}"


def days_of(run: str) -> tuple[date, ...]:
    """Return the days in which a run's outputs may lie: its own, and those beside it.

    S3's clock, which decides, may be ahead or behind. Raises ValueError for no name of a run.
    """
    named = _RUN.fullmatch(run)
    if not named:
        raise ValueError(run)
    day = date.fromisoformat(named[1])
    return tuple(day + timedelta(days=apart) for apart in (-1, 0, 1))


def folders(account: Account, run: str) -> Iterator[tuple[str, str]]:
    """Yield the bucket and prefix of each folder that is removed, `incoming/` first."""
    stack = account.stack
    yield stack.raw_bucket_name, f"{keys.INCOMING}{run}/"
    yield stack.raw_bucket_name, f"{keys.COMPLETED}{run}/"
    for day in days_of(run):
        for prefix in (keys.PROCESSED, keys.REJECTED):
            yield stack.processed_bucket_name, f"{keys.day_prefix(prefix, day)}{run}/"


def found(account: Account, bucket: str, prefix: str) -> Iterator[Trace]:
    """Yield every version and delete marker under a prefix."""
    paginator = account.s3.get_paginator("list_object_versions")
    for page in paginator.paginate(Bucket=bucket, Prefix=prefix):
        for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            yield Trace(bucket=bucket, key=one.get("Key", ""), version=one.get("VersionId", "null"))


def remove(account: Account, run: str, *, under_way: Iterable[str]) -> list[Left]:
    """Remove all traces of a run, and return what was not removed.

    The files `under_way`, given by key, stay in `incoming/`: without its file, a message that is
    still to be processed would become a dead letter. Dead letters go first, since an operator
    would send one back whose file is gone. Nobody deletes from the archive bucket but its rules.
    """
    waiting, archive = set(under_way), account.stack.archive_bucket_name
    archived = ((archive, f"{keys.day_prefix(keys.ARCHIVE, day)}{run}/") for day in days_of(run))
    left = _remove_dead_letters(account, run)
    for bucket, prefix in (*folders(account, run), *archived):
        try:
            for trace in [*found(account, bucket, prefix)]:
                if bucket == archive:
                    left.append(Left(place=_place(trace), why="it is archived, until it expires"))
                elif trace.key in waiting:
                    left.append(Left(place=_place(trace), why="it is not processed yet"))
                else:
                    left += _remove(account, trace)
        except AwsError as error:
            left.append(Left(place=f"s3://{bucket}/{prefix}", why=explain(error)))
    return left + _bundled(account, run)


def _bundled(account: Account, run: str) -> list[Left]:
    """Return the outputs of a run that are in bundles, which nobody changes."""
    days = [f"{keys.day_prefix(keys.PROCESSED, day)}{run}/" for day in days_of(run)]
    try:
        found = contents.find(account, [Wanted(beginning=prefix) for prefix in days])
    except AwsError as error:
        where = f"s3://{account.stack.archive_bucket_name}/{keys.BUNDLES}"
        return [Left(place=where, why=explain(error))]
    held = sorted(found.outputs.items())
    why = "it is archived, until that expires"
    return [Left(place=f"{key} in {one.bundle.key}", why=why) for key, one in held] + [
        Left(place=bundle, why=f"it {problem}") for bundle, problem in found.unread.items()
    ]


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
