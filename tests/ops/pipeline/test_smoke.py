"""`smoke`: how an output is judged, and what is told of what cannot be removed."""

import gzip
import json
from datetime import UTC, date, datetime

import pytest
from botocore.exceptions import ClientError

from ops import aws
from ops.pipeline.smoke import checking, traces
from ops.pipeline.smoke.samples import Sample, samples
from ops.stack import Stack
from tests.ops import bundling
from tests.ops.bundling import Made
from tests.ops.conftest import DONE, OLD, RAW, Pipeline

RUN = "_smoke-20240115-1a2b3c4d"
SINCE = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
METADATA = (
    b'{"processed_at":"2024-01-15T10:30:02.000Z","environment":"dev","processor_version":"1"}'
)
SAMPLE = Sample(name="a.json", body=b"", lines=(b'{"a":1}', b'{"b":2}'))
RIGHT = b'{"a":1,"_metadata":%s}\n{"b":2,"_metadata":%s}\n' % (METADATA, METADATA)


def found(body: bytes, *, compressed: bool = False) -> list[str]:
    return [*checking.of_output(body, SAMPLE, compressed=compressed, since=SINCE)]


def test_a_right_output_has_no_problem_compressed_or_not():
    assert found(RIGHT) == []
    assert found(gzip.compress(RIGHT), compressed=True) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (b'{"a":1,', b'{"a":"1",', "line 1 is"),
        (b'{"b":2', b'{"b":2,"c":null', "line 2 is"),
        (b'{"a":1,"_metadata":' + METADATA + b"}\n", b"", "1 lines, expected: 2"),
        (b'"1"}}\n{', b'"1"}}\n\n{', "3 lines, expected: 2"),
        (b'"environment":"dev"', b'"environment":""', "line 1: _metadata is"),
        (b'"environment":"dev",', b"", "line 1: _metadata is"),
        (b"2024-01-15T10:30:02.000Z", b"yesterday", "line 1: processed_at is 'yesterday'"),
        (b"2024-01-15T10:30:02.000Z", b"2024-01-14T10:30:02.000Z", "line 1: processed_at is"),
        (METADATA, b"[]", "line 1: _metadata is"),
        (METADATA, b"{", "line 1: _metadata is"),
    ],
)
def test_a_wrong_output_is_told(before, after, said):
    problems = found(RIGHT.replace(before, after, 1))
    assert problems
    assert problems[0].startswith(said)


def test_an_output_without_its_last_end_or_that_is_no_gzip_is_told():
    assert found(RIGHT[:-1])[0].startswith("1 lines, expected: 2, each with its end")
    assert found(RIGHT, compressed=True)[0].startswith("the output is no gzip")
    assert found(gzip.compress(RIGHT)[:-9], compressed=True)[0].startswith("the output is no gzip")


def test_counts_that_differ_are_told():
    right = {"in": 2, "out": 2, "rejected": 0, "empty": 0}
    assert [*checking.of_counts(right, 2)] == []
    assert [*checking.of_counts({**right, "rejected": 1}, 2)] != []
    assert [*checking.of_counts({}, 2)] != []


def test_every_format_is_sent_plain_and_gzip_under_names_that_do_not_meet():
    sent = {sample.name: sample for sample in samples()}
    suffixes = {name.partition(".")[2].removesuffix(".gz") for name in sent}
    assert suffixes == {"json", "ndjson", "csv", "tsv"}
    packed = [one for name, one in sent.items() if name.endswith(".gz")]
    plain = [one for name, one in sent.items() if not name.endswith(".gz")]
    assert [gzip.decompress(one.body) for one in packed] == [one.body for one in plain]
    assert len({name.partition(".")[0] for name in sent}) == 10


def test_what_cannot_be_removed_is_named_with_the_permission(pipeline: Pipeline, monkeypatch):
    account = aws.connect(Stack.from_outputs(pipeline.outputs, origin="test"))
    versions = [pipeline.put(f"incoming/{RUN}/{name}") for name in ("a", "b", "c")]
    pipeline.put(f"incoming/{RUN}2/other")
    original = account.s3.delete_object

    def delete(**call: str) -> object:
        if call["Key"].endswith("b"):
            answer = {"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}
            raise ClientError(answer, "DeleteObject")  # pyright: ignore[reportArgumentType]
        return original(**call)

    monkeypatch.setattr(account.s3, "delete_object", delete)
    left = traces.remove(account, RUN, under_way=[f"incoming/{RUN}/c"])
    assert [one.place for one in left] == [
        f"s3://{RAW}/incoming/{RUN}/{name} version {version}"
        for name, version in zip("bc", versions[1:], strict=True)
    ]
    assert "s3:DeleteObjectVersion" in left[0].why
    assert left[1].why == "it is not processed yet"
    page = pipeline.s3.list_object_versions(Bucket=RAW)
    assert [one["Key"] for one in page["Versions"]] == [
        f"incoming/{RUN}/b", f"incoming/{RUN}/c", f"incoming/{RUN}2/other",
    ]  # fmt: skip
    assert "DeleteMarkers" not in page


PLACES = (
    (RAW, f"completed/{RUN}/a.json"),
    (DONE, f"processed/2024/01/14/{RUN}/a.json"),  # the clocks of S3 and of a machine differ
    (DONE, f"processed/2024/01/15/{RUN}/b.json"),
    (DONE, f"rejected/2024/01/16/{RUN}/c.ndjson"),
)


def stored(pipeline: Pipeline) -> list[tuple[str, str]]:
    return [
        (bucket, one["Key"])
        for bucket in (RAW, DONE, OLD)
        for one in pipeline.s3.list_object_versions(Bucket=bucket).get("Versions", [])
    ]


def test_a_run_is_removed_however_long_ago_it_was_and_a_dry_run_says_where(pipeline: Pipeline):
    for bucket, key in PLACES:
        pipeline.put(key, bucket=bucket)
    planned = pipeline.run("smoke", "--remove", RUN, "--dry-run", "--json")
    told = json.loads(planned.stdout)
    assert (planned.exit_code, told["run"], told["uploads"]) == (0, RUN, [])
    assert {f"s3://{bucket}/{key.rpartition('/')[0]}/" for bucket, key in PLACES} < {
        *told["removes"]
    }
    assert stored(pipeline) == [*PLACES]
    text = pipeline.run("smoke", "--remove", RUN, "--dry-run").stdout
    assert [line.rpartition(" ")[2] for line in text.splitlines()] == told["removes"]
    assert pipeline.run("smoke", "--remove", RUN).exit_code == 0
    assert stored(pipeline) == []


def test_what_is_in_a_bundle_is_left_and_named(pipeline: Pipeline):
    own = f"processed/2024/01/15/{RUN}/a.json"
    others = [Made(key="processed/2024/01/15/a.json"), Made(key="processed/2024/01/15/z.json")]
    bundle, _ = bundling.store(pipeline.s3, OLD, [Made(key=own), *others])
    result = pipeline.run("smoke", "--remove", RUN, "--json")
    [left] = json.loads(result.stdout)["left"]
    assert left["place"] == f"{own} in {bundle}"
    assert "archived" in left["why"]


def test_what_is_archived_is_left_and_named(pipeline: Pipeline):
    archived = f"archive/2024/01/15/{RUN}/a.json"
    version = pipeline.put(archived, bucket=OLD)
    result = pipeline.run("smoke", "--remove", RUN, "--json")
    assert result.exit_code == 1
    (left,) = json.loads(result.stdout)["left"]
    assert left["place"] == f"s3://{OLD}/{archived} version {version}"
    assert "archived" in left["why"]
    assert stored(pipeline) == [(OLD, archived)]


def test_a_dry_run_tells_as_json_what_it_would_send(pipeline: Pipeline):
    told = json.loads(pipeline.run("smoke", "--dry-run", "--json", "--keep").stdout)
    folder = f"s3://{RAW}/incoming/{told['run']}/"
    assert [(one["place"], one["bytes"]) for one in told["uploads"]] == [
        (folder + sample.name, len(sample.body)) for sample in samples()
    ]
    assert told["removes"] == []
    assert stored(pipeline) == []


@pytest.mark.parametrize("day", [date(2024, 2, 29), date(2024, 12, 31)])
def test_the_name_of_a_run_says_on_what_days_its_outputs_may_lie(day):
    run = traces.new_run(datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC))
    before, same, after = traces.days_of(run)
    assert (same, (after - before).days) == (day, 2)
    assert traces.new_run(SINCE) != traces.new_run(SINCE)


@pytest.mark.parametrize(
    "words",
    [
        ("--remove", RUN, "--keep"),
        ("--remove", "_smoke-20241315-1a2b3c4d"),
        ("--remove", f"{RUN}/"),
        ("--remove", "sales"),
    ],
)
def test_what_can_be_removed_is_a_run_and_then_nothing_is_kept(pipeline: Pipeline, words):
    result = pipeline.run("smoke", *words)
    assert result.exit_code == 2
    assert "allowed: " in result.stderr
