"""`upload`: what stands in incoming/, what is refused before, and how the end is waited for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from handlers import keys
from ops.files import following
from ops.terminal import instants


def file(name: str, body: bytes = b'{"a":1}') -> str:
    Path(name).write_bytes(body)
    return name


def meanwhile(monkeypatch: pytest.MonkeyPatch, *steps: Any) -> None:
    """Let the pipeline do a step in each pause of the command."""
    left = list(steps)
    monkeypatch.setattr(following, "sleep", lambda _: left.pop(0)() if left else None)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.csv", "text/csv"),
        ("a.TSV", "text/tab-separated-values"),
        ("a.json", "application/json"),
        ("a b+%.ndjson", "application/x-ndjson"),
        ("ä.jsonl", "application/x-ndjson"),
        ("a.csv.gz", "application/gzip"),
    ],
)
def test_a_file_stands_in_incoming_with_its_bytes_and_type(pipeline, name, content_type):
    file(name, b"some bytes")
    result = pipeline.run("upload", name, "--prefix", "sales/2024")
    assert result.exit_code == 0, result.output
    key = f"incoming/sales/2024/{name}"
    stored = pipeline.s3.get_object(Bucket="pipeline-raw", Key=key)
    assert (stored["Body"].read(), stored["ContentType"]) == (b"some bytes", content_type)
    assert result.stdout.split("  ")[1:] == [key, stored["VersionId"] + "\n"]


def test_the_printed_version_is_this_uploads_own(pipeline):
    old = pipeline.put("incoming/a.json", b"old")
    result = pipeline.run("upload", file("a.json", b"new"))
    version = result.stdout.split()[-1]
    assert version != old
    stored = pipeline.s3.get_object(Bucket="pipeline-raw", Key="incoming/a.json", VersionId=version)
    assert stored["Body"].read() == b"new"


def test_an_upload_of_the_same_key_behind_it_is_not_taken_for_this_one(pipeline, monkeypatch):
    original, others = BaseClient._make_api_call, iter([b"another's"])

    def uploading(self, operation, parameters):
        answer = original(self, operation, parameters)
        if operation == "PutObject" and (body := next(others, None)):
            pipeline.put("incoming/a.json", body)
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", uploading)
        result = pipeline.run("upload", file("a.json", b"mine"))
    version = result.stdout.split()[-1]
    assert len(pipeline.versions("incoming/a.json")) == 2
    stored = pipeline.s3.get_object(Bucket="pipeline-raw", Key="incoming/a.json", VersionId=version)
    assert stored["Body"].read() == b"mine"


def test_a_large_file_goes_in_parts_and_its_version_is_known(pipeline):
    body = bytes(range(256)) * 4 * 1024 * 20  # 20 MiB, boto3 cuts above 8
    result = pipeline.run("upload", file("big.csv", body))
    version = result.stdout.split()[-1]
    stored = pipeline.s3.get_object(Bucket="pipeline-raw", Key="incoming/big.csv")
    assert stored["VersionId"] == version
    assert stored["ETag"].endswith('-3"')
    assert stored["Body"].read() == body


def test_several_files_are_each_printed_with_their_version(pipeline):
    names = [file(f"{number}.json", str(number).encode()) for number in range(9)]
    result = pipeline.run("upload", *names)
    printed = dict(line.split()[1:] for line in result.stdout.splitlines())
    stored = {
        one["Key"]: one["VersionId"]
        for one in pipeline.s3.list_object_versions(Bucket="pipeline-raw")["Versions"]
    }
    assert printed == stored
    assert len(printed) == 9


@pytest.mark.parametrize(
    ("names", "words", "said"),
    [
        (["a.xml"], (), ".csv"),
        (["noextension"], (), "no data suffix"),
        (["a.json"], ("--prefix", "incoming/x"), "below incoming/"),
        (["a.json"], ("--prefix", "/x"), "below incoming/"),
        (["a.json"], ("--prefix", "x" * 1010), "1024"),
        (["a.json", "b/a.json"], (), "would both take incoming/a.json"),
        (["a.json", "a.json"], (), "would both take incoming/a.json"),
    ],
)
def test_what_the_pipeline_would_not_take_is_refused_before_anything_is_sent(
    pipeline, names, words, said
):
    Path("b").mkdir()
    good = file("good.json")
    result = pipeline.run("upload", good, *map(file, names), *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Versions" not in pipeline.s3.list_object_versions(Bucket="pipeline-raw")


def test_the_longest_key_is_taken(pipeline):
    prefix = "x" * (keys.MAX_KEY_BYTES - len("incoming//a.json"))
    assert pipeline.run("upload", file("a.json"), "--prefix", prefix).exit_code == 0
    assert len(pipeline.versions(f"incoming/{prefix}/a.json")) == 1


def test_a_file_that_is_not_there_is_wrong_usage(pipeline):
    assert pipeline.run("upload", "gone.json").exit_code == 2


def test_a_dry_run_sends_nothing(pipeline):
    result = pipeline.run("upload", file("a.json"), "--dry-run")
    assert "would upload a.json to s3://pipeline-raw/incoming/a.json" in result.stdout
    assert "Versions" not in pipeline.s3.list_object_versions(Bucket="pipeline-raw")


def finish_current(pipeline: Any, key: str, output: Any = None) -> None:
    [version] = pipeline.versions(key)
    pipeline.finish(key, version, output(version) if output else None)


def test_waiting_ends_with_the_output_and_its_counts(pipeline, monkeypatch):
    meanwhile(monkeypatch, lambda: None, lambda: finish_current(pipeline, "incoming/a.json"))
    result = pipeline.run("upload", file("a.json"), "--wait")
    assert result.exit_code == 0, result.output
    day = datetime.now(UTC).strftime("%Y/%m/%d")
    assert f"processed  incoming/a.json  processed/{day}/a.json  3 in, 2 out" in result.stdout


def test_another_versions_output_is_not_taken_for_this_ones(pipeline, monkeypatch):
    """The plain name is an older version's; this one's output carries its digest."""
    pipeline.complete("incoming/a.json")
    today = datetime.now(UTC).date()

    def with_digest(version: str) -> str:
        return keys.output_keys("incoming/a.json", version, today, compressed=False)[1]

    meanwhile(monkeypatch, lambda: finish_current(pipeline, "incoming/a.json", with_digest))
    result = pipeline.run("upload", file("a.json"), "--wait")
    version = result.stdout.split()[2]
    assert result.exit_code == 0
    assert with_digest(version) in result.stdout


def test_a_compressed_output_and_one_that_was_archived_at_once_are_found(pipeline, monkeypatch):
    def archived(version: str) -> str:
        today = datetime.now(UTC).date()
        return keys.output_keys("incoming/a.json", version, today, compressed=True)[0]

    def archive() -> None:
        finish_current(pipeline, "incoming/a.json", archived)
        [item] = pipeline.s3.list_objects_v2(Bucket="pipeline-processed")["Contents"]
        place = {"Bucket": "pipeline-processed", "Key": item["Key"]}
        target = keys.archive_key(item["Key"])
        pipeline.s3.copy_object(Bucket="pipeline-archive", Key=target, CopySource=place)
        pipeline.s3.delete_object(**place)

    meanwhile(monkeypatch, archive)
    result = pipeline.run("upload", file("a.json"), "--wait")
    assert result.exit_code == 0
    assert "archive/" in result.stdout
    assert "/a.json.gz" in result.stdout


def test_waiting_ends_with_the_dead_letter_and_its_reason(pipeline, monkeypatch):
    def fail() -> None:
        [version] = pipeline.versions("incoming/a.csv")
        pipeline.dead_letter("incoming/a.csv", "another version", reason="not this one")
        pipeline.dead_letter("incoming/a.csv", version, reason="open quote")

    meanwhile(monkeypatch, fail)
    result = pipeline.run("upload", file("a.csv"), "--wait")
    assert result.exit_code == 1
    assert "failed  incoming/a.csv  open quote (line 3)" in result.stdout
    assert "not this one" not in result.stdout
    assert len(pipeline.bodies("dlq_url")) == 2


def test_some_processed_and_some_failed(pipeline, monkeypatch):
    def work() -> None:
        finish_current(pipeline, "incoming/good.json")
        pipeline.dead_letter("incoming/bad.json", pipeline.versions("incoming/bad.json")[0])

    meanwhile(monkeypatch, work)
    result = pipeline.run("upload", file("good.json"), file("bad.json"), "--wait")
    assert result.exit_code == 1
    ends = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines()}
    assert (ends["processed"], ends["failed"]) == ("incoming/good.json", "incoming/bad.json")


def test_a_file_is_not_processed_while_its_version_stands(pipeline, monkeypatch):
    """The processor deletes it last: until then its copy may be missing."""
    left = []

    def store() -> None:
        [version] = pipeline.versions("incoming/a.json")
        day = datetime.now(UTC).date()
        output = keys.output_keys("incoming/a.json", version, day, compressed=False)[0]
        left.append(version)
        metadata = {keys.SOURCE_VERSION: version}
        pipeline.put(output, b"{}", "pipeline-processed", Metadata=metadata)

    def delete() -> None:
        place = {"Bucket": "pipeline-raw", "Key": "incoming/a.json"}
        pipeline.s3.delete_object(**place, VersionId=left.pop())

    meanwhile(monkeypatch, store, lambda: None, delete)
    assert pipeline.run("upload", file("a.json"), "--wait").exit_code == 0
    assert left == []


def test_a_dead_letter_of_the_last_moment_is_seen(pipeline, monkeypatch):
    """Dead letters are looked at in every fifth round, and in the last."""
    now = [0.0]

    def pause(_: float) -> None:
        now[0] += 7
        if now == [14.0]:
            pipeline.dead_letter("incoming/a.csv", pipeline.versions("incoming/a.csv")[0])

    monkeypatch.setattr(following, "monotonic", lambda: now[0])
    monkeypatch.setattr(following, "sleep", pause)
    result = pipeline.run("upload", file("a.csv"), "--wait", "--timeout", "20")
    assert result.exit_code == 1
    assert "failed  incoming/a.csv" in result.stdout


def test_waiting_ends_in_time_with_exit_code_1(pipeline, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(following, "monotonic", lambda: now[0])
    monkeypatch.setattr(following, "sleep", lambda _: now.__setitem__(0, now[0] + 7))
    result = pipeline.run("upload", file("a.json"), "--wait", "--timeout", "20")
    assert result.exit_code == 1
    assert "timed out  incoming/a.json" in result.stdout
    assert now == [21.0]


def test_the_days_an_upload_may_have_cover_midnight_and_skewed_clocks():
    midnight = datetime(2024, 3, 1, tzinfo=UTC)
    early, late = midnight - timedelta(minutes=5), midnight + timedelta(minutes=5)
    both = (datetime(2024, 2, 29, tzinfo=UTC).date(), midnight.date())
    assert instants.days_around(early, late) == both
    assert instants.days_around(late, late) == both
    noon = midnight + timedelta(hours=12)
    assert instants.days_around(noon, noon) == (noon.date(),)
