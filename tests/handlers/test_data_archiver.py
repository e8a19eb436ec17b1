from datetime import datetime, timedelta

import pytest

from handlers.archive import summary
from handlers.aws.failures import AccessDeniedError, PermanentError, TransientError
from handlers.environment import Metric
from tests.proof.crash import FaultyGate
from tests.proof.memory import aws_error, straight
from tests.proof.world import ARCHIVE, NOW, PROCESSED, Context, World, small_limits

OLD = NOW + timedelta(days=40)


@pytest.fixture(autouse=True)
def _inline():
    with small_limits():
        yield


def put(world, key, *, body=b"x", days=0.0):
    world.s3.now = world.after(days)
    world.s3.put_object(
        Bucket=PROCESSED,
        Key=key,
        Body=body,
        ContentType="application/x-ndjson",
        Metadata={"source-key": key},
        Tagging="team=blue",
    )


def archive(world, time=OLD, *, ticks=10**9, **event):
    return world.archiver().handle({"time": time.isoformat()} | event, Context(ticks))


def test_old_outputs_move_and_young_ones_stay():
    world = World()
    put(world, "processed/2024/01/15/a/b c.json", body=b"old")
    put(world, "processed/2024/01/15/late.json", days=39)
    put(world, "processed/2024/02/24/new.json", days=40)
    report = archive(world)
    assert report == {
        "archived_count": 1,
        "failed_count": 0,
        "skipped_count": 1,
        "total_size_bytes": 3,
        "copied_count": 1,
        "copied_bytes": 3,
        "bundled_count": 0,
        "bundled_bytes": 0,
        "bundles_count": 0,
        "bundle_bytes": 0,
        "s3_calls": 7,
        "saved_usd": 0,
        "shard": 0,
        "chains": 1,
        "cutoff_date": "2024-01-25T10:30:00Z",
        "glacier_date": "2024-05-24",
        "complete": True,
    }
    [(key, copy)] = world.s3.visible(ARCHIVE).items()
    assert key == "archive/2024/01/15/a/b c.json"
    assert (copy.body, copy.storage_class) == (b"old", "STANDARD_IA")
    assert copy.metadata == {"source-key": "processed/2024/01/15/a/b c.json"}
    assert copy.tags == (("team", "blue"),)
    assert len(world.s3.visible(PROCESSED)) == 2
    assert world.telemetry.totals[Metric.OBJECTS_ARCHIVED] == 1
    assert world.telemetry.totals[Metric.BYTES_ARCHIVED] == 3
    assert world.telemetry.totals[Metric.BYTES_WRITTEN] == 3


def test_at_most_1004_calls_a_thousand_objects():
    gate = FaultyGate("", -1)
    world = World(gate=gate)
    for number in range(2_000):
        put(world, f"processed/2024/01/15/{number:04d}.json")
    report = archive(world)
    assert report["archived_count"] == 2_000
    assert len(gate.calls) <= 2 * 1_004 + 2  # and two for bundles: of the day, and of any
    assert not world.s3.visible(PROCESSED)


def test_days_beyond_the_cutoff_are_not_listed():
    gate = FaultyGate("", -1)
    world = World(gate=gate, page=10)
    put(world, "processed/2024/01/15/a.json")
    for number in range(200):
        put(world, f"processed/2024/02/20/{number:03d}.json", days=36)
    assert archive(world)["complete"]
    # Outputs, the archived copy, and three for bundles: of any day, of the day, and meanwhile.
    assert gate.calls.count("list_objects_v2") == 5


def test_days_far_apart_are_not_listed_over():
    """A straggler of last month does not make the check list the month in between."""
    gate = FaultyGate("", -1)
    world = World(gate=gate, page=10)
    put(world, "processed/2024/01/01/straggler.json")
    put(world, "processed/2024/01/15/a.json")
    for number in range(300):
        world.s3.put_object(Bucket=ARCHIVE, Key=f"archive/2024/01/10/{number:03d}", Body=b"")
    assert archive(world)["archived_count"] == 2
    assert gate.calls.count("list_objects_v2") <= 8


def test_keys_that_are_no_outputs_are_left_alone():
    world = World()
    names = ["processed/readme.txt", "processed/2024/13/01/a.json", "processed/2024/01/15/"]
    for name in names:
        put(world, name)
    report = archive(world)
    assert report["archived_count"] == 0
    assert set(world.s3.visible(PROCESSED)) == set(names)


def test_an_object_that_changed_behind_its_copy_stays():
    world = World()
    key = "processed/2024/01/15/a.json"
    put(world, key, body=b"before")

    def gate(operation, _given, call):
        answer = call()
        if operation == "copy_object":
            world.s3.put_object(Bucket=PROCESSED, Key=key, Body=b"after")
        return answer

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["skipped_count"]) == (0, 1)
    assert report["total_size_bytes"] == 0
    assert world.s3.current(PROCESSED, key).body == b"after"


def test_an_object_that_is_replaced_before_its_copy_is_not_archived():
    world = World()
    key = "processed/2024/01/15/a.json"
    put(world, key, body=b"before")

    def gate(operation, _given, call):
        if operation == "copy_object":
            world.s3.put_object(Bucket=PROCESSED, Key=key, Body=b"after!")
        return call()

    world.gate = gate
    report = archive(world)
    # What lies there now is younger than the run has seen: it is not copied, let alone deleted.
    assert (report["archived_count"], report["skipped_count"]) == (0, 1)
    assert world.s3.current(PROCESSED, key).body == b"after!"
    assert world.s3.visible(ARCHIVE) == {}


def test_a_copy_that_is_not_as_it_was_made_deletes_nothing():
    world = World()
    key = "processed/2024/01/15/a.json"
    put(world, key)

    def gate(operation, given, call):
        answer = call()
        if operation == "copy_object":
            world.s3.put_object(Bucket=ARCHIVE, Key=given["Key"], Body=b"somebody's")
        return answer

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (0, 1)
    assert world.s3.current(PROCESSED, key)


def test_a_copy_of_the_same_size_with_other_bytes_deletes_nothing():
    world = World()
    key = "processed/2024/01/15/a.json"
    put(world, key, body=b"mine")

    def gate(operation, given, call):
        answer = call()
        if operation == "copy_object":
            world.s3.put_object(Bucket=ARCHIVE, Key=given["Key"], Body=b"his.")
        return answer

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (0, 1)
    assert world.s3.current(PROCESSED, key).body == b"mine"


@pytest.mark.parametrize(("minutes", "moved"), [(-1, True), (0, False), (1, False)])
def test_outputs_of_the_cutoffs_own_day_move_to_the_minute(minutes, moved):
    """At 10:30 of the 30th day behind, whatever was stored before 10:30 goes."""
    world = World()
    put(world, "processed/2024/01/25/a.json", days=10 + minutes / 1440)
    put(world, "processed/2024/01/26/b.json", days=11)
    report = archive(world)
    assert report["cutoff_date"] == "2024-01-25T10:30:00Z"
    assert report["archived_count"] == moved
    assert set(world.s3.visible(ARCHIVE)) == ({"archive/2024/01/25/a.json"} if moved else set())


def test_what_another_run_has_moved_is_skipped():
    world = World()
    for name in "ab":
        put(world, f"processed/2024/01/15/{name}.json")

    def gate(operation, given, call):
        if operation == "copy_object" and given["Key"].endswith("a.json"):
            world.s3.delete_object(Bucket=PROCESSED, Key="processed/2024/01/15/a.json")
        return call()

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["failed_count"], report["skipped_count"]) == (1, 0, 1)


@pytest.mark.parametrize("operation", ["copy_object", "delete_objects"])
def test_denied_permissions_are_counted(operation):
    world = World()
    put(world, "processed/2024/01/15/a.json")

    def gate(called, _given, call):
        if called == operation == "copy_object":
            raise aws_error("AccessDenied", operation)
        if called == operation:
            return {"Errors": [{"Key": "processed/2024/01/15/a.json", "Code": "AccessDenied"}]}
        return call()

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (0, 1)
    assert world.telemetry.totals[Metric.ACCESS_DENIED] == 1
    assert world.telemetry.totals[Metric.ARCHIVE_FAILURES] == 1
    assert world.s3.current(PROCESSED, "processed/2024/01/15/a.json")


ODD = "processed/2024/01/15/a\x01\ufffe.json"  # S3 stores it, and XML cannot carry it


def test_a_key_that_xml_cannot_carry_holds_back_no_other():
    """One of them has the whole DeleteObjects refused."""
    world = World(page=3)
    names = [ODD, *(f"processed/2024/01/15/{name}.json" for name in "abcde")]
    for name in names:
        put(world, name, body=name.encode())
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (6, 0)
    assert not world.s3.visible(PROCESSED)
    moved = {key: one.body.decode() for key, one in world.s3.visible(ARCHIVE).items()}
    assert moved == {f"archive/{name.removeprefix('processed/')}": name for name in names}


def test_what_is_deleted_alone_is_what_was_copied():
    world = World()
    keys = [ODD, *(f"processed/2024/01/15/{name}.json" for name in "bcde")]
    for key in keys:
        put(world, key)

    def gate(operation, given, call):
        if operation == "delete_object":
            match given["Key"][-6]:
                case "b":
                    world.s3.put_object(Bucket=PROCESSED, Key=given["Key"], Body=b"after")
                case "c":
                    world.s3.delete_object(Bucket=PROCESSED, Key=given["Key"])
                case "d":
                    raise aws_error("AccessDenied", operation)
                case "e":
                    raise aws_error("SlowDown", operation)
        return call()

    world.gate = gate
    report = archive(world)
    counts = report["archived_count"], report["failed_count"], report["skipped_count"]
    assert counts == (1, 2, 2)
    assert world.telemetry.totals[Metric.ACCESS_DENIED] == 1
    left = {key[-6]: one.body for key, one in world.s3.visible(PROCESSED).items()}
    assert left == {"b": b"after", "d": b"x", "e": b"x"}


@pytest.mark.parametrize("code", ["MalformedXML", "SlowDown", "InternalError"])
def test_a_batch_that_is_refused_holds_up_no_page(code):
    world = World(page=2)
    names = [f"processed/2024/01/15/{name}.json" for name in "abcdef"]
    for name in names:
        put(world, name)

    def gate(operation, given, call):
        if operation == "delete_objects" and given["Delete"]["Objects"][0]["Key"] == names[2]:
            raise aws_error(code, operation)
        return call()

    world.gate = gate
    report = archive(world)
    refused = code == "MalformedXML"  # for good: each is deleted alone; the others wait for a run
    assert (report["archived_count"], report["failed_count"]) == ((6, 0) if refused else (4, 2))
    assert report["complete"]
    assert set(world.s3.visible(PROCESSED)) == (set() if refused else set(names[2:4]))
    assert world.telemetry.totals[Metric.ARCHIVE_FAILURES] == report["failed_count"]


def test_a_day_of_the_archive_that_cannot_be_listed_holds_up_no_other():
    world = World()
    names = [f"processed/2024/01/{day}/a.json" for day in (15, 16, 17)]
    for name in names:
        put(world, name)

    def gate(operation, given, call):
        if operation == "list_objects_v2" and "2024/01/16/" in given.get("StartAfter", ""):
            raise aws_error("InternalError", operation)
        return call()

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (2, 1)
    assert report["complete"]
    assert set(world.s3.visible(PROCESSED)) == {names[1]}
    world.gate = straight
    assert archive(world)["archived_count"] == 1


@pytest.mark.parametrize("code", ["MalformedXML", "AccessDenied"])
def test_a_run_that_can_delete_nothing_ends_after_a_page_of_it(code, monkeypatch):
    """Else it would copy all there is, this night and each."""
    monkeypatch.setattr(summary, "_HOPELESS_DELETES", 4)
    world = World(page=2)
    names = [f"processed/2024/01/15/{number}.json" for number in range(10)]
    for name in names:
        put(world, name)

    def gate(operation, _given, call):
        if operation.startswith("delete_object"):
            raise aws_error(code, operation)
        return call()

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (0, 4)
    assert world.telemetry.totals[Metric.ARCHIVE_FAILURES] == 4
    assert not report["complete"]
    assert not world.invocations
    assert len(world.s3.visible(ARCHIVE)) == 4
    assert set(world.s3.visible(PROCESSED)) == set(names)


def test_some_deletes_that_fail_do_not_end_a_run(monkeypatch):
    monkeypatch.setattr(summary, "_HOPELESS_DELETES", 2)
    world = World(page=3)
    names = [f"processed/2024/01/15/{name}.json" for name in "abcdef"]
    for name in names:
        put(world, name)

    def gate(operation, given, call):
        if operation == "delete_objects":
            objects = given["Delete"]["Objects"]
            given["Delete"]["Objects"] = [one for one in objects if one["Key"] not in names[:2]]
            denied = [one["Key"] for one in objects if one["Key"] in names[:2]]
            return call() | {"Errors": [{"Key": key, "Code": "AccessDenied"} for key in denied]}
        return call()

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (4, 2)
    assert report["complete"]
    assert set(world.s3.visible(PROCESSED)) == set(names[:2])


def test_two_runs_count_an_object_once_between_them():
    world = World()
    for name in "abc":
        put(world, f"processed/2024/01/15/{name}.json")
    reports = []

    def gate(operation, _given, call):
        if operation == "delete_objects" and not reports:  # both have copied all three
            world.gate = straight
            reports.append(archive(world))
        return call()

    world.gate = gate
    reports.append(archive(world))
    assert [one["archived_count"] for one in reports] == [3, 0]
    assert [one["skipped_count"] for one in reports] == [0, 3]
    assert world.telemetry.totals[Metric.OBJECTS_ARCHIVED] == 3
    assert world.telemetry.totals[Metric.ARCHIVE_FAILURES] == 0


def test_one_failure_holds_back_no_other():
    world = World(page=2)
    for name in "abcde":
        put(world, f"processed/2024/01/15/{name}.json")

    def gate(operation, given, call):
        if operation == "copy_object" and given["Key"].endswith("b.json"):
            raise aws_error("SlowDown", operation)
        return call()

    world.gate = gate
    report = archive(world)
    assert (report["archived_count"], report["failed_count"]) == (4, 1)
    assert set(world.s3.visible(PROCESSED)) == {"processed/2024/01/15/b.json"}
    assert report["complete"]


def test_out_of_time_it_goes_on_where_it_stopped():
    world = World(page=4)
    names = [f"processed/2024/01/15/{number:02d}.json" for number in range(10)]
    for name in names:
        put(world, name)
    report = archive(world, ticks=6)
    assert not report["complete"]
    moved = report["archived_count"]
    assert 0 < moved < 10
    [event] = world.invocations
    assert event == {
        "time": OLD.isoformat(),
        "start_after": names[moved - 1],
        "shard": 0,
        "count": 1,
        "most_shards": 1,
    }
    runs = 0
    while world.invocations:
        runs += 1
        world.archiver().handle(world.invocations.pop(), Context(6))
    assert runs > 1
    assert not world.s3.visible(PROCESSED)
    assert len(world.s3.visible(ARCHIVE)) == 10


@pytest.mark.parametrize("ticks", range(5, 25))
def test_wherever_the_time_ends_the_next_run_begins_behind_what_is_done(ticks):
    """Between two pages and before the first object of one, too."""
    world = World(page=2)
    names = [f"processed/2024/01/15/{number}.json" for number in range(10)]
    for name in names:
        put(world, name)
    report = archive(world, ticks=ticks)
    begun = [""]
    while world.invocations:
        [event] = world.invocations
        world.invocations.clear()
        begun.append(event["start_after"])
        report = world.archiver().handle(event, Context(ticks))
    assert begun == sorted(set(begun))
    assert report["complete"]
    assert not world.s3.visible(PROCESSED)


def test_what_is_counted_is_that_of_all_pages():
    world = World(page=3)
    for page in (1, 2, 3):
        put(world, f"processed/2024/01/1{page}/denied.json", body=b"four")
        put(world, f"processed/2024/01/1{page}/moved.json", body=b"12")
        put(world, f"processed/2024/01/1{page}/young.json", days=39)

    def gate(operation, given, call):
        if operation == "copy_object" and given["Key"].endswith("denied.json"):
            raise aws_error("AccessDenied", operation)
        return call()

    world.gate = gate
    report = archive(world)
    counts = [report[f"{name}_count"] for name in ("archived", "failed", "skipped")]
    assert counts == [3, 3, 3]
    assert report["total_size_bytes"] == 6
    assert world.telemetry.totals[Metric.ACCESS_DENIED] == 3
    assert world.telemetry.totals[Metric.BYTES_ARCHIVED] == 6


def test_an_archive_that_may_not_be_listed_is_an_error():
    """No copy can be checked then: copying all the other days would be for nothing."""
    world = World(page=1)
    names = [f"processed/2024/01/{day}/a.json" for day in (15, 16, 17)]
    for name in names:
        put(world, name)

    def gate(operation, given, call):
        if operation == "list_objects_v2" and given["Prefix"] == "archive/":
            raise aws_error("AccessDenied", operation)
        return call()

    world.gate = gate
    with pytest.raises(AccessDeniedError, match=ARCHIVE):
        archive(world)
    assert len(world.s3.visible(ARCHIVE)) == 1
    assert set(world.s3.visible(PROCESSED)) == set(names)


def test_a_continuation_begins_behind_its_key():
    world = World()
    for name in "abc":
        put(world, f"processed/2024/01/15/{name}.json")
    archive(world, start_after="processed/2024/01/15/b.json")
    assert set(world.s3.visible(ARCHIVE)) == {"archive/2024/01/15/c.json"}


def test_no_progress_is_an_error_and_no_loop():
    world = World()
    put(world, "processed/2024/01/15/a.json")
    with pytest.raises(TransientError, match="time-out is too short"):
        archive(world, ticks=1)
    assert not world.invocations


def test_a_failed_listing_is_an_error():
    def gate(operation, _given, _call):
        raise aws_error("SlowDown", operation)

    with pytest.raises(TransientError, match="SlowDown"):
        archive(World(gate=gate))


@pytest.mark.parametrize(
    "event",
    [{"time": "soon"}, {"time": 7}, {"time": ""}, {"start_after": 3}, {"start_after": None}],
)
def test_an_event_that_cannot_be_read(event):
    with pytest.raises(PermanentError, match="allowed"):
        World().archiver().handle(event, Context())


@pytest.mark.parametrize(
    ("time", "cutoff"),
    [
        ("2024-02-24T10:30:00Z", "2024-01-25T10:30:00Z"),
        ("2024-02-24T11:30:00+01:00", "2024-01-25T10:30:00Z"),
        ("2024-02-24T10:30:00", "2024-01-25T10:30:00Z"),
        ("2024-02-24", "2024-01-25T00:00:00Z"),
    ],
)
def test_times(time, cutoff):
    assert World().archiver().handle({"time": time}, Context())["cutoff_date"] == cutoff


def test_no_time_is_now():
    world = World()
    world.s3.now = OLD
    report = world.archiver().handle({}, Context())
    assert datetime.fromisoformat(report["cutoff_date"]) == OLD - timedelta(days=30)


def test_both_ends_of_a_page_are_checked():
    """Keys that sort next to each other in the archive's listing."""
    world = World(page=2)
    names = ["a", "a.json", "a/b", "a0", "é", "漢", "😀"]
    for name in names:
        put(world, f"processed/2024/01/15/{name}")
    assert archive(world)["archived_count"] == len(names)
    assert not world.s3.visible(PROCESSED)
