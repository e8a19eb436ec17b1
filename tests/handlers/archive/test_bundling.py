"""Small outputs go many at a time: what is stored, what is deleted, and what is left alone."""

import gzip
import json
import zlib
from datetime import timedelta
from functools import partial

import pytest

from handlers import keys
from handlers.archive import bundling, finishing
from handlers.aws.failures import AccessDeniedError, PermanentError
from handlers.aws.objects import Storage
from handlers.bundles.day_logs import DayLogs
from handlers.bundles.entries import pack, read_bundle, unpack
from handlers.bundles.indexes import find_entries
from handlers.environment import Metric
from tests.proof.bundled_days import killed_at
from tests.proof.memory import aws_error, straight
from tests.proof.world import ARCHIVE, NOW, PROCESSED, Context, World, small_limits

OLD = NOW + timedelta(days=40)
FIRST = "bundles/2024/01/15/000001.json.gz"
SECOND = "bundles/2024/01/15/000002.json.gz"
PREFIX = "processed/2024/01/15/"
LAYOUT = "bundle-layouts/2024/01/15.json"
# A run that goes on, which does not look for unfinished bundles first.
GOING_ON = {"start_after": "processed/2024/01/14/z", "shard": 0, "count": 1}


@pytest.fixture(autouse=True)
def _inline():
    with small_limits():
        yield


def put(world, name, body=b'{"a":1}\n', *, days=0.0, **given):
    world.s3.now = world.after(days)
    world.s3.put_object(
        Bucket=PROCESSED,
        Key=f"processed/2024/01/15/{name}",
        Body=body,
        **{
            "ContentType": "application/x-ndjson",
            "Metadata": {keys.SOURCE_VERSION: f"version of {name}"},
        }
        | given,
    )


def put_next_day(world):
    """Store an output of the next day, whose bundle it returns the key of."""
    later = "processed/2024/01/16/a.json"
    world.s3.put_object(Bucket=PROCESSED, Key=later, Body=b"", Metadata={keys.SOURCE_VERSION: "v"})
    return "bundles/2024/01/16/000001.json.gz"


def archive(world, time=OLD, *, ticks=10**9, bundles=None, **event):
    archiver = world.archiver(bundles=bundles)
    return archiver.handle({"time": time.isoformat()} | event, Context(ticks))


def entries(world, bundle=FIRST):
    """Return the outputs in a bundle by key, as its index and the bundle itself agree on them."""
    data = world.s3.current(ARCHIVE, bundle).body
    index = world.s3.current(ARCHIVE, keys.bundle_index_key(bundle))
    indexed = find_entries([index.body], "")
    assert indexed == [entry for entry, _ in read_bundle([data])]
    return {
        entry.key.removeprefix("processed/2024/01/15/"): (
            entry,
            unpack(entry, data[entry.offset : entry.offset + entry.length]),
        )
        for entry in indexed
    }


def test_the_small_outputs_of_a_day_become_one_bundle_that_any_gzip_reader_reads():
    world = World(archive_bundles=True)
    put(world, "a.json", b'{"a":1}\n{"a":2}\n')
    put(world, "b/empty.json", b"")
    put(world, "c.json.gz", gzip.compress(b'{"c":1}\n', mtime=7), Tagging="team=blue")
    report = archive(world)
    assert not world.s3.visible(PROCESSED)
    assert set(world.s3.visible(ARCHIVE)) == {FIRST, keys.bundle_index_key(FIRST), LAYOUT}
    bundle = world.s3.current(ARCHIVE, FIRST)
    assert bundle.storage_class == "STANDARD_IA"
    assert gzip.decompress(bundle.body) == b'{"a":1}\n{"a":2}\n{"c":1}\n'
    assert world.s3.current(ARCHIVE, keys.bundle_index_key(FIRST)).storage_class == "STANDARD"
    found = entries(world)
    assert {name: body for name, (_, body) in found.items()} == {
        "a.json": b'{"a":1}\n{"a":2}\n',
        "b/empty.json": b"",
        "c.json.gz": gzip.compress(b'{"c":1}\n', mtime=7),
    }
    entry = found["c.json.gz"][0]
    assert entry.metadata == {keys.SOURCE_VERSION: "version of c.json.gz"}
    assert (entry.headers, entry.tags) == (
        {"ContentType": "application/x-ndjson"},
        {"team": "blue"},
    )
    assert report["archived_count"] == report["bundled_count"] == 3
    assert (report["bundles_count"], report["copied_count"]) == (1, 0)
    assert report["bundle_bytes"] == len(bundle.body)
    assert world.telemetry.totals[Metric.OBJECTS_BUNDLED] == 3
    assert world.telemetry.totals[Metric.BUNDLES_WRITTEN] == 1


def test_large_outputs_and_what_is_no_output_go_one_by_one():
    world = World(archive_bundles=True, bundle_below_kb=1)
    put(world, "large.json", b'{"a":1}\n' * 128)
    put(world, "foreign.json", Metadata={})
    put(world, "cut.json", b'{"a":1}')
    put(world, "no.json.gz", b"no gzip")
    put(world, "small.json", b'{"a":1}\n' * 127)
    report = archive(world)
    assert list(entries(world)) == ["small.json"]
    assert set(world.s3.visible(ARCHIVE, "archive/")) == {
        f"archive/2024/01/15/{name}"
        for name in ("large.json", "foreign.json", "cut.json", "no.json.gz")
    }
    assert not world.s3.visible(PROCESSED)
    assert (report["copied_count"], report["bundled_count"]) == (4, 1)


def test_each_dataset_has_bundles_of_its_own_and_each_day_too():
    world = World(archive_bundles=True, folders=("shop/orders/",))
    for name in ("a.json", "shop/orders/1.json", "shop/orders/2.json", "shop/other.json"):
        put(world, name)
    world.s3.put_object(
        Bucket=PROCESSED,
        Key="processed/2024/01/16/a.json",
        Body=b"",
        Metadata={keys.SOURCE_VERSION: "v"},
    )
    assert archive(world)["bundles_count"] == 4
    own = "bundles/2024/01/15/shop/orders/000001.json.gz"
    assert list(entries(world, own)) == ["shop/orders/1.json", "shop/orders/2.json"]
    assert (list(entries(world)), list(entries(world, SECOND))) == (["a.json"], ["shop/other.json"])
    assert "bundles/2024/01/16/000001.json.gz" in world.s3.visible(ARCHIVE)


def test_a_dataset_that_comes_later_does_not_change_where_a_day_is_bundled():
    world = World(archive_bundles=True)
    put(world, "shop/orders/1.json")
    archive(world)
    world.folders = ("shop/orders/",)
    put(world, "shop/orders/2.json")
    archive(world)
    assert list(entries(world, SECOND)) == ["shop/orders/2.json"]


def test_what_comes_later_gets_the_next_bundle():
    world = World(archive_bundles=True)
    for number, name in enumerate(("b.json", "a.json", "c.json")):
        put(world, name)
        assert archive(world)["bundles_count"] == 1
        bundle = f"bundles/2024/01/15/{number + 1:06d}.json.gz"
        assert list(entries(world, bundle)) == [name]


def test_a_day_that_can_have_no_more_bundles_holds_up_no_other(monkeypatch):
    monkeypatch.setattr("handlers.archive.logs._MAX_NUMBER", 1)
    world = World(archive_bundles=True)
    put(world, "a.json")
    archive(world)
    put(world, "b.json")
    later = put_next_day(world)
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (1, 1)
    assert list(world.s3.visible(PROCESSED)) == [f"{PREFIX}b.json"]
    assert later in world.s3.visible(ARCHIVE)


def test_a_bundle_is_full_by_bytes_or_entries(monkeypatch):
    monkeypatch.setattr(bundling, "MAX_ENTRIES", 2)
    world = World(archive_bundles=True)
    for name in "abc":
        put(world, f"{name}.json")
    assert archive(world)["bundles_count"] == 2
    assert (list(entries(world)), list(entries(world, SECOND))) == (
        ["a.json", "b.json"],
        ["c.json"],
    )
    monkeypatch.setattr(bundling, "MAX_BUNDLE_BYTES", 1)
    for name in "de":
        put(world, f"{name}.json")
    assert archive(world)["bundles_count"] == 2


def test_a_bundle_has_few_empty_outputs_in_a_row_for_the_readers_that_call_themselves(monkeypatch):
    monkeypatch.setattr(bundling, "_MAX_EMPTY_IN_A_ROW", 3)
    world = World(archive_bundles=True)
    nothing = gzip.compress(b"", mtime=0)
    for name, body in (
        ("1.json", b""),
        ("2.json.gz", nothing),
        ("3.json", b'{"a":1}\n'),
        ("4.json", b""),
        ("5.json.gz", nothing),
        ("6.json", b""),
        ("7.json", b""),
    ):
        put(world, name, body)
    assert archive(world)["bundles_count"] == 2
    assert list(entries(world, SECOND)) == ["7.json"]


def test_a_bundle_of_several_parts_is_the_same_bytes():
    """Parts are 600 bytes here."""
    world = World(archive_bundles=True)
    bodies = {f"{n:02d}.json": json.dumps({"n": n}).encode() + b"\n" for n in range(20)}
    for name, body in bodies.items():
        put(world, name, body)
    archive(world)
    assert {name: body for name, (_, body) in entries(world).items()} == bodies
    assert world.s3.current(ARCHIVE, FIRST).etag.endswith('-11"')
    assert not world.s3.uploads


def test_out_of_time_the_bundle_at_hand_is_finished_early():
    world = World(archive_bundles=True)
    for number in range(12):
        put(world, f"{number:02d}.json")
    report = archive(world, ticks=8)
    assert not report["complete"]
    assert 0 < report["bundled_count"] < 12
    runs = 1
    while world.invocations:
        runs += 1
        world.archiver().handle(world.invocations.pop(), Context(8))
    assert runs > 2
    assert not world.s3.visible(PROCESSED)
    bundles = [key for key in world.s3.visible(ARCHIVE) if key.startswith("bundles/")]
    assert len(bundles) == runs or len(bundles) == runs - 1
    named = [name for bundle in bundles for name in entries(world, bundle)]
    assert named == [f"{number:02d}.json" for number in range(12)]


def test_out_of_time_what_is_bundled_behind_an_output_that_waits_is_no_standstill():
    """The first one no bundle can hold, and there is no time left to copy it."""
    world = World(archive_bundles=True)
    put(world, "0.json", b"no end of a line")
    for number in range(1, 5):
        put(world, f"{number}.json")
    report = archive(world, ticks=4)
    assert 0 < report["archived_count"] < 4
    assert f"{PREFIX}0.json" in world.s3.visible(PROCESSED)
    assert [one["start_after"] for one in world.invocations] == [""]
    assert world.archiver().handle(world.invocations.pop(), Context())["complete"]
    assert not world.s3.visible(PROCESSED)


def test_an_output_that_is_replaced_meanwhile_stays_and_is_bundled_next_time():
    world = World(archive_bundles=True)
    for name in "abc":
        put(world, f"{name}.json")

    def gate(operation, _given, call):
        if operation == "complete_multipart_upload":
            put(world, "b.json", b'{"b":"new"}\n', days=1)
        return call()

    world.gate = gate
    assert archive(world)["archived_count"] == 2
    assert list(world.s3.visible(PROCESSED)) == ["processed/2024/01/15/b.json"]
    world.gate = lambda _operation, _given, call: call()
    archive(world)
    assert entries(world, SECOND)["b.json"][1] == b'{"b":"new"}\n'
    assert not world.s3.visible(PROCESSED)


def test_a_bundle_without_its_index_gets_it_though_nothing_is_due():
    world = World(archive_bundles=True)
    put(world, "a.json")
    archive(world)
    before = world.s3.current(ARCHIVE, keys.bundle_index_key(FIRST))
    world.s3.delete_object(Bucket=ARCHIVE, Key=keys.bundle_index_key(FIRST))
    report = archive(world, bundles=False)
    after = world.s3.current(ARCHIVE, keys.bundle_index_key(FIRST))
    assert (after.body, after.metadata) == (before.body, before.metadata)
    assert report["archived_count"] == 0
    assert world.telemetry.totals[Metric.BUNDLES_WITHOUT_INDEX] == 0


def test_a_bundle_that_cannot_be_read_is_counted_after_a_day_and_holds_up_its_log_alone():
    world = World(archive_bundles=True, folders=("shop/",))
    put(world, "a.json")
    put(world, "shop/a.json")
    world.s3.put_object(Bucket=ARCHIVE, Key=FIRST, Body=b"no bundle")
    world.s3.now = world.after(40)
    world.s3.put_object(Bucket=ARCHIVE, Key=SECOND, Body=b"no bundle")
    report = archive(world)
    assert world.telemetry.totals[Metric.BUNDLES_WITHOUT_INDEX] == 1
    assert (report["failed_count"], report["bundled_count"]) == (1, 1)
    assert list(world.s3.visible(PROCESSED)) == ["processed/2024/01/15/a.json"]


@pytest.mark.parametrize("first_version", [True, False])
def test_what_the_runbook_says_of_a_damaged_bundle_mends_it_where_nothing_may_be_deleted(
    first_version,
):
    """Its first version is put back over it; or, if there is none, an empty object."""
    world = World(archive_bundles=True)
    put(world, "a.json")
    killed_at(world, "delete_objects", PROCESSED)
    good = world.s3.current(ARCHIVE, FIRST)
    world.s3.put_object(Bucket=ARCHIVE, Key=FIRST, Body=good.body[:-1])
    logs = DayLogs(Storage(world.s3), ARCHIVE)
    with pytest.raises(PermanentError, match=r"000001\.json\.gz: the bundle is cut off"):
        logs.find(NOW.date(), f"{PREFIX}b.json")
    assert archive(world)["failed_count"] == 1
    if first_version:
        source = {"Bucket": ARCHIVE, "Key": FIRST, "VersionId": good.id}
        world.s3.copy_object(
            Bucket=ARCHIVE, Key=FIRST, CopySource=source, StorageClass="STANDARD_IA"
        )
    else:
        world.s3.put_object(Bucket=ARCHIVE, Key=FIRST)
    assert logs.find(NOW.date(), f"{PREFIX}b.json") is None
    assert archive(world)["archived_count"] == 1
    assert list(entries(world, FIRST if first_version else SECOND)) == ["a.json"]
    assert len(entries(world)) == first_version
    assert not world.s3.visible(PROCESSED)


def test_a_copy_that_a_bundle_holds_too_is_deleted_by_whoever_comes_second():
    world = World(archive_bundles=True)
    put(world, "a.json")
    put(world, "b.json")
    copied = "archive/2024/01/15/a.json"
    source = {"Bucket": PROCESSED, "Key": "processed/2024/01/15/a.json"}
    world.s3.copy_object(Bucket=ARCHIVE, Key=copied, CopySource=source)
    other = "archive/2024/01/15/b.json"
    world.s3.put_object(Bucket=ARCHIVE, Key=other, Body=b"another", Metadata={"not": "the same"})
    archive(world)
    assert list(entries(world)) == ["a.json", "b.json"]
    assert copied not in world.s3.visible(ARCHIVE)
    assert other in world.s3.visible(ARCHIVE), "another object is kept"


@pytest.mark.parametrize("setting", [True, False])
def test_a_bundle_that_was_not_finished_is_finished_whatever_the_setting(setting):
    world = World(archive_bundles=True)
    put(world, "a.json")
    killed_at(world, "delete_objects", PROCESSED)
    assert list(world.s3.visible(PROCESSED)) == ["processed/2024/01/15/a.json"]
    report = archive(world, bundles=setting)
    assert (report["bundled_count"], report["bundles_count"]) == (1, 1)
    assert str(report["saved_usd"]) == "0.0", (
        "not -0.0, though a bundle of one output saves nothing"
    )
    assert report["bundle_bytes"] == len(world.s3.current(ARCHIVE, FIRST).body)
    assert list(entries(world)) == ["a.json"]
    assert not world.s3.visible(PROCESSED)


def test_a_bundle_whose_outputs_cannot_all_be_deleted_has_no_index_until_they_can():
    world = World(archive_bundles=True)
    for name in "ab":
        put(world, f"{name}.json")

    def gate(operation, given, call):
        if operation != "delete_objects":
            return call()
        given["Delete"]["Objects"] = given["Delete"]["Objects"][:1]
        call()
        return {"Errors": [{"Key": "processed/2024/01/15/b.json", "Code": "InternalError"}]}

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (1, 1)
    assert report["bundles_count"] == 0, "it is counted when it is finished"
    assert keys.bundle_index_key(FIRST) not in world.s3.visible(ARCHIVE)
    world.gate = straight
    report = archive(world)
    assert (report["archived_count"], report["bundles_count"]) == (1, 1)
    assert list(entries(world)) == ["a.json", "b.json"]
    assert not world.s3.visible(PROCESSED)


@pytest.mark.parametrize("begins", [True, False])
def test_what_finishing_a_bundle_moves_is_counted_though_not_all_of_it_can_be_deleted(begins):
    world = World(archive_bundles=True)
    for name in "ab":
        put(world, f"{name}.json")
    killed_at(world, "delete_objects", PROCESSED)

    def gate(operation, given, call):
        if operation != "delete_objects":
            return call()
        kept = [one for one in given["Delete"]["Objects"] if one["Key"].endswith("b.json")]
        given["Delete"]["Objects"] = [one for one in given["Delete"]["Objects"] if one not in kept]
        failed = [{"Key": one["Key"], "Code": "InternalError"} for one in kept]
        return {"Errors": [*call().get("Errors", []), *failed]}

    world.gate = gate
    report = archive(world, **({} if begins else GOING_ON))
    assert (report["archived_count"], report["bundled_count"]) == (1, 1)
    assert report["failed_count"] >= 1
    assert report["bundles_count"] == 0
    world.gate = straight
    report = archive(world)
    assert (report["archived_count"], report["bundles_count"]) == (1, 1)


def test_what_finishing_a_bundle_moves_is_counted_though_there_is_no_time_behind_it():
    """The log of the next dataset is opened before the outputs of the one at hand are moved."""
    world = World(archive_bundles=True, folders=("shop/",))
    put(world, "shop/a.json")
    killed_at(world, "delete_objects", PROCESSED)
    for name in ("a.json", "b.json", "shop/b.json"):
        put(world, name)
    report = archive(world, ticks=3, **GOING_ON)
    assert list(world.s3.visible(PROCESSED)) == [f"{PREFIX}b.json", f"{PREFIX}shop/b.json"]
    assert (report["archived_count"], report["bundles_count"]) == (2, 2)


def test_an_index_whose_bundle_somebody_deleted_gives_way_to_that_of_the_next_bundle():
    world = World(archive_bundles=True)
    put(world, "a.json")
    archive(world)
    world.s3.delete_object(Bucket=ARCHIVE, Key=FIRST)
    put(world, "b.json")
    assert archive(world)["bundles_count"] == 1
    assert list(entries(world)) == ["b.json"]
    _, entry = DayLogs(Storage(world.s3), ARCHIVE).find(NOW.date(), f"{PREFIX}b.json")
    assert entry.metadata == {keys.SOURCE_VERSION: "version of b.json"}


def denying_put(key):
    def gate(operation, given, call):
        if operation == "put_object" and given["Key"] == key:
            raise aws_error("AccessDenied", operation)
        return call()

    return gate


def test_a_missing_permission_ends_the_run_and_nothing_is_lost():
    world = World(archive_bundles=True)
    put(world, "a.json")
    world.gate = denying_put(FIRST)
    with pytest.raises(Exception, match="AccessDenied"):
        archive(world)
    assert list(world.s3.visible(PROCESSED)) == ["processed/2024/01/15/a.json"]


# ---------------------------------------------------------------- beside another run


def packed(name="a.json", body=b'{"a":1}\n', *, etag):
    """Return a bundle of one output, as another run makes it."""
    told = {"headers": {}, "metadata": {keys.SOURCE_VERSION: f"version of {name}"}, "tags": {}}
    key = f"processed/2024/01/15/{name}"
    return pack(body, key=key, etag=etag, modified=NOW, offset=0, **told)[1]


def meanwhile(world, operation, act, prefix=""):
    """Let something happen right before the first such call on a key."""
    acts = [act]

    def gate(called, given, call):
        if acts and called == operation and given.get("Key", "").startswith(prefix):
            acts.pop()()
        return call()

    world.gate = gate


def test_an_output_that_is_replaced_before_it_is_read_is_not_bundled_as_the_one_before():
    world = World(archive_bundles=True)
    for name in "ab":
        put(world, f"{name}.json")
    meanwhile(world, "get_object", lambda: put(world, "a.json", b'{"a":"new"}\n'), PREFIX)
    assert archive(world)["bundled_count"] == 1
    assert list(entries(world)) == ["b.json"]
    assert list(world.s3.visible(PROCESSED)) == ["processed/2024/01/15/a.json"]


@pytest.mark.parametrize("same", [True, False])
def test_a_bundle_that_comes_up_while_its_output_is_copied_wins_if_it_holds_that_output(same):
    world = World()
    put(world, "a.json")
    etag = world.s3.current(PROCESSED, f"{PREFIX}a.json").etag
    bundle = packed(etag=etag if same else '"of the one before"')
    store = partial(world.s3.put_object, Bucket=ARCHIVE, Key=FIRST, Body=bundle)
    meanwhile(world, "copy_object", store)
    archive(world)
    assert not world.s3.visible(PROCESSED)
    assert ("archive/2024/01/15/a.json" in world.s3.visible(ARCHIVE)) is not same


def test_a_number_that_another_run_takes_is_left_to_it_and_nothing_is_left_behind():
    world = World(archive_bundles=True)
    for name in "ab":
        put(world, f"{name}.json")
    bundle = packed("0.json", etag='"moved already"')
    store = partial(world.s3.put_object, Bucket=ARCHIVE, Key=FIRST, Body=bundle)
    meanwhile(world, "complete_multipart_upload", store, FIRST)
    assert archive(world)["archived_count"] == 2
    assert (list(entries(world)), list(entries(world, SECOND))) == (
        ["0.json"],
        ["a.json", "b.json"],
    )


def test_what_another_run_has_bundled_under_the_number_is_not_bundled_again():
    world = World(archive_bundles=True)
    put(world, "a.json")
    etag = world.s3.current(PROCESSED, f"{PREFIX}a.json").etag
    store = partial(world.s3.put_object, Bucket=ARCHIVE, Key=FIRST, Body=packed(etag=etag))
    meanwhile(world, "put_object", store, FIRST)
    assert archive(world)["archived_count"] == 1
    assert list(entries(world)) == ["a.json"]
    assert SECOND not in world.s3.visible(ARCHIVE)
    assert not world.s3.visible(PROCESSED)


def test_what_was_done_before_a_number_was_taken_is_counted_and_the_rest_is_done(monkeypatch):
    """A page may fill a bundle, begin another one, and have outputs that no bundle can hold."""
    monkeypatch.setattr(bundling, "MAX_ENTRIES", 3)
    world = World(archive_bundles=True)
    put(world, "0.json", b"no end of a line")
    for number in range(1, 7):
        put(world, f"{number}.json")
    bundle = packed("zz.json", etag='"moved already"')
    store = partial(world.s3.put_object, Bucket=ARCHIVE, Key=SECOND, Body=bundle)
    meanwhile(world, "complete_multipart_upload", store, SECOND)
    report = archive(world)
    assert (report["archived_count"], report["bundled_count"]) == (7, 6)
    assert report["bundles_count"] == 3
    assert not world.s3.visible(PROCESSED)


def test_a_run_that_goes_on_finishes_the_bundles_of_its_log_before_it_adds_one():
    world = World(archive_bundles=True)
    put(world, "a.json")
    killed_at(world, "delete_objects", PROCESSED)
    put(world, "b.json")
    archive(world, **GOING_ON)
    assert (list(entries(world)), list(entries(world, SECOND))) == (["a.json"], ["b.json"])


def test_a_bundle_whose_outputs_cannot_be_deleted_holds_up_its_log():
    world = World(archive_bundles=True)
    put(world, "a.json")
    killed_at(world, "delete_objects", PROCESSED)

    def gate(operation, _given, call):
        failed = {"Key": f"{PREFIX}a.json", "Code": "InternalError"}
        return {"Errors": [failed]} if operation == "delete_objects" else call()

    world.gate = gate
    assert archive(world)["failed_count"] == 1
    assert set(world.s3.visible(ARCHIVE)) == {FIRST, LAYOUT}


def test_a_bundle_that_is_not_stored_as_it_was_written_costs_no_output():
    world = World(archive_bundles=True)
    put(world, "a.json")

    def gate(operation, _given, call):
        damaged = {"ChecksumCRC32": "AAAAAA=="} if operation == "head_object" else {}
        return call() | damaged

    world.gate = gate
    assert archive(world)["failed_count"] == 1
    assert list(world.s3.visible(PROCESSED)) == [f"{PREFIX}a.json"]
    assert keys.bundle_index_key(FIRST) not in world.s3.visible(ARCHIVE)


@pytest.mark.parametrize("differs", ["size", "metadata"])
def test_another_object_of_the_name_stays_in_the_archive(differs):
    world = World(archive_bundles=True)
    put(world, "a.json")
    other = b"another" if differs == "size" else b'{"a":2}\n'
    metadata = {keys.SOURCE_VERSION: "another" if differs == "metadata" else "version of a.json"}
    key = "archive/2024/01/15/a.json"
    world.s3.put_object(Bucket=ARCHIVE, Key=key, Body=other, Metadata=metadata)
    archive(world)
    assert key in world.s3.visible(ARCHIVE)


def test_a_run_that_is_killed_before_it_drops_a_copy_leaves_the_bundle_unfinished():
    world = World(archive_bundles=True)
    put(world, "a.json")
    copied = "archive/2024/01/15/a.json"
    source = {"Bucket": PROCESSED, "Key": f"{PREFIX}a.json"}
    world.s3.copy_object(Bucket=ARCHIVE, Key=copied, CopySource=source)
    killed_at(world, "delete_object", copied)
    assert keys.bundle_index_key(FIRST) not in world.s3.visible(ARCHIVE)
    archive(world)
    assert set(world.s3.visible(ARCHIVE)) == {FIRST, keys.bundle_index_key(FIRST), LAYOUT}


def test_a_copy_that_is_replaced_while_it_is_looked_at_stays():
    world = World(archive_bundles=True)
    put(world, "a.json")
    copied = "archive/2024/01/15/a.json"
    source = {"Bucket": PROCESSED, "Key": f"{PREFIX}a.json"}
    world.s3.copy_object(Bucket=ARCHIVE, Key=copied, CopySource=source)
    replace = partial(world.s3.put_object, Bucket=ARCHIVE, Key=copied, Body=b"new")
    meanwhile(world, "delete_object", replace, copied)
    archive(world)
    assert world.s3.current(ARCHIVE, copied).body == b"new"


def test_the_newest_bundle_of_an_output_is_found_and_an_index_may_be_lost_meanwhile():
    world = World(archive_bundles=True)
    for body in (b'{"a":1}\n', b'{"a":2}\n'):
        put(world, "a.json", body)
        archive(world)
    logs = DayLogs(Storage(world.s3), ARCHIVE)
    bundle, entry = logs.find(NOW.date(), f"{PREFIX}a.json")
    assert bundle.key == SECOND
    world.s3.delete_object(Bucket=ARCHIVE, Key=keys.bundle_index_key(SECOND))
    assert logs.entry(bundle, f"{PREFIX}a.json") == entry


# ---------------------------------------------------------------- chains side by side


def run_chains(world, **event):
    """Run the archiver and all that it invokes; return the reports."""
    reports = [archive(world, **event)]
    while world.invocations:
        reports.append(world.archiver().handle(world.invocations.pop(0), Context()))
    return reports


@pytest.mark.parametrize("bundles", [True, False])
def test_chains_side_by_side_share_a_day(bundles):
    world = World(archive_bundles=bundles, archive_concurrency=3)
    names = [f"{number:02d}.json" for number in range(30)]
    for name in names:
        put(world, name)
    reports = run_chains(world)
    assert len(reports) == 3
    assert all(report["archived_count"] > 3 for report in reports)
    assert sum(report["archived_count"] for report in reports) == 30
    assert not world.s3.visible(PROCESSED)
    if bundles:
        numbers = [f"bundles/2024/01/15/{number:06d}.json.gz" for number in (1, 2, 3)]
        assert sorted(name for one in numbers for name in entries(world, one)) == names


def test_a_day_keeps_its_shards_when_the_number_of_chains_changes():
    """Fewer chains do more than one shard each; more chains have nothing to do."""
    world = World(archive_bundles=True, archive_concurrency=4)
    names = [f"{number:02d}.json" for number in range(30)]
    for name in names[:15]:
        put(world, name)
    run_chains(world)
    for concurrency, some in ((1, names[15:20]), (3, names[20:25]), (8, names[25:])):
        world.archive_concurrency = concurrency
        for name in some:
            put(world, name)
        assert sum(one["archived_count"] for one in run_chains(world)) == 5
    assert not world.s3.visible(PROCESSED)
    bundles = [key for key in world.s3.visible(ARCHIVE) if key.startswith("bundles/")]
    shards = {keys.bundle_number(key) % 4 for key in bundles}
    assert len(shards) == 4
    assert sorted(name for one in bundles for name in entries(world, one)) == names


# ---------------------------------------------------------------- what a full day costs


def test_large_outputs_between_those_of_a_bundle_cost_no_look_into_it(monkeypatch):
    """They are in archive/ by then: a look for each would take longer than a run may."""
    world = World(archive_bundles=True, bundle_below_kb=1)
    for number in range(10):
        put(world, f"{number}.json", b'{"a":1}\n' * (128 if number % 2 else 1))
    looks = []
    monkeypatch.setattr(finishing, "find_all", lambda *given: looks.append(given) or [])
    assert archive(world)["archived_count"] == 10
    assert not looks
    assert len(world.s3.visible(ARCHIVE, "archive/")) == 5


@pytest.mark.parametrize("bundles", [True, False])
def test_late_outputs_of_a_large_day_cost_no_look_at_the_others(bundles):
    """A day of 75 million copies has 75,000 pages: no run would ever list all of them."""
    world = World(page=10)
    for number in range(300):
        put(world, f"{number:03d}.json")
    archive(world)
    put(world, "000-late.json")
    put(world, "299-late.json")
    listings = []

    def gate(operation, given, call):
        if operation == "list_objects_v2" and given["Prefix"] == "archive/":
            listings.append(given["StartAfter"])
        return call()

    world.gate = gate
    assert archive(world, bundles=bundles)["archived_count"] == 2
    assert len(listings) == 2


def test_a_bundle_that_comes_up_while_copying_is_read_once_a_page():
    world = World(archive_bundles=True)
    for number in range(10):
        put(world, f"{number}.json")
    reads, bundled = [], []

    def gate(operation, given, call):
        looks = operation == "list_objects_v2" and given["Prefix"].startswith("bundles/2024")
        if looks and world.s3.visible(ARCHIVE, "archive/") and not bundled:
            bundled.append(archive(world))
        if operation == "get_object" and given["Key"].startswith("bundle-indexes/2024"):
            reads.append(given["Key"])
        return call()

    now = OLD.isoformat()
    world.archiver(gate, bundles=False).handle({"time": now}, Context())
    assert bundled[0]["bundled_count"] == 10
    assert reads == [keys.bundle_index_key(FIRST)]
    assert not world.s3.visible(PROCESSED)
    assert not world.s3.visible(ARCHIVE, "archive/")


# ---------------------------------------------------------------- odd answers, and late ones


def test_a_commit_whose_answer_is_lost_and_whose_upload_is_gone_then_is_no_failure():
    """botocore repeats it: S3 has committed it, and knows the upload no more."""
    world = World(archive_bundles=True)
    names = [f"{number:02d}.json" for number in range(20)]
    for name in names:
        put(world, name, json.dumps({"name": name}).encode() + b"\n")

    def gate(operation, _given, call):
        answer = call()
        if operation == "complete_multipart_upload":
            raise aws_error("NoSuchUpload", operation)
        return answer

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (20, 0)
    assert list(entries(world)) == names
    assert not world.s3.visible(PROCESSED)


@pytest.mark.parametrize("code", ["InternalError", "ConditionalRequestConflict"])
@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("by", ["this run", "another", "nobody"])
def test_after_a_commit_of_unknown_outcome_what_stands_under_the_number_decides(by, parts, code):
    """S3 may have made it, or another run; only where nobody has, the outputs wait."""
    world = World(archive_bundles=True)
    names = [f"{number:02d}.json" for number in range(20 if parts else 1)]
    for name in names:
        put(world, name, json.dumps({"name": name}).encode() + b"\n")
    commit = "complete_multipart_upload" if parts else "put_object"
    other = packed("0.json", etag='"moved already"')
    failed = []

    def gate(operation, given, call):
        if operation != commit or given["Key"] != FIRST or failed:
            return call()
        failed.append(operation)
        if by == "this run":
            call()
        elif by == "another":
            world.s3.put_object(Bucket=ARCHIVE, Key=FIRST, Body=other)
        raise aws_error(code, operation)

    world.gate = gate
    report = archive(world)
    assert report["failed_count"] == (len(names) if by == "nobody" else 0)
    assert len(world.s3.visible(PROCESSED)) == report["failed_count"]
    assert not world.s3.uploads
    archive(world)
    assert list(entries(world, SECOND if by == "another" else FIRST)) == names
    assert not world.s3.visible(PROCESSED)


def test_a_commit_that_fails_each_time_is_not_tried_without_end():
    world = World(archive_bundles=True)
    put(world, "a.json")
    put_next_day(world)
    tries = []

    def gate(operation, given, call):
        if operation == "put_object" and given["Key"] == FIRST:
            tries.append(operation)
            raise aws_error("InternalError", operation)
        return call()

    world.gate = gate
    report = archive(world)
    assert (report["failed_count"], report["archived_count"], len(tries)) == (1, 1, 1)


@pytest.mark.parametrize("prefix", ["archive/", keys.bundle_index_key(FIRST)])
def test_what_is_deleted_counts_as_moved_though_its_bundle_is_not_finished(prefix):
    """The next run finishes it; an alarm tells of one that none finishes for a day."""
    world = World(archive_bundles=True)
    put(world, "a.json")

    def gate(operation, given, call):
        if given.get("Key", given.get("Prefix")) == prefix:
            raise aws_error("InternalError", operation)
        return call()

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (1, 0)
    assert (report["bundled_count"], report["bundles_count"]) == (1, 0)
    assert set(world.s3.visible(ARCHIVE)) == {FIRST, LAYOUT}
    world.gate = straight
    report = archive(world)
    assert (report["archived_count"], report["bundles_count"]) == (0, 1)
    assert list(entries(world)) == ["a.json"]


def test_a_part_whose_upload_is_gone_fails_that_bundle_alone():
    world = World(archive_bundles=True)
    for number in range(20):
        put(world, f"{number:02d}.json", json.dumps({"n": number}).encode() + b"\n")
    sent = []

    def gate(operation, _given, call):
        if operation == "upload_part" and not sent.append(operation) and len(sent) == 1:
            raise aws_error("NoSuchUpload", operation)
        return call()

    world.gate = gate
    report = archive(world)
    assert report["failed_count"] > 0
    assert report["archived_count"] == 20 - report["failed_count"] > 0
    assert len(world.s3.visible(PROCESSED)) == report["failed_count"]


def day_of_four_shards(*, chains):
    """Return a world with twelve outputs on such a day, and as many chains from now on."""
    world = World(archive_bundles=True, archive_concurrency=4)
    put(world, "0.json")
    run_chains(world)
    world.archive_concurrency = chains
    for number in range(12):
        put(world, f"{number:02d}.json")
    return world


def test_shards_of_an_early_day_are_done_though_the_run_went_on_since():
    """A day of four shards first, then one of one, each in an invocation of its own."""
    world = day_of_four_shards(chains=1)
    later = "processed/2024/01/16/a.json"
    world.s3.put_object(Bucket=PROCESSED, Key=later, Body=b"", Metadata={keys.SOURCE_VERSION: "v"})
    # As its first invocation left it: behind the first day, in the shard of none of the others.
    left_off = {"start_after": "processed/2024/01/15/~", "shard": 0, "count": 1, "most_shards": 4}
    assert run_chains(world, **left_off)[0]["archived_count"] == 1
    left = {zlib.crc32(key.encode()) % 4 for key in world.s3.visible(PROCESSED)}
    assert left == {0}


def test_a_chain_is_complete_when_it_has_done_its_last_shard():
    world = day_of_four_shards(chains=2)
    told = [(one["shard"], one["chains"], one["complete"]) for one in run_chains(world)]
    assert sorted(told) == [(0, 2, False), (1, 2, False), (2, 2, True), (3, 2, True)]
    assert not world.s3.visible(PROCESSED)


def test_a_run_that_goes_on_names_the_most_shards_it_came_by():
    world = World(archive_bundles=True, archive_concurrency=4)
    put(world, "0.json")
    run_chains(world)
    world.archive_concurrency = 1
    for number in range(30):
        put(world, f"{number:02d}.json")
    archive(world, ticks=6)
    assert world.invocations[-1]["start_after"]
    assert world.invocations[-1]["most_shards"] == 4


def test_a_bundle_that_cannot_be_read_today_holds_up_no_other_day():
    world = World(archive_bundles=True)
    put(world, "a.json")
    killed_at(world, "delete_objects", PROCESSED)
    world.s3.delete_object(Bucket=PROCESSED, Key="processed/2024/01/15/a.json")
    later = "processed/2024/01/16/a.json"
    world.s3.put_object(Bucket=PROCESSED, Key=later, Body=b"", Metadata={keys.SOURCE_VERSION: "v"})

    def gate(operation, given, call):
        if operation == "get_object" and given["Key"] == FIRST:
            raise aws_error("KMS.DisabledException", operation)
        return call()

    world.gate = gate
    world.s3.now = world.after(40)
    report = archive(world, time=OLD + timedelta(days=2))
    assert report["archived_count"] == 1
    assert not world.s3.visible(PROCESSED)
    assert world.telemetry.totals[Metric.BUNDLES_WITHOUT_INDEX] == 1


def test_bundles_left_take_half_of_a_run_at_most():
    world = World(archive_bundles=True)
    for name in ("a.json", "b.json", "c.json"):
        put(world, name)
        archive(world)
    for bundle in (FIRST, SECOND, "bundles/2024/01/15/000003.json.gz"):
        world.s3.delete_object(Bucket=ARCHIVE, Key=keys.bundle_index_key(bundle))
    archive(world, ticks=5)
    indexes = world.s3.visible(ARCHIVE, "bundle-indexes/")
    assert 0 < sum(key.endswith(".gz") for key in indexes) < 3


@pytest.mark.parametrize("is_there", [True, False])
def test_a_layout_whose_put_conflicts_with_another_is_that_of_the_other(is_there):
    """Chains put it at the same moment; S3 answers 409 to one of two conditional puts at times."""
    world = World(archive_bundles=True)
    put(world, "a.json")

    def gate(operation, given, call):
        if operation == "put_object" and given["Key"] == LAYOUT:
            if is_there:
                call()
            raise aws_error("ConditionalRequestConflict", operation)
        return call()

    world.gate = gate
    report = archive(world)
    assert (report["bundled_count"], report["failed_count"]) == (is_there, not is_there)
    assert bool(world.s3.visible(PROCESSED)) is not is_there


@pytest.mark.parametrize("shards", [1, 3])
def test_a_damaged_layout_holds_up_its_day_alone(shards):
    """Each output of the day is counted once, by whatever chain; large ones wait as well."""
    world = World(archive_bundles=True, archive_concurrency=shards, bundle_below_kb=1)
    for number in range(10):
        put(world, f"{number}.json", b'{"a":1}\n' * (128 if number == 5 else 1))
    world.s3.put_object(Bucket=ARCHIVE, Key=LAYOUT, Body=b'{"shards":1,"fold')
    later = put_next_day(world)
    reports = run_chains(world)
    assert sum(report["failed_count"] for report in reports) == 10
    assert sum(report["archived_count"] for report in reports) == 1
    assert all(report["complete"] for report in reports)
    left = [f"{PREFIX}{number}.json" for number in range(10)]
    assert sorted(world.s3.visible(PROCESSED)) == left
    assert not world.s3.visible(ARCHIVE, "archive/")
    bundles = world.s3.visible(ARCHIVE, "bundles/")
    assert [key.rpartition("/")[0] for key in bundles] == [later.rpartition("/")[0]]
    world.s3.put_object(Bucket=ARCHIVE, Key=LAYOUT, Body=b'{"shards":1,"folders":[]}')
    world.archive_concurrency = 1
    assert archive(world)["archived_count"] == 10


@pytest.mark.parametrize("operation", ["layout", "bundles", "bundle"])
def test_what_cannot_be_read_of_a_day_for_now_holds_up_that_day_alone(operation):
    """Whether that passes, a KMS key being disabled say, nobody can tell."""
    world = World(archive_bundles=True)
    put(world, "a.json")
    killed_at(world, "delete_objects", PROCESSED)
    put_next_day(world)

    def gate(called, given, call):
        wrong = {
            "layout": ("get_object", "Key", LAYOUT),
            "bundles": ("list_objects_v2", "Prefix", "bundles/2024/01/15/"),
            "bundle": ("get_object", "Key", FIRST),
        }[operation]
        if called == wrong[0] and given.get(wrong[1]) == wrong[2]:
            raise aws_error("KMS.DisabledException", called)
        return call()

    world.gate = gate
    report = archive(world, **GOING_ON)
    assert (report["failed_count"], report["archived_count"]) == (1, 1)
    assert list(world.s3.visible(PROCESSED)) == [f"{PREFIX}a.json"]
    world.gate = straight
    assert archive(world)["archived_count"] == 1


def test_a_permission_that_the_layout_lacks_ends_the_run():
    world = World(archive_bundles=True)
    put(world, "a.json")
    world.gate = denying_put(LAYOUT)
    with pytest.raises(AccessDeniedError):
        archive(world)
    assert list(world.s3.visible(PROCESSED)) == [f"{PREFIX}a.json"]
