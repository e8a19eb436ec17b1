"""A bill: its lines, rounded to cents, and their total. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one item costs a month: so many units, each `per` of them at a price."""

    item: str
    units: float
    unit: str
    price: Decimal
    per: int = 1

    @property
    def dollars(self) -> Decimal:
        """The line's amount, rounded to a cent."""
        return cents(Decimal(self.units) * self.price / self.per)


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The lines of a month, and what they do not hold."""

    lines: Sequence[Line]
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> Decimal:
        """The sum of the lines' amounts."""
        return sum((line.dollars for line in self.lines), Decimal(0))


def cents(dollars: Decimal) -> Decimal:
    """Return an amount rounded to a cent."""
    return dollars.quantize(_CENT, ROUND_HALF_UP)


def kind(unit: str, price: Decimal, per: int = 1) -> Callable[[str, float], Line]:
    """Return what makes the lines of one price from an item and its units."""
    return lambda item, units: Line(item=item, units=units, unit=unit, price=price, per=per)
