"""`replay`: an original becomes a new upload, as it was when it first came."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.endpoint import Endpoint
from botocore.exceptions import ClientError, ReadTimeoutError

from handlers import keys
from ops.files import copies

RAW = "pipeline-raw"


def stored(pipeline: Any, key: str) -> dict[str, Any]:
    found = pipeline.s3.get_object(Bucket=RAW, Key=key)
    tags = pipeline.s3.get_object_tagging(Bucket=RAW, Key=key)["TagSet"]
    return {**found, "Body": found["Body"].read(), "Tags": tags}


def without_marks(found: dict[str, Any]) -> dict[str, str]:
    marks = (keys.REPLAY_JOB, keys.REPLAY_OF)
    return {name: text for name, text in found["Metadata"].items() if name not in marks}


def tag(pipeline: Any, key: str, **tags: str) -> None:
    tagging = {"TagSet": [{"Key": name, "Value": text} for name, text in tags.items()]}
    pipeline.s3.put_object_tagging(Bucket=RAW, Key=key, Tagging=tagging)


def test_a_replay_is_a_new_version_of_the_original_with_all_but_the_marks(pipeline):
    source, output = pipeline.complete(
        "incoming/sales/a b+ä.csv",
        b"a,b\n1,2\n",
        ContentType="text/csv",
        Metadata={"team": "x", keys.SOURCE_UPLOADED: "2024-01-15T10:30:00Z"},
    )
    tag(pipeline, "completed/sales/a b+ä.csv", cost="a/b c", empty="")
    result = pipeline.run("replay", "incoming/sales/a b+ä.csv", "--yes")
    assert result.exit_code == 0, result.output
    new = stored(pipeline, "incoming/sales/a b+ä.csv")
    assert new["Body"] == b"a,b\n1,2\n"
    assert new["VersionId"] != source
    assert (new["ContentType"], without_marks(new)) == ("text/csv", {"team": "x"})
    assert {one["Key"]: one["Value"] for one in new["Tags"]} == {"cost": "a/b c", "empty": ""}
    assert f"replayed  incoming/sales/a b+ä.csv  {new['VersionId']}" in result.stdout
    kept = stored(pipeline, "completed/sales/a b+ä.csv")
    assert kept["Metadata"][keys.SOURCE_VERSION] == source
    assert pipeline.s3.head_object(Bucket="pipeline-processed", Key=output)


def test_headers_are_kept(pipeline):
    headers = {
        "ContentType": "text/csv",
        "ContentEncoding": "identity",
        "CacheControl": "no-store",
        "ContentDisposition": "attachment",
        "ContentLanguage": "de",
    }
    pipeline.put("completed/a.csv", b"a\n", **headers)
    assert pipeline.run("replay", "completed/a.csv", "--yes").exit_code == 0
    new = stored(pipeline, "incoming/a.csv")
    assert {name: new[name] for name in headers} == headers


def test_the_current_copy_is_taken_unless_a_version_is_given(pipeline):
    first, _ = pipeline.complete("incoming/a.json", b"first")
    pipeline.complete("incoming/a.json", b"second")
    assert pipeline.run("replay", "incoming/a.json", "--yes").exit_code == 0
    assert stored(pipeline, "incoming/a.json")["Body"] == b"second"
    assert pipeline.run("replay", "incoming/a.json", "--version", first, "--yes").exit_code == 0
    assert stored(pipeline, "incoming/a.json")["Body"] == b"first"


def test_a_copys_own_version_id_names_it_too(pipeline):
    old = pipeline.put("completed/a.json", b"first")
    pipeline.put("completed/a.json", b"second")
    assert pipeline.run("replay", "completed/a.json", "--version", old, "--yes").exit_code == 0
    assert stored(pipeline, "incoming/a.json")["Body"] == b"first"


def test_a_version_that_is_not_there_is_named_with_those_that_are(pipeline):
    have = pipeline.put("completed/a.json", b"first")
    result = pipeline.run("replay", "incoming/a.json", "--version", "v9", "--yes")
    assert result.exit_code == 1
    assert "version v9" in result.stderr
    assert have in result.stderr
    assert pipeline.versions("incoming/a.json") == []


def test_a_deleted_copy_is_not_current(pipeline):
    old = pipeline.put("completed/a.json", b"first")
    pipeline.s3.delete_object(Bucket=RAW, Key="completed/a.json")
    assert pipeline.run("replay", "incoming/a.json", "--yes").exit_code == 1
    assert pipeline.run("replay", "incoming/a.json", "--version", old, "--yes").exit_code == 0
    assert stored(pipeline, "incoming/a.json")["Body"] == b"first"


def test_a_prefix_replays_the_current_copy_of_each_file(pipeline, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    for number in range(4):
        pipeline.put(f"completed/sales/{number}.json", b"old")
        pipeline.put(f"completed/sales/{number}.json", str(number).encode())
    pipeline.put("completed/stock/a.json", b"other")
    result = pipeline.run("replay", "--prefix", "incoming/sales/", "--yes")
    assert result.exit_code == 0, result.output
    bodies = [stored(pipeline, f"incoming/sales/{number}.json")["Body"] for number in range(4)]
    assert bodies == [str(number).encode() for number in range(4)]
    assert pipeline.versions("incoming/stock/a.json") == []


def test_since_leaves_out_what_was_completed_before(pipeline):
    pipeline.put("completed/a.json", b"{}")
    for since, count in (("2999-01-01T00:00:00+01:00", 0), ("2020-01-01", 1)):
        result = pipeline.run("replay", "--prefix", "completed/", "--since", since, "--yes")
        assert result.exit_code == 0
        assert len(pipeline.versions("incoming/a.json")) == count


def test_since_takes_what_was_completed_at_that_very_time(pipeline):
    pipeline.put("completed/a.json", b"{}")
    since = stored(pipeline, "completed/a.json")["LastModified"].isoformat()
    result = pipeline.run("replay", "--prefix", "completed/", "--since", since, "--yes")
    assert result.exit_code == 0
    assert len(pipeline.versions("incoming/a.json")) == 1


def test_until_leaves_out_what_was_completed_then_or_later(pipeline):
    pipeline.put("completed/a.json", b"{}")
    completed = stored(pipeline, "completed/a.json")["LastModified"]
    for until, count in ((completed, 0), (completed + timedelta(seconds=1), 1)):
        words = ("--prefix", "completed/", "--until", until.isoformat(), "--yes")
        assert pipeline.run("replay", *words).exit_code == 0
        assert len(pipeline.versions("incoming/a.json")) == count


def long_key() -> str:
    return f"incoming/{'x' * 1010}.json"  # its completed/ name would have 1,025 bytes


@pytest.mark.parametrize("words", [(long_key(),), ("--prefix", "completed/x")])
def test_a_shortened_name_finds_its_original(pipeline, words):
    shortened = keys.completed_key(long_key())
    assert "~" in shortened
    told = {keys.SOURCE_KEY: long_key()} if "--prefix" in words else {}
    pipeline.put(shortened, b"body", Metadata=told)
    assert pipeline.run("replay", *words, "--yes").exit_code == 0
    assert stored(pipeline, long_key())["Body"] == b"body"


def test_a_shortened_name_without_metadata_is_reported_and_holds_nothing_back(pipeline):
    pipeline.put(keys.completed_key(long_key()), b"body")
    pipeline.put("completed/y.json", b"other")
    result = pipeline.run("replay", "--prefix", "completed/", "--yes")
    assert result.exit_code == 1
    assert "name is shortened" in result.stderr
    assert stored(pipeline, "incoming/y.json")["Body"] == b"other"


def test_one_failure_stops_no_other_copy(pipeline, monkeypatch):
    for name in "abc":
        pipeline.put(f"completed/{name}.json", b"{}")
    original = BaseClient._make_api_call

    def failing(self, operation, parameters):
        if operation == "CopyObject" and parameters["Key"] == "incoming/b.json":
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "busy"}}, operation)
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", failing)
        result = pipeline.run("replay", "--prefix", "completed/", "--yes")
    assert result.exit_code == 1
    assert "completed/b.json" in result.stderr
    counts = [len(pipeline.versions(f"incoming/{name}.json")) for name in "abc"]
    assert counts == [1, 0, 1]


def test_an_object_too_large_for_one_copy_goes_in_parts_with_everything(pipeline, monkeypatch):
    monkeypatch.setattr(copies, "ONE_COPY_BYTES", 1024)
    monkeypatch.setattr(copies, "PART_BYTES", 5 * 1024**2)
    body = bytes(range(256)) * 4 * 1024 * 6
    pipeline.complete("incoming/big.csv", body, ContentType="text/csv", Metadata={"team": "x"})
    tag(pipeline, "completed/big.csv", cost="7")
    result = pipeline.run("replay", "incoming/big.csv", "--yes")
    assert result.exit_code == 0, result.output
    new = stored(pipeline, "incoming/big.csv")
    assert new["Body"] == body
    assert new["ETag"].endswith('-2"')
    assert (new["ContentType"], without_marks(new)) == ("text/csv", {"team": "x"})
    assert new["Tags"] == [{"Key": "cost", "Value": "7"}]
    assert new["VersionId"] in result.stdout


def test_parts_grow_where_there_would_be_more_than_s3_takes(pipeline, monkeypatch):
    monkeypatch.setattr(copies, "ONE_COPY_BYTES", 1024)
    monkeypatch.setattr(copies, "PART_BYTES", 5 * 1024**2)
    monkeypatch.setattr(copies, "_MAX_PARTS", 1)
    body = bytes(range(256)) * 4 * 1024 * 6
    pipeline.put("completed/big.csv", body)
    assert pipeline.run("replay", "completed/big.csv", "--yes").exit_code == 0
    new = stored(pipeline, "incoming/big.csv")
    assert new["Body"] == body
    assert new["ETag"].endswith('-1"')


def test_parts_that_fail_leave_no_unfinished_upload(pipeline, monkeypatch):
    monkeypatch.setattr(copies, "ONE_COPY_BYTES", 1)
    pipeline.put("completed/a.csv", b"abc")
    original = BaseClient._make_api_call

    def failing(self, operation, parameters):
        if operation == "UploadPartCopy":
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "busy"}}, operation)
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", failing)
        assert pipeline.run("replay", "incoming/a.csv", "--yes").exit_code == 1
    assert "Uploads" not in pipeline.s3.list_multipart_uploads(Bucket=RAW)
    assert pipeline.versions("incoming/a.csv") == []


@pytest.mark.parametrize("processed_at_once", [False, True])
def test_a_copy_whose_answer_is_lost_is_not_made_again(pipeline, monkeypatch, processed_at_once):
    pipeline.put("completed/a.json", b"{}")
    pipeline.put("incoming/a.json", b"another upload waits")
    original = Endpoint._do_get_response

    def lost(self, request, operation, context):
        answer = original(self, request, operation, context)
        if operation.name != "CopyObject":
            return answer
        if processed_at_once:
            patch.undo()
            pipeline.finish("incoming/a.json", pipeline.versions("incoming/a.json")[0])
        return None, ReadTimeoutError(endpoint_url="s3")

    with monkeypatch.context() as patch:
        patch.setattr(Endpoint, "_do_get_response", lost)
        result = pipeline.run("replay", "incoming/a.json", "--yes")
    assert (result.exit_code, "replayed  incoming/a.json" in result.stdout) == (0, True)
    left = 1 if processed_at_once else 2
    assert len(pipeline.versions("incoming/a.json")) == left
    assert len(pipeline.versions("completed/a.json")) == 3 - left


def test_metadata_without_room_for_marks_is_kept_as_it_is(pipeline):
    full = {"x": "y" * 2_000}
    pipeline.put("completed/a.json", b"{}", Metadata=full)
    assert pipeline.run("replay", "incoming/a.json", "--yes").exit_code == 0
    assert stored(pipeline, "incoming/a.json")["Metadata"] == full


def test_a_dry_run_prints_each_copy_and_makes_none(pipeline, tmp_path):
    version = pipeline.put("completed/a.json", b"{}")
    result = pipeline.run("replay", "--prefix", "completed/", "--dry-run")
    assert result.exit_code == 0
    copied, told = result.stdout.splitlines()
    assert copied == f"would copy completed/a.json version {version} to incoming/a.json"
    assert told.startswith("1 files, 2 B; by list prices about $0.00 to copy")
    assert list(tmp_path.glob("*.ndjson")) == []
    assert pipeline.versions("incoming/a.json") == []


def test_a_no_copies_nothing(pipeline):
    pipeline.put("completed/a.json", b"{}")
    assert pipeline.run("replay", "incoming/a.json", answer="n\n").exit_code == 1
    assert pipeline.versions("incoming/a.json") == []


WRONG_USAGE = (
    (),
    ("incoming/a.json", "--prefix", "incoming/"),
    ("incoming/a.json", "--since", "2024-01-01"),
    ("--prefix", "incoming/", "--version", "v1"),
    ("sales/a.json",),
    ("processed/2024/01/01/a.json",),
    ("--prefix", "sales/"),
    ("--prefix", "incoming/", "--since", "yesterday"),
    ("--prefix", "incoming/", "--until", "tomorrow"),
    ("incoming/a.json", "--until", "2024-01-01"),
    ("incoming/a.json", "--batch-operations"),
    ("incoming/a.json", "--record", "r.ndjson"),
    ("--prefix", "incoming/", "--resume", "r.ndjson"),
    ("--prefix", "incoming/", "--batch-operations", "--record", "r.ndjson"),
    ("--prefix", "incoming/", "--cancel"),
    ("--prefix", "incoming/", "--json"),
    ("--resume", "there-is-none.ndjson"),
    ("--job", "job-1", "--again"),
)


def test_wrong_usage_exits_with_2(pipeline):
    for words in WRONG_USAGE:
        result = pipeline.run("replay", *words, "--yes")
        assert (result.exit_code, "allowed" in result.stderr) == (2, True), words
