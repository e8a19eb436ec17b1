"""Which source versions have their outputs in bundles, remembered for many questions."""

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


@dataclass
class _Day:
    digests: set[bytes] = field(default_factory=set[bytes])
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
                    found.digests.add(_digest(key, version))
            except OperatorError:
                found.is_whole = False
        return found


def _digest(key: str, version: str) -> bytes:
    return sha256(f"{key}\0{version}".encode()).digest()[:_DIGEST_BYTES]
