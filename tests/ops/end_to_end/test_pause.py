"""`pause` and `resume`: files wait, and are processed afterwards."""

import json
import time
from pathlib import Path

import pytest

from tests.local.served import Served

WHERE = "end-to-end/pause"


def waiting(served: Served) -> int:
    counts = served.client("sqs").get_queue_attributes(
        QueueUrl=served.outputs["processing_queue_url"],
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return sum(map(int, counts.values()))


def test_files_wait_while_the_pipeline_is_paused(served: Served, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("A\n1\n")
    paused = served.ops("pause")
    assert paused.exit_code == 0, paused.output
    try:
        assert served.ops("upload", "a.csv", "--prefix", WHERE).exit_code == 0
        time.sleep(1.5)  # longer than a poll of the queue
        assert waiting(served) == 1
        found = json.loads(served.ops("status", "--quick", "--json").stdout)
        assert found["polling"]["state"] == "Disabled"
        assert found["queue"]["waiting"] == 1
        assert "1 messages wait" in found["attention"][0]
    finally:
        assert served.ops("resume").exit_code == 0
    s3 = served.client("s3")
    place = {"Bucket": served.outputs["raw_bucket_name"], "Key": f"completed/{WHERE}/a.csv"}
    s3.get_waiter("object_exists").wait(**place, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    found = json.loads(served.ops("status", "--quick", "--json").stdout)
    assert found["polling"]["state"] == "Enabled"
    # Alarms that other tests' files set off may still be on.
    assert [one for one in found["attention"] if "wait" in one or "paused" in one] == []


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_dry_run_changes_nothing(served: Served, command: str) -> None:
    assert served.ops(command, "--dry-run").exit_code == 0
    (found,) = served.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert found["State"] == "Enabled"
