"""Find the file that a key belongs to, wherever the key is: its own, of its copy or of a result."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from handlers import keys
from ops.aws import Account
from ops.files import objects, results
from ops.files.bundles import contents
from ops.files.replays import plans
from ops.terminal.problems import OperatorError, UsageError

_ROOTS: Final = (
    keys.INCOMING, keys.COMPLETED, keys.PROCESSED, keys.ARCHIVE, keys.RESTORED, keys.REJECTED,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class NamedVersion:
    """The source version that a result is of, and the day of the partition that it is in."""

    version: str
    day: date


def find_source(account: Account, key: str) -> str:
    """Return the `incoming/` key of the file that a key belongs to.

    `key` is the file's key in `incoming/` or `completed/`, the key of its output, archived,
    restored or neither, or that of its rejected records. Raises UsageError for any other key,
    OperatorError if the key's file cannot be found out.
    """
    if key.startswith(keys.INCOMING):
        return key
    if key.startswith(keys.COMPLETED):
        return _source_of_copy(account, key)
    if not key.startswith(_ROOTS):
        msg = f"the key is {key!r}, allowed: one that begins {' or '.join(_ROOTS)}"
        raise UsageError(msg)
    return source_of_result(find_result(account, key))


def find_version(account: Account, key: str) -> NamedVersion | None:
    """Return the version that the key of a result names, None for a key of the file itself.

    Raises as `find_result`.
    """
    if key.startswith((keys.INCOMING, keys.COMPLETED)):
        return None
    found = find_result(account, key)
    version, day = found.metadata.get(keys.SOURCE_VERSION), day_of_result(found.key)
    return NamedVersion(version=version, day=day) if version and day else None


def find_result(account: Account, key: str) -> objects.Head:
    """Return the head of an output, archived, restored or neither, or of rejected records.

    An output that is not where the key says is looked for where it may have gone since then: in
    `archive/`, and in the bundles of its day. Raises OperatorError if there is none.
    """
    stack = account.stack
    archived = key.startswith(keys.ARCHIVE)
    bucket = stack.archive_bucket_name if archived else stack.processed_bucket_name
    found = objects.head(account.s3, bucket, key)
    if not found and day_of_result(key) and key.startswith((keys.PROCESSED, keys.ARCHIVE)):
        found = _moved(account, key)
    if not found:
        msg = f"there is no object {key} in {bucket}"
        raise OperatorError(msg)
    return found


def source_of_result(found: objects.Head) -> str:
    """Return the `incoming/` key that the metadata of a result names.

    Raises OperatorError if it names none, or one that cannot have this result.
    """
    version = found.metadata.get(keys.SOURCE_VERSION, "")
    day = day_of_result(found.key)
    named = day and results.named_source(
        found.metadata,
        lambda source: _plain(found.key) in _candidates(found.key, source, version, day),
    )
    if not named:
        msg = f"{found.key} does not name the file that it came from"
        raise OperatorError(msg)
    return named


def day_of_result(key: str) -> date | None:
    """Return the day of the partition that a result is in, or None."""
    root = next((root for root in _ROOTS if key.startswith(root)), "")
    return keys.partition_day(keys.PROCESSED + key.removeprefix(root))


def _moved(account: Account, key: str) -> objects.Head | None:
    processed = _plain(key)
    if key == processed:
        archived = keys.archive_key(processed)
        if found := objects.head(account.s3, account.stack.archive_bucket_name, archived):
            return found
    held = contents.find(account, [contents.among([processed])])
    if one := held.outputs.get(processed):
        entry = one.entry()
        return objects.Head(
            key=processed,
            version="null",
            size=entry.size,
            modified=entry.modified,
            metadata=entry.metadata,
        )
    if held.unread:
        told = "; ".join(f"{bundle} {problem}" for bundle, problem in held.unread.items())
        msg = f"{key} is not there, but may be in a bundle: {told}"
        raise OperatorError(msg)
    return None


def _candidates(key: str, source: str, version: str, day: date) -> tuple[str, ...]:
    if key.startswith(keys.REJECTED):
        return keys.rejected_keys(source, version, day)
    return results.candidates(source, version, day)


def _plain(key: str) -> str:
    """Return the key that an archived or restored output had before."""
    root = next((one for one in (keys.ARCHIVE, keys.RESTORED) if key.startswith(one)), None)
    return keys.PROCESSED + key.removeprefix(root) if root else key


def _source_of_copy(account: Account, key: str) -> str:
    named = plans.incoming_key(account, key)
    if not named:
        msg = f"{key} is a shortened name and does not name the file that it came from"
        raise OperatorError(msg)
    return named
