"""The history of one file: its versions, outputs, rejected records and dead letters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from handlers import keys
from ops.aws import Account
from ops.dead_letters import listing
from ops.dead_letters.messages import DeadLetter
from ops.files import objects, results
from ops.files.results import Output
from ops.files.sources import NamedVersion, day_of_result, find_source, find_version
from ops.terminal.instants import days_before

# The longest time between an upload and its completed copy: the retention of the queue and of the
# dead-letter queue together, by default.
_WAITING_DAYS: Final = 18
_REJECTED_LINES: Final = 5
_REJECTED_BYTES: Final = 8192


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A completed copy, and the user metadata that it has."""

    stored: objects.StoredObject
    metadata: Mapping[str, str]

    @property
    def source_version(self) -> str | None:
        """The source version that it is a copy of, if its metadata names it."""
        return self.metadata.get(keys.SOURCE_VERSION)

    @property
    def uploaded(self) -> datetime | None:
        """When S3 created the source version, if its metadata says so."""
        try:
            told = datetime.fromisoformat(self.metadata.get(keys.SOURCE_UPLOADED, ""))
        except ValueError:  # a copy of before, or another's metadata
            return None
        return told if told.tzinfo else None

    @property
    def days(self) -> tuple[date, ...]:
        """The days on which the source version may have been uploaded, likely ones first."""
        if self.uploaded:
            return days_before(self.uploaded, 0)
        return days_before(self.stored.modified, _WAITING_DAYS)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The objects that belong to a file, newest first.

    `unread_bundles` tells which bundles may hold outputs of it, but cannot be read, and why.
    """

    key: str
    waiting: list[objects.StoredObject]
    completed: list[Completed]
    outputs: list[Output]
    rejected: list[objects.Head]
    unread_bundles: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def known(self) -> bool:
        """Whether anything of the file is stored."""
        return bool(self.waiting or self.completed or self.outputs or self.rejected)


@dataclass(frozen=True, kw_only=True)
class History:
    """All that the stack holds of a file, newest first.

    `first_lines` holds the first lines of each object with rejected records, by the object's key.
    """

    stored: Stored
    first_lines: dict[str, list[str]]
    dead_letters: list[DeadLetter]

    @property
    def key(self) -> str:
        """The file's key in `incoming/`."""
        return self.stored.key

    @property
    def known(self) -> bool:
        """Whether the stack holds anything of the file."""
        return self.stored.known or bool(self.dead_letters)


def collect(account: Account, key: str, *, limit: int) -> History:
    """Return the history of a file, with at most `limit` completed versions and their outputs.

    `key` is the file's own or that of its output or rejected records, as `find_source` takes it,
    and raises. The version of the latter two is looked at even if its completed copy is gone.
    """
    source = find_source(account, key)
    stored = collect_stored(account, source, limit=limit, named=find_version(account, key))
    bucket = account.stack.processed_bucket_name
    names = {stored.key, keys.completed_key(stored.key)}  # the latter of a replay of its dataset
    return History(
        stored=stored,
        first_lines={
            found.key: _lines(objects.first_bytes(account.s3, bucket, found.key, _REJECTED_BYTES))
            for found in stored.rejected
        },
        dead_letters=[
            dead_letter
            for dead_letter in listing.peek(account)
            if any(one.key in names for one in dead_letter.sources)
        ],
    )


def collect_stored(
    account: Account, source: str, *, limit: int, named: NamedVersion | None = None
) -> Stored:
    """Return the objects of the file `source`, with at most `limit` completed versions.

    The results of a version that is `named` are looked for whether there is a copy of it or not.
    """
    bucket = account.stack.raw_bucket_name
    waiting = objects.versions_of(account.s3, bucket, source)
    copies = objects.versions_of(account.s3, bucket, keys.completed_key(source))[:limit]
    completed = [_completed(account, item) for item in copies]
    places = _places(waiting, completed, named)
    unread: dict[str, str] = {}
    found = (
        results.find(account, source, version, days, unread=unread)
        for version, days in places.items()
    )
    outputs = [_with_older(account, source, output) for output in found if output]
    return Stored(
        key=source,
        waiting=waiting,
        completed=completed,
        outputs=outputs,
        rejected=list(_rejected(account, source, places, outputs)),
        unread_bundles=unread,
    )


def _with_older(account: Account, key: str, output: Output) -> Output:
    day = keys.partition_day(output.processed_key)
    if output.bundle or not output.dataset or not day:  # only a replay of a dataset replaces one
        return output
    return results.with_older(account, output, key, output.source_version, day)


def _completed(account: Account, item: objects.StoredObject) -> Completed:
    found = objects.head(account.s3, account.stack.raw_bucket_name, item.key, item.version)
    return Completed(stored=item, metadata=found.metadata if found else {})


def _places(
    waiting: list[objects.StoredObject], completed: list[Completed], named: NamedVersion | None
) -> dict[str, tuple[date, ...]]:
    """Return the days that the results of each source version may be in."""
    places = {item.version: days_before(item.modified, 0) for item in waiting}
    for one in completed:
        if one.source_version:
            places.setdefault(one.source_version, one.days)
    return places | ({named.version: (named.day,)} if named else {})


def _rejected(
    account: Account,
    source: str,
    places: Mapping[str, tuple[date, ...]],
    outputs: list[Output],
) -> Iterator[objects.Head]:
    """Yield the heads of the rejected records of each version that has some.

    An output names them. Where its metadata had no room for that, and where there is no output,
    they are looked for.
    """
    made = {output.source_version: output for output in outputs}
    bucket = account.stack.processed_bucket_name
    for version, days in places.items():
        output = made.get(version)
        name = output.rejected_key if output else None
        if output and not name and output.counts.get("rejected"):
            day = day_of_result(output.key)
            name = day and results.find_rejected(account, source, version, [day])
        elif not output and len(days) == 1:
            name = results.find_rejected(account, source, version, days)
        found = objects.head(account.s3, bucket, name) if name else None
        if found:
            yield found


def _lines(start: bytes) -> list[str]:
    """Return the first lines; the last one may be cut off at the end of the bytes."""
    return start.decode(errors="replace").splitlines()[:_REJECTED_LINES]
