"""Dead letters from the command line: listed, sent back, thrown away."""

import errno
import json
import os
import stat
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from handlers import keys
from handlers.invocation import attempts
from local.triggers.sqs_event import batch_event
from ops.commands.dead_letters import redrive
from ops.dead_letters.envelopes import parse
from ops.dead_letters.messages import DeadLetter, Queue, distinct
from ops.dead_letters.pace import Pace


def listed(pipeline: Any, *words: str) -> list[dict[str, Any]]:
    result = pipeline.run("failures", "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def s3_event(key: str, version: str, bucket: str = "pipeline-raw") -> str:
    described = {"key": key.replace(" ", "+"), "versionId": version}
    return json.dumps({"Records": [{"s3": {"bucket": {"name": bucket}, "object": described}}]})


def test_a_dead_letter_of_the_processor_says_what_failed_where_and_why(pipeline):
    message = pipeline.dead_letter("incoming/märz 1+2.csv", "v7", reason="ragged row")
    [dead_letter] = listed(pipeline)
    assert dead_letter["message_id"] == message
    assert (dead_letter["key"], dead_letter["version"]) == ("incoming/märz 1+2.csv", "v7")
    assert (dead_letter["reason"], dead_letter["place"], dead_letter["kind"]) == (
        "ragged row", "line 3", "permanent",
    )  # fmt: skip
    assert dead_letter["queue"] == "processor"
    assert dead_letter["logs"] is None
    assert dead_letter["attempts"] is None  # the queue's receives are of what SQS moved


def test_listing_takes_nothing_and_hides_nothing(pipeline):
    for number in range(25):
        pipeline.dead_letter(f"incoming/{number}.csv", f"v{number}")
    assert len(listed(pipeline)) == 25
    assert len(pipeline.bodies("dlq_url")) == 25


def test_dead_letters_stay_visible_when_reading_is_interrupted(pipeline, monkeypatch):
    pipeline.dead_letter()
    monkeypatch.setattr("ops.dead_letters.listing.parse", interrupted)
    result = pipeline.run("failures")
    assert result.exit_code not in (0, 2)
    assert len(pipeline.bodies("dlq_url")) == 1


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_dead_letter_that_sqs_moved_names_its_receives_and_the_logs(pipeline):
    work, body = pipeline.outputs["processing_queue_url"], s3_event("incoming/big.json", "v1")
    pipeline.sqs.send_message(QueueUrl=work, MessageBody=body)
    for _ in range(4):  # the fourth receive finds the limit of 3 reached and moves it
        pipeline.sqs.receive_message(QueueUrl=work, VisibilityTimeout=0)
    [dead_letter] = listed(pipeline)
    assert (dead_letter["key"], dead_letter["attempts"], dead_letter["reason"]) == (
        "incoming/big.json",
        3,
        None,
    )
    assert dead_letter["kind"] == "killed, timed out or not started"
    assert dead_letter["logs"].startswith(
        "aws logs tail data-logs-processor --region eu-central-1 --since "
    )
    assert "incoming/big.json" in dead_letter["logs"]
    assert dead_letter["logs"] in pipeline.run("failures").stdout


def test_the_logs_of_a_function_without_a_group_of_its_own_are_in_lambdas(pipeline):
    pipeline.dead_letter(None, None, reason=None, queue="archiver_dlq_url", body='{"time": "2024"}')
    [dead_letter] = listed(pipeline)
    assert dead_letter["logs"].startswith("aws logs tail data-logs-archiver ")


def test_the_logs_of_the_local_pipeline_are_what_it_prints(pipeline):
    pipeline.dead_letter(None, None, reason=None, queue="archiver_dlq_url", body='{"time": "2024"}')
    pipeline.outputs["endpoint_url"] = "https://sqs.eu-central-1.amazonaws.com"
    [dead_letter] = listed(pipeline)
    assert dead_letter["logs"] == "see what `python -m local serve` printed"


def test_a_dead_letter_of_lambda_after_an_asynchronous_call(pipeline):
    pipeline.dead_letter(
        "incoming/a.csv", "v1", reason=None, RequestID="r-1", ErrorCode="200",
        ErrorMessage="Task timed out after 300.00 seconds",
    )  # fmt: skip
    [dead_letter] = listed(pipeline)
    assert dead_letter["reason"] == "Task timed out after 300.00 seconds"
    assert (dead_letter["key"], dead_letter["kind"]) == ("incoming/a.csv", "200")


def test_a_dead_letter_of_an_on_failure_destination(pipeline):
    body = {
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": {"time": "2024-01-15T02:00:00Z"},
        "responsePayload": {"errorMessage": "Access Denied", "errorType": "AccessDeniedError"},
    }
    pipeline.dead_letter(reason=None, queue="archiver_dlq_url", body=json.dumps(body))
    [dead_letter] = listed(pipeline)
    assert (dead_letter["queue"], dead_letter["reason"]) == ("archiver", "Access Denied")
    assert (dead_letter["kind"], dead_letter["attempts"], dead_letter["key"]) == (
        "AccessDeniedError",
        3,
        None,
    )


def test_a_dead_letter_of_the_schedule_that_could_not_deliver(pipeline):
    pipeline.dead_letter(
        reason=None, queue="archiver_dlq_url", body='{"time":"2024-01-15T02:00:00Z"}',
        ERROR_CODE="AccessDenied", ERROR_MESSAGE="not allowed to invoke", RETRY_ATTEMPTS="2",
    )  # fmt: skip
    [dead_letter] = listed(pipeline)
    assert (dead_letter["reason"], dead_letter["attempts"]) == ("not allowed to invoke", 3)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(json.dumps({"key": "incoming/a b.csv", "version_id": "v1"}), id="direct call"),
        pytest.param(
            json.dumps({"Type": "Notification", "Message": s3_event("incoming/a b.csv", "v1")}),
            id="SNS",
        ),
        pytest.param(
            json.dumps(
                {
                    "source": "aws.s3",
                    "detail": {
                        "bucket": {"name": "pipeline-raw"},
                        "object": {"key": "incoming/a b.csv", "version-id": "v1"},
                    },
                }
            ),
            id="EventBridge",
        ),
    ],
)
def test_every_envelope_that_the_processor_takes_names_its_file(pipeline, body):
    pipeline.dead_letter(reason=None, body=body)
    [dead_letter] = listed(pipeline)
    assert (dead_letter["key"], dead_letter["version"]) == ("incoming/a b.csv", "v1")


@pytest.mark.parametrize("body", ["no json \x85 at all", "[1,2]", '{"Records":[{"s3":{}}]}', "{}"])
def test_a_malformed_body_is_shown_raw(pipeline, body):
    pipeline.dead_letter(reason=None, body=body)
    [dead_letter] = listed(pipeline)
    assert (dead_letter["body"], dead_letter["key"], dead_letter["kind"]) == (
        body,
        None,
        "unreadable",
    )
    shown = pipeline.run("failures").stdout
    assert f"body of {dead_letter['message_id']}: {body[:7]}" in shown


def test_a_long_malformed_body_is_cut_on_the_screen(pipeline):
    pipeline.dead_letter(reason=None, body="x" * 5000)
    shown = pipeline.run("failures").stdout
    assert "x" * 200 + "…" in shown
    assert "x" * 201 not in shown


def test_the_attributes_name_the_file_where_the_body_does_not(pipeline):
    pipeline.dead_letter(
        body='{"Records":[]}',
        **{keys.DEAD_LETTER_KEY: "incoming/a.csv", keys.DEAD_LETTER_VERSION: "v2"},
    )
    [dead_letter] = listed(pipeline)
    assert (dead_letter["key"], dead_letter["version"]) == ("incoming/a.csv", "v2")


def test_of_the_dead_letters_of_one_version_the_newest_is_shown():
    def dead_letter(sent: int, reason: str) -> DeadLetter:
        attribute = {"DataType": "String", "StringValue": reason}
        message = {
            "MessageId": reason,
            "Body": s3_event("incoming/a.csv", "v1"),
            "Attributes": {"SentTimestamp": str(sent)},
            "MessageAttributes": {keys.REASON: attribute},
        }
        return parse(message, Queue.PROCESSOR, max_receives=None)

    sent = [dead_letter(2_000, "first"), dead_letter(9_000, "last"), dead_letter(4_000, "between")]
    [(shown, count)] = distinct(sent)
    assert (shown.reason, count) == ("last", 3)


def test_a_limit_counts_versions(pipeline):
    for _ in range(12):  # more than one receive
        pipeline.dead_letter("incoming/a.csv", "v1")
    pipeline.dead_letter("incoming/b.csv", "v2")
    assert {dead_letter["version"] for dead_letter in listed(pipeline, "--limit", "2")} == {
        "v1",
        "v2",
    }
    assert len(listed(pipeline, "--limit", "1")) == 1


def test_a_dead_letter_of_several_files_is_chosen_by_any_of_them(pipeline):
    first, second = (json.loads(s3_event(f"incoming/{name}.csv", name)) for name in "ab")
    body = json.dumps({"Records": first["Records"] + second["Records"]})
    pipeline.dead_letter(reason=None, body=body)
    assert pipeline.run("redrive", "--key", "incoming/b*", "--yes").exit_code == 0
    assert pipeline.bodies("processing_queue_url") == [body]
    assert pipeline.bodies("dlq_url") == []


def test_dead_letters_of_one_version_are_one_line_with_a_count(pipeline):
    for _ in range(3):
        pipeline.dead_letter("incoming/a.csv", "v1")
    pipeline.dead_letter("incoming/a.csv", "v2")
    assert [(one["version"], one["count"]) for one in listed(pipeline)] == [("v1", 3), ("v2", 1)]


def test_the_limit_bounds_the_lines(pipeline):
    for number in range(12):
        pipeline.dead_letter(f"incoming/{number}.csv", "v1")
    assert len(listed(pipeline, "--limit", "4")) == 4
    assert len(pipeline.bodies("dlq_url")) == 12


def test_control_characters_of_a_reason_do_not_reach_the_terminal(pipeline):
    pipeline.dead_letter(reason="tab\there \u202e evil")
    shown = pipeline.run("failures").stdout
    assert "tab\\there \\u202e evil" in shown


def test_redrive_sends_back_what_is_selected_and_leaves_the_rest(pipeline):
    pipeline.dead_letter("incoming/sales/a.csv", "v1")
    pipeline.dead_letter("incoming/sales/b.csv", "v2")
    pipeline.dead_letter("incoming/stock/c.csv", "v3")
    result = pipeline.run("redrive", "--key", "incoming/sales/*.csv", "--yes")
    assert result.exit_code == 0, result.output
    sent = pipeline.bodies("processing_queue_url")
    assert sorted(map(version_of, sent)) == ["v1", "v2"]
    assert list(map(version_of, pipeline.bodies("dlq_url"))) == ["v3"]


def test_what_is_redriven_says_so(pipeline):
    """The processor then looks first for what was made of the file before."""
    pipeline.dead_letter("incoming/a.csv", "v1")
    assert pipeline.run("redrive", "--all", "--yes").exit_code == 0
    queue = pipeline.outputs["processing_queue_url"]
    answer = pipeline.sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])
    (record,) = batch_event(answer["Messages"], "arn:aws:sqs:eu-west-1:123456789012:q")["Records"]
    record["attributes"] = {"ApproximateReceiveCount": "1"}
    attempt = attempts.read_attempt(record, now=datetime.now(UTC))
    assert attempt.may_be_repeated(None)


def version_of(body: str) -> str:
    return json.loads(body)["Records"][0]["s3"]["object"]["versionId"]


@pytest.mark.parametrize("words", [("--version", "v2"), ("--all",)])
def test_redrive_by_version_and_all(pipeline, words):
    pipeline.dead_letter("incoming/a.csv", "v1")
    pipeline.dead_letter("incoming/a.csv", "v2")
    assert pipeline.run("redrive", *words, "--yes").exit_code == 0
    sent = sorted(map(version_of, pipeline.bodies("processing_queue_url")))
    assert sent == (["v2"] if "v2" in words else ["v1", "v2"])


def test_redrive_sends_duplicates_once_and_clears_them_all(pipeline):
    for _ in range(3):
        pipeline.dead_letter("incoming/a.csv", "v1")
    assert pipeline.run("redrive", "--all", "--yes").exit_code == 0
    assert len(pipeline.bodies("processing_queue_url")) == 1
    assert pipeline.bodies("dlq_url") == []


def test_redrive_of_many_dead_letters(pipeline):
    for number in range(37):
        pipeline.dead_letter(f"incoming/{number}.csv", f"v{number}")
    result = pipeline.run("redrive", "--all", "--yes")
    assert "sent back: 37" in result.stdout
    assert len(pipeline.bodies("processing_queue_url")) == 37
    assert pipeline.bodies("dlq_url") == []


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("--reason", "SLOW"), ["v1"]),
        (("--reason", "slow", "--reason", "killed"), ["v1", "v3"]),
        (("--kind", "permanent"), ["v1", "v2"]),
        (("--kind", "permanent", "--reason", "ragged"), ["v2"]),
        (("--reason", "killed", "--older-than", "0s", "--newer-than", "1h"), ["v3"]),
        (("--key", "incoming/*.csv", "--version", "v2"), ["v2"]),
    ],
)
def test_redrive_by_reason_kind_and_age(pipeline, words, sent):
    pipeline.dead_letter("incoming/a.csv", "v1", reason="S3 says SlowDown")
    pipeline.dead_letter("incoming/b.csv", "v2", reason="ragged row")
    pipeline.dead_letter("incoming/c.csv", "v3", reason=None)
    listed_before = [one["version"] for one in listed(pipeline, *words)]
    assert sorted(listed_before) == sent  # `failures` takes the same options
    assert pipeline.run("redrive", *words, "--yes").exit_code == 0
    assert sorted(map(version_of, pipeline.bodies("processing_queue_url"))) == sent
    left = sorted(map(version_of, pipeline.bodies("dlq_url")))
    assert left == sorted({"v1", "v2", "v3"} - set(sent))


def test_an_age_that_none_has_selects_none(pipeline):
    pipeline.dead_letter("incoming/a.csv", "v1")
    assert pipeline.run("redrive", "--older-than", "1h", "--yes").exit_code == 1
    assert len(pipeline.bodies("dlq_url")) == 1
    wrong = pipeline.run("redrive", "--older-than", "yesterday", "--yes")
    assert wrong.exit_code == 2
    assert "--older-than is 'yesterday', allowed" in wrong.stderr


def test_redrive_keeps_to_its_rate(pipeline, monkeypatch):
    now = [0.0]
    sent_at: dict[str, float] = {}
    original = BaseClient._make_api_call

    def timed(self, operation, parameters):
        if operation == "SendMessageBatch":
            assert len(parameters["Entries"]) <= 4
            sent_at.update((one["MessageBody"], now[0]) for one in parameters["Entries"])
        return original(self, operation, parameters)

    for number in range(13):
        pipeline.dead_letter(f"incoming/{number}.csv", f"v{number}")
    monkeypatch.setattr(
        redrive,
        "Pace",
        partial(
            Pace, clock=lambda: now[0], pause=lambda seconds: now.__setitem__(0, now[0] + seconds)
        ),
    )
    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", timed)
        assert pipeline.run("redrive", "--all", "--rate", "4", "--yes").exit_code == 0
    assert sorted(sent_at.values()) == [*[0] * 4, *[1] * 4, *[2] * 2, *[2.5] * 3]
    assert pipeline.bodies("dlq_url") == []


@pytest.mark.parametrize("operation", ["SendMessageBatch", "DeleteMessageBatch"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_redrive_can_be_stopped_at_any_call_and_goes_on(pipeline, monkeypatch, operation, when):
    for number in range(25):
        pipeline.dead_letter(f"incoming/{number}.csv", f"v{number}")
    original = BaseClient._make_api_call
    calls = 0

    def stopping(self, name, parameters):
        nonlocal calls
        calls += name == operation
        if name == operation and calls == 2 and when == "before":
            raise KeyboardInterrupt
        answer = original(self, name, parameters)
        if name == operation and calls == 2:
            raise KeyboardInterrupt
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", stopping)
        stopped = pipeline.run("redrive", "--all", "--yes")
    assert stopped.exit_code == 1
    assert "sent back: 10" in stopped.stdout
    assert "the same command goes on" in stopped.stderr
    sent = list(map(version_of, pipeline.bodies("processing_queue_url")))
    left = list(map(version_of, pipeline.bodies("dlq_url")))
    every = {f"v{number}" for number in range(25)}
    assert set(sent) | set(left) == every  # and none is hidden
    assert len(set(sent) & set(left)) <= 10
    assert pipeline.run("redrive", "--all", "--yes").exit_code == 0
    assert pipeline.bodies("dlq_url") == []
    assert set(map(version_of, pipeline.bodies("processing_queue_url"))) == every


def test_a_pass_that_misses_some_is_followed_by_another(pipeline, monkeypatch):
    for number in range(25):
        pipeline.dead_letter(f"incoming/{number}.csv", f"v{number}")
    original = BaseClient._make_api_call
    receives = 0

    def missing(self, operation, parameters):
        nonlocal receives
        receives += operation == "ReceiveMessage"
        if operation == "ReceiveMessage" and receives in {5, 7}:
            return {}  # as where all that is left is hidden
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", missing)
        assert pipeline.run("redrive", "--all", "--yes").exit_code == 0
    assert pipeline.bodies("dlq_url") == []


def test_redrive_of_a_dead_letter_that_lambda_wrote_goes_through_the_queue_too(pipeline):
    pipeline.dead_letter("incoming/a.csv", "v1", reason=None, ErrorMessage="died", ErrorCode="200")
    assert pipeline.run("redrive", "--all", "--yes").exit_code == 0
    assert list(map(version_of, pipeline.bodies("processing_queue_url"))) == ["v1"]
    assert (pipeline.calls, pipeline.bodies("dlq_url")) == ([], [])


def test_redrive_of_the_archivers_dead_letter_runs_the_archiver_with_its_time(pipeline):
    request = {"time": "2024-01-15T02:00:00Z"}
    body = json.dumps({"requestContext": {}, "requestPayload": request, "responsePayload": None})
    pipeline.dead_letter(reason=None, queue="archiver_dlq_url", body=body)
    assert pipeline.run("redrive", "--all", "--yes").exit_code == 0
    [call] = pipeline.calls
    assert (call.function, call.kind, call.payload) == ("data-archiver", "Event", request)
    assert pipeline.bodies("archiver_dlq_url") == []


def test_redrive_never_sends_what_it_cannot_read(pipeline):
    message = pipeline.dead_letter(reason=None, body="broken")
    pipeline.dead_letter("incoming/a.csv", "v1")
    result = pipeline.run("redrive", "--all", "--yes")
    assert result.exit_code == 1
    assert message in result.stderr
    assert pipeline.bodies("dlq_url") == ["broken"]
    assert list(map(version_of, pipeline.bodies("processing_queue_url"))) == ["v1"]


def test_a_crash_between_send_and_delete_duplicates_and_loses_nothing(pipeline, monkeypatch):
    pipeline.dead_letter("incoming/a.csv", "v1")
    original = BaseClient._make_api_call

    def dying(self, operation, parameters):
        if operation == "DeleteMessageBatch":
            raise ClientError({"Error": {"Code": "InternalError", "Message": ""}}, operation)
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", dying)
        assert pipeline.run("redrive", "--all", "--yes").exit_code == 1
    assert len(pipeline.bodies("processing_queue_url")) == 1
    assert len(pipeline.bodies("dlq_url")) == 1


def test_a_dead_letter_that_the_queue_refuses_stays(pipeline, monkeypatch):
    pipeline.dead_letter("incoming/a.csv", "v1")
    pipeline.dead_letter("incoming/b.csv", "v2")
    original = BaseClient._make_api_call

    def refusing(self, operation, parameters):
        if operation != "SendMessageBatch":
            return original(self, operation, parameters)
        accepted = [one for one in parameters["Entries"] if '"v1"' in one["MessageBody"]]
        return original(self, operation, {**parameters, "Entries": accepted})

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", refusing)
        result = pipeline.run("redrive", "--all", "--yes")
    assert result.exit_code == 1
    assert "not accepted, stays" in result.stderr
    assert list(map(version_of, pipeline.bodies("dlq_url"))) == ["v2"]


def test_large_dead_letters_are_sent_in_batches_that_every_region_takes(pipeline, monkeypatch):
    for number in range(8):
        event = json.loads(s3_event(f"incoming/{number}.csv", f"v{number}"))
        pipeline.dead_letter(reason=None, body=json.dumps({**event, "padding": "x" * 100_000}))
    original = BaseClient._make_api_call
    weights: list[int] = []

    def weighing(self, operation, parameters):
        if operation == "SendMessageBatch":
            entries = parameters["Entries"]
            weights.append(sum(len(one["MessageBody"].encode()) for one in entries))
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", weighing)
        assert pipeline.run("redrive", "--all", "--yes").exit_code == 0
    assert len(pipeline.bodies("processing_queue_url")) == 8
    assert max(weights) <= 256 * 1024
    assert len(weights) == 4


def test_why_sqs_refuses_a_dead_letter_is_told(pipeline, monkeypatch):
    message = pipeline.dead_letter("incoming/a.csv", "v1")
    original = BaseClient._make_api_call

    def refusing(self, operation, parameters):
        if operation != "SendMessageBatch":
            return original(self, operation, parameters)
        return {"Failed": [{"Id": "0", "Code": "InternalError", "Message": "try later"}]}

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", refusing)
        result = pipeline.run("redrive", "--all", "--yes")
    assert result.exit_code == 1
    assert f"{message}: not accepted, stays: InternalError: try later" in result.stderr
    assert list(map(version_of, pipeline.bodies("dlq_url"))) == ["v1"]


@pytest.mark.parametrize(("command", "done"), [("redrive", "sent back"), ("discard", "deleted")])
def test_a_dead_letter_that_sqs_does_not_delete_is_told(pipeline, monkeypatch, command, done):
    names = {f"v{one}": pipeline.dead_letter(f"incoming/{one}.csv", f"v{one}") for one in range(3)}
    original = BaseClient._make_api_call

    def keeping(self, operation, parameters):
        if operation != "DeleteMessageBatch":
            return original(self, operation, parameters)
        first, *others = parameters["Entries"]
        original(self, operation, {**parameters, "Entries": others})
        return {"Failed": [{"Id": first["Id"], "Code": "InternalError", "SenderFault": False}]}

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", keeping)
        result = pipeline.run(command, "--all", "--yes")
    assert result.exit_code == 1
    assert f"{done}: 2" in result.stdout
    [left] = map(version_of, pipeline.bodies("dlq_url"))
    assert f"{names[left]}: sent or saved, but not deleted" in result.stderr


@pytest.mark.parametrize("command", ["redrive", "discard"])
def test_a_dry_run_prints_each_step_and_changes_nothing(pipeline, command):
    message = pipeline.dead_letter("incoming/a.csv", "v1")
    result = pipeline.run(command, "--all", "--dry-run")
    assert result.exit_code == 0
    steps = [line for line in result.stdout.splitlines() if line.startswith("would")]
    assert len(steps) == (2 if command == "redrive" else 3)
    assert f"would delete {message} from {pipeline.outputs['dlq_url']}" in steps[-1]
    assert len(pipeline.bodies("dlq_url")) == 1
    assert pipeline.bodies("processing_queue_url") == []
    assert not list(Path.cwd().glob("dead-letters-*"))


@pytest.mark.parametrize("command", ["redrive", "discard"])
def test_a_no_changes_nothing(pipeline, command):
    pipeline.dead_letter()
    assert pipeline.run(command, "--all", answer="n\n").exit_code == 1
    assert len(pipeline.bodies("dlq_url")) == 1
    assert pipeline.bodies("processing_queue_url") == []


@pytest.mark.parametrize("words", [(), ("--all", "--key", "*")])
def test_which_dead_letters_must_be_said_once(pipeline, words):
    result = pipeline.run("redrive", *words, "--yes")
    assert result.exit_code == 2
    assert "--all alone" in result.stderr


def test_naming_a_dead_letter_that_is_not_there_fails(pipeline):
    pipeline.dead_letter("incoming/a.csv", "v1")
    assert pipeline.run("redrive", "--version", "v9", "--yes").exit_code == 1
    assert pipeline.run("redrive", "--key", "incoming/A.csv", "--yes").exit_code == 1
    assert len(pipeline.bodies("dlq_url")) == 1


def test_all_of_none_is_well(pipeline):
    assert pipeline.run("redrive", "--all", "--yes").exit_code == 0
    assert listed(pipeline) == []


def test_discard_deletes_after_writing_to_a_file(pipeline, tmp_path):
    message = pipeline.dead_letter(reason=None, body="broken")
    pipeline.dead_letter("incoming/a.csv", "v1")
    file = tmp_path / "kept.ndjson"
    result = pipeline.run("discard", "--message", message, "--save", str(file), "--yes")
    assert result.exit_code == 0, result.output
    [kept] = [json.loads(line) for line in file.read_text().splitlines()]
    assert (kept["message_id"], kept["body"]) == (message, "broken")
    assert list(map(version_of, pipeline.bodies("dlq_url"))) == ["v1"]


def test_discard_names_its_file_itself(pipeline, tmp_path):
    pipeline.dead_letter("incoming/a.csv", "v1")
    assert pipeline.run("discard", "--all", "--yes").exit_code == 0
    [file] = tmp_path.glob("dead-letters-*.ndjson")
    assert json.loads(file.read_text())["version"] == "v1"
    assert pipeline.bodies("dlq_url") == []


def test_discard_never_writes_over_a_file(pipeline, tmp_path):
    pipeline.dead_letter()
    file = tmp_path / "kept.ndjson"
    file.write_text("older dead letters")
    result = pipeline.run("discard", "--all", "--save", str(file), "--yes")
    assert result.exit_code == 2
    assert file.read_text() == "older dead letters"
    assert len(pipeline.bodies("dlq_url")) == 1


@pytest.mark.parametrize("words", [("failures",), ("failures", "--json")])
@pytest.mark.parametrize(
    ("queue", "name"), [("dlq_url", "processor"), ("archiver_dlq_url", "archiver")]
)
def test_dead_letters_that_another_reader_holds_are_counted(pipeline, words, queue, name):
    for number in range(3):
        pipeline.dead_letter(f"incoming/{number}.csv", f"v{number}", queue=queue)
    pipeline.sqs.receive_message(QueueUrl=pipeline.outputs[queue], MaxNumberOfMessages=3)
    result = pipeline.run(*words)
    assert result.exit_code == 0, result.output
    assert "no dead letters" not in result.stdout
    assert f"dead letters of the {name}, in flight: 3; another reader holds them" in result.stderr


@pytest.mark.parametrize("command", ["redrive", "discard"])
def test_all_of_what_another_reader_holds_is_not_all_well(pipeline, command):
    pipeline.dead_letter()
    pipeline.sqs.receive_message(QueueUrl=pipeline.outputs["dlq_url"])
    result = pipeline.run(command, "--all", "--yes")
    assert result.exit_code == 1, result.output
    assert "another reader holds them" in result.stderr


def test_show_says_that_a_dead_letter_may_be_held(pipeline):
    pipeline.complete("incoming/a.csv")
    pipeline.dead_letter("incoming/a.csv", "v1")
    pipeline.sqs.receive_message(QueueUrl=pipeline.outputs["dlq_url"])
    assert "another reader holds them" in pipeline.run("show", "incoming/a.csv").stderr


def test_nobody_holds_a_dead_letter_that_was_only_listed(pipeline):
    pipeline.dead_letter()
    for _ in range(2):
        assert "another reader" not in pipeline.run("failures").stderr


def on_disk(file: Path) -> list[str]:
    return [json.loads(line)["version"] for line in file.read_bytes().splitlines()]


def test_a_dead_letter_is_on_disk_before_it_is_deleted(pipeline, tmp_path, monkeypatch):
    for number in range(23):
        pipeline.dead_letter(f"incoming/{number}.csv", f"v{number}")
    file = tmp_path / "kept.ndjson"
    original, sync = BaseClient._make_api_call, os.fsync
    synced: list[int] = []  # the bytes of the file at each moment that the disk had them all
    folders: list[int] = []  # whose lists of names the disk has
    deleted: list[int] = []  # dead letters of each deletion

    def syncing(handle: int) -> None:
        sync(handle)
        if stat.S_ISREG(os.fstat(handle).st_mode):
            synced.append(os.fstat(handle).st_size)
        elif file.exists():
            folders.append(os.fstat(handle).st_ino)

    def deleting(self, operation, parameters):
        if operation == "DeleteMessageBatch":
            deleted.append(len(parameters["Entries"]))
            assert synced[-1:] == [file.stat().st_size]
            assert folders == [tmp_path.stat().st_ino]
            assert len(on_disk(file)) == sum(deleted)
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", syncing)
        patch.setattr(BaseClient, "_make_api_call", deleting)
        assert pipeline.run("discard", "--all", "--save", str(file), "--yes").exit_code == 0
    assert pipeline.bodies("dlq_url") == []
    assert sum(deleted) == len(set(on_disk(file))) == 23


def test_discard_that_dies_at_the_deletion_has_the_dead_letters_on_disk(
    pipeline, tmp_path, monkeypatch
):
    pipeline.dead_letter("incoming/a.csv", "v1")
    file = tmp_path / "kept.ndjson"
    original = BaseClient._make_api_call
    seen: list[list[str]] = []

    def dying(self, operation, parameters):
        if operation == "DeleteMessageBatch":
            seen.append(on_disk(file))
            raise KeyboardInterrupt
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", dying)
        assert pipeline.run("discard", "--all", "--save", str(file), "--yes").exit_code != 0
    assert seen == [["v1"]]
    assert len(pipeline.bodies("dlq_url")) == 1


def test_a_full_disk_deletes_nothing_that_is_not_on_it(pipeline, tmp_path, monkeypatch):
    for number in range(12):
        pipeline.dead_letter(f"incoming/{number}.csv", f"v{number}")
    file, sync, calls = tmp_path / "kept.ndjson", os.fsync, iter(range(9))

    def full(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode) and next(calls):
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        result = pipeline.run("discard", "--all", "--save", str(file), "--yes")
    assert result.exit_code == 1
    assert f"{file} cannot be written (No space left on device)" in result.stderr
    left = list(map(version_of, pipeline.bodies("dlq_url")))
    assert len(left) == 2
    assert set(on_disk(file)) | set(left) == {f"v{number}" for number in range(12)}


def tags_of(pipeline, key, version):
    place = {"Bucket": "pipeline-raw", "Key": key, "VersionId": version}
    found = pipeline.s3.get_object_tagging(**place)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


def test_discard_marks_the_version_and_keeps_its_other_tags(pipeline):
    key = "incoming/a.csv"
    first = pipeline.put(key, Tagging="team=blue")
    second = pipeline.put(key)
    pipeline.dead_letter(key, first)
    assert pipeline.run("discard", "--all", "--yes").exit_code == 0
    mark = {keys.DISCARDED_TAG: keys.discarded_mark(key, first)}
    assert tags_of(pipeline, key, first) == {"team": "blue"} | mark
    assert tags_of(pipeline, key, second) == {}


def test_discard_of_a_call_without_a_version_marks_the_current_one(pipeline):
    key = "incoming/a.csv"
    pipeline.put("incoming/a.csv.more")
    older, newer = pipeline.put(key), pipeline.put(key)
    pipeline.dead_letter(reason=None, body=json.dumps({"key": key}))
    assert pipeline.run("discard", "--all", "--yes").exit_code == 0
    assert tags_of(pipeline, key, newer) == {keys.DISCARDED_TAG: keys.discarded_mark(key, newer)}
    assert tags_of(pipeline, key, older) == {}


def test_a_version_with_ten_tags_cannot_be_marked_and_its_dead_letter_stays(pipeline):
    key = "incoming/a.csv"
    version = pipeline.put(key, Tagging="&".join(f"t{n}=v" for n in range(10)))
    message = pipeline.dead_letter(key, version)
    result = pipeline.run("discard", "--all", "--yes")
    assert result.exit_code == 1
    assert f"{message}: not accepted, stays: {key} version {version} has 10 tags" in result.stderr
    assert len(pipeline.bodies("dlq_url")) == 1
    assert len(tags_of(pipeline, key, version)) == 10


def test_a_version_is_marked_before_its_dead_letter_is_deleted(pipeline, monkeypatch):
    version = pipeline.put("incoming/a.csv")
    pipeline.dead_letter("incoming/a.csv", version)
    original = BaseClient._make_api_call

    def dying(self, operation, parameters):
        if operation == "DeleteMessageBatch":
            raise KeyboardInterrupt
        return original(self, operation, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", dying)
        assert pipeline.run("discard", "--all", "--yes").exit_code != 0
    assert keys.DISCARDED_TAG in tags_of(pipeline, "incoming/a.csv", version)
    assert len(pipeline.bodies("dlq_url")) == 1


def test_a_reconcile_run_that_failed_is_listed_and_sent_back_to_the_processor(pipeline):
    asked = {"reconcile": {"by_schedule": True}}
    pipeline.dead_letter(
        reason=None, body=json.dumps(asked), ErrorCode="200", ErrorMessage="no time"
    )
    [one] = listed(pipeline)
    assert (one["key"], one["problem"], one["reason"]) == (None, None, "no time")
    assert "(a reconcile run)" in pipeline.run("failures").stdout
    version = pipeline.put("incoming/a.csv")
    pipeline.dead_letter("incoming/a.csv", version)
    assert pipeline.run("redrive", "--all", "--yes").exit_code == 0
    [call] = pipeline.calls
    assert (call.function, call.kind, call.payload) == ("data-processor", "Event", asked)
    assert list(map(version_of, pipeline.bodies("processing_queue_url"))) == [version]
    assert pipeline.bodies("dlq_url") == []


def test_a_reconcile_run_can_be_discarded(pipeline):
    pipeline.dead_letter(reason=None, body=json.dumps({"reconcile": {}}))
    assert pipeline.run("discard", "--all", "--yes").exit_code == 0
    assert pipeline.bodies("dlq_url") == []
