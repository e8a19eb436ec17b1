"""`replay` from here and by a job of S3 Batch Operations, as a user runs it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.served import Served, serving

WAIT_SECONDS = 90
NAMES = ("a b+ä.csv", "b%41.csv", "sub.csv")


@pytest.fixture(scope="module")
def able(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    words = ("--stack", "dev", "--config", "batchWindowSeconds=0", "--config")
    with serving(tmp_path_factory.mktemp("able"), *words, "batchOperations=true") as started:
        yield started


def process(served: Served, folder: Path, prefix: str) -> None:
    for name in NAMES:
        (folder / name).write_text("A,B\n1,2\n")
    sent = served.ops("upload", *NAMES, "--prefix", prefix, "--wait")
    assert sent.exit_code == 0, sent.output


def outputs(served: Served, prefix: str) -> int:
    bucket = served.outputs["processed_bucket_name"]
    page = served.client("s3").list_objects_v2(Bucket=bucket, Prefix="processed/")
    return sum(f"/{prefix}/" in one["Key"] for one in page.get("Contents", []))


def wait_for_outputs(served: Served, prefix: str, count: int) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while outputs(served, prefix) < count and time.monotonic() < end:
        time.sleep(0.2)
    time.sleep(1)  # for one too many
    assert outputs(served, prefix) == count


def test_a_prefix_is_replayed_from_here_and_its_record_has_nothing_left(
    served: Served, tmp_path: Path
) -> None:
    prefix = "end-to-end/replay"
    process(served, tmp_path, prefix)
    words = ("replay", "--prefix", f"incoming/{prefix}/", "--record", "r.ndjson")
    tried = served.ops(*words, "--dry-run")
    assert (tried.exit_code, "3 files, 24 B; by list prices" in tried.stdout) == (0, True)
    assert served.ops(*words, "--yes").exit_code == 0
    wait_for_outputs(served, prefix, 6)
    resumed = served.ops("replay", "--resume", "r.ndjson", "--yes")
    assert resumed.stdout == "no completed file is selected\n"
    wait_for_outputs(served, prefix, 6)


def test_without_the_setting_a_job_is_refused_with_what_to_set(served: Served) -> None:
    result = served.ops("replay", "--prefix", "incoming/", "--batch-operations", "--yes")
    assert (result.exit_code, "set batchOperations to true" in result.stderr) == (1, True)


def test_a_job_replays_a_prefix_and_is_shown_to_its_end(able: Served, tmp_path: Path) -> None:
    prefix = "end-to-end/job"
    process(able, tmp_path, prefix)
    words = ("replay", "--prefix", f"incoming/{prefix}/", "--batch-operations")
    assert "would make a job of 3 files" in able.ops(*words, "--dry-run").stdout
    made = able.ops(*words, "--yes")
    assert made.exit_code == 0, made.output
    job = made.stdout.split()[1]
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        shown = able.ops("replay", "--job", job, "--json")
        state = json.loads(shown.stdout)
        if state["status"] == "Complete":
            break
        time.sleep(0.2)
    assert (shown.exit_code, state["succeeded"], state["failed"]) == (0, 3, 0), state
    wait_for_outputs(able, prefix, 6)
    again = able.ops(*words, "--yes")
    assert (again.exit_code, job in again.stdout) == (1, True)
    cancelled = able.ops("replay", "--job", job, "--cancel", "--yes")
    assert "nothing to cancel" in cancelled.stdout
