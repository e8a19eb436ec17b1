"""The arithmetic of bills: an example by hand, and what holds for all."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.costs import estimates, plain_design, storage
from ops.costs.bills import Bill, Line
from ops.costs.losses import losses
from ops.costs.periods import FOREVER, Period
from ops.costs.plans import Load, Plan
from ops.costs.prices import REGIONS

PRICES = REGIONS["us-east-1"]
STEADY = Period()
MILLION = 10**6
PLANS = st.builds(
    Plan,
    retention_days=st.integers(1, 400),
    archive_days=st.integers(1, 200),
    expiration_days=st.integers(201, 900),
    completed_days=st.integers(18, 400),
    noncurrent_days=st.integers(18, 90),
    batch_size=st.integers(1, 100),
    batch_window_seconds=st.integers(0, 300),
    processor_memory_mb=st.integers(512, 10_240),
    archiver_memory_mb=st.integers(128, 10_240),
    log_retention_days=st.integers(1, 400),
    compress_output=st.booleans(),
    archive_bundles=st.booleans(),
    archive_concurrency=st.integers(1, 16),
    kms_key=st.booleans(),
)
FILES = st.integers(0, 10**9)
SIZES = st.integers(0, 10**9)
PERIODS = st.one_of(st.just(STEADY), st.builds(Period, st.integers(1, 40)))


def bill(plan: Plan = Plan(), period: Period = STEADY, **load: int) -> Bill:  # noqa: B008
    return estimates.estimate(plan, Load(**load), PRICES, period)


def amounts(found: Bill) -> dict[tuple[str, str], str]:
    return {(line.item, line.unit): str(line.dollars) for line in found.lines if line.dollars}


def test_a_million_files_of_a_mebibyte_by_hand():
    """By hand, with 1,048,576 bytes a file, ten at once: 976.5625 GB come in a month of 30 days."""
    found = bill(files=MILLION, size=2**20, at_once=10)
    standard, ia, glacier = "GB-month STANDARD", "GB-month STANDARD_IA", "GB-month GLACIER"
    assert amounts(found) == {
        # 976.5625 GB x 0.023 = 22.4609 a month of keeping: 3 months, 1, 1 and 1.
        ("completed files", standard): "67.38",
        ("outputs", standard): "22.46",
        ("noncurrent versions: completed files", standard): "22.46",
        ("noncurrent versions: outputs", standard): "22.46",
        # 3 months x 976.5625 GB x 0.0125
        ("archived outputs", ia): "36.62",
        # (365 - 90 + 30) / 30 = 10.1667 months x 976.5625 GB x 1.03125 x 0.0036
        ("archived outputs, with 32 KB more each", glacier): "36.86",
        # 10.1667 months x 1,000,000 x 8 KB = 77.565 GB x 0.023
        ("index of GLACIER, 8 KB an object", standard): "1.78",
        ("PUT of uploads", "requests"): "5.00",
        ("GET of files", "requests"): "0.40",
        ("PUT of outputs", "requests"): "5.00",
        ("COPY to completed/", "requests"): "5.00",
        # 30 runs, and 2 for each thousand: 2,030 x 0.005 / 1,000
        ("LIST by the archiver", "requests"): "0.01",
        ("COPY into STANDARD_IA", "requests"): "10.00",
        ("to GLACIER", "transitions"): "30.00",
        # 100,030 x 0.20 / 1,000,000
        ("Lambda requests", "invocations"): "0.02",
        # (100,000 x 0.3 s + 20 s x 1,048.576 GB of 10^9) x 1769 / 1024 = 88,055.9 GB-s
        ("processor", "GB-seconds"): "1.17",
        # (60 s + 1,000,000 x 0.001 s x 1769 / 512) x 0.5 = 1,757.6 GB-s
        ("archiver", "GB-seconds"): "0.02",
        # 1,000,000 x 1.2 x 0.40 / 1,000,000
        ("queue: send, receive, delete", "requests"): "0.48",
        # 5 pollers x 3 a minute x 43,200 minutes = 648,000
        ("queue: polls while it is empty", "requests"): "0.26",
        # 600 B x 1,000,000 + 1,000 B x 100,000 = 0.6519 GB
        ("logs written", "GB"): "0.33",
        ("logs kept", "GB-month"): "0.02",
        ("alarms", "alarm metrics"): "2.20",
        # 7 all the time, 10 and FilesReconciled in an hour of 24
        ("custom metrics", "metrics"): "2.24",
        ("dashboard", "dashboard"): "3.00",
    }
    assert found.total == Decimal("275.17")


@given(PLANS, FILES, SIZES, PERIODS)
@settings(max_examples=40)
def test_the_total_is_the_sum_of_the_lines(plan: Plan, files: int, size: int, period: Period):
    found = bill(plan, period, files=files, size=size)
    assert found.total == sum(line.dollars for line in found.lines)
    assert all(line.dollars >= 0 for line in found.lines)


@given(PLANS, PERIODS, st.tuples(FILES, FILES), st.tuples(SIZES, SIZES))
@settings(max_examples=40)
def test_more_or_larger_files_never_cost_less(
    plan: Plan, period: Period, files: tuple[int, int], sizes: tuple[int, int]
):
    least = bill(plan, period, files=files[0], size=sizes[0])
    assert least.total <= bill(plan, period, files=sum(files), size=sizes[0]).total
    assert least.total <= bill(plan, period, files=files[0], size=sum(sizes)).total


@given(PLANS, SIZES, PERIODS)
@settings(max_examples=30)
def test_no_files_cost_what_the_idle_stack_does(plan: Plan, size: int, period: Period):
    idle = bill(plan, period, files=0, size=0)
    assert bill(plan, period, files=0, size=size).total == idle.total
    assert idle.total < 8


@given(st.floats(0, 1000), st.integers(0, 500), st.integers(0, 500))
def test_a_stock_grows_to_its_steady_state_and_stays(per_day: float, born: int, lived: int):
    months = [Period(month).stock(per_day, born, born + lived) for month in range(1, 40)]
    steady = STEADY.stock(per_day, born, born + lived)
    assert all(one <= other + 1e-6 for one, other in pairwise(months))
    assert months[-1] == pytest.approx(steady)


def test_a_stock_of_the_first_month_is_on_average_half_of_what_came():
    assert Period(1).stock(10, 0, FOREVER) == 150
    assert Period(2).stock(10, 0, FOREVER) == 450
    assert Period(1).stock(10, 30, FOREVER) == 0
    assert Period(2).flow(10, 45) == 150
    with pytest.raises(ValueError, match="for ever"):
        STEADY.stock(1, 0, FOREVER)


def test_minimum_sizes_and_days_are_billed():
    short = Plan(archive_days=5, expiration_days=10, noncurrent_days=18)
    assert storage.archived_days(short) == (30, 90)
    assert storage.archived_days(Plan()) == (90, 365 - 90 + 30)
    tiny = {line.unit: line.units for line in bill(files=MILLION, size=1).lines}
    assert tiny["GB-month STANDARD_IA"] == pytest.approx(3 * MILLION * 128 / 1024**2)


def test_a_large_file_costs_two_calls_a_chunk():
    assert estimates.large_file_calls(8 * 1024**2) == (0, 0)
    assert estimates.large_file_calls(8 * 1024**2 + 1) == (2 * 2 + 5, 2)


def test_a_plain_design_costs_ever_more_and_ours_does_not():
    load = Load(files=10_000, size=MILLION)

    def grown(design: object) -> Decimal:
        year, two = (design.estimate(Plan(), load, PRICES, Period(it)) for it in (24, 36))
        return two.total - year.total

    assert grown(plain_design) > 5
    assert grown(estimates) == 0
    plain, ours = plain_design.totals(Plan(), load, PRICES, 36)
    assert plain > ours


def lost(plan: Plan, **load: int) -> dict[str, Decimal]:
    return {it.setting: it.dollars for it in losses(plan, Load(**load), PRICES, STEADY)}


def test_what_a_setting_loses_is_what_the_better_one_saves():
    load = {"files": MILLION, "size": 200_000}
    now = bill(Plan(archive_days=10), **load).total
    found = lost(Plan(archive_days=10), **load)
    assert found["archiveDays"] == now - bill(Plan(archive_days=30), **load).total > 0
    now = bill(Plan(batch_size=1), files=10 * MILLION, size=1000).total
    better = bill(Plan(batch_size=10), files=10 * MILLION, size=1000).total
    assert lost(Plan(batch_size=1), files=10 * MILLION, size=1000)["batchSize"] == now - better > 9
    assert "processorMemoryMb" in lost(Plan(processor_memory_mb=3538), files=MILLION, size=1000)


def test_small_objects_lose_in_the_archive_and_large_ones_do_not():
    assert lost(Plan(), files=10 * MILLION, size=1_000)["retentionDays"] > 400
    assert "retentionDays" not in lost(Plan(), files=10_000, size=MILLION)


def test_an_object_that_leaves_glacier_early_is_paid_for():
    early = Plan(archive_days=90, expiration_days=100, noncurrent_days=18)
    # 62 days of a month's 100,000 MB, with 32 KB each, at 0.0036
    assert float(lost(early, files=100_000, size=2**20)["expirationDays"]) == pytest.approx(
        100_000 * 1.03125 / 1024 * 62 / 30 * 0.0036, abs=0.005
    )
    assert "expirationDays" not in lost(Plan(), files=100_000, size=2**20)


@given(PLANS, FILES, SIZES)
@settings(max_examples=30)
def test_a_loss_is_an_amount_and_the_dearest_comes_first(plan: Plan, files: int, size: int):
    found = losses(plan, Load(files=files, size=size), PRICES, STEADY)
    assert all(loss.dollars > 0 for loss in found)
    assert [it.dollars for it in found] == sorted((it.dollars for it in found), reverse=True)


def test_a_line_is_rounded_to_the_nearest_cent():
    assert Line(item="x", units=1.5, unit="u", price=Decimal("0.01")).dollars == Decimal("0.02")
    assert Line(item="x", units=149, unit="u", price=Decimal("0.1"), per=1000).dollars == Decimal(
        "0.01"
    )
