"""What a replay costs and how long it takes, against sums made by hand from docs/cost.md."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ops.files.replays.estimates import estimate

MILLION = 1_000_000


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


def test_large_files_take_the_time_of_their_bytes():
    assert estimate(1, 100 * 1024**3, by_job=True).seconds == pytest.approx(200, abs=1)


@given(some.integers(0, 10**9), some.integers(0, 10**15), some.booleans())
def test_more_files_and_more_bytes_never_cost_or_take_less(files, size, by_job):
    least = estimate(files, size, by_job=by_job)
    for more_files, more_bytes in ((files + 1, size), (files, size + 1)):
        more = estimate(more_files, more_bytes, by_job=by_job)
        assert more.dollars >= least.dollars
        assert more.seconds >= least.seconds
