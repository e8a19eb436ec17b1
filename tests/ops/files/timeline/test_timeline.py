"""The timeline of `show`: what happened to a file, by what is stored of it and by the logs."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.logs.models import LogGroup
from moto.s3.models import s3_backends

from handlers import keys
from ops import aws
from ops.dead_letters.logs import Logs
from ops.files.timeline import log_lines
from ops.files.timeline.log_lines import pattern
from ops.stack import Stack
from tests.ops.conftest import DONE, OLD, client

PROCESSOR, ARCHIVER = "data-logs-processor", "data-logs-archiver"
KEY = "incoming/a.csv"


@pytest.fixture
def logged(pipeline: Any) -> Any:
    for group in (PROCESSOR, ARCHIVER):
        client("logs").create_log_group(logGroupName=group)
        client("logs").create_log_stream(logGroupName=group, logStreamName="s")
    return pipeline


def write(group: str, *lines: tuple[datetime, dict[str, Any] | str]) -> None:
    client("logs").put_log_events(
        logGroupName=group,
        logStreamName="s",
        logEvents=[
            {
                "timestamp": int(time.timestamp() * 1000),
                "message": line if isinstance(line, str) else json.dumps(line),
            }
            for time, line in lines
        ],
    )


def told(pipeline: Any, *words: str, key: str = KEY, code: int = 0) -> dict[str, Any]:
    result = pipeline.run("show", key, "--json", *words)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def events(found: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(one["event"], one["request_id"]) for one in found["timeline"]]


def line(message: str, version: str, request: str, **more: Any) -> dict[str, Any]:
    named = {"key": KEY, "version": version, "function_request_id": request}
    return {"message": message, **named, **more}


def complete(pipeline: Any, uploaded: datetime, *, rejected: bool = False) -> str:
    """Complete a file as the processor does, that was uploaded at a time."""
    metadata = {keys.SOURCE_UPLOADED: uploaded.isoformat()}
    if rejected:
        return pipeline.reject(KEY, b'{"line":2,"reason":"x","raw":""}\n', Metadata=metadata)[0]
    return pipeline.complete(KEY, b"a\n1\n", Metadata=metadata)[0]


def test_every_attempt_is_shown_with_its_reason_and_its_invocation(logged):
    start = datetime.now(UTC) - timedelta(minutes=2)
    version = complete(logged, start, rejected=True)
    first = {"received": start.isoformat(), "attempt": 1}
    second = {**first, "attempt": 2}

    def after(seconds: int) -> datetime:
        return start + timedelta(seconds=seconds)

    write(
        PROCESSOR,
        (after(1), line("put off", version, "r0", reason="no time left")),
        (after(2), line("attempt failed", version, "r1", reason="503", **first)),
        (after(3), f"START RequestId: r2 of {version}"),
        (after(62), line("attempt begun", version, "r2", **second)),
        (after(63), line("processed", "another", "r9", repeated=False)),
        # Of a bucket without versions, each file's version is null.
        (after(64), {**line("failed", version, "r8"), "key": "incoming/other.csv"}),
        (after(120), line("processed", version, "r2", repeated=False, **second)),
    )
    found = told(logged)
    assert events(found) == [
        ("uploaded", None), ("received", "r1"), ("put off", "r0"), ("attempt failed", "r1"),
        ("attempt begun", "r2"), ("rejected", "r2"), ("output", "r2"), ("completed", "r2"),
    ]  # fmt: skip
    assert {one["version"] for one in found["timeline"]} == {version}
    failed = found["timeline"][3]
    assert failed["detail"] == "attempt 1, 503"
    assert failed["time"] == log_time(start + timedelta(seconds=2))
    assert found["timeline_problem"] is None
    text = logged.run("show", KEY).stdout
    assert text.index("attempt failed") < text.index("attempt begun") < text.index("completed/a")


def log_time(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_file_that_failed_shows_the_reason_and_its_dead_letter(logged):
    version = logged.put(KEY)
    now = datetime.now(UTC)
    more = {"received": now.isoformat(), "attempt": 1, "reason": "broken", "place": "line 3"}
    write(PROCESSOR, (now, line("failed", version, "r1", kind="permanent", **more)))
    message = logged.dead_letter(KEY, version, reason="broken")
    found = told(logged, code=1)
    assert events(found) == [
        ("uploaded", None), ("received", "r1"), ("failed", "r1"), ("dead letter", None),
    ]  # fmt: skip
    assert found["timeline"][2]["detail"] == "attempt 1, broken, line 3"
    assert found["timeline"][3]["detail"] == f"broken, line 3; message {message}"


def test_an_archived_output_shows_the_run_and_when_it_was_made(logged):
    start = datetime.now(UTC) - timedelta(minutes=1)
    version = complete(logged, start)
    output = keys.output_keys(KEY, version, datetime.now(UTC).date(), compressed=False)[0]
    metadata = logged.metadata(output)
    logged.put(keys.archive_key(output), b"{}\n", OLD, Metadata=metadata)
    logged.s3.delete_object(Bucket=DONE, Key=output)
    write(PROCESSOR, (start, line("processed", version, "r1", received=start.isoformat())))
    now = datetime.now(UTC)
    write(
        ARCHIVER,
        (start, {"message": "archived", "archived_count": 0, "function_request_id": "old"}),
        (start, {"message": "not archived", "key": output, "reason": "denied"}),
        (start, {"message": "not archived", "key": "processed/x", "reason": "another"}),
        (now, {"message": "archived", "archived_count": 1, "function_request_id": "run"}),
    )
    found = told(logged)
    assert ("output", "r1") in events(found)
    assert events(found)[-1] == ("archived", "run")
    assert [one["detail"] for one in found["timeline"] if one["event"] == "not archived"] == [
        "denied"
    ]


def test_of_chains_side_by_side_the_one_that_has_the_output_is_shown(logged):
    version = complete(logged, datetime.now(UTC))
    output = keys.output_keys(KEY, version, datetime.now(UTC).date(), compressed=False)[0]
    metadata = logged.metadata(output)
    logged.put(keys.archive_key(output), b"{}\n", OLD, Metadata=metadata)
    logged.s3.delete_object(Bucket=DONE, Key=output)
    now, own = datetime.now(UTC), keys.shard_of(output, 3)
    run = {"message": "archived", "archived_count": 1, "chains": 3}
    write(
        ARCHIVER,
        *(
            (
                now + timedelta(milliseconds=later),
                {**run, "shard": shard, "function_request_id": f"chain {shard}"},
            )
            for later, shard in enumerate(sorted(range(3), key=lambda shard: shard == own))
        ),
    )
    assert events(told(logged))[-1] == ("archived", f"chain {own}")


def test_without_logs_what_is_stored_is_shown_and_nothing_is_asked(logged, monkeypatch):
    complete(logged, datetime.now(UTC))
    monkeypatch.setattr(log_lines, "search", lambda *_: pytest.fail("asked"))
    found = told(logged, "--no-logs")
    assert events(found) == [("uploaded", None), ("output", None), ("completed", None)]
    assert found["timeline_problem"] is None


def test_a_copy_of_before_the_upload_was_noted_is_shown_without_it(logged):
    logged.complete(KEY)
    assert events(told(logged)) == [("output", None), ("completed", None)]


def test_lines_that_are_gone_are_told_in_a_sentence(logged):
    complete(logged, datetime.now(UTC))
    found = told(logged)
    assert len(found["timeline"]) == 3
    assert "older than logRetentionDays" in found["timeline_problem"]


def test_a_log_group_that_is_gone_is_told_in_a_sentence(pipeline):
    complete(pipeline, datetime.now(UTC))
    result = pipeline.run("show", KEY)
    assert result.exit_code == 0
    assert "timeline: the logs cannot be read: FilterLogEvents" in result.stderr
    assert "completed/a.csv" in result.stdout


def test_logs_that_are_denied_are_told_with_the_permission(logged, monkeypatch):
    complete(logged, datetime.now(UTC))
    denied = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}

    def refuse(_: Any) -> Any:
        raise ClientError(denied, "FilterLogEvents")

    monkeypatch.setattr(aws.Account, "logs", property(refuse))
    found = told(logged)
    assert len(found["timeline"]) == 3
    assert "needs the permission logs:FilterLogEvents" in found["timeline_problem"]


@pytest.mark.parametrize(("limit", "value"), [("_SECONDS", -1), ("_PAGES", 1)])
def test_logs_that_are_too_large_are_told_and_what_was_found_is_shown(
    logged, monkeypatch, limit, value
):
    start = datetime.now(UTC)
    version = complete(logged, start)
    write(PROCESSOR, *[(start, line("attempt failed", version, f"r{n}")) for n in range(3)])
    original = LogGroup.filter_log_events

    def two_a_page(self: Any, *arguments: Any) -> Any:
        return original(self, *arguments[:4], 2, *arguments[5:])

    monkeypatch.setattr(LogGroup, "filter_log_events", two_a_page)
    assert [name for name, _ in events(told(logged))].count("attempt failed") == 3
    monkeypatch.setattr(log_lines, limit, value)
    found = told(logged)
    assert [request for name, request in events(found) if name == "attempt failed"] == ["r0", "r1"]
    assert f"{PROCESSOR} is too large" in found["timeline_problem"]


def test_a_key_that_no_pattern_holds_is_not_searched_for_but_told(logged):
    """A search without a pattern would read the whole log group."""
    now = datetime.now(UTC)
    write(PROCESSOR, (now, line("failed", "v1", "r1")), (now, line("failed", "v2", "r2")))

    def look(phrase: str) -> log_lines.Search:
        return log_lines.Search(
            function_arn=logged.outputs["data_processor_lambda_arn"],
            phrases=(phrase,),
            begin=now - timedelta(minutes=1),
            end=now + timedelta(minutes=1),
        )

    account = aws.connect(Stack.from_outputs(logged.outputs, origin="test"))
    found = log_lines.search(account, Logs(account), [look("x" * 1_030), look("v2")])
    assert [one.request_id for one in found.lines] == ["r2"]
    assert "too long to be searched for" in (found.problem or "")


@pytest.mark.parametrize(
    ("phrases", "expected"),
    [
        (("v1",), '"v1"'),
        (("v1", "v2"), '?"v1" ?"v2"'),
        # As JSON writes it in the log, and quoted as a phrase.
        (('a"b\\',), '"a\\\\\\"b\\\\\\\\"'),
        (("x" * 1_020, "v2"), '"v2"'),
        (("x" * 1_030,), ""),
    ],
)
def test_the_filter_pattern_is_what_cloudwatch_takes(phrases, expected):
    assert pattern(phrases) == expected


def test_a_replay_of_its_dataset_is_shown_when_the_output_was_replaced(logged):
    version = complete(logged, datetime.now(UTC))
    (output,) = json.loads(logged.run("show", KEY, "--json").stdout)["outputs"]
    (copy,) = logged.versions("completed/a.csv")
    later = datetime.now(UTC) + timedelta(hours=2)
    s3_backends["123456789012"]["aws"].buckets[DONE].keys[output["key"]].last_modified = later
    again = {**line("processed again", copy, "r7", output_key="x"), "key": "completed/a.csv"}
    write(PROCESSOR, (datetime.now(UTC), line("processed", version, "r1")))
    other = {**again, "key": "completed/b.csv"}
    write(PROCESSOR, (later, again), (later, other))
    shown = [one for one in told(logged)["timeline"] if one["event"] == "processed again"]
    assert [(one["version"], one["request_id"]) for one in shown] == [(version, "r7")]
    # The output that stands is that of the replay, in whatever bucket.
    assert [one for one in events(told(logged)) if one[0] == "output"] == [("output", "r7")]
    key = keys.archive_key(output["key"])
    metadata = {**logged.metadata(output["key"]), keys.DATASET: "orders"}
    logged.put(key, b"", OLD, Metadata=metadata)
    s3_backends["123456789012"]["aws"].buckets[OLD].keys[key].last_modified = later
    logged.s3.delete_object(Bucket=DONE, Key=output["key"])
    archived = told(logged)["timeline"]
    assert [(one["event"], one["request_id"]) for one in archived[-2:]] == [
        ("output", "r7"), ("processed again", "r7"),
    ]  # fmt: skip
    assert archived[-2]["detail"].startswith(key)


def test_the_dead_letter_of_a_replay_is_about_the_source_version(logged):
    version = complete(logged, datetime.now(UTC))
    (copy,) = logged.versions("completed/a.csv")
    body = json.dumps({"reprocess": {"key": "completed/a.csv", "version": copy}})
    logged.dead_letter(body=body, reason="9 of 10 records are bad")
    assert {one["version"] for one in told(logged, code=1)["timeline"]} == {version}
