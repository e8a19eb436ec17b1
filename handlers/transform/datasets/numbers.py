"""Numbers to the last digit, so that bounds hold for those that a double would round. Pure."""

from decimal import Decimal, InvalidOperation
from typing import Final, cast

_MOST_INTEGER_DIGITS: Final = 5_000  # an integer of more is far beyond all bounds anyway
_DIGITS_AT_ONCE: Final = 1_000  # Python refuses to convert some thousands
_BEYOND: Final = 999_999_999_999_999_999  # the largest exponent that Decimal has


class Exact(Decimal):
    """A decimal that compares with a float as that float is written: 0.1 is 0.1.

    Python would compare with the float's binary value, 0.1000000000000000055…
    """

    __slots__ = ()

    def __lt__(self, other: object) -> bool:
        return Decimal.__lt__(self, _decimal(other))

    def __le__(self, other: object) -> bool:
        return Decimal.__le__(self, _decimal(other))

    def __gt__(self, other: object) -> bool:
        return Decimal.__gt__(self, _decimal(other))

    def __ge__(self, other: object) -> bool:
        return Decimal.__ge__(self, _decimal(other))


def exact_number(digits: str) -> int | float | Exact:
    """Return the value of a JSON number's digits, none of them lost.

    A whole number is an int, or a float that is whole, unless it has thousands of digits.
    """
    value, decimal = float(digits), _parsed(digits)
    if not digits.lstrip("-").isdigit() and Decimal(repr(value)) == decimal:
        return value
    if decimal.adjusted() < _MOST_INTEGER_DIGITS and decimal == decimal.to_integral_value():
        return int(decimal)
    return Exact(decimal)


def is_multiple(value: float | Decimal, step: float) -> bool:
    """Return whether a number is a whole multiple of another, as both are written."""
    digits, power = _scaled(value)
    step_digits, step_power = _scaled(step)
    zeros = step_power - power
    if zeros > 0:
        if digits.strip("0") and not digits.endswith("0" * min(zeros, len(digits) + 1)):
            return False
        digits, zeros = digits[:-zeros] or "0", 0
    modulus = int(step_digits)
    return _remainder(digits, modulus) * pow(10, -zeros, modulus) % modulus == 0


def _remainder(digits: str, modulus: int) -> int:
    """Return the remainder of an integer of any number of digits."""
    rest = 0
    for at in range(0, len(digits), _DIGITS_AT_ONCE):
        part = digits[at : at + _DIGITS_AT_ONCE]
        rest = (rest * 10 ** len(part) + int(part)) % modulus
    return rest


def _scaled(value: float | Decimal) -> tuple[str, int]:
    """Return the digits of a number without its sign, and the power of ten of the last."""
    _, digits, power = _decimal(value).as_tuple()
    return "".join(map(str, digits)), int(power)


def _decimal(value: object) -> Decimal:
    """Return a number as it is written."""
    if isinstance(value, float):
        return Decimal(repr(value))
    return value if isinstance(value, Decimal) else Decimal(cast("int", value))


def _parsed(digits: str) -> Decimal:
    """Return digits as a decimal; an exponent that is too large for it is as large as it goes."""
    try:
        return Decimal(digits)
    except InvalidOperation:
        mantissa, _, exponent = digits.lower().partition("e")
        if not Decimal(mantissa):
            return Decimal(0)
        power = -_BEYOND if exponent.startswith("-") else _BEYOND
        return Decimal(f"{'-' if mantissa.startswith('-') else ''}1e{power}")
