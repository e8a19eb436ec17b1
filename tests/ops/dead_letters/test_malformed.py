"""Dead letters that anybody could have written: no command stumbles over one."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from ops.dead_letters.envelopes import parse
from ops.dead_letters.listing import document
from ops.dead_letters.messages import Queue, Selection
from tests.ops.dead_letters.malformed import MESSAGES, READABLE, UNREADABLE, Message


def received(message: Message) -> dict[str, Any]:
    return {
        "MessageId": message.name,
        "Body": message.body,
        "Attributes": {"SentTimestamp": "1700000000000"},
        "MessageAttributes": message.attributes,
    }


def send(pipeline: Any, messages: tuple[Message, ...] = MESSAGES) -> dict[str, Message]:
    """Put messages into the processor's dead-letter queue; return them by their ids."""
    sent: dict[str, Message] = {}
    for one in messages:
        answer = pipeline.sqs.send_message(
            QueueUrl=pipeline.outputs["dlq_url"],
            MessageBody=one.body,
            MessageAttributes=one.attributes,
        )
        sent[answer["MessageId"]] = one
    return sent


def unseen(text: str) -> set[str]:
    """The characters of a text that a terminal would obey or hide."""
    return {char for char in text if char != "\n" and unicodedata.category(char)[0] in "CZ"} - {" "}


def test_there_are_enough_of_them_and_each_is_another():
    assert len(MESSAGES) >= 60
    assert len({one.name for one in UNREADABLE}) == len(UNREADABLE)
    assert len({one.name for one in READABLE}) == len(READABLE)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.name)
def test_a_message_is_what_it_is(message: Message):
    dead_letter = parse(received(message), Queue.PROCESSOR, max_receives=3)
    assert (dead_letter.problem, dead_letter.key, dead_letter.version) == (
        message.problem, message.key, message.version,
    )  # fmt: skip
    assert (dead_letter.event is None) == (message.problem is not None)
    assert dead_letter.reason == message.reason
    assert json.loads(json.dumps(document(dead_letter)))["body"] == message.body


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["Records", "s3", "object", "bucket", "name", "key", "versionId", "detail", "Message",
             "Sns", "requestContext", "requestPayload", "responsePayload", "errorMessage",
             "errorType", "condition", "approximateInvokeCount", "version_id", "version-id"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=30,
)  # fmt: skip
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        ["reason", "place", "failure_kind", "source_bucket", "source_key", "source_version",
         "ErrorMessage", "ErrorCode", "ERROR_MESSAGE", "ERROR_CODE", "RETRY_ATTEMPTS"]
    ),
    st.fixed_dictionaries({"StringValue": st.text() | st.from_regex("[0-9²٣]*", fullmatch=True)})
    | st.fixed_dictionaries({"BinaryValue": st.binary()})
    | st.just({}),
)  # fmt: skip


@given(ANYTHING.map(json.dumps) | st.text(), ATTRIBUTES, st.sampled_from(Queue), st.text())
def test_no_message_whatever_stops_the_reading(body, attributes, queue, sent):
    message = {
        "MessageId": "m",
        "Body": body,
        "MessageAttributes": attributes,
        "Attributes": {"SentTimestamp": sent},
    }
    dead_letter = parse(message, queue, max_receives=3)
    assert (dead_letter.event is None) == bool(dead_letter.problem)
    assert dead_letter.event is None or isinstance(json.loads(dead_letter.event), dict)
    assert dead_letter in Selection()
    assert dead_letter not in Selection(globs=("other*",), versions=("other",))
    assert {dead_letter.identity: dead_letter}
    json.dumps(document(dead_letter), ensure_ascii=False).encode()


@given(st.fixed_dictionaries({}, optional={"MessageAttributes": ATTRIBUTES}))
def test_a_message_without_body_or_times_is_one_too(message):
    assert parse(message, Queue.PROCESSOR, max_receives=None).problem in {"not JSON", None}


def test_failures_lists_every_dead_letter_as_json_and_for_people(pipeline):
    sent = send(pipeline)
    result = pipeline.run("failures", "--json")
    assert result.exit_code == 0, result.output
    listed = {one["message_id"]: one for one in json.loads(result.stdout_bytes.decode())}
    assert {name: one["problem"] for name, one in listed.items()} == {
        name: one.problem for name, one in sent.items()
    }
    assert {name: one["body"] for name, one in listed.items()} == {
        name: one.body for name, one in sent.items()
    }
    assert unseen(result.stdout_bytes.decode()) == set()

    shown = pipeline.run("failures")
    assert shown.exit_code == 0, shown.output
    assert unseen(shown.stdout) == set()
    for name, one in sent.items():
        assert name in shown.stdout
        assert one.reason or (one.problem or "") in shown.stdout
    assert "[red]8[/red]" in shown.stdout
    # Neither a key nor a body of 300 KB fills the screen.
    assert "9" * 2_001 not in shown.stdout


def test_the_attributes_of_a_dead_letter_are_listed_too(pipeline):
    [message] = send(pipeline, tuple(one for one in MESSAGES if one.name == "a reason of binary"))
    [dead_letter] = json.loads(pipeline.run("failures", "--json").stdout_bytes)
    assert (dead_letter["message_id"], dead_letter["attributes"]) == (
        message,
        {"reason": "base64:/wA="},
    )


def test_redrive_sends_what_can_be_and_says_of_the_rest_what_it_is(pipeline):
    sent = send(pipeline)
    result = pipeline.run("redrive", "--all", "--yes")
    assert result.exit_code == 1, result.output
    assert f"sent back: {len(READABLE)}" in result.stdout
    assert sorted(pipeline.bodies("dlq_url")) == sorted(one.body for one in UNREADABLE)
    again = pipeline.bodies("processing_queue_url")
    assert len(again) == len(READABLE)
    assert {"bucket": "pipeline-raw", "key": "incoming/20.csv", "version_id": "v2"} in map(
        json.loads, again
    )
    for name, one in sent.items():
        assert (f"{name} is not sent back, it is {one.problem}" in result.stderr) == (
            one.problem is not None
        )


def test_discard_keeps_every_dead_letter_in_its_file(pipeline, tmp_path):
    sent = send(pipeline)
    file = tmp_path / "kept.ndjson"
    result = pipeline.run("discard", "--all", "--yes", "--save", str(file))
    assert result.exit_code == 0, result.output
    assert pipeline.bodies("dlq_url") == []
    kept = {one["message_id"]: one for one in map(json.loads, file.read_text().splitlines())}
    assert {name: one["body"] for name, one in kept.items()} == {
        name: one.body for name, one in sent.items()
    }
    assert {name: sorted(one["attributes"]) for name, one in kept.items()} == {
        name: sorted(one.attributes) for name, one in sent.items()
    }


def test_show_finds_the_dead_letters_of_a_key_between_all_the_others(pipeline):
    send(pipeline)
    for key in ("incoming/1.csv", "incoming/22\u202e.csv"):
        result = pipeline.run("show", key, "--json")
        assert result.exit_code == 1, result.output
        assert unseen(result.stdout_bytes.decode()) == set()
        [dead_letter] = json.loads(result.stdout_bytes)["dead_letters"]
        assert dead_letter["key"] == key
        shown = pipeline.run("show", key)
        assert dead_letter["message_id"] in shown.stdout
        assert unseen(shown.stdout) == set()


def test_an_upload_is_followed_past_all_of_them(pipeline, tmp_path, monkeypatch):
    send(pipeline)
    (tmp_path / "up.json").write_text("{}")

    def dead_letter(_seconds: float) -> None:
        pipeline.dead_letter("incoming/up.json", pipeline.versions("incoming/up.json")[0])

    monkeypatch.setattr("ops.files.following.sleep", dead_letter)
    monkeypatch.setattr("ops.files.following._ROUNDS_BETWEEN_READS", 1)
    result = pipeline.run("upload", "up.json", "--wait")
    assert result.exit_code == 1, result.output
    assert "failed  incoming/up.json  ragged row (line 3)" in result.stdout


@pytest.mark.parametrize("command", ["redrive", "discard"])
def test_a_dry_run_says_shortly_what_each_is(pipeline, command):
    sent = send(pipeline)
    result = pipeline.run(command, "--all", "--dry-run")
    steps = [line for line in result.stdout.splitlines() if line.startswith("would delete")]
    assert len(steps) == len(READABLE if command == "redrive" else sent)
    assert max(map(len, steps)) < 3_000
    assert unseen(result.stdout) == set()


@pytest.mark.parametrize("body", ["[" * 100_000, "42", "null", "{}", '{"requestContext": {}}'])
def test_the_archivers_dead_letters_are_read_as_carefully(pipeline, body):
    message = pipeline.dead_letter(reason=None, queue="archiver_dlq_url", body=body)
    result = pipeline.run("redrive", "--all", "--yes")
    assert result.exit_code == 1
    assert f"{message} is not sent back, it is JSON" in result.stderr
    assert pipeline.calls == []
    assert pipeline.bodies("archiver_dlq_url") == [body]


def test_a_dead_letter_that_lambda_does_not_take_holds_no_other_up(pipeline, monkeypatch):
    original = BaseClient._make_api_call
    for number in range(3):
        pipeline.dead_letter(
            reason=None,
            queue="archiver_dlq_url",
            body=json.dumps({"time": f"2024-01-0{number + 1}"}),
        )

    def refusing(self, operation, parameters):
        if operation == "Invoke" and b"2024-01-02" in parameters["Payload"]:
            told = {"Code": "InvalidRequestContentException", "Message": "no JSON"}
            raise ClientError({"Error": told}, operation)
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", refusing)
        result = pipeline.run("redrive", "--all", "--yes")
    assert result.exit_code == 1
    assert "not accepted, stays: Invoke failed: InvalidRequestContentException" in result.stderr
    assert [call.payload["time"] for call in pipeline.calls] == ["2024-01-01", "2024-01-03"]
    assert pipeline.bodies("archiver_dlq_url") == ['{"time": "2024-01-02"}']


@pytest.mark.parametrize("words", [("show",), ("replay",), ("replay", "--prefix")])
def test_a_key_that_is_no_utf_8_is_wrong_usage(pipeline, words):
    result = pipeline.run(*words, "incoming/\udcff.csv")
    assert result.exit_code == 2, result.output
    assert "not UTF-8" in result.stderr


def test_a_file_whose_name_is_no_utf_8_is_wrong_usage(pipeline):
    Path("\udcff.csv").write_text("a\n1\n")
    result = pipeline.run("upload", "\udcff.csv")
    assert result.exit_code == 2, result.output
    assert "not UTF-8" in result.stderr


def test_an_output_with_metadata_of_another_writer_is_shown(pipeline):
    version, output = pipeline.complete("incoming/a.csv")
    pipeline.put(output, b"", "pipeline-processed", Metadata={
        "source-version": version, "records-in": "1" * 1500, "rejected-key": "base64:!",
    })  # fmt: skip
    assert pipeline.run("show", "incoming/a.csv").exit_code == 0
