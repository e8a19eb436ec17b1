"""Bundles in the archive bucket: those of a day, and what each holds."""

from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date

from handlers import keys
from handlers.aws.failures import GoneError, PermanentError
from handlers.aws.object_info import Location
from handlers.aws.objects import Storage
from handlers.aws.streams import OpenObject
from handlers.bundles import indexes
from handlers.bundles.entries import BundleError, Entry, read_bundle


@dataclass(frozen=True, kw_only=True)
class StoredBundle:
    """A bundle of a day; `is_indexed` tells whether its index was there when it was listed."""

    key: str
    number: int
    is_indexed: bool


class DayLogs:
    """The bundles of the days, and what they hold."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        """`bucket` is the archive bucket."""
        self._storage = storage
        self._bucket = bucket

    def bundles(self, day: date) -> list[StoredBundle]:
        """Return all bundles of a day, by key: the datasets' own are in folders of theirs.

        Two calls a thousand bundles; one for a day that has none.
        """
        bundles = self._listed(keys.day_prefix(keys.BUNDLES, day))
        if not bundles:
            return []
        indexed = set(self._listed(keys.day_prefix(keys.BUNDLE_INDEXES, day)))
        return [
            StoredBundle(key=key, number=number, is_indexed=keys.bundle_index_key(key) in indexed)
            for key in bundles
            if (number := keys.bundle_number(key)) is not None
        ]

    def entries(self, bundle: str) -> Iterator[Entry]:
        """Yield the entries of a bundle, in key order, from the bundle itself: all of it is read.

        Raises PermanentError where it is damaged, or in GLACIER, TransientError and GoneError.
        """
        location = Location(bucket=self._bucket, key=bundle)
        with _undamaged(location), closing(self._storage.open(location)) as opened:
            yield from (entry for entry, _ in read_bundle(opened.blocks()))

    def find(self, day: date, key: str) -> tuple[StoredBundle, Entry] | None:
        """Return the newest entry of an output that was in `processed/` on a day, or None.

        A kill may have left a bundle without its index; such a bundle is read itself.
        """
        found = [
            (bundle, entry) for bundle in self.bundles(day) if (entry := self.entry(bundle, key))
        ]
        return max(found, key=lambda one: one[0].number, default=None)

    def index_location(self, bundle: str) -> Location:
        """Return where the index of a bundle is."""
        return Location(bucket=self._bucket, key=keys.bundle_index_key(bundle))

    def entry(self, bundle: StoredBundle, key: str) -> Entry | None:
        """Return the entry of an output in a bundle, or None; raises as `entries` does."""
        return next(self._named(bundle, [key]), None)

    def held(self, bundle: StoredBundle, etags: Mapping[str, str]) -> set[str]:
        """Return which of the outputs with these ETags, by key, a bundle holds.

        The bundle, or its index, is read once; raises as `entries` does.
        """
        found = self._named(bundle, etags)
        return {entry.key for entry in found if etags[entry.key] == entry.etag}

    def _named(self, bundle: StoredBundle, wanted: Collection[str]) -> Iterator[Entry]:
        """Yield the entries of some keys, from the index of a bundle or else from itself."""
        opened = self._open_index(bundle)
        if not opened:
            yield from (entry for entry in self.entries(bundle.key) if entry.key in wanted)
            return
        with closing(opened), _undamaged(opened.info.location):
            if indexes.may_hold(opened.info.metadata, wanted):
                yield from indexes.find_all(opened.blocks(), wanted)

    def _open_index(self, bundle: StoredBundle) -> OpenObject | None:
        """Return the index, None if there was none, or if it was lost since it was listed."""
        if not bundle.is_indexed:
            return None
        try:
            return self._storage.open(self.index_location(bundle.key))
        except GoneError:
            return None

    def _listed(self, prefix: str) -> list[str]:
        pages = self._storage.list_pages(self._bucket, prefix)
        return [entry.location.key for page in pages for entry in page]


@contextmanager
def _undamaged(location: Location) -> Generator[None]:
    try:
        yield
    except BundleError as error:
        msg = f"{location}: {error}; docs/runbook.md tells what to do, under bundles-without-index"
        raise PermanentError(msg) from error
