"""Which file a fix corrects, and which fixes a file has, by the metadata of the fixes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from handlers import keys
from ops.aws import Account
from ops.files import objects
from ops.files.history import Completed, Stored


@dataclass(frozen=True, kw_only=True)
class Link:
    """A fix, and the version of the file that it corrects.

    `version` is the fix's source version; `sent` is when it was uploaded, as far as is known, and
    `completed` whether it is processed.
    """

    key: str
    version: str
    sent: datetime
    completed: bool
    of_key: str
    of_version: str


def fixed_by(account: Account, source: str, *, limit: int) -> list[Link]:
    """Return the fixes of a file that are still stored, newest first, at most `limit` of each kind.

    The same version may be in `incoming/` and in `completed/` for a moment; it is one fix.
    """
    found = [*_links(account, keys.fix_prefixes(source), limit)]
    links = {(one.key, one.version): one for one in found if one.of_key == source}
    return sorted(links.values(), key=lambda one: one.sent, reverse=True)


def fixes(account: Account, stored: Stored) -> list[Link]:
    """Return which versions of other files the versions of a file correct, newest first."""
    if not keys.is_fix(stored.key):
        return []
    links = [_link_of_copy(stored.key, one) for one in stored.completed]
    links += [_link_of_waiting(account, item) for item in stored.waiting]
    return sorted(filter(None, links), key=lambda one: one.sent, reverse=True)


def corrected(key: str, metadata: Mapping[str, str]) -> tuple[str, str] | None:
    """Return key and version of the file whose bad records a file corrects; None if it is no fix.

    `key` is the file's in `incoming/`. Pure.
    """
    of_key = keys.decode_value(metadata.get(keys.FIXES_KEY, ""))
    digest = metadata.get(keys.FIX_DIGEST, "")
    # Anyone may write metadata: the key has to be the one that a fix with this digest takes.
    if not of_key.startswith(keys.INCOMING) or keys.fix_key(of_key, digest) != key:
        return None
    return of_key, metadata.get(keys.FIXES_VERSION, "")


def _links(account: Account, prefixes: tuple[str, str], limit: int) -> Iterator[Link]:
    incoming, completed = prefixes
    for item in _newest(account, incoming, limit):
        yield from filter(None, [_link_of_waiting(account, item)])
    for item in _newest(account, completed, limit):
        found = objects.head(account.s3, account.stack.raw_bucket_name, item.key, item.version)
        copy = Completed(stored=item, metadata=found.metadata if found else {})
        yield from filter(None, [_link_of_copy(_key_of_copy(copy), copy)])


def _newest(account: Account, prefix: str, limit: int) -> list[objects.StoredObject]:
    found = objects.versions(account.s3, account.stack.raw_bucket_name, prefix)
    return sorted(found, key=lambda item: item.modified, reverse=True)[:limit]


def _link_of_waiting(account: Account, item: objects.StoredObject) -> Link | None:
    found = objects.head(account.s3, account.stack.raw_bucket_name, item.key, item.version)
    if not found:
        return None
    return _link(item.key, item.version, item.modified, found.metadata, completed=False)


def _link_of_copy(key: str, copy: Completed) -> Link | None:
    version, sent = copy.source_version or "", copy.uploaded or copy.stored.modified
    return _link(key, version, sent, copy.metadata, completed=True)


def _link(
    key: str, version: str, sent: datetime, metadata: Mapping[str, str], *, completed: bool
) -> Link | None:
    of = corrected(key, metadata)
    if not of:
        return None
    return Link(
        key=key, version=version, sent=sent, completed=completed, of_key=of[0], of_version=of[1]
    )


def _key_of_copy(copy: Completed) -> str:
    """Return the `incoming/` key of a completed fix; its metadata tells all that is in it."""
    of_key = keys.decode_value(copy.metadata.get(keys.FIXES_KEY, ""))
    digest = copy.metadata.get(keys.FIX_DIGEST, "")
    named = keys.fix_key(of_key, digest) if of_key.startswith(keys.INCOMING) else ""
    return named if named and keys.completed_key(named) == copy.stored.key else ""
