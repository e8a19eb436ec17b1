"""What every command does alike: an empty value, as of an unset variable, selects nothing."""

import pytest

from tests.ops.conftest import DONE, RAW, Pipeline


@pytest.mark.parametrize(
    ("words", "option"),
    [
        *(
            (["discard", option, value, "--yes"], option)
            for option in ("--reason", "--older-than", "--newer-than", "--key", "--version")
            for value in ("", " ")
        ),
        (["discard", "--reason", "ragged", "--older-than", "", "--yes"], "--older-than"),
        (["discard", "--reason=", "--yes"], "--reason="),
        (["redrive", "--message", "", "--yes"], "--message"),
        (["redrive", "--all", "--yes", "--stack", ""], "--stack"),
        (["replay", "--prefix", "incoming/", "--since", "", "--yes"], "--since"),
        (["replay", "--prefix", "incoming/", "--until=", "--yes"], "--until="),
        (["replay", "incoming/a.json", "--version", "", "--yes"], "--version"),
        (["replay", "", "--yes"], "replay"),
    ],
)
def test_an_empty_value_is_wrong_usage_and_changes_nothing(pipeline: Pipeline, words, option):
    pipeline.dead_letter("incoming/bad.csv", "v1", reason="ragged row")
    pipeline.complete("incoming/a.json")
    result = pipeline.run(*words)
    assert result.exit_code == 2, result.output
    assert f"the value after {option} is empty" in result.stderr
    assert len(pipeline.bodies("dlq_url")) == 1
    assert pipeline.bodies("processing_queue_url") == []
    assert pipeline.versions("incoming/a.json") == []
    assert len(pipeline.s3.list_objects_v2(Bucket=DONE)["Contents"]) == 1


def test_a_value_may_end_in_an_equals_sign(pipeline: Pipeline):
    pipeline.complete("incoming/a=.json")
    pipeline.put("completed/b=", b"{}")
    assert pipeline.run("replay", "completed/b=", "--yes").exit_code == 0
    assert pipeline.run("replay", "--prefix=completed/a=", "--yes").exit_code == 0
    listed = pipeline.s3.list_objects_v2(Bucket=RAW, Prefix="incoming/")["Contents"]
    assert [one["Key"] for one in listed] == ["incoming/a=.json", "incoming/b="]


def test_each_problem_of_a_file_stands_on_a_line_of_its_own(pipeline: Pipeline, tmp_path):
    (tmp_path / "prices.json").write_text('{"gold": 1}')
    result = pipeline.run("cost", "--files", "1", "--size", "1MB", "--prices", "prices.json")
    assert result.exit_code == 2
    head, first, *others = result.stderr.splitlines()
    assert head.startswith("error: the prices in prices.json have")
    assert first.startswith("  gold is no price")
    assert "  alarm_month is missing, allowed: a number of US dollars from 0 up" in others
