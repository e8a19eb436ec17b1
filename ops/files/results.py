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

    `modified` is when it was stored where it is: in the archive, if it is `archived`.
    `restored_key` is the key of its copy in `restored/`, if it is archived and has one. `dataset`
    and `dataset_version` are those of its file when it was processed, if it had one.
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


def find(account: Account, key: str, version: str, days: Iterable[date]) -> Output | None:
    """Return the output of a source version that was uploaded on one of the days, or None."""
    output = locate(account, key, version, days)
    return _with_restored(account, output) if output and output.archived else output


def locate(account: Account, key: str, version: str, days: Iterable[date]) -> Output | None:
    """Return the output as `find` does, but do not look for a restored copy of it."""
    for day in days:
        for candidate in candidates(key, version, day):
            for bucket, name in _places(account, candidate):
                found = objects.head(account.s3, bucket, name)
                if found and found.metadata.get(keys.SOURCE_VERSION) == version:
                    return _output(found, bucket, archived=name != candidate)
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
    key = keys.restored_key(output.key)
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
    )
