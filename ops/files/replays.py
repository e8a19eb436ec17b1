"""Originals processed once more.

Each source version has its effect exactly once, whatever is delivered twice: a message about a
version that was processed changes nothing. A replay is therefore a new upload: the completed copy
becomes a new version in `incoming/`, and its output a new object in the partition of this day. The
old output stays.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from handlers import keys
from ops import aws
from ops.aws import Account
from ops.files import copies, objects, results
from ops.terminal.problems import OperatorError, UsageError

_COPIES_AT_ONCE: Final = 8
_SHORTENED: Final = "its name is shortened: replay it alone, by its key in incoming/"


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A version in `completed/` and the key in `incoming/` that it becomes a new version of.

    `target` is None where a shortened name does not tell the key that the file had.
    """

    source: objects.StoredObject
    target: str | None


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """How a replay ended: with the new version in `incoming/`, or with a problem."""

    replay: Replay
    version: str | None = None
    problem: str | None = None


def plan_key(account: Account, key: str, version: str | None) -> Replay:
    """Return the replay of one file, of its current completed version or a given one.

    `version` is the id of the completed copy, or of the source version that it was.
    Raises UsageError for a key elsewhere, OperatorError when there is no such version.
    """
    completed = completed_key(key)
    found = objects.versions_of(account.s3, account.stack.raw_bucket_name, completed)
    for item in found:
        wanted = item.latest if version is None else _is_version(account, item, version)
        if wanted:
            target = key if key.startswith(keys.INCOMING) else None
            return _replay(account, item, target)
    have = ", ".join(item.version for item in found[:5]) or "none"
    asked = f"version {version}" if version else "current version"
    msg = f"{completed} has no {asked}; its versions, newest first: {have}"
    raise OperatorError(msg)


def plan_prefix(account: Account, prefix: str, since: datetime | None) -> Iterator[Replay]:
    """Yield the replays of every current completed object under a prefix, in the order of the keys.

    `since` leaves out those completed before it. Raises UsageError for a prefix elsewhere.
    """
    bucket = account.stack.raw_bucket_name
    for item in objects.versions(account.s3, bucket, completed_prefix(prefix)):
        if item.latest and (since is None or item.modified >= since):
            yield _replay(account, item)


def run(
    account: Account, replays: Sequence[Replay], *, progress: Callable[[int], None]
) -> Iterator[Replayed]:
    """Make each replay, a few at once; yield how it ended. One that fails stops no other."""

    def one(replay: Replay) -> Replayed:
        if replay.target is None:
            return Replayed(replay=replay, problem=_SHORTENED)
        try:
            version = copies.renew(account, replay.source, replay.target)
        except aws.AwsError as error:
            return Replayed(replay=replay, problem=aws.explain(error))
        finally:
            progress(1)
        return Replayed(replay=replay, version=version)

    with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
        futures = [pool.submit(one, replay) for replay in replays]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def completed_key(key: str) -> str:
    """Return the `completed/` key of a file, given as that or as its `incoming/` key.

    Raises UsageError for any other key.
    """
    if key.startswith(keys.COMPLETED):
        return key
    if key.startswith(keys.INCOMING):
        return keys.completed_key(key)
    msg = f"the key is {key!r}, allowed: a key under {keys.INCOMING} or {keys.COMPLETED}"
    raise UsageError(msg)


def completed_prefix(prefix: str) -> str:
    """Return a prefix below `completed/`, given as that or below `incoming/`.

    Raises UsageError for any other prefix.
    """
    for root in (keys.COMPLETED, keys.INCOMING):
        if prefix.startswith(root):
            return keys.COMPLETED + prefix.removeprefix(root)
    msg = f"--prefix is {prefix!r}, allowed: one that begins {keys.INCOMING} or {keys.COMPLETED}"
    raise UsageError(msg)


def incoming_key(account: Account, completed: str, version: str | None = None) -> str | None:
    """Return the `incoming/` key that a completed object came from.

    None where its name was shortened, and its metadata does not tell.
    """
    plain = keys.INCOMING + completed.removeprefix(keys.COMPLETED)
    if keys.completed_key(plain) == completed:
        return plain
    found = objects.head(account.s3, account.stack.raw_bucket_name, completed, version)
    return found and results.named_source(found, lambda key: keys.completed_key(key) == completed)


def _replay(account: Account, item: objects.StoredObject, target: str | None = None) -> Replay:
    target = target or incoming_key(account, item.key, item.version)
    return Replay(source=item, target=target)


def _is_version(account: Account, item: objects.StoredObject, version: str) -> bool:
    if item.version == version:
        return True
    found = objects.head(account.s3, account.stack.raw_bucket_name, item.key, item.version)
    return found is not None and found.metadata.get(keys.SOURCE_VERSION) == version
