"""Keeps the numbers of JSON texts exact, to the last digit. Pure.

orjson turns integers beyond 64 bits into floats, rounds decimals to a double, and turns numbers too
small for a double into 0.0. It reports none of this, so the text is checked for such numbers.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

import orjson

_SURE_INTEGER_DIGITS: Final = 18  # any integer of 18 digits fits into 64 bits
_INT64_MIN: Final = -(2**63)
_UINT64_MAX: Final = 2**64 - 1
# A double holds 15 digits, and any integer of 16. So 16 characters, with or without a point, are
# exact unless an exponent follows. https://en.wikipedia.org/wiki/Double-precision_floating-point_format
_SURE: Final = b"0" * 16
_LONG: Final = _SURE + b"0"
_TINY: Final = b"e-000"  # a double loses digits of some numbers below 1e-99, or all of them
_RUN = re.compile(b"0*+")
_BEFORE_NUMBER: Final = b" \t\r\n,:["


def are_exact(block: bytes, shapes: bytes) -> bool:
    """Return whether orjson keeps the numbers of a JSON text. May return False if it does.

    `shapes` is the text with `0` for each digit and point, and `e` for either exponent.
    """
    if shapes.rfind(_TINY) >= 0:
        return False
    if _SURE not in shapes:
        return True
    return _SURE + b"e" not in shapes and _are_written_so(_long_numbers(block, shapes))


def _long_numbers(block: bytes, shapes: bytes) -> list[bytes]:
    """Return the numbers that may be too long for a double."""
    numbers: list[bytes] = []
    at = shapes.find(_LONG)
    while at >= 0:
        run = _RUN.match(shapes, at)
        end = run.end() if run else at + 1
        minus = at > 0 and block[at - 1] == b"-"[0]
        begin = at - minus
        if begin == 0 or block[begin - 1] in _BEFORE_NUMBER:
            numbers.append(block[begin:end])
        at = shapes.find(_LONG, end)
    return numbers


def _are_written_so(numbers: list[bytes]) -> bool:
    text = b"[%b]" % b",".join(numbers)
    try:
        return orjson.dumps(orjson.loads(text)) == text
    except orjson.JSONDecodeError:
        return False  # not a number: a version or an address in a string


def parse_integer(digits: str) -> int | orjson.Fragment:
    """Return an integer; one beyond 64 bits is a Fragment of its text."""
    if len(digits) <= _SURE_INTEGER_DIGITS:
        return int(digits)
    if len(digits) <= 20 and _INT64_MIN <= int(digits) <= _UINT64_MAX:  # noqa: PLR2004 - the digits of 2**64
        return int(digits)
    return orjson.Fragment(digits.encode())


def parse_decimal(digits: str) -> float | orjson.Fragment:
    """Return a decimal; one that a double would change is a Fragment of its text."""
    value = float(digits)
    try:
        if Decimal(repr(value)) == Decimal(digits):
            return value
    except InvalidOperation:  # the exponent is too large for Decimal
        pass
    return orjson.Fragment(digits.encode())
