"""`restore` of what is in GLACIER: asked for, waited for, resumed, and told where that fails."""

from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient

from local.account.strict import limits
from tests.ops.archive.conftest import DAY, failing
from tests.ops.conftest import DONE, OLD

ALL = ("--day", "2024-01-15", "--yes")


def put(archive: Any, names: str = "ab") -> list[str]:
    return [archive.add(f"{name}.json", storage_class="GLACIER") for name in names]


def restored(names: str) -> list[str]:
    return [f"restored/{DAY}/{name}.json" for name in names]


def test_outputs_are_asked_for_and_restored_by_a_later_run(archive, clock):
    old = put(archive)
    archive.add("new.json")
    first = archive.run(*ALL)
    assert archive.restored() == restored(["new"])
    assert {archive.header(key) for key in old} == {'ongoing-request="true"'}
    assert "being retrieved: 2" in first.stdout
    clock.move(hours=1.9)
    archive.run(*ALL, "--resume")
    assert archive.restored() == restored(["new"])
    clock.move(hours=0.2)
    archive.run(*ALL, "--resume")
    assert archive.restored() == restored(["a", "b", "new"])
    assert archive.stored(DONE, restored("a")[0]) == archive.stored(OLD, old[0])
    assert archive.pipeline.s3.head_object(Bucket=DONE, Key=restored("a")[0]).get("Restore") is None


def test_the_request_names_tier_and_days(archive, clock, monkeypatch):
    put(archive, "a")
    asked: list[Any] = []
    original = BaseClient._make_api_call

    def call(self: BaseClient, name: str, parameters: Any) -> Any:
        if name == "RestoreObject":
            asked.append(parameters["RestoreRequest"])
        return original(self, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    archive.run(*ALL, "--tier", "standard", "--days", "3", "--wait")
    assert asked == [{"Days": 3, "GlacierJobParameters": {"Tier": "Standard"}}]
    assert archive.restored() == restored("a")
    assert sum(clock.slept) == 3600


def test_a_wait_restores_each_as_it_comes(archive, clock):
    put(archive)
    archive.run(f"archive/{DAY}/b.json", "--yes")
    clock.move(hours=1)
    seen: list[list[str]] = []
    clock.between = lambda: seen.append(archive.restored())
    archive.run(*ALL, "--wait")
    assert archive.restored() == restored("ab")
    assert restored("b") in seen
    assert sum(clock.slept) == 2 * 3600


def test_what_is_under_way_or_retrieved_is_not_asked_for_again(archive, clock):
    [key] = put(archive, "a")
    archive.run(key, "--yes")
    clock.move(hours=1)
    archive.run(key, "--yes")
    clock.move(hours=1.5)
    archive.run(key, "--yes")
    assert archive.restored() == restored("a")


def test_one_that_somebody_else_asked_for_is_waited_for(archive, clock, monkeypatch):
    [key] = put(archive, "a")
    original = BaseClient._make_api_call

    def call(self: BaseClient, name: str, parameters: Any) -> Any:
        if name == "RestoreObject":  # the other is a little faster
            original(self, name, parameters)
        return original(self, name, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", call)
        archive.run(key, "--yes")
    clock.move(hours=3)
    archive.run(key, "--resume")
    assert archive.restored() == restored("a")


def test_an_expired_copy_is_asked_for_again(archive, clock):
    [key] = put(archive, "a")
    archive.run(key, "--yes", "--days", "2")
    clock.move(hours=2, days=3)
    result = archive.run(key, "--resume", code=1)
    assert f"{key}: not asked for" in result.stderr
    assert archive.header(key) == ""
    archive.run(key, "--yes", "--wait")
    assert archive.restored() == restored("a")


def test_a_copy_that_expires_while_it_is_copied_is_told(archive, clock, monkeypatch):
    put(archive)
    archive.run(*ALL)
    clock.move(hours=3)
    with monkeypatch.context() as patched:
        failing(patched, "CopyObject", "a.json", "InvalidObjectState")
        result = archive.run(*ALL, code=1)
    assert archive.restored() == restored("b")
    assert f"archive/{DAY}/a.json: it cannot be read" in result.stderr


def test_without_expedited_capacity_another_tier_is_named(archive):
    put(archive, "a")
    archive.add("b.json")
    with patch.object(limits, "expedited_capacity", False):
        result = archive.run(*ALL, "--tier", "expedited", code=1)
    assert archive.restored() == restored("b")
    assert "--tier standard" in result.stderr
    assert "being retrieved" not in result.stdout


def test_one_that_is_deleted_while_it_is_retrieved_is_told(archive, clock):
    put(archive)
    clock.between = lambda: archive.pipeline.s3.delete_object(
        Bucket=OLD, Key=f"archive/{DAY}/a.json"
    )
    result = archive.run(*ALL, "--wait", code=1)
    assert archive.restored() == restored("b")
    assert f"archive/{DAY}/a.json: no longer in the archive bucket" in result.stderr


def test_a_wait_outlives_a_lost_network_but_not_a_denial(archive, clock, monkeypatch):
    [key] = put(archive, "a")
    archive.run(key, "--yes")
    clock.between = lambda: failing(monkeypatch, "ListObjectsV2", "a.json", "SlowDown", times=1)
    archive.run(key, "--wait", "--yes", "--tier", "standard", code=1)
    assert len(clock.slept) == 4
    assert archive.restored() == []
    clock.between = lambda: None
    archive.run(key, "--wait", "--yes")
    assert archive.restored() == restored("a")


def test_a_wait_outlives_any_number_of_short_losses(archive, clock, monkeypatch):
    [key] = put(archive, "a")
    archive.run(key, "--yes")

    def lose_two_of_three_looks() -> None:
        if len(clock.slept) % 3:
            failing(monkeypatch, "ListObjectsV2", "a.json", "SlowDown", times=1)

    clock.between = lose_two_of_three_looks
    archive.run(key, "--wait", "--yes")
    assert archive.restored() == restored("a")


def test_a_copy_that_expires_between_two_looks_is_told(archive, clock):
    [key] = put(archive, "a")
    clock.between = lambda: clock.move(days=9)
    result = archive.run(key, "--wait", "--yes", code=1)
    assert f"{key}: it cannot be read" in result.stderr
    assert archive.restored() == []


def test_what_it_takes_is_shown_before_it_is_asked(archive):
    put(archive)
    archive.add("c.json")
    shown = archive.run("--day", "2024-01-15", "--tier", "expedited", answer="n\n", code=1).stdout
    assert "to retrieve from GLACIER, expedited  2       16 B" in shown
    assert "in 1 to 5 minutes, then readable for 7 days" in shown
    assert "$0.02" in shown  # 2 requests at $10 a thousand
    assert archive.header(f"archive/{DAY}/a.json") == ""


@pytest.mark.parametrize("tier", ["slow", ""])
def test_an_unknown_tier_exits_with_2(archive, tier):
    archive.run(*ALL, "--tier", tier, code=2)
