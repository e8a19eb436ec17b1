"""The prod stack with its queue: real files through the packaged archive in real processes."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers import keys
from tests.local.driving import Driven, slow_answers

# Long enough for what it has to do here, short enough to be cut by the test of a backlog.
ARCHIVER_SECONDS = "4"
LIST_SECONDS, COPY_SECONDS = 2.3, 0.3
METADATA = {"environment": "prod", "processor_version": "1.0.0"}
PERSON = {"user_name": "Ann", "age": 3}
ROW = {"user_name": "Ann", "age": "3"}
PERSON_JSON = b'{"User Name":"Ann","Age":3,"None":null}'
FORMATS = {
    "object.json": (PERSON_JSON, [PERSON]),
    "array.json": (b"[" + PERSON_JSON + b" ,\n" + PERSON_JSON + b"]", [PERSON, PERSON]),
    "lines.ndjson": (PERSON_JSON + b"\n\n" + PERSON_JSON, [PERSON, PERSON]),
    "lines.jsonl": (PERSON_JSON + b"\r\n" + PERSON_JSON + b"\r\n", [PERSON, PERSON]),
    "comma.csv": (b'User Name,Age,None\nAnn,3,\n"Ann",3,""\n', [ROW, ROW]),
    "semicolon.csv": (b"User Name;Age\r\nAnn;3\r\n", [ROW]),
    "bar.CSV": (b"User Name|Age\nAnn|3\n", [ROW]),
    "tabs.tsv": (b"User Name\tAge\nAnn\t3\n", [ROW]),
    "object.json.gz": (gzip.compress(PERSON_JSON), [PERSON]),
    "comma.csv.gz": (gzip.compress(b"User Name,Age\nAnn,3\n"), [ROW]),
    "bom.json": (b"\xef\xbb\xbf" + PERSON_JSON, [PERSON]),
    "wide.csv": ("User Name,Age\nAnn,3\n".encode("utf-16"), [ROW]),
    "wide.json": (PERSON_JSON.decode().encode("utf-16"), [PERSON]),
    "empty.json": (b"", []),
    "nothing.json": (b"[]", []),
    "header.csv": (b"a,b\n", []),
}
# What S3 takes as a key: the name below incoming/ → the name below the day's folder.
NAMES = {
    "sales/a b+c.json": "sales/a b+c.json",
    "100%/%2F%20.json": "100%/%2F%20.json",
    "größe/数据 ☃.csv": "größe/数据 ☃.json",
    "a&b=c?d#e;f,g'h\"i.json": "a&b=c?d#e;f,g'h\"i.json",
    "up/../and/./down.json": "up/../and/./down.json",
    "two//slashes.json": "two//slashes.json",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Driven]:
    driven = Driven("prod", archiverTimeoutSeconds=ARCHIVER_SECONDS, batchWindowSeconds="0")
    yield from driven.run()


def records(body: bytes) -> list[dict[str, object]]:
    """Return an output's records without their metadata, which is checked here."""
    found = [json.loads(line) for line in body.splitlines()]
    for record in found:
        metadata = record.pop("_metadata")
        assert datetime.fromisoformat(metadata.pop("processed_at")).tzinfo == UTC
        assert metadata == METADATA
    return found


def test_the_readmes_example_holds_exactly(driven: Driven) -> None:
    body = b'{"User Name": "John", "Email Address": "john@example.com", "Age": null}'
    outcome = driven.process({"crm/user.json": body})["crm/user.json"]
    moment = json.loads(outcome.output)["_metadata"]["processed_at"]
    assert datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert len(moment) == len("2024-01-15T10:30:00.000Z")
    assert outcome.output == (
        b'{"user_name":"John","email_address":"john@example.com","_metadata":{"processed_at":"'
        + moment.encode()
        + b'","environment":"prod","processor_version":"1.0.0"}}\n'
    )
    day = f"{datetime.now(UTC):%Y/%m/%d}"
    assert outcome.where == f"processed/{day}/crm/user.json"


def test_every_format_becomes_records_and_its_original_is_kept(driven: Driven) -> None:
    files = {f"formats/{name}": body for name, (body, _) in FORMATS.items()}
    outcomes = driven.process(files)
    for name, (body, expected) in FORMATS.items():
        outcome = outcomes[f"formats/{name}"]
        assert outcome.status == "processed", (name, outcome)
        assert records(outcome.output) == expected, name
        assert outcome.counts[keys.RECORDS_IN] == outcome.counts[keys.RECORDS_OUT] == len(expected)
        assert driven.read("raw_bucket_name", f"completed/formats/{name}") == body
    assert driven.versions("raw_bucket_name", "incoming/formats/") == []
    assert driven.dead_letters() == []


def test_any_key_goes_its_way(driven: Driven) -> None:
    long = "long/" + "ü" * ((keys.MAX_KEY_BYTES - len("incoming/long/.json")) // 2) + ".json"
    assert keys.MAX_KEY_BYTES - 1 <= len(f"incoming/{long}".encode()) <= keys.MAX_KEY_BYTES
    body = {".json": b'{"a":1}', ".csv": b"a\n1\n"}
    outcomes = driven.process({name: body[name[name.rindex(".") :]] for name in [*NAMES, long]})
    day = f"processed/{datetime.now(UTC):%Y/%m/%d}"
    for name, expected in NAMES.items():
        assert outcomes[name].where == f"{day}/{expected}"
        driven.head("raw_bucket_name", f"completed/{name}")
    assert outcomes[long].status == "processed"
    assert len(outcomes[long].where.encode()) <= keys.MAX_KEY_BYTES
    for outcome in outcomes.values():
        assert [str(one["a"]) for one in records(outcome.output)] == ["1"]
        assert driven.versions("raw_bucket_name", outcome.upload.key) == []


def test_content_type_metadata_and_tags_stay_with_the_original(driven: Driven) -> None:
    raw = driven.outputs["raw_bucket_name"]
    driven.s3.put_object(
        Bucket=raw,
        Key="incoming/kept.csv",
        Body=b"a\n1\n",
        ContentType="text/csv",
        Metadata={"owner": "crm"},
        Tagging="team=sales",
    )
    driven.drain()
    head = driven.head("raw_bucket_name", "completed/kept.csv")
    assert (head["ContentType"], head["Metadata"]["owner"]) == ("text/csv", "crm")
    tags = driven.s3.get_object_tagging(Bucket=raw, Key="completed/kept.csv")["TagSet"]
    assert tags == [{"Key": "team", "Value": "sales"}]


def test_the_same_name_twice_a_day_gives_two_outputs(driven: Driven) -> None:
    first = driven.process({"twice/data.json": b'{"n":1}'})["twice/data.json"]
    second = driven.process({"twice/data.json": b'{"n":2}'})["twice/data.json"]
    folder = f"processed/{datetime.now(UTC):%Y/%m/%d}/twice/"
    digest = keys.source_digest("incoming/twice/data.json", second.upload.version)[:8]
    assert first.where == f"{folder}data.json"
    assert second.where == f"{folder}data-{digest}.json"
    assert [records(one.output) for one in (first, second)] == [[{"n": 1}], [{"n": 2}]]


def test_what_was_overwritten_before_it_was_processed_has_its_output_too(driven: Driven) -> None:
    with driven.paused():
        sent = [driven.uploads.put("over/data.json", b'{"n":%d}' % n) for n in (1, 2, 3)]
    driven.drain()
    outcomes = [driven.outcome(upload) for upload in sent]
    assert [records(one.output) for one in outcomes] == [[{"n": 1}], [{"n": 2}], [{"n": 3}]]
    assert len({one.where for one in outcomes}) == 3
    assert driven.versions("raw_bucket_name", "incoming/over/") == []
    assert len(driven.versions("raw_bucket_name", "completed/over/")) == 3


def test_an_event_that_comes_again_changes_nothing(driven: Driven) -> None:
    outcome = driven.process({"again.json": b'{"n":1}'})["again.json"]
    (batch,) = driven.batches
    before = driven.head("processed_bucket_name", outcome.where)["LastModified"]
    for _ in range(2):
        driven.sqs.send_message(
            QueueUrl=driven.outputs["processing_queue_url"],
            MessageBody=batch.event["Records"][0]["body"],
        )
    driven.drain()
    assert driven.head("processed_bucket_name", outcome.where)["LastModified"] == before
    assert len(driven.versions("processed_bucket_name", outcome.where)) == 1
    assert len(driven.versions("raw_bucket_name", "completed/again.json")) == 1
    assert (driven.dead_letters(), driven.failed) == ([], [])


def test_poison_holds_back_none_of_its_batch(driven: Driven) -> None:
    url = driven.outputs["processing_queue_url"]
    foreign = {"Records": [{"eventSource": "aws:sns", "Sns": {}}]}
    with driven.paused():
        good = [driven.uploads.put(f"batch/{n}.json", b'{"n":1}') for n in range(5)]
        bad = [
            driven.uploads.put("batch/broken.json", b'[{"n":1},'),
            driven.uploads.put("batch/report.pdf", b"%PDF"),
        ]
        driven.sqs.send_message(QueueUrl=url, MessageBody="not even JSON")
        driven.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(foreign))
    driven.drain()
    (batch,) = driven.batches
    assert (len(batch.succeeded), batch.failed) == (9, ())
    assert [driven.outcome(upload).status for upload in good] == ["processed"] * 5
    assert [driven.outcome(upload).status for upload in bad] == ["failed"] * 2
    dead_letters = {dead_letter.key: dead_letter for dead_letter in driven.dead_letters()}
    assert set(dead_letters) == {"incoming/batch/broken.json", "incoming/batch/report.pdf", ""}
    assert "JSON" in dead_letters[""].reason


def test_a_dead_letter_says_what_failed_where_and_why(driven: Driven) -> None:
    name = "tote Briefe/a+b %.json"
    outcome = driven.process({name: b'[{"n":1},{"n":2},{"n"'})[name]
    (dead_letter,) = driven.dead_letters()
    assert (dead_letter.key, dead_letter.version) == (f"incoming/{name}", outcome.upload.version)
    assert dead_letter.attributes == {
        keys.REASON: "broken array: it ends early",
        keys.PLACE: "row 3",
        keys.FAILURE_KIND: "permanent",
        keys.DEAD_LETTER_BUCKET: driven.outputs["raw_bucket_name"],
        keys.DEAD_LETTER_KEY: f"incoming/{name}",
        keys.DEAD_LETTER_VERSION: outcome.upload.version,
    }
    assert driven.versions("raw_bucket_name", f"incoming/{name}") == [f"incoming/{name}"]
    assert driven.versions("processed_bucket_name", "processed/") == [
        key for key in driven.versions("processed_bucket_name", "processed/") if name not in key
    ]
    assert driven.failed == []


def test_bad_records_are_put_aside(driven: Driven, tmp_path: Path) -> None:
    body = b"Id;Name\n" + b"1;Ann\n" * 15 + b"2\n" + b"3;Cy\n" * 4
    outcome = driven.process({"bad/größe.csv": body})["bad/größe.csv"]
    assert outcome.rejected_key == f"rejected/{datetime.now(UTC):%Y/%m/%d}/bad/größe.ndjson"
    assert [outcome.counts[name] for name in (keys.RECORDS_IN, keys.RECORDS_OUT)] == [20, 19]
    rejects = driven.read("processed_bucket_name", outcome.rejected_key)
    assert json.loads(rejects) == {"line": 17, "reason": "1 cells, the header has 2", "raw": "2"}
    assert (outcome.output, rejects) == driven.transformed(outcome, tmp_path)


def test_a_transient_failure_is_tried_four_times_and_can_be_sent_back(driven: Driven) -> None:
    with driven.denied("processed_bucket_name", "s3:PutObject"):
        outcome = driven.process({"denied/data.json": b'{"n":1}'})["denied/data.json"]
    # The last attempt is no failure of the queue's: the processor itself writes the dead letter.
    assert [one.receives for one in driven.failed] == [1, 2, 3]
    assert len({one.message for one in driven.failed}) == 1
    assert len(driven.batches) == 4
    hidden = [one.hidden_seconds for one in driven.failed]
    assert hidden == pytest.approx([60, 300, 900], abs=3)
    (dead_letter,) = driven.dead_letters()
    assert dead_letter.attributes[keys.FAILURE_KIND] == "transient"
    assert "403" in dead_letter.attributes[keys.REASON]
    assert outcome.status == "failed"
    assert driven.read("raw_bucket_name", outcome.upload.key) == b'{"n":1}'

    (body,) = driven.take("dlq_url")
    driven.sqs.send_message(QueueUrl=driven.outputs["processing_queue_url"], MessageBody=body)
    driven.drain()
    driven.begin()
    assert records(driven.outcome(outcome.upload).output) == [{"n": 1}]


def test_a_large_file_is_staged_and_joined(driven: Driven, tmp_path: Path) -> None:
    line = b'{"Id":%d,"User Name":"Ann","Note":"' + b"x" * 500 + b'","None":null}\n'
    bad = b"[]\n"
    body = b"".join(line % n + (bad if n % 1000 == 7 else b"") for n in range(56_000))
    assert len(body) > 30_000_000
    outcome = driven.process({"large/lines.ndjson": body})["large/lines.ndjson"]
    assert outcome.counts == {
        keys.RECORDS_IN: 56_056,
        keys.RECORDS_OUT: 56_000,
        keys.RECORDS_REJECTED: 56,
        keys.RECORDS_EMPTY: 0,
    }
    rejects = driven.read("processed_bucket_name", outcome.rejected_key)
    assert (outcome.output, rejects) == driven.transformed(outcome, tmp_path)
    # The chunks are deleted; their versions are still there, below delete markers.
    assert len(driven.versions("processed_bucket_name", "staging/")) > 4
    assert driven.uploads.keys("processed_bucket_name", "staging/") == []


def test_the_schedule_moves_what_is_old_enough(driven: Driven) -> None:
    outcome = driven.process({"old/data.json": b'{"n":1}'})["old/data.json"]
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    driven.pipeline.run_schedule(tomorrow)
    assert driven.read("processed_bucket_name", outcome.where) == outcome.output

    driven.pipeline.run_schedule(tomorrow + timedelta(days=30))
    archived = keys.archive_key(outcome.where)
    assert driven.read("archive_bucket_name", archived) == outcome.output
    head = driven.head("archive_bucket_name", archived)
    assert head["StorageClass"] == "STANDARD_IA"
    assert head["Metadata"][keys.SOURCE_VERSION] == outcome.upload.version
    assert driven.uploads.keys("processed_bucket_name", keys.PROCESSED) == []
    reports = [attempt.payload for attempt in driven.attempts]
    assert reports[0]["archived_count"] == 0
    assert reports[1]["archived_count"] >= 1
    assert all(report["complete"] and not report["failed_count"] for report in reports)


def test_a_file_whose_dead_letter_expired_is_sent_once_more(driven: Driven) -> None:
    key, processor = "incoming/left/over.pdf", driven.outputs["data_processor_lambda_arn"]
    bucket, sqs = driven.outputs["raw_bucket_name"], driven.pipeline.account.client("sqs")
    version = driven.s3.put_object(Bucket=bucket, Key=key, Body=b"%PDF")["VersionId"]
    driven.pipeline.drain(60)
    asked = {"prefix": "incoming/left/"}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    # It is young for the schedule, and has its dead letter.
    driven.pipeline.run_schedule(datetime.now(UTC), function="data_processor_lambda_arn")
    assert driven.attempts[-1].payload["under_way"] >= 1
    found = driven.pipeline.invoke(processor, {"reconcile": asked | {"started": tomorrow}})
    assert (found["sent"], found["dead_letters"], found["next"]) == (0, 1, None)
    sqs.purge_queue(QueueUrl=driven.outputs["dlq_url"])  # it expires
    found = driven.pipeline.invoke(processor, {"reconcile": asked | {"started": tomorrow}})
    assert found["files"] == [{"key": key, "version": version}]

    driven.pipeline.drain(60)
    (letter,) = sqs.receive_message(QueueUrl=driven.outputs["dlq_url"])["Messages"]
    assert json.loads(letter["Body"])["Records"][0]["s3"]["object"]["versionId"] == version
    driven.s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    sqs.delete_message(QueueUrl=driven.outputs["dlq_url"], ReceiptHandle=letter["ReceiptHandle"])


def test_a_backlog_goes_on_in_further_runs(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    month = datetime.now(UTC) + timedelta(days=31)
    driven.pipeline.run_schedule(month)
    driven.begin()
    bucket = driven.outputs["processed_bucket_name"]
    names = [f"processed/2024/01/15/backlog/{n:03}.json" for n in range(150)]
    for name in names:
        driven.s3.put_object(Bucket=bucket, Key=name, Body=b"{}\n")
    # Of four seconds an invocation works for 3.2: of 32 copies at once it begins some rounds.
    slow_answers(
        monkeypatch, lambda request: "x-amz-copy-source" in request.headers, seconds=COPY_SECONDS
    )
    slow_answers(
        monkeypatch,
        lambda request: bucket in request.url and "list-type=2" in request.url,
        seconds=LIST_SECONDS,
    )

    driven.pipeline.run_schedule(month)

    monkeypatch.undo()
    archived = driven.uploads.keys("archive_bucket_name", "archive/2024/01/15/backlog/")
    assert archived == [keys.archive_key(name) for name in names]
    assert driven.uploads.keys("processed_bucket_name", keys.PROCESSED) == []
    # An invocation that a busy machine kills is none: it is repeated, and may go on twice.
    reports = [attempt.payload for attempt in driven.attempts if not attempt.failure]
    assert 0 < reports[0]["archived_count"] < len(names)
    assert not reports[0]["complete"]
    assert reports[-1]["complete"]
    assert {report["cutoff_date"] for report in reports} == {reports[0]["cutoff_date"]}


def test_a_run_that_fails_is_tried_three_times_and_reported(driven: Driven) -> None:
    driven.pipeline.account.client("lambda").invoke(
        FunctionName=driven.outputs["data_archiver_lambda_arn"],
        InvocationType="Event",
        Payload=b'{"time": "tomorrow"}',
    )
    driven.drain()
    assert len(driven.attempts) == 3
    assert len({attempt.request_id for attempt in driven.attempts}) == 1
    (record,) = map(json.loads, driven.take("archiver_dlq_url"))
    assert record["requestPayload"] == {"time": "tomorrow"}
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert "time is 'tomorrow'" in record["responsePayload"]["errorMessage"]
