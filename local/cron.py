"""Cron expressions of EventBridge Scheduler, without `L`, `W` and `#`.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, NoReturn


class ExpressionError(ValueError):
    """An expression, or a field of one, is not what EventBridge Scheduler takes."""


@dataclass(frozen=True, kw_only=True)
class Cron:
    """The values that each field allows, in the time of a zone; a day field of None is `?`."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days_of_month: frozenset[int] | None
    months: frozenset[int]
    days_of_week: frozenset[int] | None  # 1 is Sunday
    years: frozenset[int]
    zone: tzinfo

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first run later than `instant`, in UTC; None where there is none.

        As the service does, a local time that a change of clocks skips has no run, and one that it
        repeats has one.
        """
        return next((run for run in self._runs_from(instant) if run > instant), None)

    def _runs_from(self, instant: datetime) -> Iterator[datetime]:
        first = instant.astimezone(self.zone).date()
        for day in self._days_from(first):
            for hour in self.hours:
                for minute in self.minutes:
                    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                    run = local.astimezone(UTC)
                    if run.astimezone(self.zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                        yield run

    def _days_from(self, first: date) -> Iterator[date]:
        for year in sorted(year for year in self.years if year >= first.year):
            for month in sorted(self.months):
                day = date(year, month, 1)
                while day.month == month:
                    if day >= first and self._has_day(day):
                        yield day
                    day += timedelta(days=1)

    def _has_day(self, day: date) -> bool:
        if self.days_of_month is not None:
            return day.day in self.days_of_month
        return self.days_of_week is not None and day.isoweekday() % 7 + 1 in self.days_of_week


def parse_cron(text: str, fields: list[str], zone: tzinfo) -> Cron:
    """Return what the six fields of an expression say; `text` is the whole of it.

    Raises ExpressionError.
    """
    minute, hour, day_of_month, month, day_of_week, year = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        refuse("schedule expression", text, "? in exactly one of day-of-month and day-of-week")
    return Cron(
        minutes=tuple(sorted(_MINUTES.values(minute))),
        hours=tuple(sorted(_HOURS.values(hour))),
        days_of_month=None if day_of_month == "?" else _DAYS_OF_MONTH.values(day_of_month),
        months=_MONTHS.values(month),
        days_of_week=None if day_of_week == "?" else _DAYS_OF_WEEK.values(day_of_week),
        years=_YEARS.values(year),
        zone=zone,
    )


@dataclass(frozen=True)
class _Field:
    """A field of a cron expression: its name, its range, and the names of its values if any."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> frozenset[int]:
        """Return what a list of values, ranges and steps allows."""
        values: set[int] = set()
        for part in text.split(","):
            span, slash, step = part.partition("/")
            first, dash, last = span.partition("-")
            start = self.low if span == "*" else self._number(text, first)
            stop = self.high  # of `*`, and of `5/10`: from 5 on, to the end
            if dash:
                stop = self._number(text, last)
            elif span != "*" and not slash:
                stop = start
            width = self._width(text, step) if slash else 1
            if start > stop:
                self._refuse(text)
            values.update(range(start, stop + 1, width))
        return frozenset(values)

    def _number(self, text: str, value: str) -> int:
        if value.upper() in self.names:
            return self.names.index(value.upper()) + self.low
        if not (value.isascii() and value.isdecimal() and self.low <= int(value) <= self.high):
            self._refuse(text)
        return int(value)

    def _width(self, text: str, step: str) -> int:
        if not (step.isascii() and step.isdecimal() and 1 <= int(step) <= self.high):
            self._refuse(text)
        return int(step)

    def _refuse(self, text: str) -> NoReturn:
        spelt = f" ({self.names[0]} to {self.names[-1]})" if self.names else ""
        allowed = f"* or {self.low} to {self.high}{spelt} as values, lists, ranges and /steps"
        refuse(self.name, text, allowed)


_MINUTES: Final = _Field("minutes", 0, 59)
_HOURS: Final = _Field("hours", 0, 23)
_DAYS_OF_MONTH: Final = _Field("day-of-month", 1, 31)
_MONTHS: Final = _Field(
    "month",
    1,
    12,
    ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_DAYS_OF_WEEK: Final = _Field(
    "day-of-week", 1, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
)
_YEARS: Final = _Field("year", 1970, 2199)


def refuse(what: str, value: str, allowed: str) -> NoReturn:
    """Raise ExpressionError with what is wrong, its value, and what is allowed."""
    msg = f"{what} is {value!r}, allowed: {allowed}"
    raise ExpressionError(msg)
