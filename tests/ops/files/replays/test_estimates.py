"""What a replay costs and how long it takes, against sums made by hand from docs/cost.md."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ops.costs.prices import REGIONS, Prices
from ops.files.replays import estimates
from ops.files.replays.estimates import Estimate

MILLION = 1_000_000
PRICES = REGIONS["us-east-1"]


def estimate(files: int, size: int, *, by_job: bool, prices: Prices = PRICES) -> Estimate:
    return estimates.estimate(files, size, prices, by_job=by_job)


def test_a_million_small_files_cost_what_the_page_says():
    # docs/cost.md: $11.61 to process; a COPY, three HEADs or so and tags to copy.
    expected = estimate(MILLION, 0, by_job=False)
    assert expected.process_dollars == pytest.approx(11.61, abs=0.03)
    assert expected.copy_dollars == pytest.approx(5.80, abs=0.01)
    assert expected.seconds == pytest.approx(MILLION / 80)


def test_a_job_costs_its_fee_its_tasks_and_two_listings_a_file():
    expected = estimate(MILLION, 0, by_job=True)
    compute = MILLION * 0.15 * 1769 / 1024 * 0.0000133334
    # Job, objects, COPY, two LISTs, two HEADs, invocations.
    assert expected.copy_dollars == pytest.approx(0.25 + 1 + 5 + 10 + 0.8 + 0.2 + compute)
    assert expected.seconds == pytest.approx(MILLION * 0.03 / 10)


def test_the_prices_are_those_that_are_given():
    dear = REGIONS["eu-central-1"]  # its writes cost $0.0054 a thousand, not $0.005
    more = estimate(MILLION, 0, by_job=False, prices=dear).copy_dollars - 5.80
    assert more == pytest.approx(0.4 + 2 * 0.03, abs=0.01)


def test_the_copies_are_stored_and_archived_at_a_price_of_their_own():
    # tests/ops/costs: storage, copies into STANDARD_IA and transitions of a million MiB, by hand.
    kept = estimate(MILLION, MILLION * 1024**2, by_job=True).keep_dollars
    stored = 3 * 22.46 + 67.38 + 36.62 + 36.86 + 1.78
    assert kept == pytest.approx(stored + 10 + 30, abs=0.05)
    assert estimate(0, 0, by_job=True).keep_dollars == pytest.approx(0, abs=0.01)


def test_large_files_take_the_time_of_their_bytes():
    assert estimate(1, 100 * 1024**3, by_job=True).seconds == pytest.approx(200, abs=1)


@given(some.integers(0, 10**9), some.integers(0, 10**15), some.booleans())
def test_more_files_and_more_bytes_never_cost_or_take_less(files, size, by_job):
    least = estimate(files, size, by_job=by_job)
    for more_files, more_bytes in ((files + 1, size), (files, size + 1)):
        more = estimate(more_files, more_bytes, by_job=by_job)
        assert more.dollars >= least.dollars
        assert more.seconds >= least.seconds
