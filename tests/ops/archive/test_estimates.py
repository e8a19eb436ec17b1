"""What a restore costs: worked examples by hand, and AWS's own."""

import re
from pathlib import Path

import pytest

from ops.archive import estimates, prices, retrievals
from ops.archive.archived_outputs import ArchivedOutput
from ops.archive.fingerprints import Fingerprint
from ops.archive.prices import Amount
from ops.archive.restores import Plan
from ops.archive.retrievals import Tier
from ops.costs.prices import REGIONS
from ops.files.bundles.listings import Access

GB = 1024**3
PRICES = REGIONS["us-east-1"]


def output(size: int, access: Access) -> ArchivedOutput:
    return ArchivedOutput(
        key="archive/2024/01/15/a", size=size, etag="", storage_class="", access=access
    )


@pytest.mark.parametrize(
    ("tier", "usd"), [(Tier.STANDARD, 1774), (Tier.EXPEDITED, 153072), (Tier.BULK, 0)]
)
def test_the_example_of_aws(tier, usd):
    """https://repost.aws/knowledge-center/s3-manage-data-retrieval: 15,000,000 objects, 100 TB."""
    amount = Amount(objects=15_000_000, size=102_400 * GB)
    assert prices.retrieval(amount, tier, 0, PRICES) == pytest.approx(usd)


def test_a_temporary_copy_costs_its_days():
    amount = Amount(objects=1, size=10 * GB)
    assert prices.retrieval(amount, Tier.BULK, 15, PRICES) == pytest.approx(10 * 0.023 / 2)


def test_rows_tell_each_group_and_leave_empty_ones_out():
    planned = Plan(
        readable=[output(10 * GB, Access.AT_ONCE), output(10 * GB, Access.RETRIEVED)],
        cold=[output(GB, Access.COLD)],
    )
    there, cold = estimates.rows(planned, Tier.STANDARD, 30, PRICES, to_folder=False)
    # Only STANDARD_IA costs for being read; both are kept for a month.
    assert there.usd == pytest.approx(10 * 0.01 + 2 * 0.000005 + 20 * 0.023)
    assert cold.usd == pytest.approx(0.00005 + 0.01 + 0.023 + 0.000005 + 0.023)
    [down, _] = estimates.rows(planned, Tier.STANDARD, 30, PRICES, to_folder=True)
    assert down.usd == pytest.approx(10 * 0.01 + 2 * 0.000001 + 20 * 0.09)
    assert estimates.rows(Plan(), Tier.BULK, 7, PRICES, to_folder=False) == []


def test_a_proof_is_a_digest_that_both_have_or_the_size():
    def known(size: int = 3, **digests: str) -> Fingerprint:
        return Fingerprint(size=size, digests=digests, described={})

    assert known(MD5="x", CRC32="y").proof(known(CRC32="y")) == "CRC32"
    assert known(MD5="x").proof(known(CRC32="y")) == "size"
    assert known(MD5="x", CRC32="y").proof(known(MD5="z", CRC32="y")) is None
    assert known().proof(known(4)) is None


def test_the_page_tells_the_same_prices():
    page = Path(__file__).parents[3] / "docs" / "operations.md"
    text = page.read_text(encoding="utf-8")
    for tier in Tier:
        row = re.search(rf"^\| `{tier}`.*?\| (.*) \| (\S+) \| (\S+) \|$", text, re.MULTILINE)
        assert row, tier
        request, gigabyte = (float(cell.replace("free", "$0")[1:]) for cell in row.groups()[1:])
        assert row.group(1) == retrievals.EXPECTED[tier]
        assert request == prices.RETRIEVAL_USD_PER_REQUEST[tier]
        assert gigabyte == prices.RETRIEVAL_USD_PER_GB[tier]
    assert f"${PRICES.standard_gb_month} a GB and month" in text
