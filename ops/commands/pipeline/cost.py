"""Say what a stack costs a month, or what it would at a load."""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Final

import typer

from ops.commands.group import connect
from ops.commands.options import AsJson, OutputsFile, StackName
from ops.commands.pipeline import cost_reports
from ops.commands.pipeline.cost_reports import Report
from ops.costs import estimates, plain_design, price_files
from ops.costs.losses import losses
from ops.costs.periods import Period
from ops.costs.plans import Load, Plan
from ops.costs.prices import DEFAULT_REGION, Prices
from ops.pipeline.usage import bills, measures, settings
from ops.stack import OUTPUTS_VARIABLE
from ops.terminal import instants, screen, sizes
from ops.terminal.problems import UsageError

_MONTHS: Final = 12
_GROWING: Final = "expirationDays is 0: the archive is kept for ever, and costs more each month"
Number = Annotated[
    int | None, typer.Option(min=0, max=100_000, metavar="N", help="As the setting.")
]


def cost(
    *,
    stack: StackName = None,
    outputs: OutputsFile = None,
    files: Annotated[
        int | None,
        typer.Option(min=0, max=10**12, metavar="N", help="Estimate for N files a month."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="BYTES", help="The size of a file, as 1MB or 64KiB; with --files."),
    ] = None,
    at_once: Annotated[
        int,
        typer.Option(min=1, max=10_000, metavar="N", help="How many files arrive together."),
    ] = 1,
    month: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1200,
            metavar="N",
            help="The bill of a new stack's Nth month, instead of what it comes to.",
        ),
    ] = None,
    retention_days: Number = None,
    archive_days: Number = None,
    expiration_days: Number = None,
    completed_days: Number = None,
    noncurrent_days: Number = None,
    batch_size: Number = None,
    processor_memory_mb: Number = None,
    archive_bundles: Annotated[
        bool | None,
        typer.Option(
            "--archive-bundles/--no-archive-bundles",
            help="Archive small outputs in bundles, or one by one.",
        ),
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=60, metavar="N", help="Measure the last N days.")
    ] = 14,
    count: Annotated[
        bool,
        typer.Option("--count", help="List all objects, instead of S3's daily measure of bytes."),
    ] = False,
    region: Annotated[
        str | None, typer.Option(metavar="NAME", help="Take this region's prices.")
    ] = None,
    prices_file: Annotated[
        Path | None,
        typer.Option("--prices", metavar="FILE", help="Take the prices in this JSON file."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what this stack costs a month, from what it did in the last days.

    With --files and --size it shows what a stack would cost at that load, beside a plain design,
    and which settings lose money. The settings are those of a stack that is named, else the
    defaults; the options change them. It then needs no stack.

    Examples: `cost`, `cost --count`, `cost --files 10000 --size 1MB`, `cost --files 10000000
    --size 1KB --archive-days 180 --json`.
    """  # fmt: skip
    given = {
        "retention_days": retention_days,
        "archive_days": archive_days,
        "expiration_days": expiration_days,
        "completed_days": completed_days,
        "noncurrent_days": noncurrent_days,
        "batch_size": batch_size,
        "processor_memory_mb": processor_memory_mb,
        "archive_bundles": archive_bundles,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if (files is None) != (size is None):
        msg = "--files and --size go together: give both, or none to measure the stack"
        raise UsageError(msg)
    if files is None or size is None:
        _refuse_changes(changes, month)
        _measure(stack, outputs, region, prices_file, days=days, count=count, as_json=as_json)
        return
    plan, place = _planned(stack, outputs)
    load = Load(files=files, size=sizes.parse(size, "--size"), at_once=at_once)
    place = region or place
    known = price_files.find(place, prices_file)
    report = _estimated(_changed(plan, changes), load, known, month)
    cost_reports.show(replace(report, region=str(prices_file or place)), as_json=as_json)


def _estimated(plan: Plan, load: Load, prices: Prices, month: int | None) -> Report:
    period = Period(month) if month else _period(plan)
    bill = estimates.estimate(plan, load, prices, period)
    growing = () if plan.expiration_days else (_GROWING,)
    return Report(
        prices=prices,
        bill=replace(bill, notes=(*growing, *bill.notes)),
        losses=losses(plan, load, prices, period),
        plan=plan,
        load=load,
        month=period.month,
        designs=plain_design.totals(plan, load, prices, _MONTHS),
    )


def _period(plan: Plan) -> Period:
    """Return the steady state, or the twelfth month where the archive grows for ever."""
    return Period(None if plan.expiration_days else _MONTHS)


def _measure(
    stack: str | None, outputs: Path | None, region: str | None, file: Path | None,
    *, days: int, count: bool, as_json: bool,
) -> None:  # fmt: skip
    account = connect(stack, outputs)
    place = region or account.stack.region
    known = price_files.find(place, file)
    # moto knows no storage classes.
    listed = count or account.stack.endpoint_url is not None
    with screen.working("measuring"):
        found = settings.read(account)
        usage = measures.collect(account, found, instants.now(), days=days, count=listed)
    report = Report(
        region=str(file or place),
        prices=known,
        bill=bills.bill(usage, found, known),
        losses=losses(found.plan, usage.load, known, _period(found.plan)),
        plan=found.plan,
        load=usage.load,
    )
    cost_reports.show(report, as_json=as_json)


def _planned(stack: str | None, outputs: Path | None) -> tuple[Plan, str]:
    """Return the settings and the region of the stack that is named, else the defaults."""
    if not stack and not outputs and not os.environ.get(OUTPUTS_VARIABLE):
        return Plan(), DEFAULT_REGION
    account = connect(stack, outputs)
    with screen.working("reading the stack's settings"):
        return settings.read(account).plan, account.stack.region


def _changed(plan: Plan, changes: dict[str, int]) -> Plan:
    changed = replace(plan, **changes)
    wrong = [
        f"--{name.replace('_', '-')} is 0, allowed: at least 1"
        for name, value in asdict(changed).items()
        if name in changes and value == 0 and name not in {"expiration_days", "archive_bundles"}
    ]
    if 0 < changed.expiration_days <= changed.archive_days:
        wrong.append(
            f"--expiration-days is {changed.expiration_days} where --archive-days is "
            f"{changed.archive_days}, allowed: more, or 0 for never"
        )
    if wrong:
        raise UsageError("; ".join(wrong))
    return changed


def _refuse_changes(changes: dict[str, int], month: int | None) -> None:
    named = [f"--{name.replace('_', '-')}" for name in changes] + ["--month"] * bool(month)
    if named:
        msg = f"{', '.join(named)} changes an estimate: give --files and --size too"
        raise UsageError(msg)
