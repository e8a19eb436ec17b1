"""Copies the objects of a table into a local folder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops import aws
from ops.aws import Account
from ops.datasets.queries.tables import Table

# Of an object in GLACIER that is not retrieved. Athena skips it, too:
# https://docs.aws.amazon.com/athena/latest/ug/querying-glacier.html
_COLD: Final = "InvalidObjectState"


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A local copy of an object: its path, the object's key, and the partition that it is in."""

    path: Path
    key: str
    day: str


def fetch(
    account: Account, table: Table, folder: Path, *, report: Callable[[int], object]
) -> list[Copy]:
    """Copy the objects that a table reads to a folder, and return the copies.

    `report` is called with the bytes of each one that is copied.
    """
    copies: list[Copy] = []
    folder.mkdir()
    for number, (key, day) in enumerate(_objects(account, table)):
        suffix = ".json.gz" if key.endswith(".gz") else ".json"
        path = folder / f"{number}{suffix}"
        try:
            account.s3.download_file(table.bucket, key, str(path))
        except account.s3.exceptions.ClientError as error:
            if aws.code(error) != _COLD:
                raise
            continue
        report(path.stat().st_size)
        copies.append(Copy(path=path, key=key, day=day))
    return copies


def _objects(account: Account, table: Table) -> Iterator[tuple[str, str]]:
    pages = account.s3.get_paginator("list_objects_v2").paginate(
        Bucket=table.bucket, Prefix=table.declared.root
    )
    for page in pages:
        for item in page.get("Contents", []):
            key = item.get("Key", "")
            day = table.day_of(key)
            if day and item.get("Size"):
                yield key, day
