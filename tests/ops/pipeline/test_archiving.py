"""`archive-now`: what the archiver is called with, and what is made of its answer."""

import json
from datetime import UTC, datetime, timedelta

import pytest

SUMMARY = {
    "archived_count": 12,
    "failed_count": 0,
    "skipped_count": 1,
    "total_size_bytes": 4096,
    "cutoff_date": "2023-12-16",
    "glacier_date": "2024-04-14",
    "complete": True,
}


def test_without_wait_the_call_is_asynchronous_and_as_of_now(pipeline):
    before = datetime.now(UTC).replace(microsecond=0)
    assert pipeline.run("archive-now").exit_code == 0
    [call] = pipeline.calls
    assert (call.function, call.kind) == ("data-archiver", "Event")
    assert before <= datetime.fromisoformat(call.payload["time"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("option", "sent"),
    [
        ("2024-01-15T02:00:00Z", "2024-01-15T02:00:00Z"),
        ("2024-01-15T02:00:00+01:00", "2024-01-15T01:00:00Z"),
        ("2024-01-15", "2024-01-15T00:00:00Z"),
    ],
)
def test_wait_shows_the_summary_of_a_run_as_of_an_instant(pipeline, option, sent):
    pipeline.answers.append(json.dumps(SUMMARY))
    result = pipeline.run("archive-now", "--time", option, "--wait")
    assert result.exit_code == 0, result.output
    [call] = pipeline.calls
    assert (call.kind, call.payload) == ("RequestResponse", {"time": sent})
    rows = dict(line.split() for line in result.stdout.splitlines())
    assert (rows["archived_count"], rows["cutoff_date"]) == ("12", "2023-12-16")


def test_objects_that_failed_exit_with_1_and_are_told_in_a_sentence(pipeline):
    pipeline.answers.append(json.dumps({**SUMMARY, "failed_count": 2}))
    result = pipeline.run("archive-now", "--wait")
    assert result.exit_code == 1
    assert "failed_count" in result.stdout
    assert result.stderr.startswith("error: 2 objects could not be archived: they stay in ")


def test_a_run_that_goes_on_by_itself_says_so(pipeline):
    pipeline.answers.append(json.dumps({**SUMMARY, "complete": False}))
    result = pipeline.run("archive-now", "--wait")
    assert result.exit_code == 0
    assert "goes on by itself" in result.stdout


def test_chains_beside_the_one_that_answers_are_told(pipeline):
    pipeline.answers.append(json.dumps({**SUMMARY, "chains": 4}))
    result = pipeline.run("archive-now", "--wait")
    assert result.exit_code == 0
    assert "this is the first of 4 chains" in result.stdout


LATER = "; what it has not archived stays where it is, and its log says more\n"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            '{"errorMessage":"Task timed out","errorType":"Sandbox.Timedout","stackTrace":["x"]}',
            "the archiver failed: Task timed out (Sandbox.Timedout)",
        ),
        ('{"errorMessage":"","errorType":"KeyError"}', "the archiver failed: KeyError"),
        ('{"errorMessage":7}', "the archiver gave no summary but '{\"errorMessage\":7}'"),
        ("null", "the archiver gave no summary but 'null'"),
        ("text", "the archiver gave no summary but 'text'"),
        ("[" * 100_000, f"the archiver gave no summary but '{'[' * 200}'"),
    ],
    ids=["time-out", "no message", "no text", "null", "no JSON", "too deep"],
)
def test_a_run_that_fails_is_told_in_a_sentence(pipeline, answer, said):
    pipeline.answers.append(answer)
    result = pipeline.run("archive-now", "--wait")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"error: {said}{LATER}"


def test_a_dry_run_calls_nothing(pipeline):
    result = pipeline.run("archive-now", "--dry-run")
    assert pipeline.outputs["data_archiver_lambda_arn"] in result.stdout
    assert pipeline.calls == []


def test_a_time_to_come_is_asked_for(pipeline):
    ahead = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    assert pipeline.run("archive-now", "--time", ahead, answer="n\n").exit_code == 1
    assert pipeline.calls == []
    assert pipeline.run("archive-now", "--time", ahead, "--yes").exit_code == 0
    assert len(pipeline.calls) == 1


def test_a_time_that_is_none_is_wrong_usage(pipeline):
    result = pipeline.run("archive-now", "--time", "tomorrow")
    assert result.exit_code == 2
    assert "'tomorrow'" in result.stderr
