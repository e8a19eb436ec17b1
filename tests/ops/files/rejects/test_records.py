"""`rejects`: the bad records of a file, from any of its keys, as a table, CSV and JSON."""

import csv
import io
import json
from datetime import UTC, date, datetime
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.response import StreamingBody

from handlers import keys
from ops.files.rejects.records import BadRecord, RejectedObject, parse, read
from tests.ops.conftest import DONE, OLD, RAW, commit

LINES = [
    b'{"line":3,"reason":"1 cells, the header has 2","raw":"x"}\n',
    '{"line":5,"reason":"invalid","raw":"=é,\\u001b[2J\\n\\"","raw_bytes":70000}\n'.encode(),
    b'{"row":7,"reason":"not an object","raw":"1"}\n',
]


def told(pipeline: Any, key: str, *words: str, code: int = 0) -> dict[str, Any]:
    result = pipeline.run("rejects", key, "--json", *words)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_the_records_are_shown_from_every_key_of_the_file(pipeline):
    source, name = pipeline.reject("incoming/sales/ä.csv", *LINES)
    output = keys.PROCESSED + name.removeprefix(keys.REJECTED).replace(".ndjson", ".json")
    for key in ("incoming/sales/ä.csv", "completed/sales/ä.csv", output, name):
        found = told(pipeline, key)
        assert found["records"] == [json.loads(line) for line in LINES]
        assert (found["key"], found["version"]) == ("incoming/sales/ä.csv", source)
        assert (found["rejected_key"], found["count"]) == (name, 3)


def test_an_output_leads_to_its_bad_records_wherever_it_is_and_without_any_copy(pipeline):
    """Older copies expire before the rejected records do: noncurrentDays, then rejectedDays."""
    first, name = pipeline.reject("incoming/a.csv", *LINES)
    output = keys.PROCESSED + name.removeprefix(keys.REJECTED).replace(".ndjson", ".json")
    archived = keys.archive_key(output)
    restored = keys.restored_key(archived)
    for key, bucket in ((archived, OLD), (restored, DONE)):
        pipeline.put(key, b"{}\n", bucket, Metadata=pipeline.metadata(output))
    for gone in completed(pipeline, "completed/a.csv"):
        pipeline.s3.delete_object(Bucket=RAW, Key=gone["Key"], VersionId=gone["VersionId"])
    second, day = pipeline.put("incoming/a.csv"), date(2024, 1, 15)
    other = keys.rejected_keys("incoming/a.csv", second, day)[0]
    of_another_day = keys.output_keys("incoming/a.csv", second, day, compressed=False)[0]
    metadata = {**commit("incoming/a.csv", second), keys.REJECTED_KEY: other}
    pipeline.put(other, LINES[0], DONE, Metadata=metadata)
    pipeline.finish("incoming/a.csv", second, of_another_day, Metadata=metadata)
    for key in (output, archived, restored):
        found = told(pipeline, key)
        assert (found["version"], found["rejected_key"]) == (first, name)
        assert told(pipeline, key, "--version", second)["records"] == []
    assert told(pipeline, of_another_day)["version"] == second


def test_csv_has_every_record_as_it_is(pipeline):
    pipeline.reject("incoming/a.csv", *LINES)
    result = pipeline.run("rejects", "incoming/a.csv", "--csv")
    header, *rows = csv.reader(io.StringIO(result.stdout, newline=""))
    assert header == ["line", "row", "reason", "raw", "raw_bytes", "field", "rule"]
    assert rows == [
        ["3", "", "1 cells, the header has 2", "x", "", "", ""],
        ["5", "", "invalid", '=é,\x1b[2J\n"', "70000", "", ""],
        ["", "7", "not an object", "1", "", "", ""],
    ]


def test_a_record_that_breaks_its_dataset_shows_the_field_and_the_rule(pipeline):
    line = b'{"line":2,"field":"total","rule":"type","reason":"total: a text","raw":"x"}\n'
    pipeline.reject("incoming/a.csv", line)
    assert told(pipeline, "incoming/a.csv")["records"] == [json.loads(line)]
    _, row = pipeline.run("rejects", "incoming/a.csv", "--csv").stdout.splitlines()
    assert row == "2,,total: a text,x,,total,type"
    assert "total: a text" in pipeline.run("rejects", "incoming/a.csv").stdout


def test_the_table_is_limited_printable_and_counts_the_rest(pipeline):
    pipeline.reject("incoming/a.csv", *LINES)
    result = pipeline.run("rejects", "incoming/a.csv", "--limit", "2")
    assert "line 3" in result.stdout
    assert "\\x1b[2J\\n" in result.stdout
    assert "row 7" not in result.stdout
    assert "2 of 3 bad records" in result.stderr
    assert len(told(pipeline, "incoming/a.csv", "--limit", "1")["records"]) == 1


def test_the_newest_version_is_shown_and_another_by_its_id(pipeline):
    first, _ = pipeline.reject("incoming/a.csv", LINES[0])
    second, plain = pipeline.complete("incoming/a.csv", b"a\n2\n")
    day = pipeline.s3.head_object(Bucket=DONE, Key=plain)["LastModified"].date()
    name = keys.rejected_keys("incoming/a.csv", second, day)[1]
    output = keys.output_keys("incoming/a.csv", second, day, compressed=False)[1]
    pipeline.put(name, LINES[2], DONE, Metadata=commit("incoming/a.csv", second))
    pipeline.put(output, b"{}\n", DONE, Metadata=commit("incoming/a.csv", second))
    pipeline.put(plain, b"{}\n", DONE, Metadata=commit("incoming/a.csv", first))
    versions = {one["VersionId"]: one for one in completed(pipeline, "completed/a.csv")}
    assert len(versions) == 2
    assert told(pipeline, "incoming/a.csv", "--version", first)["records"] == [json.loads(LINES[0])]
    assert told(pipeline, "incoming/a.csv", "--version", second)["records"] == [
        json.loads(LINES[2])
    ]
    result = pipeline.run("rejects", "incoming/a.csv", "--json")
    assert result.stderr.count("has rejected records too") == 1


def completed(pipeline: Any, key: str) -> list[dict[str, Any]]:
    return pipeline.s3.list_object_versions(Bucket=RAW, Prefix=key)["Versions"]


def test_a_file_without_bad_records_is_told_so(pipeline):
    pipeline.complete("incoming/a.csv")
    result = pipeline.run("rejects", "incoming/a.csv", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["records"] == []
    assert "has no rejected records" in result.stderr
    assert pipeline.run("rejects", "incoming/a.csv", "--csv").stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("incoming/none.csv",), 1, "no trace of incoming/none.csv"),
        (("rejected/2024/01/15/none.ndjson",), 1, "there is no object rejected/"),
        (("sales/a.csv",), 2, "allowed: one that begins"),
        (("incoming/a.csv", "--csv", "--json"), 2, "exclude each other"),
        *(
            (("incoming/a.csv", *words), 2, "--wait, --dry-run and --yes are of --fix")
            for words in (("--wait",), ("--dry-run",), ("-y",))
        ),
        (("incoming/a.csv", "--timeout", "5"), 2, "--timeout is of --wait"),
        (("incoming/a.csv", "--fix", "outputs.json", "--timeout", "5"), 2, "--timeout is of"),
    ],
)
def test_wrong_usage_is_told(pipeline, words, code, said):
    result = pipeline.run("rejects", *words)
    assert result.exit_code == code
    assert said in result.stderr


@pytest.mark.parametrize(
    "line", [b"x", b"[]", b'{"line":true,"reason":1}', b"\xff", b"[" * 100_000]
)
def test_a_line_of_another_form_is_shown_as_it_is(line):
    found = parse(line)
    assert (found.unit, found.number) == (None, None)
    assert found.raw == line.decode(errors="backslashreplace")
    assert found.document() == {"reason": found.reason, "raw": found.raw}


def test_a_record_has_its_place():
    assert parse(LINES[1]) == BadRecord(
        unit="line", number=5, reason="invalid", raw='=é,\x1b[2J\n"', raw_bytes=70000
    )


def test_an_object_of_any_size_is_read_as_a_stream(pipeline):
    """Of some gigabytes, no more is read than is shown."""
    line = b'{"line":1,"reason":"' + b"x" * 1_000 + b'","raw":""}\n'
    given: list[int] = []

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert size > 0, "read whole"
            given.append(size)
            return (line * (size // len(line) + 1))[:size]

    body = StreamingBody(Endless(), None)
    account = SimpleNamespace(
        s3=SimpleNamespace(get_object=lambda **_: {"Body": body}, exceptions=pipeline.s3.exceptions)
    )
    found = RejectedObject(
        bucket=DONE, key="rejected/x", source_key="incoming/x", source_version="v", count=None,
        stored=datetime.now(UTC),
    )  # fmt: skip
    assert len(list(islice(read(account, found), 3_000))) == 3_000
    assert sum(given) < 3_000 * len(line) + 3 * 1024**2


def test_the_empty_object_that_a_replay_leaves_counts_as_none(pipeline):
    """By the new declaration all of the file's records are good."""
    _, name = pipeline.reject("incoming/a.csv")
    for key in ("incoming/a.csv", name):
        assert told(pipeline, key)["rejected_key"] is None
        result = pipeline.run("rejects", key)
        assert (result.exit_code, "has no rejected records" in result.output) == (0, True)
