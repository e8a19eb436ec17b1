"""Parse cron expressions of EventBridge Scheduler, and find when they run. Pure.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, NoReturn

_DayCheck = Callable[[date], bool]


class ExpressionError(ValueError):
    """EventBridge Scheduler would refuse an expression or one of its fields."""


@dataclass(frozen=True, kw_only=True)
class Cron:
    """The values that each field allows, in the time of a zone."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    has_day: _DayCheck  # from the day of the month, or from the day of the week
    years: frozenset[int]
    zone: tzinfo

    @property
    def is_daily(self) -> bool:
        """Return whether it runs on every day of every year."""
        leap_year = (date(2024, 1, 1) + timedelta(days=day) for day in range(366))
        return (
            len(self.months) == _MONTHS.high
            and len(self.years) == _YEARS.high - _YEARS.low + 1
            and all(map(self.has_day, leap_year))
        )

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first run later than `instant`, in UTC, or None if there is none.

        As in the service, a local time that a change of clocks skips has no run, and one that it
        repeats has one run.
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
                    if day >= first and self.has_day(day):
                        yield day
                    day += timedelta(days=1)


def parse_cron(text: str, fields: list[str], zone: tzinfo) -> Cron:
    """Return the expression with six fields; `text` is all of it, for messages.

    Raises ExpressionError if EventBridge Scheduler would refuse it.
    """
    minute, hour, day_of_month, month, day_of_week, year = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        refuse("schedule expression", text, "? in exactly one of day-of-month and day-of-week")
    return Cron(
        minutes=tuple(sorted(_MINUTES.values(minute))),
        hours=tuple(sorted(_HOURS.values(hour))),
        months=_MONTHS.values(month),
        has_day=_by_month(day_of_month) if day_of_week == "?" else _by_week(day_of_week),
        years=_YEARS.values(year),
        zone=zone,
    )


def _by_month(text: str) -> _DayCheck:
    if text == "L":
        return lambda day: day.day == _last(day)
    if text == "LW":
        return lambda day: day == _nearest_workday(day, _last(day))
    if match := re.fullmatch(r"(\d{1,2})W", text, re.ASCII):
        (wanted,) = _DAYS_OF_MONTH.values(match[1])
        return lambda day: wanted <= _last(day) and day == _nearest_workday(day, wanted)
    days = _DAYS_OF_MONTH.values(text)
    return lambda day: day.day in days


def _by_week(text: str) -> _DayCheck:
    if text == "L":
        return lambda day: _weekday(day) == _DAYS_OF_WEEK.high
    if match := re.fullmatch(r"(\w+)L", text, re.ASCII):
        (weekday,) = _DAYS_OF_WEEK.values(match[1])
        return lambda day: _weekday(day) == weekday and day.day > _last(day) - _WEEK
    if match := re.fullmatch(r"(\w+)#([1-5])", text, re.ASCII):
        (weekday,), week = _DAYS_OF_WEEK.values(match[1]), int(match[2])
        return lambda day: _weekday(day) == weekday and (day.day - 1) // _WEEK + 1 == week
    days = _DAYS_OF_WEEK.values(text)
    return lambda day: _weekday(day) in days


def _last(day: date) -> int:
    """Return the number of the last day of a day's month."""
    return calendar.monthrange(day.year, day.month)[1]


def _weekday(day: date) -> int:
    """Return the number of a day's weekday in cron: 1 is Sunday."""
    return day.isoweekday() % _WEEK + 1


def _nearest_workday(month: date, wanted: int) -> date:
    """Return the weekday from Monday to Friday that is nearest to a day, in the same month."""
    day = month.replace(day=wanted)
    if day.isoweekday() == calendar.SATURDAY + 1:
        return day - timedelta(days=1) if wanted > 1 else day + timedelta(days=2)
    if day.isoweekday() == calendar.SUNDAY + 1:
        return day + timedelta(days=1) if wanted < _last(day) else day - timedelta(days=2)
    return day


@dataclass(frozen=True)
class _Field:
    """A field of a cron expression: its name, its range, and the names of its values if any."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> frozenset[int]:
        """Return the values that a list of values, ranges and steps allows."""
        values: set[int] = set()
        for part in text.split(","):
            span, slash, step = part.partition("/")
            first, dash, last = span.partition("-")
            start = self.low if span == "*" else self._number(text, first)
            stop = self.high  # for `*`, and for `5/10`: from 5 to the end
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


_WEEK: Final = 7
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
    """Raise ExpressionError with the problem, the value and what is allowed."""
    msg = f"{what} is {value!r}, allowed: {allowed}"
    raise ExpressionError(msg)
