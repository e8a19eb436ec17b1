"""`pause` and `resume`: what becomes of the mapping, and what is told of it."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from local.account.strict.lambda_ import mappings
from tests.ops.conftest import RAW, Pipeline, client


def mapping() -> dict[str, Any]:
    (found,) = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return found


def told(pipeline: Pipeline, code: int) -> dict[str, Any]:
    result = pipeline.run("status", "--quick", "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_a_pause_is_told_until_it_ends(pipeline):
    pipeline.sqs.send_message(QueueUrl=pipeline.outputs["processing_queue_url"], MessageBody="{}")
    before = datetime.now(UTC).replace(microsecond=0)
    for _ in range(2):  # harmless when repeated
        result = pipeline.run("pause")
        assert result.exit_code == 0, result.output
        assert mapping()["State"] == "Disabled"
    assert "1 messages wait, each at most 4 d" in result.stdout
    found = told(pipeline, 1)
    polling = found["polling"]
    assert (polling["state"], polling["retention_seconds"]) == ("Disabled", 4 * 86_400)
    assert before <= datetime.fromisoformat(polling["paused_since"]) <= datetime.now(UTC)
    (sentence,) = found["attention"]
    assert sentence.startswith(f"paused since {polling['paused_since']}: 1 messages wait")
    assert f"paused since {polling['paused_since']}" in pipeline.run("status").stdout
    for _ in range(2):
        assert pipeline.run("resume").exit_code == 0
        assert mapping()["State"] == "Enabled"
    assert (told(pipeline, 0)["attention"], told(pipeline, 0)["polling"]["paused_since"]) == (
        [],
        None,
    )


def test_a_change_under_way_is_waited_for(pipeline):
    client("lambda").update_event_source_mapping(UUID=mapping()["UUID"], Enabled=False)
    assert mapping()["State"] == "Disabling"
    assert pipeline.run("resume").exit_code == 0
    assert mapping()["State"] == "Enabled"


def test_a_change_that_takes_too_long_is_told(pipeline, monkeypatch):
    monkeypatch.setattr(mappings, "change_seconds", 3600)
    monkeypatch.setattr("ops.pipeline.polling.monotonic", iter([0, 0.5, 2]).__next__)
    result = pipeline.run("pause", "--timeout", "1")
    assert result.exit_code == 1
    assert "still Disabling after 1 s, wanted: Disabled" in result.stderr


def test_a_pause_is_refused_where_s3_invokes_the_function_itself(pipeline):
    function = pipeline.outputs["data_processor_lambda_arn"]
    target = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    pipeline.s3.put_bucket_notification_configuration(
        Bucket=RAW,
        NotificationConfiguration={"LambdaFunctionConfigurations": [target]},
        SkipDestinationValidation=True,
    )
    result = pipeline.run("pause")
    assert result.exit_code == 1
    assert "set processingQueue to true" in result.stderr
    assert mapping()["State"] == "Enabled"
    assert pipeline.run("resume").exit_code == 0  # of a pause before the mode was changed


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_queue_that_nothing_polls_is_a_problem(pipeline, command):
    client("lambda").delete_event_source_mapping(UUID=mapping()["UUID"])
    result = pipeline.run(command)
    assert result.exit_code == 1
    assert "no event source mapping polls the processing queue" in result.stderr
    found = told(pipeline, 1)
    assert found["polling"] is None
    assert [*found["attention"]] == [
        "nothing polls the processing queue: `pulumi up` makes its mapping again"
    ]


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_dry_run_changes_nothing(pipeline, command):
    before = mapping()
    assert pipeline.run(command, "--dry-run").exit_code == 0
    assert mapping() == before


def test_a_mapping_of_another_function_is_none_of_ours(pipeline):
    uuid = mapping()["UUID"]
    client("lambda").update_event_source_mapping(UUID=uuid, FunctionName="data-archiver")
    assert pipeline.run("pause").exit_code == 1
    assert mapping()["State"] == "Enabled"


def test_of_several_mappings_all_are_paused_and_resumed(pipeline):
    functions, function = client("lambda"), pipeline.outputs["data_processor_lambda_arn"]
    version = functions.publish_version(FunctionName=function)["Version"]
    functions.create_alias(FunctionName=function, Name="newest", FunctionVersion=version)
    functions.create_event_source_mapping(
        EventSourceArn=mapping()["EventSourceArn"], FunctionName=f"{function}:newest"
    )

    def states() -> list[str]:
        found = functions.list_event_source_mappings()["EventSourceMappings"]
        return [one["State"] for one in found]

    assert pipeline.run("pause").exit_code == 0
    assert states() == ["Disabled", "Disabled"]
    assert told(pipeline, 1)["polling"]["state"] == "Disabled"
    for one in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=one["UUID"], Enabled=True)
        time.sleep(mappings.change_seconds)
        assert told(pipeline, 0)["attention"] == []  # one polls, so that no file waits
        functions.update_event_source_mapping(UUID=one["UUID"], Enabled=False)
        time.sleep(mappings.change_seconds)
    assert pipeline.run("resume").exit_code == 0
    assert states() == ["Enabled", "Enabled"]
