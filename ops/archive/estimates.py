"""What a restore will take, as the rows of a table: objects, bytes, time and price. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ops.archive import prices
from ops.archive.archived_outputs import Access, ArchivedOutput
from ops.archive.prices import Amount
from ops.archive.restores import Plan
from ops.archive.retrievals import EXPECTED, Tier
from ops.costs.prices import Prices


@dataclass(frozen=True, kw_only=True)
class Row:
    """Some outputs that need the same; `usd` is the price in US dollars."""

    what: str
    amount: Amount
    when: str
    usd: float


def rows(plan: Plan, tier: Tier, days: int, known: Prices, *, to_folder: bool) -> list[Row]:
    """Return what each group of outputs needs, without the empty groups.

    `to_folder` says that the outputs leave AWS, instead of being kept in `restored/` for a month.
    """
    cold = _amount(plan.cold)
    retrieval = prices.retrieval(cold, tier, days, known)
    found = [
        Row(what="there already", amount=_amount(plan.there), when="", usd=0),
        Row(
            what="can be read",
            amount=_amount(plan.readable),
            when="now",
            usd=_bringing(plan.readable, known, to_folder=to_folder),
        ),
        Row(
            what="being retrieved",
            amount=_amount(plan.under_way),
            when="asked for earlier",
            usd=_bringing(plan.under_way, known, to_folder=to_folder),
        ),
        Row(
            what=f"to retrieve from GLACIER, {tier}",
            amount=cold,
            when=f"in {EXPECTED[tier]}, then readable for {days} days",
            usd=retrieval + _bringing(plan.cold, known, to_folder=to_folder),
        ),
    ]
    return [row for row in found if row.amount.objects]


def _bringing(outputs: Sequence[ArchivedOutput], known: Prices, *, to_folder: bool) -> float:
    at_once = _amount([output for output in outputs if output.access is Access.AT_ONCE])
    whole = _amount(outputs)
    bringing = prices.downloading(whole) if to_folder else prices.copying(whole, known)
    return prices.reading_ia(at_once) + bringing


def _amount(outputs: Sequence[ArchivedOutput]) -> Amount:
    return Amount(objects=len(outputs), size=sum(output.size for output in outputs))
