"""One log of bundles: the numbers that are taken, and the one that comes next."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from typing import Final

from handlers import keys
from handlers.archive.finishing import Finishing
from handlers.archive.layouts import Place
from handlers.aws.failures import GoneError, PermanentError
from handlers.aws.object_info import ObjectInfo
from handlers.bundles.day_logs import DayLogs, StoredBundle

_MAX_NUMBER: Final = 999_999  # six digits, so that the order of the keys is that of the numbers


class Log:
    """The bundles of a day that may hold some outputs.

    All of them are finished when this is made: what is left in `processed/` is in none. So whoever
    commits the next number bundles nothing twice.
    """

    def __init__(
        self, logs: DayLogs, finishing: Finishing, day: date, place: Place | None = None
    ) -> None:
        """Find the bundles, and finish each that is not.

        `place` says which bundles the outputs may be in; without it they are in any of the day's,
        and none is added. Raises PermanentError where a bundle cannot be finished, and
        TransientError.
        """
        self._logs = logs
        self._day = day
        self._place = place
        bundles = [one for one in logs.bundles(day) if self._is_mine(one)]
        for one in bundles:
            if not one.is_indexed:
                with suppress(GoneError):  # what it held and is still here goes into the next
                    finishing.finish_left(one.key)
        self._known = {bundle.key for bundle in bundles}
        self._last = max((one.number for one in bundles), default=0)

    def held_by_now(self, outputs: Sequence[ObjectInfo]) -> set[str]:
        """Return the keys of outputs that bundles hold which have come up since this was made."""
        new = [
            bundle
            for bundle in self._logs.bundles(self._day)
            if self._is_mine(bundle) and bundle.key not in self._known
        ]
        etags = {one.location.key: one.etag for one in outputs}
        return {key for bundle in new for key in self._logs.held(bundle, etags)}

    def next_key(self) -> str:
        """Return the key of the bundle that comes next. Raises PermanentError if none may come."""
        if not self._place:
            msg = f"no bundle is added to the day {self._day} as a whole"
            raise PermanentError(msg)
        number = self._place.next_number(self._last)
        if number > _MAX_NUMBER:
            msg = f"the day {self._day} has {self._last} bundles, allowed: {_MAX_NUMBER}"
            raise PermanentError(msg)
        return keys.bundle_key(self._day, self._place.folder, number)

    def add(self, bundle: str) -> None:
        """Take a bundle that was stored under `next_key` for known."""
        self._known.add(bundle)
        self._last = keys.bundle_number(bundle) or self._last

    def _is_mine(self, bundle: StoredBundle) -> bool:
        if not self._place:
            return True
        own = keys.bundle_key(self._day, self._place.folder, bundle.number)
        return bundle.key == own and self._place.has(bundle.number)
