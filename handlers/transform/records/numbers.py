"""Numbers of JSON texts that keep their value, to the last digit. Pure.

orjson makes floats of integers beyond 64 bits, rounds decimals to a double, and makes 0.0 of what
is too small for one: it says nothing, so whoever uses it looks first.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

import orjson

_SURE_INTEGER_DIGITS: Final = 18  # any integer of so many digits fits 64 bits
_INT64_MIN: Final = -(2**63)
_UINT64_MAX: Final = 2**64 - 1
# A double holds 15 digits, and any integer of 16; so 16 characters are exact, a point among them
# or not, unless an exponent follows. https://en.wikipedia.org/wiki/Double-precision_floating-point_format
_SURE: Final = b"0" * 16
_LONG: Final = _SURE + b"0"
_TINY: Final = b"e-000"  # below 1e-99 lies what a double holds in part or not at all
_RUN = re.compile(b"0*+")
_BEFORE_NUMBER: Final = b" \t\r\n,:["


def are_exact(block: bytes, shapes: bytes) -> bool:
    """Return whether orjson keeps the numbers of a JSON text; maybe not, even if it does.

    `shapes` is the text with `0` for each digit and point, and `e` for either exponent.
    """
    if shapes.rfind(_TINY) >= 0:
        return False
    if _SURE not in shapes:
        return True
    return _SURE + b"e" not in shapes and _are_written_so(_long_numbers(block, shapes))


def _long_numbers(block: bytes, shapes: bytes) -> list[bytes]:
    """Return the numbers that are longer than a double surely holds."""
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
        return False  # a version or an address, in a string


def parse_integer(digits: str) -> int | orjson.Fragment:
    """Return an integer; one beyond 64 bits is a Fragment of its text."""
    if len(digits) <= _SURE_INTEGER_DIGITS:
        return int(digits)
    if len(digits) <= 20 and _INT64_MIN <= int(digits) <= _UINT64_MAX:  # noqa: PLR2004 - the digits of 2**64
        return int(digits)
    return orjson.Fragment(digits.encode())


def parse_decimal(digits: str) -> float | orjson.Fragment:
    """Return a decimal; one that is not what a double writes is a Fragment of its text."""
    value = float(digits)
    try:
        if Decimal(repr(value)) == Decimal(digits):
            return value
    except InvalidOperation:  # an exponent beyond what Decimal holds
        pass
    return orjson.Fragment(digits.encode())
