"""The history of one file: its versions, outputs, rejected records and dead letters."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from handlers import keys
from ops.aws import Account
from ops.dead_letters import listing
from ops.dead_letters.messages import DeadLetter
from ops.files import objects, results
from ops.files.replays import plans
from ops.files.results import Output
from ops.terminal.instants import days_before
from ops.terminal.problems import OperatorError, UsageError

# The longest time between an upload and its completed copy: the retention of the queue and of the
# dead-letter queue together, by default.
_WAITING_DAYS: Final = 18
_REJECTED_LINES: Final = 5
_REJECTED_BYTES: Final = 8192


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A completed copy, and the source version that it is a copy of, if its metadata names it."""

    stored: objects.StoredObject
    source_version: str | None


@dataclass(frozen=True, kw_only=True)
class History:
    """All that the stack holds of a file, newest first.

    `rejected` holds the first lines of each object with rejected records, by the object's key.
    """

    key: str
    waiting: list[objects.StoredObject]
    completed: list[Completed]
    outputs: list[Output]
    rejected: dict[str, list[str]]
    dead_letters: list[DeadLetter]

    @property
    def known(self) -> bool:
        """Whether the stack holds anything of the file."""
        return bool(self.waiting or self.completed or self.dead_letters)


def collect(account: Account, key: str, *, limit: int) -> History:
    """Return the history of a file, with at most `limit` completed versions and their outputs.

    `key` is the file's key in `incoming/` or `completed/`, or the key of its output, archived,
    restored or neither. Raises UsageError for any other key, OperatorError if the key's file cannot
    be found out.
    """
    source = _source(account, key)
    bucket = account.stack.raw_bucket_name
    waiting = objects.versions_of(account.s3, bucket, source)
    copies = objects.versions_of(account.s3, bucket, keys.completed_key(source))[:limit]
    completed = [_completed(account, item) for item in copies]
    found = list(_outputs(account, source, waiting, completed))
    return History(
        key=source,
        waiting=waiting,
        completed=completed,
        outputs=found,
        rejected=_rejected(account, source, waiting, found),
        dead_letters=[
            dead_letter
            for dead_letter in listing.peek(account)
            if any(one.key == source for one in dead_letter.sources)
        ],
    )


def _source(account: Account, key: str) -> str:
    """Return the `incoming/` key of the file that a key belongs to."""
    stack = account.stack
    if key.startswith(keys.INCOMING):
        return key
    if key.startswith(keys.COMPLETED):
        return _source_of_copy(account, key)
    for root, bucket in (
        (keys.PROCESSED, stack.processed_bucket_name),
        (keys.ARCHIVE, stack.archive_bucket_name),
        (keys.RESTORED, stack.processed_bucket_name),
    ):
        if key.startswith(root):
            return _source_of_output(account, bucket, key)
    roots = f"{keys.INCOMING}, {keys.COMPLETED}, {keys.PROCESSED}, {keys.ARCHIVE}"
    msg = f"the key is {key!r}, allowed: one that begins {roots} or {keys.RESTORED}"
    raise UsageError(msg)


def _source_of_copy(account: Account, key: str) -> str:
    named = plans.incoming_key(account, key)
    if not named:
        msg = f"{key} is a shortened name and does not name the file that it came from"
        raise OperatorError(msg)
    return named


def _source_of_output(account: Account, bucket: str, key: str) -> str:
    processed = keys.PROCESSED + key.partition("/")[2]
    day = keys.partition_day(processed)
    found = objects.head(account.s3, bucket, key)
    if not found:
        msg = f"there is no object {key} in {bucket}"
        raise OperatorError(msg)
    version = found.metadata.get(keys.SOURCE_VERSION, "")
    named = day and results.named_source(
        found, lambda source: processed in results.candidates(source, version, day)
    )
    if not named:
        msg = f"{key} in {bucket} does not name the file that it came from"
        raise OperatorError(msg)
    return named


def _completed(account: Account, item: objects.StoredObject) -> Completed:
    found = objects.head(account.s3, account.stack.raw_bucket_name, item.key, item.version)
    version = found.metadata.get(keys.SOURCE_VERSION) if found else None
    return Completed(stored=item, source_version=version)


def _outputs(
    account: Account,
    source: str,
    waiting: list[objects.StoredObject],
    completed: list[Completed],
) -> Iterator[Output]:
    places = [(item.version, days_before(item.modified, 0)) for item in waiting]
    places += [
        (item.source_version, days_before(item.stored.modified, _WAITING_DAYS))
        for item in completed
        if item.source_version
    ]
    for version, days in places:
        found = results.find(account, source, version, days)
        if found:
            yield found


def _rejected(
    account: Account, source: str, waiting: list[objects.StoredObject], found: list[Output]
) -> dict[str, list[str]]:
    names = [output.rejected_key for output in found if output.rejected_key]
    for item in waiting:
        days = days_before(item.modified, 0)
        name = results.find_rejected(account, source, item.version, days)
        names += [name] if name else []
    bucket = account.stack.processed_bucket_name
    return {
        name: _lines(objects.first_bytes(account.s3, bucket, name, _REJECTED_BYTES))
        for name in dict.fromkeys(names)
    }


def _lines(start: bytes) -> list[str]:
    """Return the first lines; the last one may be cut off at the end of the bytes."""
    return start.decode(errors="replace").splitlines()[:_REJECTED_LINES]
