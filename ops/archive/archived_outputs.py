"""Where archived outputs are, and how each can be read at the moment."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from handlers import keys
from ops.aws import Account
from ops.files import workers

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectTypeDef

_LISTINGS_AT_ONCE: Final = 16
# Of these classes S3 reads nothing before it is retrieved. The pipeline uses the first alone.
_RETRIEVED_CLASSES: Final = ("GLACIER", "DEEP_ARCHIVE")


class Access(StrEnum):
    """How an archived output can be read."""

    AT_ONCE = "at once"
    RETRIEVED = "retrieved, for some days"
    UNDER_WAY = "being retrieved"
    COLD = "not before it is retrieved"


@dataclass(frozen=True, kw_only=True, slots=True)  # there may be a million
class ArchivedOutput:
    """An object in `archive/`, as listed; `size` is in bytes."""

    key: str
    size: int
    etag: str
    storage_class: str
    access: Access


@dataclass(frozen=True, kw_only=True)
class Root:
    """What to look for in the archive bucket: every key that begins so, or one `exact` key."""

    text: str
    exact: bool


def look(account: Account, roots: Iterable[Root]) -> dict[str, ArchivedOutput]:
    """Return the archived outputs under the roots, by key, with their state at this moment."""

    def one(root: Root) -> list[ArchivedOutput]:
        return list(_exactly(account, root.text) if root.exact else _below(account, root.text))

    found = workers.map_unordered(one, roots, at_once=_LISTINGS_AT_ONCE)
    return {output.key: output for some in found for output in some}


def _exactly(account: Account, key: str) -> Iterator[ArchivedOutput]:
    # The key itself is listed before all others that begin with it.
    for output in _outputs(_page(account, key, MaxKeys=1)):
        if output.key == key:
            yield output


def _below(account: Account, prefix: str) -> Iterator[ArchivedOutput]:
    page = _page(account, prefix)
    yield from _outputs(page)
    while token := page.get("NextContinuationToken"):
        page = _page(account, prefix, ContinuationToken=token)
        yield from _outputs(page)


def _page(account: Account, prefix: str, **more: Any) -> Mapping[str, Any]:
    return account.s3.list_objects_v2(
        Bucket=account.stack.archive_bucket_name,
        Prefix=prefix,
        OptionalObjectAttributes=["RestoreStatus"],
        **more,
    )


def _outputs(page: Mapping[str, Any]) -> Iterator[ArchivedOutput]:
    for entry in page.get("Contents", []):
        if keys.partition_day(keys.PROCESSED + entry["Key"].removeprefix(keys.ARCHIVE)):
            yield ArchivedOutput(
                key=entry["Key"],
                size=entry["Size"],
                etag=entry["ETag"],
                storage_class=entry.get("StorageClass", "STANDARD"),
                access=_access(entry),
            )


def _access(entry: "ObjectTypeDef") -> Access:
    if entry.get("StorageClass") not in _RETRIEVED_CLASSES:
        return Access.AT_ONCE
    status = entry.get("RestoreStatus", {})
    if status.get("IsRestoreInProgress"):
        return Access.UNDER_WAY
    # S3 leaves the date out once the temporary copy has expired.
    return Access.RETRIEVED if status.get("RestoreExpiryDate") else Access.COLD
