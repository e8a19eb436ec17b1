"""`show`: every trace of one file, from any of its keys."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from handlers import keys
from ops.files.objects import StoredObject
from tests.ops.conftest import commit


def told(pipeline: Any, key: str, *words: str, code: int = 0) -> dict[str, Any]:
    result = pipeline.run("show", key, "--json", *words)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_a_processed_file_shows_copy_output_and_counts(pipeline):
    source, output = pipeline.complete("incoming/sales/a.csv", b"a\n1\n")
    pipeline.complete("incoming/sales/a.csv.csv")
    found = told(pipeline, "incoming/sales/a.csv")
    [copy] = found["completed"]
    assert (copy["key"], copy["source_version"]) == ("completed/sales/a.csv", source)
    [shown] = found["outputs"]
    assert (shown["key"], shown["source_version"]) == (output, source)
    assert shown["counts"] == {"in": 3, "out": 2, "rejected": 1, "empty": 0}
    assert (shown["archived"], found["waiting"], found["dead_letters"]) == (False, [], [])
    text = pipeline.run("show", "incoming/sales/a.csv").stdout
    assert f"{output}  processed" in text
    assert "3 in, 2 out, 1 rejected, 0 empty" in text


def test_the_output_of_a_dataset_names_it_and_its_version(pipeline):
    plain = "incoming/a.csv"
    pipeline.complete(plain)
    [shown] = told(pipeline, plain)["outputs"]
    assert (shown["dataset"], shown["dataset_version"]) == (None, None)
    key = "incoming/shop/a.csv"
    version = pipeline.put(key)
    named = {keys.DATASET: "orders", keys.DATASET_VERSION: "0123456789ab"}
    pipeline.finish(key, version, Metadata=commit(key, version, **named))
    [shown] = told(pipeline, key)["outputs"]
    assert (shown["dataset"], shown["dataset_version"]) == ("orders", "0123456789ab")
    assert "orders 0123456789ab" in pipeline.run("show", key).stdout


@pytest.mark.parametrize("which", ["completed", "output", "archive"])
def test_any_key_of_a_file_leads_to_it(pipeline, which):
    source, output = pipeline.complete("incoming/ä b%20.csv")
    archived = keys.archive_key(output)
    place = {"Bucket": "pipeline-processed", "Key": output}
    pipeline.s3.copy_object(Bucket="pipeline-archive", Key=archived, CopySource=place)
    key = {"completed": "completed/ä b%20.csv", "output": output, "archive": archived}[which]
    found = told(pipeline, key)
    assert found["key"] == "incoming/ä b%20.csv"
    assert [one["source_version"] for one in found["outputs"]] == [source]


def test_an_archived_output_is_shown_where_it_is(pipeline):
    _, output = pipeline.complete("incoming/a.csv")
    place = {"Bucket": "pipeline-processed", "Key": output}
    archived = keys.archive_key(output)
    pipeline.s3.copy_object(Bucket="pipeline-archive", Key=archived, CopySource=place)
    pipeline.s3.delete_object(**place)
    [shown] = told(pipeline, "incoming/a.csv")["outputs"]
    assert (shown["key"], shown["archived"]) == (archived, True)
    assert shown["bucket"] == "pipeline-archive"


@pytest.mark.parametrize("root", [keys.PROCESSED, keys.ARCHIVE, keys.REJECTED])
def test_a_result_is_a_trace_though_no_copy_is_left(pipeline, root):
    source, rejected = pipeline.reject("incoming/a.csv", b'{"line":2}\n')
    output = keys.PROCESSED + rejected.removeprefix(keys.REJECTED).replace(".ndjson", ".json")
    place = {"Bucket": "pipeline-processed", "Key": output}
    archived = keys.archive_key(output)
    if root != keys.PROCESSED:
        pipeline.s3.copy_object(Bucket="pipeline-archive", Key=archived, CopySource=place)
        pipeline.s3.delete_object(**place)
    for version in pipeline.versions("completed/a.csv"):
        pipeline.s3.delete_object(Bucket="pipeline-raw", Key="completed/a.csv", VersionId=version)
    names = {keys.PROCESSED: output, keys.ARCHIVE: archived, keys.REJECTED: rejected}
    found = told(pipeline, names[root], "--no-logs")
    [shown] = found["outputs"]
    assert (shown["source_version"], shown["archived"]) == (source, root != keys.PROCESSED)
    assert found["rejected"] == {rejected: ['{"line":2}']}


def test_every_waiting_version_is_shown(pipeline):
    versions = [pipeline.put("incoming/a.csv", b"1" * size) for size in (1, 2)]
    found = told(pipeline, "incoming/a.csv")
    assert sorted(one["version"] for one in found["waiting"]) == sorted(versions)
    assert {one["size"] for one in found["waiting"]} == {1, 2}


def test_waiting_versions_are_shown_newest_first(pipeline, monkeypatch):
    """An upload in parts is dated from its start: it may come in behind a newer one."""
    now = datetime.now(UTC)
    ids = {hours: pipeline.put("incoming/a.csv") for hours in (2, 1, 3)}
    listed = [
        StoredObject(
            key="incoming/a.csv",
            version=version,
            size=1,
            modified=now - timedelta(hours=hours),
            latest=hours == 2,
        )
        for hours, version in ids.items()
    ]
    monkeypatch.setattr("ops.files.objects.versions", lambda *_: iter(listed))
    found = told(pipeline, "incoming/a.csv")
    assert [one["version"] for one in found["waiting"]] == [ids[hours] for hours in (1, 2, 3)]


def test_each_completed_version_has_its_own_output(pipeline):
    first, plain = pipeline.complete("incoming/a.csv", b"1")
    second = pipeline.put("incoming/a.csv", b"2")
    today = pipeline.s3.head_object(Bucket="pipeline-raw", Key="incoming/a.csv")["LastModified"]
    with_digest = keys.output_keys("incoming/a.csv", second, today.date(), compressed=False)[1]
    pipeline.finish("incoming/a.csv", second, with_digest)
    shown = {
        one["source_version"]: one["key"] for one in told(pipeline, "incoming/a.csv")["outputs"]
    }
    assert shown == {first: plain, second: with_digest}
    assert len(told(pipeline, "incoming/a.csv", "--limit", "1")["completed"]) == 1


def test_an_output_of_the_day_of_the_upload_is_found_weeks_behind_it(pipeline):
    """A message waits for 18 days at most: the queue's and the dead-letter queue's together."""
    version = pipeline.put("incoming/a.csv")
    day = datetime.now(UTC).date() - timedelta(days=18)
    output = keys.output_keys("incoming/a.csv", version, day, compressed=False)[0]
    pipeline.finish("incoming/a.csv", version, output)
    [shown] = told(pipeline, "incoming/a.csv")["outputs"]
    assert shown["key"] == output


@pytest.mark.parametrize("told", ["2024-01-15T23:59:59Z", "2024-01-15T23:59:59+00:00"])
def test_the_copy_tells_the_day_of_the_upload(pipeline, told):
    version = pipeline.put("incoming/a.csv", Metadata={keys.SOURCE_UPLOADED: told})
    day = date(2024, 1, 15)
    output = keys.output_keys("incoming/a.csv", version, day, compressed=False)[0]
    pipeline.finish("incoming/a.csv", version, output)
    [shown] = told_of(pipeline)["outputs"]
    assert shown["key"] == output


@pytest.mark.parametrize("told", ["yesterday", "2024-01-15", ""])
def test_a_day_that_is_no_time_is_not_taken(pipeline, told):
    _, output = pipeline.complete("incoming/a.csv", Metadata={keys.SOURCE_UPLOADED: told})
    [shown] = told_of(pipeline)["outputs"]
    assert shown["key"] == output


def told_of(pipeline: Any) -> dict[str, Any]:
    return told(pipeline, "incoming/a.csv", "--no-logs")


def test_another_versions_rejected_records_are_not_shown(pipeline):
    version = pipeline.put("incoming/a.csv")
    day = pipeline.s3.head_object(Bucket="pipeline-raw", Key="incoming/a.csv")["LastModified"]
    plain, with_digest, _ = keys.rejected_keys("incoming/a.csv", version, day.date())
    for name, owner in ((plain, "another"), (with_digest, version)):
        body = json.dumps({"of": owner}).encode()
        metadata = {keys.SOURCE_VERSION: owner}
        pipeline.put(name, body, "pipeline-processed", Metadata=metadata)
    found = told(pipeline, "incoming/a.csv")
    assert found["rejected"] == {with_digest: [json.dumps({"of": version})]}


def test_rejected_records_are_shown_by_their_first_lines(pipeline):
    source, output = pipeline.complete("incoming/a.csv")
    head = pipeline.s3.head_object(Bucket="pipeline-processed", Key=output)
    rejected = output.replace("processed/", "rejected/").replace(".json", ".ndjson")
    metadata = {**head["Metadata"], keys.REJECTED_KEY: rejected}
    pipeline.put(output, b"{}", "pipeline-processed", Metadata=metadata)
    lines = "".join(f'{{"line":{number},"reason":"ragged"}}\n' for number in range(2, 12))
    pipeline.put(rejected, lines.encode(), "pipeline-processed")
    found = told(pipeline, "incoming/a.csv")
    assert found["rejected"] == {rejected: lines.splitlines()[:5]}
    text = pipeline.run("show", "incoming/a.csv").stdout
    assert '{"line":2,"reason":"ragged"}' in text
    assert '{"line":9' not in text
    assert source in text


def test_a_failed_file_shows_its_dead_letter_and_what_was_rejected_of_it(pipeline):
    version = pipeline.put("incoming/a.csv", b"broken")
    day = pipeline.s3.head_object(Bucket="pipeline-raw", Key="incoming/a.csv")["LastModified"]
    rejected = keys.rejected_keys("incoming/a.csv", version, day.date())[0]
    pipeline.put(
        rejected, b'{"line":2}\n', "pipeline-processed", Metadata={keys.SOURCE_VERSION: version}
    )
    pipeline.dead_letter("incoming/a.csv", version, reason="too many rejects")
    pipeline.dead_letter("incoming/other.csv", "v1", reason="another file's")
    found = told(pipeline, "incoming/a.csv", code=1)
    [dead_letter] = found["dead_letters"]
    assert (dead_letter["version"], dead_letter["reason"]) == (version, "too many rejects")
    assert found["rejected"] == {rejected: ['{"line":2}']}
    assert len(pipeline.bodies("dlq_url")) == 2


def test_a_file_without_any_trace_exits_with_1(pipeline):
    result = pipeline.run("show", "incoming/a.csv")
    assert result.exit_code == 1
    assert "no trace of incoming/a.csv" in result.stderr


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("sales/a.csv", 2),
        ("processed/2024/01/01/gone.json", 1),
        ("archive/2024/01/01/gone.json", 1),
    ],
)
def test_a_key_that_leads_nowhere_is_refused(pipeline, key, code):
    result = pipeline.run("show", key)
    assert result.exit_code == code
    assert key in result.stderr


def test_an_output_that_names_no_source_is_refused(pipeline):
    pipeline.put("processed/2024/01/01/a.json", b"{}", "pipeline-processed")
    result = pipeline.run("show", "processed/2024/01/01/a.json")
    assert result.exit_code == 1
    assert "does not name the file" in result.stderr


def test_a_shortened_completed_name_without_metadata_is_refused(pipeline):
    shortened = keys.completed_key(f"incoming/{'x' * 1010}.json")
    pipeline.put(shortened, b"{}")
    assert pipeline.run("show", shortened).exit_code == 1
