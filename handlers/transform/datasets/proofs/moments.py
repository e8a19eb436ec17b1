"""Proofs that all lines of a text are dates or times, by operations on the whole text. Pure.

Each line stands between two line feeds of its own, as `Texts.lines` has it. A proof needs lines of
one form. It holds for no date or time that `formats` does not accept.
"""

import re
from typing import Final

from handlers.transform.datasets.proofs.lines import places_of, unknown_lines

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


def odd_dates(lines: bytes, count: int) -> list[int] | None:
    """Return the places of lines that may be no dates; None if that is not known.

    29 February may be none.
    """
    odd, lines, width = _odd_forms(lines, count, _DATE)
    return odd if width and _have_days(lines, width) else None


def odd_date_times(lines: bytes, count: int) -> list[int] | None:
    """Return the places of lines that may be no date-times; None if that is not known.

    They have to be of one form: that of the first line.
    """
    odd, lines, width = _odd_forms(lines, count, _DATE_TIME)
    if not width or not _have_days(lines, width) or lines[18::width].translate(None, _UP_TO_59):
        return None
    offset = width - len("+00:00\n")
    has_offset = lines[offset : offset + 1] in (b"+", b"-")
    if not _have_hours(lines, width, 12) or (
        has_offset and not _have_hours(lines, width, offset + 1)
    ):
        return None
    return odd


def _odd_forms(lines: bytes, count: int, form: re.Pattern[bytes]) -> tuple[list[int], bytes, int]:
    """Return the places of lines of another form than the first, all other lines, their width.

    The width is 0 if the form of the first is not allowed.
    """
    shapes = lines.translate(_TO_ZERO)
    width = shapes.find(b"\n", 1) + 1
    first = shapes[:width]
    if not form.fullmatch(first):
        return [], b"", 0
    if shapes == first * count:
        return [], lines, width
    others = unknown_lines([first[1:-1]], shapes, count)
    if others is None:
        return [], b"", 0
    odd, kept, end, place = places_of(others, shapes), list[bytes](), 0, 0
    for at in odd:
        begin = end + (at - place) * width
        kept.append(lines[end:begin])
        end, place = lines.index(b"\n", begin + 1) + 1, at + 1
    return odd, b"".join([*kept, lines[end:]]), width


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
