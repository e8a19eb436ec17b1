"""`restore`: archived outputs come back byte for byte, each told, none in another's place."""

from datetime import date
from typing import Any

from botocore.client import BaseClient

from handlers import keys
from ops import aws
from ops.files import copies, results
from ops.stack import Stack
from tests.ops.archive.conftest import DAY, failing
from tests.ops.conftest import DONE, OLD, today


def test_an_output_comes_back_with_everything(archive):
    key = archive.add("sales/a.json", b'{"a":1}\n{"a":2}\n')
    result = archive.run(key, "--yes")
    [restored] = archive.restored()
    assert restored == f"restored/{DAY}/sales/a.json"
    assert archive.stored(DONE, restored) == archive.stored(OLD, key)
    assert archive.stored(DONE, restored)["tags"] == [{"Key": "team", "Value": "data"}]
    assert f"s3://{DONE}/{restored}  verified by " in result.stdout


def test_a_former_key_names_it_too(archive):
    archive.add("sales/a.json")
    archive.run(f"processed/{DAY}/sales/a.json", "--yes")
    assert archive.restored() == [f"restored/{DAY}/sales/a.json"]


def test_a_source_stands_for_all_its_outputs_though_its_copy_is_gone(archive):
    digits = "0123abcd"
    archive.add("sales/a.json", version="v1")
    archive.add("sales/a.json", day="2024/02/29", version="v3")
    archive.add(f"sales/a-{digits}.json", version="v2")
    archive.add("sales/a.json.gz", day="2024/03/01", version="v4")
    archive.add("sales/a-of-another.json", source="incoming/sales/a-of-another.csv")
    archive.add("sales/a-89abcdef.json", source="incoming/sales/a-89abcdef.csv", version="v5")
    given = ("incoming/sales/a.csv", "completed/sales/a.csv")
    assert archive.run(given[0], "--dry-run").stdout == archive.run(given[1], "--dry-run").stdout
    archive.run(*given, "--yes")
    assert archive.restored() == [
        f"restored/{DAY}/sales/a-{digits}.json",
        f"restored/{DAY}/sales/a.json",
        "restored/2024/02/29/sales/a.json",
        "restored/2024/03/01/sales/a.json.gz",
    ]


def test_the_outputs_of_a_source_with_a_long_name_are_found(archive, pipeline):
    source, day = f"incoming/{'é' * 500}.csv", date(2024, 1, 15)
    expected: list[str] = []
    for version in ("v1", "v2"):
        short, longer = keys.output_keys(source, version, day, compressed=False)
        for key in map(keys.archive_key, (short, longer)):
            pipeline.put(key, b"{}\n", OLD, Metadata={keys.SOURCE_KEY: keys.encode_value(source)})
            expected.append(keys.restored_key(key))
    archive.run(source, "--yes")
    assert archive.restored() == sorted(expected)


def test_a_prefix_takes_all_that_is_under_it(archive):
    for name in ("sales/a.json", "sales/b.json", "other/c.json", "other/d.json"):
        archive.add(name)
    archive.run("--prefix", f"archive/{DAY}/sales/", "--yes")
    archive.run("--prefix", f"processed/{DAY}/other/d", "--yes")
    names = ("other/d", "sales/a", "sales/b")
    assert archive.restored() == [f"restored/{DAY}/{name}.json" for name in names]


def test_days_and_ranges_take_all_of_them(archive):
    for day in ("2024/01/14", "2024/01/15", "2024/01/31", "2024/02/01", "2024/03/05"):
        archive.add("a.json", day=day)
    archive.run("--day", "2024-01-15..2024-02-01", "--day", "2024-03-05", "--yes")
    found = ("2024/01/15", "2024/01/31", "2024/02/01", "2024/03/05")
    assert archive.restored() == [f"restored/{day}/a.json" for day in found]


def test_a_listing_of_several_pages_is_read_to_its_end(archive, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    for number in range(5):
        archive.add(f"{number}.json")
    archive.run("--day", "2024-01-15", "--yes")
    monkeypatch.undo()
    assert len(archive.restored()) == 5


def test_any_key_comes_back(archive):
    names = ("sp ace+plus%41&.json", "üñí/☃.json", "..", "a//b.json", "a/../b.json", "'\"<>.json")
    given = [archive.add(name) for name in names]
    archive.run(*given, "--yes")
    assert archive.restored() == sorted(f"restored/{DAY}/{name}" for name in names)


def test_it_may_be_run_again(archive):
    archive.add("a.json")
    archive.run("--day", "2024-01-15", "--yes")
    before = archive.pipeline.s3.list_object_versions(Bucket=DONE)["Versions"]
    archive.add("b.json")
    archive.run("--day", "2024-01-15", "--yes")
    archive.run("--day", "2024-01-15", "--yes")
    after = archive.pipeline.s3.list_object_versions(Bucket=DONE)["Versions"]
    assert [one["Key"] for one in after] == [f"restored/{DAY}/{name}.json" for name in "ab"]
    assert before[0]["VersionId"] == after[0]["VersionId"]


def test_another_object_in_its_place_is_told_and_kept(archive):
    others = {
        "same-size": {"Body": b"other by"},
        "same-bytes": {"Body": b'{"a":1}\n', "Metadata": {"source-version": "v2"}},
        "longer": {"Body": b"longer than it"},
    }
    archive.add("z.json")
    for name, other in others.items():
        archive.add(name)
        archive.pipeline.s3.put_object(Bucket=DONE, Key=f"restored/{DAY}/{name}", **other)
    result = archive.run("--day", "2024-01-15", "--yes", code=1)
    for name, other in others.items():
        place = f"restored/{DAY}/{name}"
        assert archive.stored(DONE, place)["body"] == other["Body"]
        assert f"archive/{DAY}/{name}: s3://{DONE}/{place} is another object" in result.stderr
    assert f"restored/{DAY}/z.json" in archive.restored()


def test_one_that_fails_stops_no_other(archive, monkeypatch):
    for name in "abc":
        archive.add(f"{name}.json")
    failing(monkeypatch, "CopyObject", "b.json", "SlowDown")
    result = archive.run("--day", "2024-01-15", "--yes", code=1)
    assert archive.restored() == [f"restored/{DAY}/{name}.json" for name in "ac"]
    assert f"not restored  archive/{DAY}/b.json: CopyObject failed: SlowDown" in result.stderr


def test_one_that_is_deleted_meanwhile_is_told(archive, monkeypatch):
    archive.add("a.json")
    failing(monkeypatch, "CopyObject", "a.json", "NoSuchKey")
    result = archive.run("--day", "2024-01-15", "--yes", code=1)
    assert "expirationDays" in result.stderr


def test_one_that_is_replaced_meanwhile_is_not_copied(archive, monkeypatch):
    key = archive.add("a.json", b"one")
    original = BaseClient._make_api_call

    def call(self: BaseClient, name: str, parameters: Any) -> Any:
        if name == "CopyObject":
            archive.add("a.json", b"two")
        return original(self, name, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", call)
        result = archive.run(key, "--yes", code=1)
    assert archive.restored() == []
    assert "run the command again" in result.stderr


def test_two_at_once_restore_it_once(archive, monkeypatch):
    key = archive.add("a.json")
    original = BaseClient._make_api_call

    def call(self: BaseClient, name: str, parameters: Any) -> Any:
        if name == "CopyObject":  # the other run is a little faster
            original(self, name, parameters)
        return original(self, name, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", call)
        archive.run(key, "--yes")
    assert len(archive.pipeline.s3.list_object_versions(Bucket=DONE)["Versions"]) == 1


def test_one_too_large_for_one_copy_comes_back_in_parts_with_everything(archive, monkeypatch):
    monkeypatch.setattr(copies, "ONE_COPY_BYTES", 1024)
    monkeypatch.setattr(copies, "PART_BYTES", 5 * 1024**2)
    key = archive.add("big.json", bytes(range(256)) * 4 * 1024 * 6)
    archive.run(key, "--yes")
    [restored] = archive.restored()
    assert archive.stored(DONE, restored) == archive.stored(OLD, key)
    assert archive.pipeline.s3.head_object(Bucket=DONE, Key=restored)["ETag"].endswith('-2"')
    archive.run(key, "--yes")
    assert len(archive.pipeline.s3.list_object_versions(Bucket=DONE)["Versions"]) == 1


def test_what_is_not_archived_is_told_with_where_it_is(archive):
    archive.pipeline.put(f"processed/{DAY}/a.json", b"{}", DONE)
    archive.add("b.json")
    given = (f"processed/{DAY}/a.json", f"archive/{DAY}/none.json", f"archive/{DAY}/b.json")
    result = archive.run(*given, "incoming/none.csv", "--yes", code=1)
    assert f"not archived: it is still s3://{DONE}/processed/{DAY}/a.json" in result.stderr
    assert f"archive/{DAY}/none.json: not in the archive bucket" in result.stderr
    assert "incoming/none.csv: it has no archived output" in result.stderr
    assert archive.restored() == [f"restored/{DAY}/b.json"]


def test_a_dry_run_and_a_no_change_nothing(archive):
    archive.add("a.json")
    cold = archive.add("b.json", storage_class="GLACIER")
    result = archive.run("--day", "2024-01-15", "--dry-run")
    assert (
        f"would restore archive/{DAY}/a.json to s3://{DONE}/restored/{DAY}/a.json" in result.stdout
    )
    assert f"would have {cold} retrieved (bulk, for 7 days)" in result.stdout
    archive.run("--day", "2024-01-15", answer="n\n", code=1)
    assert archive.restored() == []
    assert archive.header(cold) == ""


def test_nothing_selected_is_said(archive):
    assert "no archived output is selected" in archive.run("--day", "2024-01-15").stdout


def test_wrong_usage_exits_with_2(archive):
    for words in (
        (),
        ("archive/2024/01/15/a.json", "--day", "2024-01-15"),
        ("--prefix", "archive/", "--day", "2024-01-15"),
        ("sales/a.json",),
        ("restored/2024/01/15/a.json",),
        ("--prefix", "incoming/"),
        ("--day", "yesterday"),
        ("--day", "2024-01-15..2024-01-14"),
        ("--day", "2024-01-15.."),
    ):
        assert "allowed" in archive.run(*words, "--yes", code=2).stderr, words


def test_show_tells_that_an_output_is_restored(archive, pipeline):
    source, output = pipeline.complete("incoming/sales/a.csv")
    body = pipeline.s3.get_object(Bucket=DONE, Key=output)
    archived = output.replace("processed/", "archive/")
    pipeline.put(archived, body["Body"].read(), OLD, Metadata=body["Metadata"])
    pipeline.s3.delete_object(Bucket=DONE, Key=output)
    archive.run("incoming/sales/a.csv", "--yes")
    restored = archived.replace("archive/", "restored/")
    shown = pipeline.run("show", restored)
    assert shown.exit_code == 0, shown.output
    assert f"{archived}  archived, restored to {restored}" in shown.stdout
    # A restored copy is no output of its own: nothing but the archive speaks for the source.
    pipeline.s3.delete_object(Bucket=OLD, Key=archived)
    account = aws.connect(Stack.from_outputs(pipeline.outputs, origin="test"))
    assert results.find(account, "incoming/sales/a.csv", source, [today()]) is None
    assert pipeline.s3.head_object(Bucket=DONE, Key=restored)["Metadata"] == body["Metadata"]
