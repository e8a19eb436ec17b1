"""Process completed files again.

Each source version takes effect exactly once, so sending its event again changes nothing. A replay
is therefore a new upload: it copies the completed file to a new version in `incoming/`. The new
output is stored in today's partition; the old output stays.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from handlers import keys
from ops import aws
from ops.aws import Account
from ops.files import copies, objects, results, workers
from ops.terminal.problems import OperatorError, UsageError

_COPIES_AT_ONCE: Final = 8
_SHORTENED: Final = "its name is shortened: replay it alone, by its key in incoming/"


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A version in `completed/`, and the key in `incoming/` that it is copied to.

    `target` is None if the name was shortened, so that the file's former key is unknown.
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
    """Return the replay of one file: of its current completed version, or of a given one.

    `version` is the id of the completed copy, or of the source version that it was copied from.
    Raises UsageError for a key in another place, OperatorError if there is no such version.
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
    """Yield a replay of each current completed object under a prefix, in the order of the keys.

    Objects that were completed before `since` are left out. Raises UsageError for a prefix in
    another place.
    """
    bucket = account.stack.raw_bucket_name
    for item in objects.versions(account.s3, bucket, completed_prefix(prefix)):
        if item.latest and (since is None or item.modified >= since):
            yield _replay(account, item)


def run(
    account: Account, replays: Sequence[Replay], *, progress: Callable[[int], None]
) -> Iterator[Replayed]:
    """Run each replay, a few at once, and yield how it ended; one that fails stops no other."""

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

    return workers.map_unordered(one, replays, at_once=_COPIES_AT_ONCE)


def completed_key(key: str) -> str:
    """Return the `completed/` key of a file, given its `completed/` or `incoming/` key.

    Raises UsageError for any other key.
    """
    if key.startswith(keys.COMPLETED):
        return key
    if key.startswith(keys.INCOMING):
        return keys.completed_key(key)
    msg = f"the key is {key!r}, allowed: a key under {keys.INCOMING} or {keys.COMPLETED}"
    raise UsageError(msg)


def completed_prefix(prefix: str) -> str:
    """Return the prefix in `completed/` for a prefix in `completed/` or `incoming/`.

    Raises UsageError for any other prefix.
    """
    for root in (keys.COMPLETED, keys.INCOMING):
        if prefix.startswith(root):
            return keys.COMPLETED + prefix.removeprefix(root)
    msg = f"--prefix is {prefix!r}, allowed: one that begins {keys.INCOMING} or {keys.COMPLETED}"
    raise UsageError(msg)


def incoming_key(account: Account, completed: str, version: str | None = None) -> str | None:
    """Return the `incoming/` key that a completed object was copied from.

    Returns None if the name was shortened and the object's metadata does not name the key.
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
