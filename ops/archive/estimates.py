"""What a restore will take, as the rows of a table: objects, bytes, time and price. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ops.archive import prices
from ops.archive.archived_outputs import ArchivedOutput
from ops.archive.prices import Amount
from ops.archive.restores import Plan
from ops.archive.retrievals import EXPECTED, Tier
from ops.costs.prices import Prices
from ops.files.bundles.listings import Access


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
    retrieval = prices.retrieval(_held(plan.cold), tier, days, known)
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
            what=f"to retrieve from GLACIER, {tier}{_bundles(plan.cold)}",
            amount=_amount(plan.cold),
            when=f"in {EXPECTED[tier]}, then readable for {days} days",
            usd=retrieval + _bringing(plan.cold, known, to_folder=to_folder),
        ),
    ]
    return [row for row in found if row.amount.objects]


def _bringing(outputs: Sequence[ArchivedOutput], known: Prices, *, to_folder: bool) -> float:
    at_once = _read([output for output in outputs if output.access is Access.AT_ONCE])
    whole = _amount(outputs)
    bringing = prices.downloading(whole) if to_folder else prices.copying(whole, known)
    return prices.reading_ia(at_once) + bringing


def _read(outputs: Sequence[ArchivedOutput]) -> Amount:
    """Return what is read: of a bundle, the bytes that hold the output."""
    return Amount(objects=len(outputs), size=sum(one.length or one.size for one in outputs))


def _held(outputs: Sequence[ArchivedOutput]) -> Amount:
    """Return what is retrieved: a bundle once, and whole."""
    sizes = {one.holder: one.holder_size for one in outputs}
    return Amount(objects=len(sizes), size=sum(sizes.values()))


def _bundles(outputs: Sequence[ArchivedOutput]) -> str:
    bundled = _held([one for one in outputs if one.bundle])
    if not bundled.objects:
        return ""
    return f", with {bundled.objects} bundles of {bundled.size / 1024**2:,.1f} MiB"


def _amount(outputs: Sequence[ArchivedOutput]) -> Amount:
    return Amount(objects=len(outputs), size=sum(output.size for output in outputs))
