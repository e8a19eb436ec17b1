"""What bundles are in the arithmetic of costs is what bundles are."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.bundles import entries, indexes
from ops.costs import bundles, estimates, fan_out
from ops.costs.periods import Period
from ops.costs.plans import Load, Plan
from ops.costs.prices import REGIONS

PRICES = REGIONS["us-east-1"]
PLAN = Plan(archive_bundles=True)
FAST = replace(PLAN, archiver_memory_mb=1769)  # a whole processor
MONTH = 30


def test_ten_million_files_of_a_kilobyte_by_hand():
    """333,333 a day: more than three bundles of 100,000, of 800 bytes an entry."""
    made = bundles.archived(PLAN, Load(files=10**7, size=1_000))
    each = 10**7 / MONTH / 4
    assert (made.objects, made.gets) == (4, each)
    assert made.size == pytest.approx(800 * each)
    # 66.7 MB in parts of 8 MiB
    assert made.requests == 8 + 2
    assert made.index_size == pytest.approx(70 * each)


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:32]


def test_a_bundle_is_as_large_as_the_archiver_writes_it():
    """Within a third: what is in the metadata and in the text differs from stack to stack."""
    line = b'{"order":"AB-%06d","placed":"2024-01-15T10:00:00Z","total":%d.5,"status":"new"}\n'
    files, packed, index, size = 300, 0, indexes.IndexWriter(), 0
    for number in range(files):
        body = b"".join(line % (number * 7919 % 10**6, n * number % 977) for n in range(12))
        size += len(body)
        entry, whole = entries.pack(
            body,
            key=f"processed/2024/01/15/shop/orders/orders-{number:08d}.json",
            etag=f'"{digest(number)}"',
            modified=datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
            headers={"ContentType": "application/x-ndjson"},
            metadata={
                "source-bucket": "s3-data-pipeline-prod-raw-1a2b3c4",
                "source-key": f"incoming/shop/orders/orders-{number:08d}.json",
                "source-version": digest(-number),
                **dict.fromkeys(("records-in", "records-out"), "12"),
                **dict.fromkeys(("records-rejected", "records-empty", "fields-renamed"), "0"),
            },
            tags={},
            offset=packed,
        )
        packed += len(whole)
        index.add(entry)
    made = bundles.archived(PLAN, Load(files=files * MONTH, size=size // files))
    assert made.objects == 1
    assert made.size == pytest.approx(packed, rel=1 / 3)
    assert made.index_size == pytest.approx(len(index.finish()), rel=1 / 3)


@given(st.integers(1, 10**9), st.integers(0, 2**20 - 1), st.integers(1, 16))
def test_bundles_hold_every_output_and_stay_within_their_limits(files: int, size: int, chains: int):
    plan = replace(PLAN, archive_concurrency=chains)
    made = bundles.archived(plan, Load(files=files, size=size))
    assert made.objects * made.gets == pytest.approx(files / MONTH)
    assert made.gets <= entries.MAX_ENTRIES
    assert made.size <= entries.MAX_BUNDLE_BYTES * 1.001
    assert made.requests <= bundles.FULL_BUNDLE_REQUESTS + 1


@pytest.mark.parametrize(
    ("plan", "size"), [(Plan(), 1_000), (PLAN, 2**20), (replace(PLAN, bundle_below_kb=1), 1_024)]
)
def test_what_is_not_bundled_is_an_object_each(plan: Plan, size: int):
    made = bundles.archived(plan, Load(files=MONTH * 10, size=size))
    assert (made.objects, made.size, made.requests, made.gets) == (10, size, 1, 0)


def test_a_stack_without_files_pays_nothing_for_bundles():
    nothing = Load(files=0, size=0)
    bills = [estimates.estimate(plan, nothing, PRICES, Period()) for plan in (Plan(), PLAN)]
    assert bills[0].lines == bills[1].lines


def test_a_days_run_by_hand():
    """14.4 million by 4 chains: 60 ms a page, and 250 outputs of it, 32 at once."""
    run = fan_out.a_day(replace(FAST, archive_concurrency=4), 14_400_000, 1_000, PRICES)
    seconds = 14_400 * (0.06 + 8 * 32 / 900)
    assert run.hours == pytest.approx(seconds / 3_600)
    # 144 bundles of 100,000: 80 MB each, in 10 parts, and 5 calls beside; 1,000 a delete
    assert run.calls == 14_400_000 + 4 * 14_400 + 144 * (12 + 5) + 14_400
    lists, puts = 4 * 14_400 + 144 * 5, 144 * 12
    compute = 4 * seconds * 1769 / 1024
    assert run.dollars == pytest.approx(
        14.4 * 0.4 + lists * 5e-6 + puts * 1e-5 + compute * 0.0000133334
    )


def test_with_half_a_processor_a_day_takes_nearly_twice_as_long_and_costs_hardly_more():
    whole = fan_out.a_day(replace(FAST, archiver_memory_mb=1770), 10**7, 1_000, PRICES)
    half = fan_out.a_day(replace(FAST, archiver_memory_mb=885), 10**7, 1_000, PRICES)
    assert 1.8 * whole.hours < half.hours < 2 * whole.hours
    assert half.dollars == pytest.approx(whole.dollars, rel=0.02)


def test_the_archiver_moves_more_a_day_the_more_work_side_by_side():
    hours = [
        fan_out.a_day(replace(FAST, archive_concurrency=it), 10**9, 1_000, PRICES).hours
        for it in (1, 4, 16)
    ]
    assert hours == sorted(hours, reverse=True)
    assert hours[-1] > 24  # which docs/cost.md says
