"""`smoke`: how an output is judged, and what is told of what cannot be removed."""

import gzip
from datetime import UTC, date, datetime

import pytest
from botocore.exceptions import ClientError

from ops import aws
from ops.pipeline.smoke import checking, traces
from ops.pipeline.smoke.samples import Sample, samples
from ops.stack import Stack
from tests.ops.conftest import RAW, Pipeline

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
    versions = [pipeline.put(f"incoming/smoke-1/{name}") for name in ("a", "b", "c")]
    pipeline.put("incoming/smoke-12/other")
    original = account.s3.delete_object

    def delete(**call: str) -> object:
        if call["Key"].endswith("b"):
            answer = {"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}
            raise ClientError(answer, "DeleteObject")  # pyright: ignore[reportArgumentType]
        return original(**call)

    monkeypatch.setattr(account.s3, "delete_object", delete)
    left = traces.remove(account, "smoke-1", [date(2024, 1, 15)], under_way=["incoming/smoke-1/c"])
    assert [one.place for one in left] == [
        f"s3://{RAW}/incoming/smoke-1/{name} version {version}"
        for name, version in zip("bc", versions[1:], strict=True)
    ]
    assert "s3:DeleteObjectVersion" in left[0].why
    assert left[1].why == "it is not processed yet"
    page = pipeline.s3.list_object_versions(Bucket=RAW)
    assert [one["Key"] for one in page["Versions"]] == [
        "incoming/smoke-1/b", "incoming/smoke-1/c", "incoming/smoke-12/other",
    ]  # fmt: skip
    assert "DeleteMarkers" not in page
