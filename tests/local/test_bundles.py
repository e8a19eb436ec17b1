"""A prod stack whose archiver bundles, under the policies that it deploys."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers import keys
from local.commands.tracking import Outcome
from tests.local.driving import Driven

MONTH = timedelta(days=31)
NAMES = [f"bundled/{number}.json" for number in range(12)] + ["bundled/größe 1%.csv"]


@pytest.fixture(scope="module")
def running() -> Iterator[Driven]:
    yield from Driven(
        "prod", archiveBundles="true", archiveConcurrency="3", batchWindowSeconds="0"
    ).run()


def process(driven: Driven) -> dict[str, Outcome]:
    return driven.process({name: b'{"n":1}' if name.endswith("n") else b"n\n1\n" for name in NAMES})


def archive(driven: Driven) -> list[dict[str, Any]]:
    """Let the schedule run a month later; return what each invocation reports."""
    driven.attempts.clear()
    driven.pipeline.run_schedule(datetime.now(UTC) + MONTH)
    assert not any(one.failure for one in driven.attempts)
    return [one.payload for one in driven.attempts]


def bundles(driven: Driven) -> list[str]:
    return driven.uploads.keys("archive_bucket_name", keys.BUNDLES)


def indexed(driven: Driven) -> list[str]:
    indexes = driven.uploads.keys("archive_bucket_name", keys.BUNDLE_INDEXES)
    return [
        bundle
        for bundle in map(keys.indexed_bundle_key, indexes)
        if bundle and keys.bundle_number(bundle)  # not the layout of a day
    ]


def test_chains_bundle_what_is_old_and_each_output_is_in_one_bundle(driven: Driven) -> None:
    outcomes = process(driven)
    reports = archive(driven)
    assert len(reports) == 3
    assert sum(report["bundled_count"] for report in reports) == len(NAMES)
    assert sum(report["failed_count"] for report in reports) == 0
    assert driven.uploads.keys("processed_bucket_name", keys.PROCESSED) == []
    assert driven.uploads.keys("archive_bucket_name", keys.ARCHIVE) == []
    assert indexed(driven) == bundles(driven)
    stored = b"".join(
        gzip.decompress(driven.read("archive_bucket_name", bundle)) for bundle in bundles(driven)
    )
    expected = b"".join(one.output for one in outcomes.values())
    assert sorted(stored.splitlines()) == sorted(expected.splitlines())

    # A second night, of later files, and one of no work.
    again = archive(driven)
    assert sum(report["archived_count"] for report in again) == 0
    assert indexed(driven) == bundles(driven)


def test_a_copy_of_an_unfinished_bundle_is_removed_though_the_archive_is_protected(
    driven: Driven,
) -> None:
    """As a run leaves it that copied one by one meanwhile; only its exact ETag is deleted."""
    key = next(iter(process(driven).values())).where
    bucket = {name: driven.outputs[f"{name}_bucket_name"] for name in ("processed", "archive")}
    driven.s3.copy_object(
        Bucket=bucket["archive"],
        Key=keys.archive_key(key),
        CopySource={"Bucket": bucket["processed"], "Key": key},
    )
    reports = archive(driven)
    assert sum(report["bundled_count"] for report in reports) == len(NAMES)
    assert driven.uploads.keys("archive_bucket_name", keys.ARCHIVE) == []
    assert driven.uploads.keys("processed_bucket_name", keys.PROCESSED) == []
    assert indexed(driven) == bundles(driven)
