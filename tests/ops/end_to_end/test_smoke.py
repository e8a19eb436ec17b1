"""`smoke` on the local pipeline: what passes, what fails, and what is left."""

import json
from typing import Any

import pytest

from ops.commands.pipeline import smoke
from ops.pipeline.smoke import trial
from ops.pipeline.smoke.samples import Sample, samples
from tests.local.served import Served

BUCKETS = ("raw_bucket_name", "processed_bucket_name", "archive_bucket_name")


def stored(served: Served) -> list[str]:
    """Return the keys of all versions and delete markers of every run."""
    return [
        one["Key"]
        for name in BUCKETS
        for page in served.client("s3")
        .get_paginator("list_object_versions")
        .paginate(Bucket=served.outputs[name])
        for one in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        if "smoke-" in one["Key"]
    ]


def dead_letters(served: Served) -> list[Any]:
    return json.loads(served.ops("failures", "--json").stdout)


def test_every_format_passes_and_nothing_is_left(served: Served) -> None:
    result = served.ops("smoke", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    folder = f"incoming/{found['run']}/"
    assert {one["key"] for one in found["files"]} == {folder + one.name for one in samples()}
    assert {(one["state"], *one["problems"]) for one in found["files"]} == {("processed",)}
    assert found["left"] == []
    assert stored(served) == []


def test_what_is_kept_is_removed_later(served: Served) -> None:
    kept = served.ops("smoke", "--json", "--keep")
    assert kept.exit_code == 0, kept.output
    run = json.loads(kept.stdout)["run"]
    outputs = [one["output"] for one in json.loads(kept.stdout)["files"]]
    completed = [f"completed/{run}/{one.name}" for one in samples()]
    assert sorted(set(stored(served))) == sorted(outputs + completed)
    assert served.ops("smoke", "--remove", run, "--dry-run").exit_code == 0
    assert len(stored(served)) == 20
    assert served.ops("smoke", "--remove", run).exit_code == 0
    assert stored(served) == []


def test_a_file_that_fails_is_told_and_removed_with_its_dead_letter(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, *_ = samples()
    other = Sample(name="other.json", body=good.body, lines=(b'{"another":1}',))
    files = (good, other, Sample(name="broken.json", body=b"[1,", lines=()))
    monkeypatch.setattr(smoke, "samples", lambda: iter(files))
    result = served.ops("smoke", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    told = {one["key"].rpartition("/")[2]: one for one in found["files"]}
    assert (told["object.json"]["state"], told["object.json"]["problems"]) == ("processed", [])
    assert told["broken.json"]["state"] == "failed"
    assert told["broken.json"]["problems"][0].startswith("it failed: ")
    assert "expected: '{\"another\":1}' and _metadata" in told["other.json"]["problems"][0]
    assert found["left"] == []
    assert (stored(served), dead_letters(served)) == ([], [])


def test_a_pause_is_told_before_anything_is_sent(served: Served) -> None:
    assert served.ops("pause").exit_code == 0
    try:
        result = served.ops("smoke")
        assert result.exit_code == 1
        assert "the pipeline is paused since" in result.stderr
        assert stored(served) == []
    finally:
        assert served.ops("resume").exit_code == 0


def test_what_is_under_way_at_ctrl_c_stays_is_named_and_can_be_removed_later(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    assert served.ops("pause").exit_code == 0
    with monkeypatch.context() as patched:
        patched.setattr(smoke, "_require_polling", lambda _: None)
        patched.setattr(smoke, "_GRACE_SECONDS", 0)
        patched.setattr(trial, "judge", interrupted)
        result = served.ops("smoke")
    assert result.exit_code != 0
    run = result.stderr.splitlines()[0].removeprefix("run ")
    left = [f"incoming/{run}/{one.name}" for one in samples()]
    assert sorted(stored(served)) == sorted(left)
    assert all(f"/{key} version " in result.stderr for key in left)
    assert f"--remove {run}" in result.stderr
    assert served.ops("resume").exit_code == 0
    place = {"Bucket": served.outputs["raw_bucket_name"], "Key": left[-1]}
    served.client("s3").get_waiter("object_not_exists").wait(
        **place, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    for _ in range(30):
        if served.ops("smoke", "--remove", run).exit_code == 0:
            break
    assert (stored(served), dead_letters(served)) == ([], [])


def test_a_dry_run_sends_nothing(served: Served) -> None:
    result = served.ops("smoke", "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.count("would upload") == 10
    assert stored(served) == []
