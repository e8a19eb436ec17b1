"""`rejects --fix`: corrected rows are sent once, however often and by whomever it is asked."""

import json
from typing import Any

import pytest

from handlers import keys
from ops.files.rejects import fixes
from tests.ops.conftest import RAW

KEY = "incoming/sales/a.csv"
ROW = b'{"line":3,"reason":"ragged","raw":"x"}\n'


@pytest.fixture
def bad(pipeline: Any, tmp_path: Any) -> Any:
    """A file with a bad record, and its correction in fix.csv."""
    pipeline.source, _ = pipeline.reject(KEY, ROW)
    (tmp_path / "fix.csv").write_text("A,B\n1,2\n")
    digest = keys.fix_digest(KEY, pipeline.source, b'{"A":"1","B":"2"}\n')
    pipeline.fix = keys.fix_key(KEY, digest)
    return pipeline


def fix(pipeline: Any, *words: str, code: int = 0, file: str = "fix.csv") -> str:
    result = pipeline.run("rejects", KEY, "--fix", file, "--yes", *words)
    assert result.exit_code == code, result.output
    return result.output


def sent(pipeline: Any) -> list[str]:
    return [*pipeline.versions(pipeline.fix), *pipeline.versions(keys.completed_key(pipeline.fix))]


def test_the_rows_are_sent_beside_the_file_and_name_it(bad):
    assert f"sent  {bad.fix}" in fix(bad)
    assert bad.fix.startswith("incoming/sales/a.fix-")
    stored = bad.s3.get_object(Bucket=RAW, Key=bad.fix)
    assert stored["Body"].read() == b'{"A":"1","B":"2"}\n'
    assert stored["ContentType"] == "application/x-ndjson"
    metadata = stored["Metadata"]
    assert keys.decode_value(metadata[keys.FIXES_KEY]) == KEY
    assert metadata[keys.FIXES_VERSION] == bad.source


def test_the_same_rows_in_another_form_are_the_same_fix(bad, tmp_path):
    (tmp_path / "fix.json").write_text('[{"A":"1","B":"2"}]')
    fix(bad)
    assert "sent before, waiting" in fix(bad, file="fix.json")
    assert len(sent(bad)) == 1


def test_a_fix_that_waits_is_not_sent_again(bad):
    fix(bad)
    assert "sent before, waiting since " in fix(bad)
    assert len(sent(bad)) == 1


def test_a_fix_that_was_processed_is_not_sent_again(bad):
    fix(bad)
    (version,) = bad.versions(bad.fix)
    bad.finish(bad.fix, version)
    said = fix(bad, "--wait")
    assert f"sent before, processed  {bad.fix}  {version}  output: processed/" in said
    assert sent(bad) == bad.versions(keys.completed_key(bad.fix))


def test_a_fix_that_failed_is_not_sent_again_and_says_why(bad):
    fix(bad)
    bad.dead_letter(bad.fix, bad.versions(bad.fix)[0], reason="all are bad")
    for words in (("--wait",), ()):
        assert "sent before, failed" in (said := fix(bad, *words, code=1))
        assert "all are bad" in said
    assert len(sent(bad)) == 1


def test_of_two_operators_at_once_one_sends_and_the_other_finds_it(bad, monkeypatch):
    """The other put it after this one looked, twice: before the command's and before the put's."""
    looked: list[Any] = []
    look = fixes.look

    def blind(account: Any, one: Any) -> Any:
        looked.append(one)
        return None if len(looked) <= 2 else look(account, one)

    fix(bad)
    monkeypatch.setattr(fixes, "look", blind)
    assert "sent before, waiting" in fix(bad)
    assert len(sent(bad)) == 1


def test_a_fix_that_was_processed_behind_the_look_is_told(bad, monkeypatch):
    fix(bad)
    (version,) = bad.versions(bad.fix)
    bad.finish(bad.fix, version)
    monkeypatch.setattr(fixes, "look", lambda *_: None)
    said = fix(bad, code=1)
    assert f"version {version} of the same fix was processed at this moment" in said


def test_a_version_that_is_replayed_is_another_file_and_has_its_own_fix(bad):
    fix(bad)
    again = keys.fix_digest(KEY, "another", b'{"A":"1","B":"2"}\n')
    assert keys.fix_key(KEY, again) != bad.fix


def test_other_rows_are_another_fix_and_the_first_is_named(bad, tmp_path):
    fix(bad)
    (tmp_path / "more.ndjson").write_text('{"A":"1","B":"3"}\n')
    said = fix(bad, file="more.ndjson")
    assert "other rows were sent for the same bad records at" in said
    assert bad.fix in said
    assert len(bad.versions("incoming/sales/a.fix-")) == 0  # two keys, each with one version
    listed = bad.s3.list_objects_v2(Bucket=RAW, Prefix="incoming/sales/a.fix-")
    assert listed["KeyCount"] == 2


def test_a_key_that_another_file_has_is_not_taken_for_the_fix(bad):
    bad.put(bad.fix, b"{}")
    assert "is taken by another file" in fix(bad, code=1)
    assert len(sent(bad)) == 1


def test_a_dry_run_sends_nothing(bad):
    assert f"would send 1 rows to s3://{RAW}/{bad.fix}" in fix(bad, "--dry-run")
    assert sent(bad) == []
    fix(bad)
    assert "would send nothing" in fix(bad, "--dry-run")


def test_a_no_sends_nothing(bad):
    result = bad.run("rejects", KEY, "--fix", "fix.csv", answer="n\n")
    assert result.exit_code == 1
    assert sent(bad) == []


def test_a_broken_row_sends_nothing(bad, tmp_path):
    (tmp_path / "fix.csv").write_text("A,B\n1\n1,2\n")
    assert "line 2: 1 cells" in fix(bad, code=2)
    assert sent(bad) == []


def test_without_bad_records_there_is_nothing_to_fix(pipeline, tmp_path):
    pipeline.complete(KEY)
    (tmp_path / "fix.csv").write_text("A\n1\n")
    assert "has no rejected records" in fix(pipeline, code=1)


def test_show_of_either_file_tells_both(bad):
    fix(bad)
    (version,) = bad.versions(bad.fix)
    for state in ("waiting", "completed"):
        if state == "completed":
            bad.finish(bad.fix, version)
        first = json.loads(bad.run("show", KEY, "--json", "--no-logs").stdout)
        (link,) = first["fixed_by"]
        assert (link["key"], link["version"], link["state"]) == (bad.fix, version, state)
        assert link["of_version"] == bad.source
        assert [one["detail"] for one in first["timeline"] if one["event"] == "fix sent"] == [
            bad.fix
        ]
        second = json.loads(bad.run("show", bad.fix, "--json", "--no-logs").stdout)
        assert second["fixes"] == [{"key": KEY, "version": bad.source}]
        assert second["fixed_by"] == []
    text = bad.run("show", KEY, "--no-logs").stdout
    assert f"{bad.fix}  completed" in text
    assert f"corrects bad records of {KEY}" in bad.run("show", bad.fix, "--no-logs").stdout


def test_metadata_that_names_a_file_it_does_not_fix_is_no_link(bad):
    forged = {keys.FIXES_KEY: keys.encode_value(KEY), keys.FIX_DIGEST: "0" * 64}
    bad.put("incoming/sales/a.fix-12345678.ndjson", Metadata=forged)
    assert json.loads(bad.run("show", KEY, "--json", "--no-logs").stdout)["fixed_by"] == []


def test_the_rows_of_a_datasets_file_have_the_types_that_it_declares(bad):
    total = {"type": "object", "properties": {"a": {"type": "number"}}}
    bad.outputs["datasets"] = json.dumps({"sales": {"prefix": "sales/", "schema": total}})
    fix(bad)
    digest = keys.fix_digest(KEY, bad.source, b'{"A":1,"B":"2"}\n')
    assert bad.versions(keys.fix_key(KEY, digest))
