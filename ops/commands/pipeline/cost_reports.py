"""Print a bill: as a table with its notes, or as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from ops.costs.bills import Bill, Line
from ops.costs.losses import Loss
from ops.costs.plans import Load, Plan
from ops.costs.prices import DISCLAIMER, ENTERED, Prices
from ops.terminal import screen
from ops.terminal.screen import dollars


@dataclass(frozen=True, kw_only=True)
class Report:
    """A bill and what it was made from; `designs` are the sums of a plain design and of ours."""

    prices: Prices
    bill: Bill
    losses: Sequence[Loss]
    plan: Plan
    load: Load
    region: str = ""
    month: int | None = None
    designs: tuple[Decimal, Decimal] | None = None


def show(report: Report, *, as_json: bool) -> None:
    """Print a report."""
    if as_json:
        screen.document(_document(report))
        return
    rows = [row(line) for line in report.bill.lines if line.units]
    screen.table(("item", "units a month", "price", "$ a month"), rows)
    screen.say(f"total: {dollars(report.bill.total)} a month, {_when(report.month)}")
    if report.designs:
        plain, ours = map(dollars, report.designs)
        screen.say(
            f"the first 12 months together: {ours}; a plain design, without expiry of versions: "
            f"{plain} (docs/cost.md)"
        )
    for loss in report.losses:
        screen.say(f"loses {dollars(loss.dollars)} a month: {loss.setting}; better {loss.advice}")
    for note in report.bill.notes:
        screen.say(f"note: {note}")
    screen.say(f"prices: {report.region}; {DISCLAIMER}")


def row(line: Line) -> tuple[str, str, str, str]:
    """Return the cells of a line: item, units, unit price, amount."""
    units = f"{line.units:,.0f}" if line.units >= 100 else f"{line.units:,.2f}"  # noqa: PLR2004
    per = "" if line.per == 1 else f" / {line.per:,}"
    return line.item, f"{units} {line.unit}", f"${line.price.normalize():f}{per}", f"{line.dollars}"


def _when(month: int | None) -> str:
    return f"in month {month}" if month else "once as much goes as comes"


def _document(report: Report) -> dict[str, object]:
    designs = report.designs
    return {
        "prices": {
            "from": report.region,
            "entered": ENTERED.isoformat(),
            "notice": DISCLAIMER,
            **{name: str(price) for name, price in asdict(report.prices).items()},
        },
        "plan": asdict(report.plan),
        "load": asdict(report.load),
        "month": report.month,
        "lines": [
            {
                "item": line.item,
                "units": line.units,
                "unit": line.unit,
                "price": str(line.price),
                "per": line.per,
                "dollars": str(line.dollars),
            }
            for line in report.bill.lines
        ],
        "total": str(report.bill.total),
        "first_12_months": (
            {"plain_design": str(designs[0]), "this_design": str(designs[1])} if designs else None
        ),
        "losses": [{**asdict(loss), "dollars": str(loss.dollars)} for loss in report.losses],
        "notes": list(report.bill.notes),
    }
