"""`restore` of outputs in bundles: found, retrieved with the bundle, read by ranges, verified."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from handlers import keys
from ops.archive import pieces
from ops.archive.archived_outputs import ArchivedOutput
from ops.files.bundles.listings import Access, Listed
from tests.ops import bundling
from tests.ops.archive.conftest import DAY, Archive, failing
from tests.ops.bundling import Made
from tests.ops.conftest import DONE, OLD, commit

IN_DAY = f"processed/{DAY}/"
WHOLE = ("--day", "2024-01-15", "--yes")


def made(name: str, body: bytes = b'{"a":1}\n', version: str = "v1", **more: Any) -> Made:
    source = f"incoming/{name.removesuffix('.gz').removesuffix('.json')}.csv"
    return Made(
        key=IN_DAY + name,
        body=body,
        metadata=commit(source, version),
        tags={"team": "data = more"},
        **more,
    )


def store(archive: Archive, *outputs: Made, **more: Any) -> str:
    return bundling.store(archive.pipeline.s3, OLD, outputs, **more)[0]


def is_restored(archive: Archive, one: Made) -> bool:
    stored = archive.stored(DONE, keys.RESTORED + one.key.removeprefix(keys.PROCESSED))
    return stored == {
        "body": one.body,
        "type": one.headers["ContentType"],
        "metadata": one.metadata,
        "tags": [{"Key": name, "Value": text} for name, text in one.tags.items()],
    }


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    """The calls to the archive bucket."""
    found: list[tuple[str, Any]] = []
    original = BaseClient._make_api_call

    def call(self: BaseClient, name: str, parameters: Any) -> Any:
        if parameters.get("Bucket") == OLD:
            found.append((name, parameters))
        return original(self, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return found


@pytest.mark.parametrize(
    "key",
    [
        f"archive/{DAY}/sales/b.json",
        f"{IN_DAY}sales/b.json",
        "incoming/sales/b.csv",
        "completed/sales/b.csv",
    ],
)
def test_an_output_comes_back_with_everything_by_any_of_its_keys(archive, key):
    wanted = made("sales/b.json", b'{"a":1}\n{"a":2}\n')
    store(archive, made("sales/a.json"), wanted, made("sales/bb.json"))
    result = archive.run(key, "--yes")
    assert archive.restored() == [f"restored/{DAY}/sales/b.json"]
    assert is_restored(archive, wanted)
    assert "verified by CRC32" in result.stdout
    again = archive.run(key, "--yes")
    assert "there already" in again.stdout


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.bombs)])
def test_one_output_of_a_large_bundle_takes_a_list_the_index_and_a_range(archive, calls, count):
    """Beside the look into archive/, which may have a newer output of the name."""
    outputs = [made(f"{number:06}.json", b"%d\n" % number) for number in range(count)]
    bundle = store(archive, *outputs)
    calls.clear()
    archive.run(f"archive/{DAY}/001234.json", "--yes")
    assert is_restored(archive, outputs[1234])
    assert [(name, told.get("Prefix") or told["Key"]) for name, told in calls] == [
        ("ListObjectsV2", f"archive/{DAY}/001234.json"),
        ("ListObjectsV2", f"bundles/{DAY}/"),
        ("GetObject", keys.bundle_index_key(bundle)),
        ("GetObject", bundle),
    ]
    assert len(calls[-1][1]["Range"]) > 0


def test_whole_days_prefixes_and_bundles_take_all_of_them(archive, calls):
    first = [made(f"a/{number}.json", b"%d\n" % number) for number in range(40)]
    second = [made("b/0.json.gz", gzip.compress(b"{}\n")), made("b/1.json", b"")]
    other = made("c.json")
    store(archive, *first)
    key = store(archive, *second, number=2)
    store(archive, other, folder="c/")
    archive.add("single.json")
    archive.run("--prefix", f"archive/{DAY}/b", "--yes")
    assert archive.restored() == [f"restored/{DAY}/b/0.json.gz", f"restored/{DAY}/b/1.json"]
    assert all(is_restored(archive, one) for one in second)
    assert "there already" in archive.run(key, "--dry-run").stdout
    calls.clear()
    archive.run(*WHOLE)
    assert all(is_restored(archive, one) for one in (*first, *second, other))
    assert f"restored/{DAY}/single.json" in archive.restored()
    # The 40 of the first bundle, and what is in the third; all others are there, or single.
    ranges = [told["Key"] for name, told in calls if name == "GetObject" and "Range" in told]
    assert ranges == [f"bundles/{DAY}/000001.json.gz", f"bundles/{DAY}/c/000001.json.gz"]


def test_a_bundle_stands_for_its_outputs_alone(archive):
    key = store(archive, made("a.json"), made("c.json"))
    store(archive, made("b.json"), number=2)
    archive.add("a-single.json")
    archive.run(key, "--yes")
    assert archive.restored() == [f"restored/{DAY}/a.json", f"restored/{DAY}/c.json"]
    missing = archive.run(f"bundles/{DAY}/000009.json.gz", "--yes", code=1)
    assert "no such bundle" in missing.stderr


def test_several_bundles_of_a_day_are_looked_for_together(archive, calls):
    given = [store(archive, made(f"{number}.json"), number=number) for number in (1, 2, 3)]
    store(archive, made("0.json"), number=4)
    calls.clear()
    archive.run(*given, "--yes", "--dry-run")
    read = [told["Key"] for name, told in calls if name == "GetObject"]
    assert len(read) == 3 + 4, "its own index of each, then all of the day"
    archive.run(*given, "--yes")
    assert archive.restored() == [f"restored/{DAY}/{number}.json" for number in (1, 2, 3)]


def test_an_empty_bundle_stands_for_nothing_and_costs_no_look_at_the_whole_archive(archive, calls):
    """As the runbook has one put over a bundle that is damaged for good."""
    store(archive, made("a.json"))
    empty = f"bundles/{DAY}/000002.json.gz"
    archive.pipeline.put(empty, b"", OLD)
    calls.clear()
    assert "no archived output is selected" in archive.run(empty, "--yes").stdout
    read = [told.get("Key", told.get("Prefix")) for _, told in calls]
    assert sorted(read) == [keys.bundle_index_key(empty), empty, empty]


def test_outputs_go_to_a_folder(archive):
    outputs = [made("a.json", b"1\n"), made("z.json.gz", gzip.compress(b"2\n"))]
    store(archive, *outputs)
    for _ in range(2):
        archive.run(*WHOLE, "--to", "here")
        for one in outputs:
            assert Path("here", *one.key.split("/")[1:]).read_bytes() == one.body
    Path("here", DAY, "a.json").write_bytes(b"3\n")
    assert "is another file" in archive.run(*WHOLE, "--to", "here", code=1).stderr


def test_nothing_is_replaced(archive):
    store(archive, made("a.json"), made("b.json"))
    archive.pipeline.put(f"restored/{DAY}/a.json", b"another\n", DONE)
    assert "is another object, and is kept" in archive.run(*WHOLE, code=1).stderr
    assert archive.stored(DONE, f"restored/{DAY}/a.json")["body"] == b"another\n"
    assert is_restored(archive, made("b.json"))


def test_a_bundle_in_glacier_is_asked_for_once_and_told_with_its_price(archive, clock, calls):
    outputs = [made(f"{number}.json", b"%d\n" % number) for number in range(3)]
    key = store(archive, *outputs, storage_class="GLACIER")
    single = archive.add("single.json", storage_class="GLACIER")
    shown = archive.run(*WHOLE, "--dry-run").stdout
    assert shown.count(f"would have {key} retrieved") == 1
    assert "with 1 bundles of" in " ".join(shown.split())
    calls.clear()
    first = archive.run(*WHOLE)
    asked = [told["Key"] for name, told in calls if name == "RestoreObject"]
    assert sorted(asked) == sorted([key, single])
    assert f"asked for  {key}" in first.stdout
    assert "being retrieved: 4" in first.stdout
    archive.run(*WHOLE)  # it is under way, so nothing is asked for
    assert len([name for name, _ in calls if name == "RestoreObject"]) == 2
    assert archive.restored() == []
    clock.move(hours=2.1)
    archive.run(*WHOLE, "--resume")
    assert all(is_restored(archive, one) for one in outputs)
    assert f"restored/{DAY}/single.json" in archive.restored()


def test_a_wait_reads_no_index_again(archive, clock, calls):
    outputs = [made(f"{number}.json") for number in range(3)]
    key = store(archive, *outputs, storage_class="GLACIER")
    calls.clear()
    archive.run(*WHOLE, "--wait")
    assert all(is_restored(archive, one) for one in outputs)
    assert sum(clock.slept) == 2 * 3600
    read = [told["Key"] for name, told in calls if name == "GetObject"]
    assert read == [keys.bundle_index_key(key), key]


def test_a_refused_retrieval_is_told_for_each_output(archive, monkeypatch):
    store(archive, made("a.json"), made("b.json"), storage_class="GLACIER")
    failing(monkeypatch, "RestoreObject", "bundles/", "SlowDown")
    told = archive.run(*WHOLE, code=1).stderr
    assert f"archive/{DAY}/a.json" in told
    assert f"archive/{DAY}/b.json" in told


def test_the_newest_of_several_is_restored(archive):
    later = bundling.MADE + timedelta(minutes=1)
    store(archive, made("a.json", b"1\n"), number=1)
    newest = made("a.json", b"3\n", modified=later)
    store(archive, newest, number=3)
    store(archive, made("a.json", b"2\n"), number=2)
    archive.run(*WHOLE)
    assert is_restored(archive, newest)


def test_of_an_output_in_both_places_the_newer_is_restored(archive):
    """A copy in archive/ is made after the output; one that it was replaced by, after the copy."""
    archive.add("a.json", b"copied\n")
    archive.add("b.json", b"copied\n")
    replaced = made("b.json", b"replaced\n", modified=datetime.now(UTC) + timedelta(hours=1))
    store(archive, made("a.json", b"bundled\n"), replaced)
    archive.run(*WHOLE)
    assert archive.stored(DONE, f"restored/{DAY}/a.json")["body"] == b"copied\n"
    assert is_restored(archive, replaced)


def test_without_its_index_a_bundle_is_read_itself(archive):
    outputs = [made("a.json", b"1\n"), made("b.json", b"2\n")]
    key = store(archive, *outputs)
    archive.pipeline.s3.delete_object(Bucket=OLD, Key=keys.bundle_index_key(key))
    archive.run(*WHOLE)
    assert all(is_restored(archive, one) for one in outputs)


def test_a_damaged_index_is_not_trusted(archive):
    outputs = [made("a.json", b"1\n"), made("b.json", b"2\n")]
    index = keys.bundle_index_key(store(archive, *outputs))
    whole = archive.pipeline.s3.get_object(Bucket=OLD, Key=index)["Body"].read()
    archive.pipeline.put(index, whole[:-5], OLD)
    archive.run(*WHOLE)
    assert all(is_restored(archive, one) for one in outputs)


def store_cold(archive: Archive, *outputs: Made, **more: Any) -> str:
    """Store a bundle in GLACIER, without its index: what it holds is known once it is retrieved."""
    key = store(archive, *outputs, storage_class="GLACIER", **more)
    archive.pipeline.s3.delete_object(Bucket=OLD, Key=keys.bundle_index_key(key))
    return key


@pytest.mark.parametrize("named", ["bundle", "output", "day"])
def test_a_bundle_without_index_in_glacier_is_retrieved_and_read_by_a_later_run(
    archive, clock, calls, named
):
    wanted, beside = made("a.json"), made("b.json")
    key = store_cold(archive, wanted, beside)
    words = {"bundle": (key,), "output": (f"archive/{DAY}/a.json",), "day": WHOLE[:2]}[named]
    shown = archive.run(*words, "--dry-run").stdout
    assert f"would have {key} retrieved" in shown
    assert f"would restore what {key} holds" in shown
    refused = archive.run(*words, "--resume", "--yes", code=1).stderr
    assert f"{key}: not asked for" in " ".join(refused.split())
    assert "RestoreObject" not in {name for name, _ in calls}
    assert f"asked for  {key}" in archive.run(*words, "--yes").stdout
    for more in ((), ("--resume",)):  # it is under way, so nothing is asked for
        assert "being retrieved: 1" in archive.run(*words, "--yes", *more).stdout
    assert [name for name, _ in calls].count("RestoreObject") == 1
    assert archive.restored() == []
    clock.move(hours=2.1)
    archive.run(*words, "--yes", "--resume")
    assert is_restored(archive, wanted)
    assert len(archive.restored()) == (1 if named == "output" else 2)


@pytest.mark.parametrize("named", ["bundle", "output", "day"])
def test_a_wait_for_a_bundle_without_index_ends_with_what_it_holds(archive, clock, named):
    wanted = made("a.json")
    key = store_cold(archive, wanted)
    words = {"bundle": (key,), "output": (f"archive/{DAY}/a.json",), "day": WHOLE[:2]}[named]
    archive.add("single.json", storage_class="GLACIER")
    archive.run(*words, "--yes", "--wait")
    assert is_restored(archive, wanted)
    assert len(archive.restored()) == (2 if named == "day" else 1)
    assert sum(clock.slept) == 2 * 3600


def test_a_bundle_that_cannot_hold_what_is_missing_is_not_retrieved(archive, calls):
    """One of another day, or one beside which the output is found."""
    archive.add("a.json")
    store_cold(archive, made("b.json"))
    archive.run(f"archive/{DAY}/a.json", "--yes")
    archive.run("archive/2024/01/16/b.json", "--yes", code=1)
    assert "RestoreObject" not in {name for name, _ in calls}
    assert archive.restored() == [f"restored/{DAY}/a.json"]


def test_a_refused_retrieval_of_a_bundle_without_index_is_told(archive, monkeypatch):
    key = store_cold(archive, made("a.json"))
    failing(monkeypatch, "RestoreObject", "bundles/", "SlowDown")
    assert key in archive.run(key, "--yes", "--wait", code=1).stderr


def test_a_damaged_bundle_costs_its_own_output_alone(archive):
    outputs = [made(f"{number}.json", b"%d\n" % number * 50) for number in range(3)]
    key, entries = bundling.store(archive.pipeline.s3, OLD, outputs)
    whole = bytearray(archive.pipeline.s3.get_object(Bucket=OLD, Key=key)["Body"].read())
    whole[entries[1].offset + entries[1].length - 12] ^= 1
    archive.pipeline.put(key, bytes(whole), OLD)
    told = archive.run(*WHOLE, code=1).stderr
    assert f"archive/{DAY}/1.json" in told
    assert archive.restored() == [f"restored/{DAY}/0.json", f"restored/{DAY}/2.json"]


def test_a_failed_read_is_told_for_each_output_of_it(archive, monkeypatch):
    store(archive, made("a.json"), made("b.json"))
    other = made("c.json")
    store(archive, other, folder="c/")
    failing(monkeypatch, "GetObject", f"bundles/{DAY}/000001", "InvalidObjectState")
    told = archive.run(*WHOLE, code=1).stderr
    assert told.count("it cannot be read") == 2
    assert is_restored(archive, other)


def in_bundle(bundle: str, offset: int, length: int) -> ArchivedOutput:
    held = Listed(
        key=bundle, size=1, etag="", modified=bundling.MADE, storage_class="", access=Access.AT_ONCE
    )
    return ArchivedOutput(
        key=f"{bundle}-{offset}",
        size=1,
        etag="",
        storage_class="",
        access=Access.AT_ONCE,
        bundle=held,
        offset=offset,
        length=length,
    )


def test_ranges_are_of_one_bundle_with_small_gaps_and_limited(monkeypatch):
    monkeypatch.setattr(pieces, "_RANGE_BYTES", 100)
    monkeypatch.setattr(pieces, "_GAP_BYTES", 10)
    places = [("b", 0, 5), ("a", 100, 40), ("a", 0, 40), ("a", 50, 50), ("a", 151, 400)]
    found = [
        [(one.holder, one.offset) for one in some]
        for some in pieces.ranges(in_bundle(*place) for place in places)
    ]
    assert found == [[("a", 0), ("a", 50)], [("a", 100)], [("a", 151)], [("b", 0)]]
