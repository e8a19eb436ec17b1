"""What bundles hold: from their indexes, or else from themselves."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from handlers import keys
from handlers.bundles import indexes
from handlers.bundles.entries import BundleError, Entry, read_bundle
from ops import aws
from ops.aws import Account
from ops.files import workers
from ops.files.bundles import listings
from ops.files.bundles.listings import Listed
from ops.terminal.problems import OperatorError

_BLOCK_BYTES: Final = 256 * 1024
_INDEXES_AT_ONCE: Final = 8
_ABSENT: Final = ("NoSuchKey", "404")
_YEAR_TO_DAY: Final = len("2024/01/15/")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Keys in `processed/`: those that begin so, and only the ones `among` if it is given."""

    beginning: str
    among: frozenset[str] | None = None

    def __contains__(self, key: str) -> bool:
        is_among = self.among is None or key in self.among
        return is_among and key.startswith(self.beginning)


@dataclass(frozen=True, kw_only=True, slots=True)  # there may be a million
class Bundled:
    """An output in a bundle; `described` is its entry as JSON, which is smaller than the entry."""

    bundle: Listed
    described: bytes

    def entry(self) -> Entry:
        """Return what the index says of the output."""
        return Entry.from_json(self.described, placed=True)


class ColdBundleError(OperatorError):
    """A bundle has no whole index, and is in GLACIER: nobody knows what it holds."""

    def __init__(self, bundle: Listed, why: str, *, is_indexed: bool) -> None:
        msg = (
            f"{why}, and is in GLACIER: `restore {bundle.key}` has it retrieved, and reads it then"
        )
        mended = (
            "docs/runbook.md tells how its index is mended, under bundles-without-index"
            if is_indexed
            else "the next run of the archiver (`archive-now`) writes its index"
        )
        super().__init__(f"{msg}; {mended}")
        self.bundle = bundle


@dataclass(frozen=True, kw_only=True)
class Found:
    """Bundled outputs by their keys in `processed/`, and why some bundles could not be read.

    `cold` are those of the unread that can be read once they are retrieved.
    """

    outputs: dict[str, Bundled] = field(default_factory=dict[str, Bundled])
    unread: dict[str, str] = field(default_factory=dict[str, str])
    cold: dict[str, Listed] = field(default_factory=dict[str, Listed])


def among(given: Iterable[str]) -> Wanted:
    """Return what finds these keys in `processed/`, at least one, and no others."""
    some = frozenset(given)
    return Wanted(beginning=common_beginning(some), among=some)


def common_beginning(given: Iterable[str]) -> str:
    """Return what all of some texts begin with, "" for no text."""
    some = [*given]
    if not some:
        return ""
    first, last = min(some), max(some)  # those between the two share what these share
    differ = (place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(differ, len(first))]


def below(account: Account, prefix: str) -> list[Listed]:
    """Return the bundles that hold outputs under a prefix of `processed/`, or may do so."""
    place = prefix.removeprefix(keys.PROCESSED)[:_YEAR_TO_DAY]
    return _bundles(listings.below(account, keys.BUNDLES + place))


def of_day(account: Account, day: date) -> list[Listed]:
    """Return the bundles of a day."""
    return _bundles(listings.below(account, keys.day_prefix(keys.BUNDLES, day)))


def exactly(account: Account, key: str) -> Listed | None:
    """Return the bundle with a key, or None."""
    return next(iter(_bundles(listings.exactly(account, key))), None)


def find(account: Account, wanted: Iterable[Wanted]) -> Found:
    """Return the newest entry of each wanted output, wherever a bundle of its day names it."""
    found = Found()

    def read(job: tuple[Listed, Wanted]) -> tuple[Listed, list[Entry], OperatorError | None]:
        bundle, one = job
        try:
            return bundle, [*entries(account, bundle, one)], None
        except OperatorError as error:
            return bundle, [], error

    jobs = ((bundle, one) for one in wanted for bundle in below(account, one.beginning))
    newest: dict[str, tuple[Any, ...]] = {}
    for bundle, some, problem in workers.map_unordered(read, jobs, at_once=_INDEXES_AT_ONCE):
        if problem:
            found.unread[bundle.key] = str(problem)
        if isinstance(problem, ColdBundleError):
            found.cold[bundle.key] = bundle
        for entry in some:
            age = (entry.modified, keys.bundle_number(bundle.key))
            if entry.key not in newest or newest[entry.key] < age:
                newest[entry.key] = age
                described = entry.to_json(placed=True)
                found.outputs[entry.key] = Bundled(bundle=bundle, described=described)
    return found


def entries(account: Account, bundle: Listed, wanted: Wanted) -> Iterator[Entry]:
    """Yield the entries of a bundle that are wanted, in the order of their keys.

    Raises OperatorError if the bundle has no whole index and cannot be read either,
    ColdBundleError if it is in GLACIER.
    """
    damage: BundleError | None = None
    try:
        found = _from_index(account, keys.bundle_index_key(bundle.key), wanted)
    except BundleError as error:
        found, damage = None, error
    if found is None:
        found = _from_bundle(account, bundle, wanted, damage)
    yield from (one for one in found if one.key in wanted and keys.partition_day(one.key))


def _from_index(account: Account, key: str, wanted: Wanted) -> list[Entry] | None:
    opened = _open(account, key)
    if opened is None:
        return None
    metadata, body = opened
    with closing(body):
        if not indexes.may_hold_below(metadata, wanted.beginning):
            return []
        return indexes.find_entries(body.iter_chunks(_BLOCK_BYTES), wanted.beginning)


def _from_bundle(
    account: Account, bundle: Listed, wanted: Wanted, damage: BundleError | None
) -> list[Entry]:
    """Return what a bundle holds of the wanted; `damage` is that of its index, if it has one."""
    why = f"has a damaged index ({damage})" if damage else "has no index"
    if not bundle.access.is_readable:
        raise ColdBundleError(bundle, why, is_indexed=damage is not None)
    opened = _open(account, bundle.key)
    if opened is None:
        return []  # it has expired since it was listed
    with closing(opened[1]) as body:
        try:
            read = read_bundle(body.iter_chunks(_BLOCK_BYTES))
            return [entry for entry, _ in read if entry.key in wanted]
        except BundleError as error:
            msg = f"{why}, and cannot be read itself: {error}"
            raise OperatorError(msg) from None


def _open(account: Account, key: str) -> tuple[Mapping[str, str], Any] | None:
    try:
        answer = account.s3.get_object(Bucket=account.stack.archive_bucket_name, Key=key)
    except aws.AwsError as error:
        if aws.code(error) in _ABSENT:
            return None
        raise
    return answer["Metadata"], answer["Body"]


def _bundles(listed: Iterable[Listed]) -> list[Listed]:
    return [one for one in listed if keys.bundle_number(one.key) is not None]
