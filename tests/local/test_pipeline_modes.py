"""The other ways of a stack: S3 calls the function directly; every option is on."""

import gzip
import json
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers import keys
from tests.contracts import examples
from tests.local.driving import EVERY_OPTION, Driven, slow_reads

pytestmark = pytest.mark.end_to_end

# A function of five seconds works for four: one whose bytes take six goes on.
SHORT = {"processorTimeoutSeconds": "5", "batchWindowSeconds": "0"}
LINE = b'{"Id":%d,"Note":"' + b"x" * 1000 + b'"}\n'
LONG = b"".join(LINE % n for n in range(6000))
BLOCK_SECONDS = 0.06  # for 64 KiB


DIRECT = {"processingQueue": "false"}
MODES = {
    "direct": DIRECT,
    "every-option": EVERY_OPTION,
    "every-option-direct": {**EVERY_OPTION, **DIRECT},
}


@pytest.fixture(scope="module", params=MODES)
def running(request: pytest.FixtureRequest) -> Iterator[Driven]:
    driven = Driven("dev", **SHORT, **MODES[request.param])
    yield from driven.run()


def lines(driven: Driven, output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in driven.plain(output).splitlines()]


def test_files_become_what_transform_writes(driven: Driven, tmp_path: Path) -> None:
    files = {
        "ü a+b%20/c d.json": b'[{"N":1},{"n":2,"None":null}]',
        "table.csv.gz": gzip.compress(b"A;B\n" + b"1;2\n" * 30 + b"3\n"),
        "up/../lines.ndjson": b'{"a":12345678901234567890123}\n{}\n',
    }
    outcomes = driven.process(files)
    suffix = ".json.gz" if driven.compressed else ".json"
    assert [one.where for one in outcomes.values()] == [
        f"processed/{datetime.now(UTC):%Y/%m/%d}/{stem}{suffix}"
        for stem in ("ü a+b%20/c d", "table", "up/../lines")
    ]
    for name, one in outcomes.items():
        rejected = one.rejected_key
        rejects = driven.read("processed_bucket_name", rejected) if rejected else b""
        assert (one.output, rejects) == driven.transformed(one, tmp_path)
        assert driven.read("raw_bucket_name", f"completed/{name}") == files[name]
    assert [len(lines(driven, one.output)) for one in outcomes.values()] == [2, 30, 1]
    assert driven.versions("raw_bucket_name", "incoming/") == []
    assert driven.dead_letters() == []


def test_the_processor_is_invoked_by_its_alias_where_it_has_snapshots(driven: Driven) -> None:
    functions = driven.pipeline.account.client("lambda")
    arn = driven.outputs["data_processor_lambda_arn"]
    function, *alias = arn.split(":")[6:]
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    assert mapping["FunctionArn"] == arn
    answer = functions.invoke(FunctionName=arn, Payload=json.dumps({"key": "incoming/none.json"}))
    assert "FunctionError" not in answer
    assert json.loads(answer["Payload"].read())["processed"] == 0
    assert answer["ExecutedVersion"] == ("1" if alias else "$LATEST")
    if alias:
        found = functions.get_function_configuration(FunctionName=arn)["SnapStart"]
        assert found == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
        (named,) = functions.list_aliases(FunctionName=function)["Aliases"]
        assert (named["AliasArn"], named["FunctionVersion"]) == (arn, "1")


def test_a_rule_of_a_consumer_receives_each_output_once(driven: Driven) -> None:
    account, bucket = driven.pipeline.account, driven.outputs["processed_bucket_name"]
    events = account.client("events")
    pattern = json.dumps(examples.pattern(bucket))
    rule = events.put_rule(Name="outputs", EventPattern=pattern)["RuleArn"]
    url = driven.sqs.create_queue(QueueName="outputs")["QueueUrl"]
    arn = f"arn:aws:sqs:{account.region}:{account.account_id}:outputs"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    driven.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule="outputs", Targets=[{"Id": "queue", "Arn": arn}])
    rejects = b"A;B\n" + b"1;2\n" * 30 + b"3\n"

    outcomes = driven.process({"followed/ä b+.csv": rejects, "followed/two.json": b'{"a":1}'})

    received = driven.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    details = [json.loads(it["Body"])["detail"] for it in received.get("Messages", [])]
    # Without `outputEvents` there are none.
    expected = [one.where for one in outcomes.values()] if driven.compressed else []
    assert sorted(it["object"]["key"] for it in details) == sorted(expected)


def test_each_version_of_a_name_has_its_output(driven: Driven) -> None:
    sent = [driven.uploads.put("twice/data.json", b'{"n":%d}' % n) for n in (1, 2)]
    driven.drain()
    outcomes = [driven.outcome(upload) for upload in sent]
    assert [lines(driven, one.output)[0]["n"] for one in outcomes] == [1, 2]
    assert len({one.where for one in outcomes}) == 2


def test_a_bad_file_is_a_dead_letter_at_once(driven: Driven) -> None:
    outcomes = driven.process({"ä+/broken.json": b'[{"n":1},', "bad/report.pdf": b"%PDF"})
    dead_letters = {dead_letter.key: dead_letter for dead_letter in driven.dead_letters()}
    assert set(dead_letters) == {one.upload.key for one in outcomes.values()}
    broken = dead_letters["incoming/ä+/broken.json"].attributes
    assert (broken[keys.REASON], broken[keys.PLACE], broken[keys.FAILURE_KIND]) == (
        "broken array: it ends early",
        "row 2",
        "permanent",
    )
    assert "unknown suffix" in dead_letters["incoming/bad/report.pdf"].reason
    assert (driven.failed, [one for one in driven.attempts if one.failure]) == ([], [])


def test_a_transient_failure_is_tried_again_and_again(driven: Driven) -> None:
    with driven.denied("processed_bucket_name", "s3:PutObject"):
        outcome = driven.process({"denied data.json": b'{"n":1}'})["denied data.json"]
    # Lambda tries an event three times, the processor a message four times.
    assert (len(driven.attempts), len(driven.batches)) == ((3, 0) if driven.direct else (0, 4))
    (dead_letter,) = driven.dead_letters()
    assert (dead_letter.key, dead_letter.version) == (
        "incoming/denied data.json",
        outcome.upload.version,
    )
    assert "403" in dead_letter.reason
    assert driven.read("raw_bucket_name", outcome.upload.key) == b'{"n":1}'
    if not driven.direct:
        return
    # Lambda itself wrote the dead letter; its body is the event.
    assert set(dead_letter.attributes) == {"RequestID", "ErrorCode", "ErrorMessage"}
    assert {one.request_id for one in driven.attempts} == {dead_letter.attributes["RequestID"]}
    # It may also be sent to the queue, as what waited there when events were moved is.
    (body,) = driven.take("dlq_url")
    queue = driven.outputs["processing_queue_url"]
    driven.sqs.send_message(QueueUrl=queue, MessageBody=body)
    driven.drain()
    assert lines(driven, driven.outcome(outcome.upload).output)[0]["n"] == 1
    assert [len(batch.succeeded) for batch in driven.batches] == [1]


def test_a_file_that_outlasts_the_time_out_goes_on(
    driven: Driven, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow_reads(monkeypatch, "incoming/long", seconds=BLOCK_SECONDS)
    outcome = driven.process({"long/lines.ndjson": LONG})["long/lines.ndjson"]
    assert outcome.status == "processed", driven.dead_letters()
    assert driven.plain(outcome.output) == driven.plain(driven.transformed(outcome, tmp_path)[0])
    assert outcome.counts[keys.RECORDS_OUT] == 6000
    assert driven.uploads.keys("processed_bucket_name", keys.STAGING) == []
    assert driven.dead_letters() == []
    # S3's own event is the function's alone where it is called directly; the rest is messages.
    answers = [one.payload for one in driven.attempts if not one.failure]
    assert [one["continued"] for one in answers] == [1] * driven.direct
    messages = [record for batch in driven.batches for record in batch.event["Records"]]
    assert len({record["messageId"] for record in messages}) > (0 if driven.direct else 1)
    assert {key_of(record) for record in messages} == {"incoming/long/lines.ndjson"}


def key_of(record: dict[str, Any]) -> str:
    (event,) = json.loads(record["body"])["Records"]
    return urllib.parse.unquote_plus(event["s3"]["object"]["key"])
