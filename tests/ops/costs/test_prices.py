"""Prices: of a region in the table, or from a file, which is checked as a whole."""

import json
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import pytest

from ops.costs import price_files, prices
from ops.costs.prices import REGIONS
from ops.terminal import sizes
from ops.terminal.problems import UsageError

EUROPE = {name: str(price) for name, price in asdict(REGIONS["eu-central-1"]).items()}


@pytest.mark.parametrize("region", REGIONS)
def test_a_regions_prices_are_in_proportion(region: str):
    prices = REGIONS[region]
    assert prices.glacier_gb_month < prices.standard_ia_gb_month < prices.standard_gb_month
    assert prices.reads_1000 < prices.writes_1000 < prices.standard_ia_writes_1000
    assert prices.standard_ia_writes_1000 < prices.glacier_transitions_1000 < Decimal("0.1")
    assert prices.lambda_arm64_gb_second < prices.lambda_x86_64_gb_second
    assert prices.logs_stored_gb_month < prices.logs_ingested_gb < 1


def test_a_region_that_is_not_in_the_table_says_how_to_go_on():
    with pytest.raises(UsageError, match=r"'eu-west-3' here, allowed: us-east-1, .*--prices FILE"):
        price_files.find("eu-west-3", None)


def test_a_file_holds_every_price_by_its_name(tmp_path: Path):
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({**EUROPE, "alarm_month": 0.25}))
    found = price_files.find("eu-west-3", file)
    assert found.alarm_month == Decimal("0.25")
    assert found.standard_gb_month == REGIONS["eu-central-1"].standard_gb_month


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path):
    wrong = {**EUROPE, "alarm_month": -1, "metric_month": "cheap", "key_month": True, "gold": 1}
    wrong["writes_1000"] = "NaN"
    del wrong["dashboard_month"]
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(wrong))
    with pytest.raises(UsageError) as raised:
        price_files.find("eu-west-3", file)
    told = raised.value.details
    assert str(raised.value) == f"the prices in {file} have 6 problem(s):"
    names = {line.partition(" ")[0] for line in told}
    wrong_ones = {"alarm_month", "metric_month", "key_month", "writes_1000", "dashboard_month"}
    assert names == {"gold", *wrong_ones}
    assert "dashboard_month is missing, allowed: a number of US dollars from 0 up" in told
    assert "alarm_month is -1, allowed: a number of US dollars from 0 up" in told


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "cannot be read"), ("{", "is not JSON"), ("[1]", "allowed: a JSON object of prices")],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str | None, said: str):
    file = tmp_path / "prices.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match=said):
        price_files.find("us-east-1", file)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1MB", 10**6), ("1.5 kb", 1500), ("64KiB", 65_536), ("2GiB", 2**31), ("7B", 7)],
)
def test_a_size_is_read(text: str, size: int):
    assert sizes.parse(text, "--size") == size


@pytest.mark.parametrize("text", ["", "-1", "1 megabyte", "MB", "1e6", "1,000"])
def test_what_is_no_size_is_told(text: str):
    with pytest.raises(UsageError, match=r"--size is .* allowed: a number of bytes, or of KB"):
        sizes.parse(text, "--size")


@pytest.mark.parametrize(
    ("region", "priced"), [("eu-west-1", "eu-west-1"), ("eu-north-1", "us-east-1")]
)
def test_the_prices_of_another_region_stand_for_those_that_are_not_there(region, priced):
    assert prices.nearest(region) == priced
