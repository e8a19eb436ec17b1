"""Proofs that all lines of a text are dates or times, by operations on the whole text. Pure.

Each line stands between two line feeds of its own, as `Texts.lines` has it. A proof needs lines of
one form. It holds for no date or time that `formats` does not accept.
"""

import re
from typing import Final

_TO_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
_DATE: Final = re.compile(rb"\n0000-00-00\n")
_DATE_TIME: Final = re.compile(rb"\n0000-00-00[Tt]00:00:00(?:\.0+)?(?:[Zz]|[+-]00:00)\n")
_UNITS: Final = bytes.maketrans(b"0123456789", bytes(range(10)))
_TENS: Final = bytes.maketrans(b"0123456789", bytes(range(0, 100, 10)))
# Which of a month's days a day is, and which of them a month has, as bits: 1 to 28, 29 and 30, 31.
_DAY: Final = bytes([0, *[0b001] * 28, *[0b010] * 2, 0b100, *[0] * 224])
_DAYS_OF: Final = bytes([
    0, *(0b111, 0b001, 0b111, 0b011, 0b111, 0b011), *(0b111, 0b111, 0b011, 0b111, 0b011, 0b111),
    *[0] * 243,
])  # fmt: skip
_HOURS: Final = bytes(range(24))
_UP_TO_59: Final = b"012345"  # the first digit of minutes, and of seconds but for a leap second


def are_dates(lines: bytes, count: int) -> bool:
    """Return whether a text is surely `count` dates, each a line; 29 February is not sure."""
    return _have_form(lines, count, _DATE) and _have_days(lines, len(lines) // count)


def are_date_times(lines: bytes, count: int) -> bool:
    """Return whether a text is surely `count` dates with times, each a line, all of one form."""
    if not _have_form(lines, count, _DATE_TIME):
        return False
    width = len(lines) // count
    if not _have_days(lines, width) or lines[18::width].translate(None, _UP_TO_59):
        return False
    offset = width - len("+00:00\n")
    has_offset = lines[offset : offset + 1] in (b"+", b"-")
    return _have_hours(lines, width, 12) and (
        not has_offset or _have_hours(lines, width, offset + 1)
    )


def _have_form(lines: bytes, count: int, form: re.Pattern[bytes]) -> bool:
    """Return whether all lines have the same form, one of those that are allowed."""
    shapes = lines.translate(_TO_ZERO)
    shape = shapes[: len(shapes) // count]
    return form.fullmatch(shape) is not None and shapes == shape * count


def _have_days(lines: bytes, width: int) -> bool:
    """Return whether all lines begin with a day of the calendar, in a year from 1000 on."""
    if b"0" in lines[1::width]:
        return False
    months = _numbers(lines, width, 6).translate(_DAYS_OF)
    days = _numbers(lines, width, 9).translate(_DAY)
    both = int.from_bytes(months) & int.from_bytes(days)
    return b"\0" not in both.to_bytes(len(days))


def _have_hours(lines: bytes, width: int, at: int) -> bool:
    """Return whether all lines have hours and minutes, such as `10:30`, at an offset."""
    hours = _numbers(lines, width, at).translate(None, _HOURS)
    return not hours and not lines[at + 3 :: width].translate(None, _UP_TO_59)


def _numbers(lines: bytes, width: int, at: int) -> bytes:
    """Return the number of two digits at an offset of each line, as one byte."""
    tens, units = lines[at::width].translate(_TENS), lines[at + 1 :: width].translate(_UNITS)
    return (int.from_bytes(tens) + int.from_bytes(units)).to_bytes(len(tens))
