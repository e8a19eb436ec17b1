"""Find the results of a source version: its output, archived or not, and its rejected records.

An output is the record that its source version was committed: its metadata names that version. It
can only have one of the few keys that `handlers.keys.output_keys` returns.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from handlers import keys
from ops.aws import Account
from ops.files import objects
from ops.files.bundles import contents, listings
from ops.files.bundles.contents import Bundled
from ops.files.bundles.listings import Access

_COUNT: Final = re.compile("[0-9]{1,18}")

COUNTS: Final = {
    keys.RECORDS_IN: "in",
    keys.RECORDS_OUT: "out",
    keys.RECORDS_REJECTED: "rejected",
    keys.RECORDS_EMPTY: "empty",
    keys.FIELDS_RENAMED: "renamed fields",
}


@dataclass(frozen=True, kw_only=True)
class Output:
    """The output of one source version; the names in `counts` are the values of `COUNTS`.

    `modified` is when it was stored where it is: in the archive, if it is `archived`. If it is in a
    bundle there, `bundle` is that, `offset` its place in it in bytes, and `key` the key that it had
    in `processed/`. `access` tells how it can be read, if it is archived.
    `restored_key` is the key of its copy in `restored/`, if it is archived and has one. `dataset`
    and `dataset_version` are those of its file when it was processed, if it had one. `older_in` is
    the bundle that holds it as it was before a replay, if it was replaced while it was bundled.
    """

    bucket: str
    key: str
    archived: bool
    size: int
    modified: datetime
    source_version: str
    counts: Mapping[str, int]
    rejected_key: str | None
    restored_key: str | None = None
    dataset: str | None = None
    dataset_version: str | None = None
    bundle: str | None = None
    offset: int | None = None
    access: Access | None = None
    older_in: str | None = None

    @property
    def processed_key(self) -> str:
        """The key that it has, or had, in `processed/`."""
        return self.key if self.bundle else _processed(self.key)


def find(
    account: Account,
    key: str,
    version: str,
    days: Iterable[date],
    *,
    unread: dict[str, str] | None = None,
) -> Output | None:
    """Return the output of a source version that was uploaded on one of the days, or None.

    To `unread`, why bundles in which it may be cannot be read is added, by the bundles' keys.
    """
    for day in days:
        output = locate(account, key, version, [day])
        if output is None:
            found = contents.find(account, [contents.among(candidates(key, version, day))])
            output = _in_bundle(account.stack.archive_bucket_name, found.outputs.values(), version)
            if unread is not None and output is None:
                unread |= found.unread
        if output:
            return _with_restored(account, output) if output.archived else output
    return None


def with_older(account: Account, output: Output, key: str, version: str, day: date) -> Output:
    """Return an output that is in no bundle, with the one that holds it as it was, if one does."""
    found = contents.find(account, [contents.among(candidates(key, version, day))])
    older = _in_bundle(account.stack.archive_bucket_name, found.outputs.values(), version)
    if not older or (older.dataset, older.dataset_version) == (
        output.dataset,
        output.dataset_version,
    ):
        return output  # a run that bundles it has not deleted it yet
    return replace(output, older_in=older.bundle)


def locate(
    account: Account, key: str, version: str, days: Iterable[date], *, plain_only: bool = False
) -> Output | None:
    """Return the output as `find` does, but look neither into bundles nor for a restored copy.

    With `plain_only`, only at the key that nearly all outputs have.
    """
    for day in days:
        possible = candidates(key, version, day)
        for candidate in possible[:1] if plain_only else possible:
            for bucket, name in _places(account, candidate):
                found = objects.head(account.s3, bucket, name)
                if found and found.metadata.get(keys.SOURCE_VERSION) == version:
                    return _output(found, bucket, archived=name != candidate)
    return None


def _in_bundle(bucket: str, found: Iterable[Bundled], version: str) -> Output | None:
    for one in found:
        entry = one.entry()
        if entry.metadata.get(keys.SOURCE_VERSION) == version:
            head = objects.Head(
                key=entry.key,
                version="null",
                size=entry.size,
                modified=one.bundle.modified,
                metadata=entry.metadata,
            )
            return replace(
                _output(head, bucket, archived=True),
                bundle=one.bundle.key,
                offset=entry.offset,
                access=one.bundle.access,
            )
    return None


def find_rejected(account: Account, key: str, version: str, days: Iterable[date]) -> str | None:
    """Return the key of the rejected records of a version without an output, or None."""
    bucket = account.stack.processed_bucket_name
    for day in days:
        for candidate in keys.rejected_keys(key, version, day):
            found = objects.head(account.s3, bucket, candidate)
            if found and found.metadata.get(keys.SOURCE_VERSION) == version:
                return candidate
    return None


def named_source(metadata: Mapping[str, str], fits: Callable[[str], bool]) -> str | None:
    """Return the `incoming/` key that an object's metadata names, or None.

    A key that `fits` rejects counts as none: anyone may write metadata.
    """
    key = keys.decode_value(metadata.get(keys.SOURCE_KEY, ""))
    return key if key.startswith(keys.INCOMING) and fits(key) else None


def candidates(key: str, version: str, day: date) -> tuple[str, ...]:
    """Return every key that a version's output may have, compressed or not, likely ones first."""
    plain = keys.output_keys(key, version, day, compressed=False)
    return plain + keys.output_keys(key, version, day, compressed=True)


def counts(metadata: Mapping[str, str]) -> dict[str, int]:
    """Return the counts in an output's metadata; their names are the values of `COUNTS`."""
    return {
        name: int(metadata[field])
        for field, name in COUNTS.items()
        if _COUNT.fullmatch(metadata.get(field, ""))
    }


def _places(account: Account, candidate: str) -> Iterator[tuple[str, str]]:
    stack = account.stack
    yield stack.processed_bucket_name, candidate
    yield stack.archive_bucket_name, keys.archive_key(candidate)


def _with_restored(account: Account, output: Output) -> Output:
    key = keys.restored_key(keys.archive_key(output.processed_key))
    found = objects.head(account.s3, account.stack.processed_bucket_name, key)
    if not found or found.metadata.get(keys.SOURCE_VERSION) != output.source_version:
        return output
    return replace(output, restored_key=key)


def _output(found: objects.Head, bucket: str, *, archived: bool) -> Output:
    rejected = found.metadata.get(keys.REJECTED_KEY)
    return Output(
        bucket=bucket,
        key=found.key,
        archived=archived,
        size=found.size,
        modified=found.modified,
        source_version=found.metadata[keys.SOURCE_VERSION],
        counts=counts(found.metadata),
        rejected_key=keys.decode_value(rejected) if rejected else None,
        dataset=found.metadata.get(keys.DATASET),
        dataset_version=found.metadata.get(keys.DATASET_VERSION),
        access=listings.access_by_head(found.storage_class, found.restore) if archived else None,
    )


def _processed(key: str) -> str:
    return keys.PROCESSED + key.removeprefix(keys.ARCHIVE).removeprefix(keys.PROCESSED)
