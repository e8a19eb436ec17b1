"""Objects of the archive bucket as they are listed, and how each can be read at the moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from ops.aws import Account

# Of these classes S3 reads nothing before it is retrieved. The pipeline uses the first alone.
_RETRIEVED_CLASSES: Final = ("GLACIER", "DEEP_ARCHIVE")


class Access(StrEnum):
    """How an archived object can be read."""

    AT_ONCE = "at once"
    RETRIEVED = "retrieved, for some days"
    UNDER_WAY = "being retrieved"
    COLD = "not before it is retrieved"

    @property
    def is_readable(self) -> bool:
        """Whether the object can be read now."""
        return self in {Access.AT_ONCE, Access.RETRIEVED}


@dataclass(frozen=True, kw_only=True, slots=True)  # there may be a million
class Listed:
    """An object of the archive bucket; `size` is in bytes."""

    key: str
    size: int
    etag: str
    modified: datetime
    storage_class: str
    access: Access


def exactly(account: Account, key: str) -> Iterator[Listed]:
    """Yield the object with a key, if there is one."""
    # The key itself is listed before all others that begin with it.
    yield from (one for one in _listed(_page(account, key, MaxKeys=1)) if one.key == key)


def below(account: Account, prefix: str) -> Iterator[Listed]:
    """Yield every object under a prefix, in the order of the keys; one call a thousand."""
    page = _page(account, prefix)
    yield from _listed(page)
    while token := page.get("NextContinuationToken"):
        page = _page(account, prefix, ContinuationToken=token)
        yield from _listed(page)


def access_by_head(storage_class: str | None, restore: str | None) -> Access:
    """Return how an object can be read, by the headers with its class and its retrieval. Pure.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    is_done = 'ongoing-request="false"' in (restore or "")
    return _access(storage_class, under_way=bool(restore) and not is_done, done=is_done)


def _page(account: Account, prefix: str, **more: Any) -> Mapping[str, Any]:
    return account.s3.list_objects_v2(
        Bucket=account.stack.archive_bucket_name,
        Prefix=prefix,
        OptionalObjectAttributes=["RestoreStatus"],
        **more,
    )


def _listed(page: Mapping[str, Any]) -> Iterator[Listed]:
    for entry in page.get("Contents", []):
        status = entry.get("RestoreStatus", {})
        storage_class = entry.get("StorageClass", "STANDARD")
        yield Listed(
            key=entry["Key"],
            size=entry["Size"],
            etag=entry["ETag"],
            modified=entry["LastModified"],
            storage_class=storage_class,
            access=_access(
                storage_class,
                under_way=bool(status.get("IsRestoreInProgress")),
                # S3 leaves the date out once the temporary copy has expired.
                done=bool(status.get("RestoreExpiryDate")),
            ),
        )


def _access(storage_class: str | None, *, under_way: bool, done: bool) -> Access:
    if storage_class not in _RETRIEVED_CLASSES:
        return Access.AT_ONCE
    if under_way:
        return Access.UNDER_WAY
    return Access.RETRIEVED if done else Access.COLD
