"""Times: read from the command line, shown in UTC or as an age."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from ops.terminal.problems import UsageError

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
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


def shown(instant: datetime) -> str:
    """Return a time as text in UTC, `2024-01-15T10:30:00Z` say."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


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
