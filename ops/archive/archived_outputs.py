"""Where archived outputs are, in `archive/` or in bundles, and how each can be read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from handlers import keys
from handlers.bundles.entries import Entry
from ops.aws import Account
from ops.files import workers
from ops.files.bundles import contents, listings
from ops.files.bundles.contents import Bundled, Wanted
from ops.files.bundles.listings import Access, Listed

_LISTINGS_AT_ONCE: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)  # there may be a million
class ArchivedOutput:
    """An archived output; `size` is in bytes.

    `key` is its key in `archive/`, or the one that it would have there if it is in a bundle: then
    `bundle` is that, `offset` and `length` are its place in it in bytes, and `access` is the
    bundle's.

    It may also stand for a whole bundle of which nobody knows what it holds before it is retrieved:
    then `key` is the bundle's.
    """

    key: str
    size: int
    etag: str
    storage_class: str
    access: Access
    bundle: Listed | None = None
    offset: int = 0
    length: int = 0
    described: bytes = b""

    @property
    def is_unknown_bundle(self) -> bool:
        """Whether it stands for a bundle of which nobody knows what it holds."""
        return self.key.startswith(keys.BUNDLES)

    @property
    def holder(self) -> str:
        """The key of the object that holds it: its own, or its bundle's."""
        return self.bundle.key if self.bundle else self.key

    @property
    def holder_size(self) -> int:
        """The bytes of the object that holds it."""
        return self.bundle.size if self.bundle else self.size

    def entry(self) -> Entry | None:
        """Return its entry, if it is in a bundle."""
        return Entry.from_json(self.described, placed=True) if self.bundle else None


@dataclass(frozen=True, kw_only=True)
class Root:
    """What to look for in the archive bucket: every key that begins so, or one `exact` key.

    Of the keys that begin so, only the ones `among`, if it is given.
    """

    text: str
    exact: bool
    among: frozenset[str] | None = None

    def __contains__(self, key: str) -> bool:
        if self.exact:
            return key == self.text
        return key.startswith(self.text) and (self.among is None or key in self.among)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Archived outputs by key, and why some bundles could not be read, by the bundles' keys.

    `cold` are those of the unread that can be read once they are retrieved.
    """

    outputs: Mapping[str, ArchivedOutput]
    unread: Mapping[str, str] = field(default_factory=dict[str, str])
    cold: Mapping[str, ArchivedOutput] = field(default_factory=dict[str, ArchivedOutput])

    def unread_beside(self, archived: str) -> list[str]:
        """Return the unread bundles of the day of an output."""
        day = _day(archived, keys.ARCHIVE)
        return [bundle for bundle in self.unread if _day(bundle, keys.BUNDLES) == day]


def look(account: Account, roots: Iterable[Root]) -> Found:
    """Return the archived outputs under the roots, with their state at this moment.

    Of an output that is in `archive/` and in a bundle too, the newer one. They are the same for as
    long as an archiver run is at it.
    """
    roots = list(roots)
    single = _single(account, roots)
    bundled = contents.find(account, _wanted(roots))
    outputs = {key: of_listed(one) for key, one in single.items()}
    for processed, one in bundled.outputs.items():
        key = keys.archive_key(processed)
        entry = one.entry()
        if key not in single or single[key].modified < entry.modified:
            outputs[key] = _of_bundle(key, one, entry)
    cold = {key: of_listed(one) for key, one in bundled.cold.items()}
    return Found(outputs=outputs, unread=bundled.unread, cold=cold)


def look_again(
    account: Account, roots: Sequence[Root], outputs: Sequence[ArchivedOutput]
) -> dict[str, ArchivedOutput]:
    """Return those of the outputs that are still there, by key, with their state at this moment.

    No index is read again: a bundle never changes.
    """
    listed: dict[str, Listed] = {}
    holders = {one.holder for one in outputs}
    bundles = {key for key in holders if key.startswith(keys.BUNDLES)}
    if holders != bundles:
        listed |= _single(account, roots)
    for folder in {key.rpartition("/")[0] + "/" for key in bundles}:
        listed |= {one.key: one for one in listings.below(account, folder)}
    return {
        one.key: replace(one, access=listed[one.holder].access)
        for one in outputs
        if one.holder in listed
    }


def _single(account: Account, roots: Iterable[Root]) -> dict[str, Listed]:
    """Return the objects in `archive/` under the roots, by key."""

    def one(root: Root) -> list[Listed]:
        look_for = listings.exactly if root.exact else listings.below
        return [it for it in look_for(account, root.text) if it.key in root]

    found = workers.map_unordered(one, roots, at_once=_LISTINGS_AT_ONCE)
    listed = (it for some in found for it in some)
    return {it.key: it for it in listed if keys.partition_day(keys.processed_key(it.key))}


def _wanted(roots: Iterable[Root]) -> Iterator[Wanted]:
    """Yield what to look for in bundles; the named keys of a day together."""
    days: dict[str, list[str]] = {}
    for root in roots:
        named = [root.text] if root.exact else root.among
        if named is None:
            yield Wanted(beginning=keys.processed_key(root.text))
            continue
        for key in named:
            days.setdefault(_day(key, keys.ARCHIVE), []).append(keys.processed_key(key))
    yield from (contents.among(some) for some in days.values())


def of_listed(listed: Listed) -> ArchivedOutput:
    """Return an object in `archive/`, or a bundle of which nobody knows what it holds."""
    return ArchivedOutput(
        key=listed.key,
        size=listed.size,
        etag=listed.etag,
        storage_class=listed.storage_class,
        access=listed.access,
    )


def _of_bundle(key: str, one: Bundled, entry: Entry) -> ArchivedOutput:
    return ArchivedOutput(
        key=key,
        size=entry.size,
        etag=entry.etag,
        storage_class=one.bundle.storage_class,
        access=one.bundle.access,
        bundle=one.bundle,
        offset=entry.offset,
        length=entry.length,
        described=one.described,
    )


def _day(key: str, root: str) -> str:
    return key.removeprefix(root)[: len("2024/01/15/")]
