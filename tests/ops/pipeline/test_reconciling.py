"""`reconcile`: what the processor is called with, and what is made of its answers."""

import json

import pytest

from ops.pipeline.reconciling import COUNTS

NOTHING = {**dict.fromkeys(COUNTS, 0), "notes": [], "complete": True, "next": None, "files": []}
FILE = {"key": "incoming/a.csv", "version": "v1"}


def answer(pipeline, **told):
    pipeline.answers.append(json.dumps(NOTHING | told))


def test_the_processor_is_called_until_it_is_complete(pipeline):
    following = {"reconcile": {"key_marker": "incoming/m.csv", "version_marker": "v2"}}
    answer(pipeline, looked_at=3, sent=1, files=[FILE], complete=False, next=following)
    answer(pipeline, looked_at=2, dead_letters=2, notes=["so it is"])
    result = pipeline.run("reconcile", "--json")
    assert result.exit_code == 0, result.output
    first, second = pipeline.calls
    assert (first.function, first.kind) == ("data-processor", "RequestResponse")
    assert first.payload == {"reconcile": {"discarded": False, "dry_run": False}}
    assert second.payload == following
    told = json.loads(result.stdout)
    assert {name: told[name] for name in COUNTS if told[name]} == {
        "looked_at": 5, "sent": 1, "dead_letters": 2,
    }  # fmt: skip
    assert (told["files"], told["notes"], told["dry_run"]) == ([FILE], ["so it is"], False)


def test_a_dry_run_asks_for_one_and_prints_each_file(pipeline):
    answer(pipeline, looked_at=1, sent=1, files=[FILE], notes=["the queue is paused"])
    words = ("--dry-run", "--discarded", "--prefix", "incoming/sales/")
    result = pipeline.run("reconcile", *words)
    assert result.exit_code == 0, result.output
    [call] = pipeline.calls
    assert call.payload == {
        "reconcile": {"discarded": True, "dry_run": True, "prefix": "incoming/sales/"}
    }
    assert "would send incoming/a.csv version v1" in result.stdout
    assert result.stderr == "the queue is paused\n"


def test_what_failed_exits_with_1(pipeline):
    answer(pipeline, looked_at=2, failed=2)
    result = pipeline.run("reconcile")
    assert result.exit_code == 1
    assert "2 versions failed" in result.stderr


@pytest.mark.parametrize("prefix", ["sales/", "completed/", "incoming"])
def test_a_prefix_in_another_place_calls_nothing(pipeline, prefix):
    result = pipeline.run("reconcile", "--prefix", prefix)
    assert result.exit_code == 2
    assert pipeline.calls == []


def test_a_processor_of_an_earlier_version_is_told(pipeline):
    pipeline.answers.append(json.dumps({"processed": 0, "failed": 0}))
    result = pipeline.run("reconcile")
    assert result.exit_code == 1
    assert "cannot reconcile yet: deploy" in result.stderr


def test_the_functions_own_error_is_shown(pipeline):
    pipeline.answers.append(json.dumps({"errorMessage": "no such queue", "errorType": "Bad"}))
    result = pipeline.run("reconcile")
    assert result.exit_code == 1
    assert result.stderr == "error: the processor failed: no such queue (Bad)\n"
