"""Times and durations: read from the command line, shown in UTC or as an age."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from ops.terminal.problems import UsageError

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:d|h|min|s))+", re.ASCII)
_MAX_SECONDS: Final = 3_650 * 86_400  # longer than any queue keeps a message
_PART = re.compile(r"([0-9]+)(d|h|min|s)", re.ASCII)
# How far this machine's clock may be off from S3's, which decides on what day an upload was made.
_SKEW: Final = timedelta(minutes=15)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def parse(text: str, option: str) -> datetime:
    """Return the time in an option's text, which is UTC if it has no offset.

    Raises UsageError for anything but ISO 8601.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        msg = (
            f"{option} is {text!r}, allowed: ISO 8601, as 2024-01-15 or 2024-01-15T10:30:00Z"
            " (UTC where there is no offset)"
        )
        raise UsageError(msg) from None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def parse_duration(text: str, option: str) -> timedelta:
    """Return the duration in an option's text: `2h`, `30min`, `1d12h` say.

    Raises UsageError for anything but whole numbers with a unit: d, h, min or s.
    """
    lengths = dict(_UNITS)
    seconds = sum(int(count) * lengths[unit] for count, unit in _PART.findall(text))
    if not _DURATION.fullmatch(text) or seconds > _MAX_SECONDS:
        msg = f"{option} is {text!r}, allowed: whole numbers with the units d, h, min or s, as"
        msg += f" 2h, 30min or 1d12h, together at most {_MAX_SECONDS // lengths['d']}d"
        raise UsageError(msg)
    return timedelta(seconds=seconds)


def shown(instant: datetime) -> str:
    """Return a time as text in UTC, `2024-01-15T10:30:00Z` say."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def precise(instant: datetime) -> str:
    """Return a time as text in UTC with milliseconds."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def age(seconds: float) -> str:
    """Return a duration as text in its largest unit, `3 d` say."""
    name, length = next((unit for unit in _UNITS if seconds >= unit[1]), _UNITS[-1])
    return f"{int(max(seconds, 0) // length)} {name}"


def days_around(first: datetime, last: datetime) -> tuple[date, ...]:
    """Return the UTC days between two times by this machine's clock, which may be off."""
    start, end = (first - _SKEW).astimezone(UTC).date(), (last + _SKEW).astimezone(UTC).date()
    return tuple(start + timedelta(days=day) for day in range((end - start).days + 1))


def days_before(last: datetime, count: int) -> tuple[date, ...]:
    """Return the UTC day of a time and the `count` days before it, latest first."""
    day = last.astimezone(UTC).date()
    return tuple(day - timedelta(days=back) for back in range(count + 1))
