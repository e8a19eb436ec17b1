"""`status`: what is counted, and when it calls for a person."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.files.objects import StoredObject


def told(pipeline: Any, *words: str, code: int = 0) -> dict[str, Any]:
    result = pipeline.run("status", "--json", *words)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_an_empty_pipeline_is_well(pipeline):
    found = told(pipeline)
    assert found["attention"] == []
    assert found["incoming"] == {"objects": 0, "size": 0, "oldest_seconds": None}
    assert found["alarms"] == []


def test_everything_is_counted(pipeline):
    pipeline.put("incoming/a.csv", b"1234")
    pipeline.put("incoming/b.csv", b"12")
    pipeline.complete("incoming/c.csv", b"123456")
    pipeline.put("processed/2020/01/01/old.json", b"{}", "pipeline-processed")
    pipeline.put("archive/2020/01/01/x.json", b"123", "pipeline-archive")
    work = pipeline.outputs["processing_queue_url"]
    for _ in range(3):
        pipeline.sqs.send_message(QueueUrl=work, MessageBody="{}")
    pipeline.sqs.receive_message(QueueUrl=work)
    found = told(pipeline)
    assert (found["incoming"]["objects"], found["incoming"]["size"]) == (2, 6)
    assert 0 <= found["incoming"]["oldest_seconds"] < 60
    assert found["processed_today"]["objects"] == 1
    assert (found["completed"]["objects"], found["completed"]["size"]) == (1, 6)
    assert (found["archived"]["objects"], found["archived"]["size"]) == (1, 3)
    assert (found["queue"]["waiting"], found["queue"]["in_flight"]) == (2, 1)


def test_a_version_that_was_overwritten_before_it_was_processed_still_waits(pipeline):
    for _ in range(3):
        pipeline.put("incoming/a.csv", b"12")
    pipeline.s3.delete_object(Bucket="pipeline-raw", Key="incoming/a.csv")
    assert told(pipeline)["incoming"]["objects"] == 3


def test_the_oldest_of_what_waits_gives_the_age(pipeline, monkeypatch):
    now = datetime.now(UTC)
    waiting = [
        StoredObject(
            key=f"incoming/{hours}.csv",
            version=str(hours),
            size=1,
            modified=now - timedelta(hours=hours),
            latest=True,
        )
        for hours in (1, 3, 2)
    ]
    monkeypatch.setattr("ops.files.objects.versions", lambda *_: iter(waiting))
    assert told(pipeline)["incoming"]["oldest_seconds"] == pytest.approx(3 * 3600, abs=60)


@pytest.mark.parametrize(
    ("queue", "name"), [("dlq_url", "processor"), ("archiver_dlq_url", "archiver")]
)
def test_a_dead_letter_needs_a_person(pipeline, queue, name):
    pipeline.dead_letter(queue=queue)
    found = told(pipeline, code=1)
    assert found["dead_letters"][name]["waiting"] == 1
    assert found["attention"] == [f"dead letters of the {name}: 1, see `failures`"]
    assert f"needs a person: dead letters of the {name}: 1" in pipeline.run("status").stdout


@pytest.mark.parametrize(
    ("queue", "name"), [("dlq_url", "processor"), ("archiver_dlq_url", "archiver")]
)
def test_a_dead_letter_that_another_reader_holds_needs_a_person_too(pipeline, queue, name):
    pipeline.dead_letter(queue=queue)
    pipeline.sqs.receive_message(QueueUrl=pipeline.outputs[queue])
    found = told(pipeline, code=1)
    state = found["dead_letters"][name]
    assert (state["waiting"], state["in_flight"]) == (0, 1)
    assert found["attention"] == [
        f"dead letters of the {name}: 1 (1 in flight, held by another reader), see `failures`"
    ]


def alarm(pipeline: Any, name: str, state: str, topic: str | None = None) -> None:
    pipeline.cloudwatch.put_metric_alarm(
        AlarmName=name,
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="Errors",
        Namespace="AWS/Lambda",
        Period=60,
        Statistic="Sum",
        Threshold=0,
        AlarmActions=[topic or pipeline.outputs["alarm_topic_arn"]],
    )
    pipeline.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")


def test_only_alarms_that_ring_and_tell_this_stacks_topic_count(pipeline):
    alarm(pipeline, "quiet", "OK")
    alarm(pipeline, "other-stack", "ALARM", "arn:aws:sns:eu-central-1:123456789012:other")
    assert told(pipeline)["alarms"] == []
    alarm(pipeline, "dead-letters", "ALARM")
    found = told(pipeline, code=1)
    assert found["alarms"] == ["dead-letters"]
    assert found["attention"] == ["alarm: dead-letters"]


def test_outputs_without_topic_and_archiver_queue_are_enough(pipeline):
    del pipeline.outputs["archiver_dlq_url"], pipeline.outputs["alarm_topic_arn"]
    found = told(pipeline)
    assert list(found["dead_letters"]) == ["processor"]
    assert found["alarms"] is None
    assert "unknown" in pipeline.run("status").stdout


def test_quick_leaves_out_what_grows_with_the_years(pipeline):
    pipeline.complete("incoming/c.csv")
    found = told(pipeline, "--quick")
    assert (found["completed"], found["archived"]) == (None, None)
    assert found["processed_today"]["objects"] == 1


def test_the_age_of_the_oldest_message_is_the_metrics_latest_point(pipeline):
    now = datetime.now(UTC)
    for minutes, seconds in ((9, 900), (2, 120)):
        datum = {
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": "pipeline-work"}],
            "Timestamp": now - timedelta(minutes=minutes),
            "Value": seconds,
        }
        pipeline.cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=[datum])
    assert told(pipeline)["queue"]["oldest_seconds"] == 120
    assert "the oldest 2 min" in pipeline.run("status").stdout


def test_more_objects_than_a_page_are_all_counted(pipeline, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "4")
    for number in range(11):
        pipeline.put(f"completed/{number}.csv", b"12")
        pipeline.put(f"incoming/{number}.csv", b"1")
    found = told(pipeline)
    assert (found["completed"]["objects"], found["completed"]["size"]) == (11, 22)
    assert found["incoming"]["objects"] == 11
