"""How many objects are stored on average, and how many change, in a month. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from ops.costs.plans import DAYS_OF_MONTH

FOREVER: Final = math.inf


@dataclass(frozen=True)
class Period:
    """A month of a stack's life, from 1, or None for the steady state that it comes to."""

    month: int | None = None

    def stock(self, per_day: float, born: float, dies: float) -> float:
        """Return the average number of objects between two ages in days, so many made a day.

        Raises ValueError for objects that are kept for ever in the steady state: there is none.
        """
        if self.month is None:
            if dies == FOREVER:
                msg = "what is kept for ever comes to no steady state: name a month"
                raise ValueError(msg)
            return per_day * max(dies - born, 0)
        begin, end = (self.month - 1) * DAYS_OF_MONTH, self.month * DAYS_OF_MONTH
        days = _object_days(end, born, dies) - _object_days(begin, born, dies)
        return per_day * days / DAYS_OF_MONTH

    def flow(self, per_day: float, age: float) -> float:
        """Return how many objects reach an age in days within the month."""
        if self.month is None:
            return per_day * DAYS_OF_MONTH
        begin, end = (self.month - 1) * DAYS_OF_MONTH, self.month * DAYS_OF_MONTH
        return per_day * max(0.0, end - max(begin, age))


def _object_days(until: float, born: float, dies: float) -> float:
    """Return the days that objects have been stored up to a day, with one made a day from day 0."""
    growing = max(0.0, min(until, dies) - born)
    full = max(0.0, until - max(dies, born)) if dies != FOREVER else 0.0
    return growing**2 / 2 + full * max(0.0, dies - born if dies != FOREVER else 0.0)
