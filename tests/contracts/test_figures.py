"""What the pages say in prose is what the code says: defaults, limits and programs."""

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from handlers.archive import retention
from handlers.aws.operations import PARAMETERS
from handlers.environment import Metric
from infra import lifecycle
from local.account.strict import ruleset
from tests.contracts import examples, figures, pages

# A setting in code, and its default in brackets behind it: `retentionDays` (30 by default).
_DEFAULT = re.compile(r"`([a-z]+(?:[A-Z]\w+))`\s+\((\d+)[\s)]")
PAGES = [page for page in pages.pages() if page.startswith("docs/")]


def prose(page: str) -> str:
    return " ".join(pages.read(page).split())


def test_every_metric_is_in_the_table():
    assert set(figures.METRICS) == set(Metric)


@pytest.mark.parametrize("page", PAGES)
def test_a_default_in_brackets_is_the_default(page: str):
    for key, said in _DEFAULT.findall(pages.read(page)):
        assert int(said) == figures.default_of(key), key


def test_the_pages_do_name_defaults():
    found = {key for page in PAGES for key, _ in _DEFAULT.findall(pages.read(page))}
    assert {"retentionDays", "archiveDays", "expirationDays", "logRetentionDays"} <= found


def test_a_partition_may_grow_as_long_as_a_message_may_wait():
    [days] = re.findall(r"A message waits at most (\d+) days", prose("docs/consumers.md"))
    assert int(days) == figures.DEFAULTS.message_wait_days


def test_what_is_made_again_at_will_is_gone_a_day_after_it_was_deleted():
    # As the table says of what is staged, restored, and written for jobs.
    rules = {it.id: it for it in lifecycle.processed(figures.DEFAULTS)}
    staging: Any = rules["expire-staging"].expiration
    assert staging.days == figures.DEFAULTS.message_wait_days
    for rule in ("expire-staging", "expire-restored", "expire-batch-operations"):
        noncurrent: Any = rules[rule].noncurrent_version_expiration
        assert noncurrent.noncurrent_days == 1


def test_the_arithmetic_of_the_limits():
    text = prose("docs/limits.md")
    assert f"at an assumed {figures.BATCH_SECONDS} s a batch" in text
    assert f"at least {figures.WRITES_A_SECOND:,} writes" in text
    most = figures.WRITES_A_SECOND // figures.WRITES_OF_A_FILE
    assert f"more than {most:,} files a second" in text
    assert f"Each makes {retention._CALLS_AT_ONCE} copies at once" in text
    assert figures.files_a_second(10) == pytest.approx(333, abs=1)


def rows_of(engine: str) -> Iterator[tuple[float, int]]:
    """Yield an engine's MB a second of CPU, and its peak MB, for each file of 100 MB."""
    part = pages.read("bench/results.md").partition("## Files of 100 MB")[2].partition("\n## ")[0]
    for speed, peak in re.findall(rf"\| {engine} \| ([\d.]+) \| [\d.]+ \| (\d+) \|", part):
        yield float(speed), int(peak)


def test_a_loop_of_ones_own_is_as_slow_as_the_page_says():
    text = prose("docs/alternatives.md")
    pairs = list(zip(rows_of("project"), rows_of("naive"), strict=True))
    assert "at least seven times the CPU time, and two gigabytes of memory" in text
    assert len(pairs) == 5
    assert min(ours / theirs for (ours, _), (theirs, _) in pairs) >= 7
    assert min(peak for _, (_, peak) in pairs) >= 2000


def test_no_call_of_the_functions_asks_for_an_encryption():
    # docs/constraints.md: a policy that demands the header breaks the pipeline.
    assert "PutObject" in str(PARAMETERS)
    assert "ServerSideEncryption" not in str(PARAMETERS)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    ruleset.install()
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="acme")
        s3.put_bucket_versioning(Bucket="acme", VersioningConfiguration={"Status": "Enabled"})
        yield "acme"


def stored(bucket: str) -> list[str]:
    page = boto3.client("s3").list_object_versions(Bucket=bucket)
    return sorted(it["Key"] for it in [*page.get("Versions", []), *page.get("DeleteMarkers", [])])


def test_the_program_that_erases_leaves_nothing_of_a_key_and_all_of_its_neighbours(
    bucket: str, capsys: pytest.CaptureFixture[str]
):
    s3 = boto3.client("s3")
    key, neighbour = "completed/crm/a b+é.csv", "completed/crm/a b+é.csv.gz"
    for name in (key, key, neighbour):
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    s3.delete_object(Bucket=bucket, Key=key)
    erase = examples.program("docs/data.md")["main"]

    erase(bucket, key)
    assert stored(bucket) == [key, key, key, neighbour]
    assert len(capsys.readouterr().out.splitlines()) == 3

    for _ in range(2):
        erase(bucket, key, "--yes")
        assert stored(bucket) == [neighbour]
