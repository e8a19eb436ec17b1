"""The timeline of `show`, by the logs of functions that really ran."""

import json
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from tests.local.served import Served

FOLDER = "end-to-end/show"


def told(served: Served, key: str, *, code: int = 0) -> dict[str, Any]:
    result = served.ops("show", key, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def names(found: dict[str, Any]) -> list[str]:
    return [one["event"] for one in found["timeline"]]


def requests(found: dict[str, Any]) -> set[str]:
    return {one["request_id"] for one in found["timeline"] if one["request_id"]}


def test_a_processed_and_archived_file_shows_each_step(served: Served, tmp_path: Path) -> None:
    rows = "".join(f"{number},x\n" for number in range(20))
    (tmp_path / "a.csv").write_text(f"id,name\n{rows}20\n")
    assert served.ops("upload", "a.csv", "--prefix", FOLDER, "--wait").exit_code == 0
    key = f"incoming/{FOLDER}/a.csv"
    found = told(served, key)
    assert names(found) == ["uploaded", "received", "rejected", "output", "completed"]
    assert len(requests(found)) == 1
    assert found["timeline_problem"] is None

    archived = served.ops("archive-now", "--time", "2999-01-01", "--wait", "-y")
    assert archived.exit_code == 0, archived.output
    found = told(served, key)
    assert names(found)[-1] == "archived"
    assert len(requests(found)) == 2
    assert names(told(served, found["outputs"][0]["key"])) == names(found)


def test_a_file_that_fails_for_good_shows_why_and_its_dead_letter(
    served: Served, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text('[{"a":1},')
    assert served.ops("upload", "broken.json", "--prefix", FOLDER, "--wait").exit_code == 1
    key = f"incoming/{FOLDER}/broken.json"
    found = told(served, key, code=1)
    assert names(found) == ["uploaded", "received", "failed", "dead letter"]
    received, failed = found["timeline"][1:3]
    assert failed["request_id"] == received["request_id"]
    assert failed["request_id"]
    assert found["dead_letters"][0]["reason"] in failed["detail"]
    discarded = served.ops("discard", "--key", key, "-y")
    assert discarded.exit_code == 0, discarded.output
    assert names(told(served, key)) == ["uploaded", "received", "failed"]


def test_each_attempt_at_a_file_is_shown_with_its_reason(served: Served) -> None:
    """S3 shows no such version yet: a cause that may pass, so Lambda tries three times."""
    key, version = f"incoming/{FOLDER}/later.json", str(uuid4())
    described = {
        "bucket": {"name": served.outputs["raw_bucket_name"]},
        "object": {"key": key, "versionId": version},
    }
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": datetime.now(UTC).isoformat(),
        "s3": described,
    }
    served.client("lambda").invoke(
        FunctionName=served.outputs["data_processor_lambda_arn"],
        InvocationType="Event",
        Payload=json.dumps({"Records": [record]}),
    )
    end = monotonic() + 60
    while not (found := shown(served, key))["dead_letters"] and monotonic() < end:
        sleep(0.2)
    assert names(found) == ["received", *["attempt failed"] * 3, "dead letter"]
    assert {one["version"] for one in found["timeline"]} == {version}
    for failed in found["timeline"][1:4]:
        assert "cannot be read yet" in failed["detail"]
        assert failed["request_id"]
    assert served.ops("discard", "--key", key, "-y").exit_code == 0


def shown(served: Served, key: str) -> dict[str, Any]:
    return json.loads(served.ops("show", key, "--json").stdout)
