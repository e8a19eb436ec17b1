"""Which source versions have their outputs in bundles, remembered for many questions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from threading import Lock
from typing import Final

from handlers import keys
from ops.aws import Account
from ops.files.bundles import contents
from ops.files.bundles.contents import Wanted
from ops.terminal.problems import OperatorError

# A version is remembered by so many bytes of a digest, since there may be millions: even of ten
# million, one that is not there is taken for one of them once in two million million times.
_DIGEST_BYTES: Final = 8
_MADE_BY: Final = (keys.DATASET, keys.DATASET_VERSION)


@dataclass
class _Day:
    digests: set[bytes] = field(default_factory=set[bytes])
    twice: set[bytes] = field(default_factory=set[bytes])
    made: set[bytes] = field(default_factory=set[bytes])  # versions with what they were made by
    is_whole: bool = True


class BundledVersions:
    """Tells whether a bundle has the output of a source version; reads each day once.

    May be used from several threads.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._days: dict[date, _Day] = {}
        self._lock = Lock()

    def holds(self, key: str, version: str, day: date) -> bool:
        """Return whether the output of a version that was uploaded on a day is in a bundle.

        `key` is the source's, in `incoming/`.
        """
        return _digest(key, version) in self._read(day).digests

    def holds_older(
        self, key: str, version: str, day: date, made_by: Sequence[str | None] | None
    ) -> bool:
        """Return whether a bundle has the output of a version as it was before a replay.

        `made_by` is the name and the version of the dataset of an output that stands by itself,
        None if there is none. A run that is bundling has not deleted it yet: that is the same one.
        """
        found = self._read(day)
        if _digest(key, version) in found.twice:
            return True
        if made_by is None or _digest(key, version) not in found.digests:
            return False
        return _digest(key, version, *made_by) not in found.made

    def is_whole(self, day: date) -> bool:
        """Return whether all bundles of a day could be read, by their indexes or themselves."""
        return self._read(day).is_whole

    def _read(self, day: date) -> _Day:
        with self._lock:  # the others would read the same
            if day not in self._days:
                self._days[day] = self._collect(day)
            return self._days[day]

    def _collect(self, day: date) -> _Day:
        found = _Day()
        wanted = Wanted(beginning=keys.day_prefix(keys.PROCESSED, day))
        for bundle in contents.of_day(self._account, day):
            try:
                for entry in contents.entries(self._account, bundle, wanted):
                    key = keys.decode_value(entry.metadata.get(keys.SOURCE_KEY, ""))
                    version = entry.metadata.get(keys.SOURCE_VERSION, "")
                    digest = _digest(key, version)
                    (found.twice if digest in found.digests else found.digests).add(digest)
                    told = (entry.metadata.get(name) for name in _MADE_BY)
                    found.made.add(_digest(key, version, *told))
            except OperatorError:
                found.is_whole = False
        return found


def _digest(key: str, version: str, *more: str | None) -> bytes:
    text = "\0".join((key, version, *(one or "" for one in more)))
    return sha256(text.encode()).digest()[:_DIGEST_BYTES]
