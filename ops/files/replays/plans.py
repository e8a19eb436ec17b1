"""Which completed files are processed again, and under which keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from handlers import keys
from ops.aws import Account
from ops.files import objects
from ops.terminal.problems import OperatorError, UsageError


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A version in `completed/`, and the key in `incoming/` that it is copied to.

    `target` is None if the name was shortened, so that the file's former key is unknown.
    """

    source: objects.StoredObject
    target: str | None


@dataclass(frozen=True, kw_only=True)
class Range:
    """Completed files by prefix and time: completed at `since` or later, and before `until`."""

    prefix: str
    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, item: objects.StoredObject) -> bool:
        return (self.since is None or item.modified >= self.since) and (
            self.until is None or item.modified < self.until
        )


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


def plan_range(account: Account, chosen: Range) -> Iterator[Replay]:
    """Yield a replay of each current completed object in a range, in the order of the keys.

    Raises UsageError for a prefix in another place.
    """
    bucket = account.stack.raw_bucket_name
    for item in objects.versions(account.s3, bucket, completed_prefix(chosen.prefix)):
        if item.latest and item in chosen:
            yield _replay(account, item)


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

    Returns None if the name was shortened and the object's metadata does not name the key. Only for
    a shortened name there is a call.
    """
    plain = keys.incoming_key(completed, {})
    if plain:
        return plain
    found = objects.head(account.s3, account.stack.raw_bucket_name, completed, version)
    return keys.incoming_key(completed, found.metadata) if found else None


def _replay(account: Account, item: objects.StoredObject, target: str | None = None) -> Replay:
    target = target or incoming_key(account, item.key, item.version)
    return Replay(source=item, target=target)


def _is_version(account: Account, item: objects.StoredObject, version: str) -> bool:
    if item.version == version:
        return True
    found = objects.head(account.s3, account.stack.raw_bucket_name, item.key, item.version)
    return found is not None and found.metadata.get(keys.SOURCE_VERSION) == version
