"""Parse schedule expressions of EventBridge Scheduler: `cron(…)`, `rate(…)`, `at(…)`. Pure.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.cron import Cron, parse_cron, refuse

_UNITS: Final = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_RATE: Final = re.compile(r"rate\(\s*([1-9]\d{0,4})\s+(minute|hour|day)(s?)\s*\)", re.ASCII)
_AT: Final = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", re.ASCII)
_CRON: Final = re.compile(r"cron\(\s*(\S+(?:\s+\S+){5})\s*\)", re.ASCII)
_ALLOWED: Final = (
    "cron(minutes hours day-of-month month day-of-week year), rate(1 minute|2 minutes|…hours|…days)"
    " or at(yyyy-mm-ddThh:mm:ss)"
)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Runs every `period` after `start`."""

    period: timedelta
    start: datetime

    @property
    def is_daily(self) -> bool:
        """Return whether it runs on every day."""
        return self.period <= timedelta(days=1)

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first run later than `instant`, in UTC."""
        periods = max(0, (instant - self.start) // self.period) + 1
        return (self.start + periods * self.period).astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class At:
    """One run."""

    moment: datetime

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the run in UTC, or None if it is not later than `instant`."""
        return self.moment if self.moment > instant else None


Expression = Cron | Rate | At


def parse_expression(text: str, *, start: datetime, zone: str = "UTC") -> Expression:
    """Return the expression in a text.

    `start` is when a rate begins; `zone` is the time zone for cron and at.

    Raises ExpressionError, which says what is allowed, if the service would refuse it.
    """
    if match := _RATE.fullmatch(text):
        count, unit, plural = int(match[1]), match[2], bool(match[3])
        if plural == (count == 1):
            refuse("schedule expression", text, "a singular unit after 1, a plural one otherwise")
        return Rate(period=count * _UNITS[unit], start=start)
    if match := _AT.fullmatch(text):
        return At(moment=_moment(match[1], _zone(zone)))
    if match := _CRON.fullmatch(text):
        return parse_cron(text, match[1].split(), _zone(zone))
    return refuse("schedule expression", text, _ALLOWED)


def _moment(text: str, zone: tzinfo) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        return refuse("at", text, "a time that exists, as yyyy-mm-ddThh:mm:ss")


def _zone(name: str) -> tzinfo:
    if name == "UTC":  # needs no time zone database
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return refuse("time zone", name, "a name of the time zone database, Europe/Berlin say")
