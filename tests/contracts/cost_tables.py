"""The tables of docs/cost.md, made from the arithmetic of `python -m ops cost`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Final

from ops.commands.pipeline import cost_reports
from ops.costs import estimates, fan_out, plain_design, storage
from ops.costs.bills import Bill, Line
from ops.costs.losses import Loss, losses
from ops.costs.periods import Period
from ops.costs.plans import ONE_CPU_MB, Load, Plan
from ops.costs.prices import ENTERED, REGIONS, SOURCES
from tests.contracts.locks import ROOT

REGION: Final = "us-east-1"
_PRICES: Final = REGIONS[REGION]
_PLAN: Final = Plan()
_BUNDLING: Final = Plan(archive_bundles=True)
_FAST: Final = replace(_BUNDLING, archiver_memory_mb=ONE_CPU_MB)
_STEADY: Final = Period()
_MILLION: Final = 10**6
# Its compute alone is shown: files of no size, and ten at once, fill the batches.
_MANY: Final = Load(files=_MILLION, size=0, at_once=10)
_LOADS: Final = {
    "10,000 × 1 MB": Load(files=10_000, size=10**6),
    "10,000,000 × 1 KB": Load(files=10_000_000, size=1_000),
}
_SIMULATED: Final = "A day's bundling by chains side by side, simulated"
_SHOWN: Final = range(11)  # all columns but the CPU time of the simulation
_LARGE: Final = Load(files=1_000, size=10**9)
_BAD: Final = {
    "archiveDays 7": replace(_PLAN, archive_days=7),
    "expirationDays 100": replace(_PLAN, expiration_days=100),
    "batchSize 1": replace(_PLAN, batch_size=1),
    "processorMemoryMb 3538": replace(_PLAN, processor_memory_mb=3538),
}


def prices() -> str:
    """Return the prices of each region of the table, by the names that a file gives them."""
    regions = list(REGIONS)
    rows = [
        [f"`{name}`", *(f"{getattr(REGIONS[it], name).normalize():f}" for it in regions)]
        for name in asdict(_PRICES)
    ]
    sources = "\n".join(f"- <{source}>" for source in SOURCES)
    table = _table(["price in $", *regions], rows)
    return (
        f"{table}\n\nEntered on {ENTERED}, from public copies of AWS's price list of July to "
        f"October 2026. Compare them with AWS's own pages:\n\n{sources}"
    )


def price_file() -> str:
    """Return a prices file: that of the page's region."""
    named = {name: str(price) for name, price in asdict(_PRICES).items()}
    return f"```json\n{json.dumps(named, indent=2)}\n```"


def a_file() -> str:
    """Return what a million small files cost beside the idle stack."""
    busy = _beside_idle(_MANY)
    # Those are billed by the hour, however many files there are.
    return _bill(replace(busy, lines=[it for it in busy.lines if it.item != "custom metrics"]))


def a_gigabyte() -> str:
    """Return what a gigabyte more in a file costs, of the processor and in calls."""
    busy = _beside_idle(_LARGE)
    each = [
        replace(line, units=line.units / _LARGE.files)
        for line in busy.lines
        if line.item in {"processor", "chunks of outputs above 8 MiB"}
    ]
    rows = [
        [line.item, *_cells(line)[1:3], f"{Decimal(line.units) * line.price / line.per:.4f}"]
        for line in each
    ]
    return _table(["what", "units a gigabyte", "unit price", "$"], rows)


def idle() -> str:
    """Return what a stack costs without files."""
    return _bill(estimates.estimate(_PLAN, Load(files=0, size=0), _PRICES, _STEADY))


def designs() -> str:
    """Return what the plain design and ours cost: in the first year, and in single months."""
    rows: list[list[str]] = []
    for name, load in _LOADS.items():
        plain, ours = plain_design.totals(_PLAN, load, _PRICES, 12)
        rows.append([name, "plain", f"{plain:,}", *_months(plain_design.estimate, load)])
        rows.append([name, "ours", f"{ours:,}", *_months(estimates.estimate, load)])
    months = [f"month {month}" for month in (12, 24, 36)]
    return _table(["a month", "design", "first 12 months, $", *months], rows)


def loads() -> str:
    """Return both example loads, line by line, once as much goes as comes."""
    bills = [estimates.estimate(_PLAN, load, _PRICES, _STEADY) for load in _LOADS.values()]
    rows = [
        [f"{one.item} ({one.unit})", f"{one.dollars:,}", f"{other.dollars:,}"]
        for one, other in zip(*(bill.lines for bill in bills), strict=True)
    ]
    rows.append(["**total**", *(f"**{bill.total:,}**" for bill in bills)])
    return _table(["$ a month", *_LOADS], rows)


def by_bundles() -> str:
    """Return what the archive of each load of tiny files costs, one by one and in bundles."""
    load = _LOADS["10,000,000 × 1 KB"]
    alone, together = (
        [
            *storage.archived(plan, load, _PRICES, _STEADY),
            *estimates.archiving(plan, load, _PRICES, _STEADY),
            *(
                line
                for line in estimates.compute(plan, load, _PRICES, _STEADY)
                if line.item == "archiver"
            ),
        ]
        for plan in (_PLAN, _BUNDLING)
    )
    amounts = [
        {f"{it.item} ({it.unit})": it.dollars for it in lines} for lines in (alone, together)
    ]
    rows = [
        [name, *(f"{them[name]:,}" if name in them else "–" for them in amounts)]
        for name in {**amounts[0], **amounts[1]}
    ]
    totals = [f"**{sum(them.values()):,}**" for them in amounts]
    return _table(["$ a month", "one by one", "bundles"], [*rows, ["**total**", *totals]])


def fanned_out() -> str:
    """Return how long a day's bundling takes, its calls and its dollars, by invocations."""
    rows: list[list[str]] = []
    for objects in (10**6, 10**7, 10**8, 10**9):
        for chains in (1, 4, 16):
            plan = replace(_FAST, archive_concurrency=chains)
            run = fan_out.a_day(plan, objects, 1_000, _PRICES)
            rows.append([
                f"{objects:,}", str(chains), f"{run.hours:,.1f}", f"{run.calls:,.0f}",
                f"{run.dollars:,.2f}",
            ])  # fmt: skip
    columns = ["outputs of 1 KB a day", "`archiveConcurrency`", "hours", "calls of S3", "$ a day"]
    return _table(columns, rows)


def simulated() -> str:
    """Return the simulated runs, which `python -m bench fan-out` has put into bench/results.md."""
    page = (ROOT / "bench" / "results.md").read_text(encoding="utf-8")
    part = page.partition(f"## {_SIMULATED}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    shown = [[row[at] for at in _SHOWN] for row in (rows[0], *rows[2:])]
    return _table(shown[0], shown[1:])


def lost() -> str:
    """Return what each setting loses at the example loads."""
    rows: list[list[str]] = []
    for setting, plan in {"the defaults": _PLAN, **_BAD}.items():
        usual = set[str]() if plan is _PLAN else {it.setting for it in _found(_PLAN)}
        for name in sorted({it.setting for it in _found(plan)} - usual):
            found = [_lost(plan, load, name) for load in _LOADS.values()]
            advice = next(it.advice for it in _found(plan) if it.setting == name)
            rows.append([setting, f"`{name}`", *found, advice])
    return _table(["with", "loses by", *_LOADS, "better"], rows)


def _found(plan: Plan) -> list[Loss]:
    return [it for load in _LOADS.values() for it in losses(plan, load, _PRICES, _STEADY)]


def _lost(plan: Plan, load: Load, setting: str) -> str:
    found = losses(plan, load, _PRICES, _STEADY)
    return next((f"{it.dollars:,}" for it in found if it.setting == setting), "–")


def _months(design: Callable[..., Bill], load: Load) -> list[str]:
    return [f"{design(_PLAN, load, _PRICES, Period(month)).total:,}" for month in (12, 24, 36)]


def _beside_idle(load: Load) -> Bill:
    nothing = estimates.estimate(_PLAN, replace(load, files=0), _PRICES, _STEADY).lines
    busy = estimates.estimate(_PLAN, load, _PRICES, _STEADY).lines
    more = [
        replace(line, units=line.units - other.units)
        for line, other in zip(busy, nothing, strict=True)
    ]
    return Bill(lines=[line for line in more if "GB-month" not in line.unit])


def _bill(bill: Bill) -> str:
    rows = [list(_cells(line)) for line in bill.lines if line.units > 0]
    rows.append(["**total**", "", "", f"**{bill.total:,}**"])
    return _table(["what", "units", "unit price", "$"], rows)


def _cells(line: Line) -> tuple[str, str, str, str]:
    return cost_reports.row(line)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


TEXTS: Final = {
    "cost-designs": designs,
    "cost-loads": loads,
    "cost-bundles": by_bundles,
    "cost-fan-out": fanned_out,
    "cost-fan-out-simulated": simulated,
    "cost-losses": lost,
    "cost-file": a_file,
    "cost-gigabyte": a_gigabyte,
    "cost-idle": idle,
    "cost-prices": prices,
    "cost-price-file": price_file,
}
