"""Large files: chunks, their chain, and invocations that go on where others stopped."""

import gzip
import json
from dataclasses import replace

import pytest

from handlers import keys
from handlers.aws import object_info
from handlers.delivery import conversion, staging
from handlers.delivery.progress import Progress
from handlers.transform import expansion
from tests.proof.crash import FaultyGate
from tests.proof.files import BY_NAME, Kind
from tests.proof.memory import aws_error
from tests.proof.watch import Watch
from tests.proof.world import (
    PROCESSED,
    RAW,
    SMALL_BLOCK,
    Context,
    KilledError,
    World,
    batch,
    small_limits,
)

ROWS = [{"id": str(number), "text": f"text number {number}"} for number in range(120)]
NUMBERED = tuple({"id": number, "text": f"text {number}"} for number in range(120))
JSON_LINES = b"".join(json.dumps(one).encode() + b"\n" for one in NUMBERED)
CSV = b"id,text\n" + b"".join(f"{one['id']},{one['text']}\n".encode() for one in ROWS)
FILES = [
    Kind(name="lines", key="incoming/x.ndjson", body=JSON_LINES, records=NUMBERED),
    Kind(
        name="array",
        key="incoming/x.json",
        body=json.dumps(list(NUMBERED)).encode(),
        records=NUMBERED,
    ),
    Kind(name="csv", key="incoming/x.csv", body=CSV, records=tuple(ROWS)),
    Kind(
        name="gzip",
        key="incoming/x.ndjson.gz",
        body=gzip.compress(JSON_LINES, 0, mtime=0),
        records=NUMBERED,
    ),
    Kind(
        name="utf-16", key="incoming/x.csv", body=CSV.decode().encode("utf-16"), records=tuple(ROWS)
    ),
    Kind(
        name="rejects",
        key="incoming/x.jsonl",
        body=JSON_LINES.replace(b"\n", b"\n{\n", 9),
        records=NUMBERED,
        rejects=tuple(("line", 2 * number, "{") for number in range(1, 10)),
    ),
]


def time_for(world, kind, blocks):
    """Return a time for so many blocks behind where the file goes on."""
    if kind.name not in ("gzip", "utf-16"):
        return blocks
    # These are read again from their beginning; a fifth of the time is kept back.
    staged = world.s3.visible(PROCESSED, keys.STAGING)
    last = max((key for key in staged if "/rejects/" not in key), default=None)
    done = int(staged[last].metadata["offset"]) if last else 0
    raw = 2 if kind.name == "utf-16" else 1
    return blocks + 5 * done * raw // (4 * SMALL_BLOCK)


def run(kind, blocks):
    """Process a file with time for so many blocks an invocation; return how many it took."""
    world = World()
    watch = Watch(world, [kind])
    world.deliver(world.upload(kind.key, kind.body))
    invocations = 0
    while world.queue.messages:
        invocations += 1
        assert invocations < 500
        world.ticks = time_for(world, kind, blocks)
        world._poll()
    watch.check_finished()
    watch.nothing_is_left()
    return invocations, next(iter(world.outputs().values()))


@pytest.mark.parametrize("kind", FILES, ids=lambda kind: kind.name)
def test_ten_invocations_make_what_one_makes(kind):
    with small_limits(10**9):
        once, whole = run(kind, 10**9)
    with small_limits():
        times, joined = run(kind, 8)
    assert once == 1
    assert times >= 10
    records = json.loads(b"[" + joined.body.replace(b"}\n", b"},")[:-1] + b"]")
    expected = json.loads(b"[" + whole.body.replace(b"}\n", b"},")[:-1] + b"]")
    assert records == expected
    assert joined.metadata == whole.metadata


def begun(kind=BY_NAME["large"], **options):
    """Return a world with a file that was cut, and the message by which it goes on."""
    world = World(ticks=12, **options)
    world.deliver(world.upload(kind.key, kind.body))
    world._poll()
    [message] = world.queue.messages
    assert json.loads(message["body"])["Records"][0]["continuations"] == 1
    world.ticks = 10**9
    return world, Watch(world, [kind])


@pytest.fixture(autouse=True)
def _small():
    with small_limits():
        yield


def test_a_join_that_there_is_no_time_for_is_put_off_once(monkeypatch):
    """The invocation behind has all of its time for the join, and has to try it."""
    kind = BY_NAME["large rejects"]
    world = World()
    watch = Watch(world, [kind])
    joins = []

    def gate(operation, given, call):
        if operation == "create_multipart_upload":
            joins.append(given["Key"])
        return call()

    world.gate = gate
    monkeypatch.setattr(conversion, "_JOIN_SECONDS", 10.0**15)
    world.deliver(world.upload(kind.key, kind.body))
    world._poll()
    assert not joins
    assert world.queue.messages
    assert not world.outputs()
    world._poll()
    assert joins
    assert not world.queue.messages
    watch.check_finished()
    watch.nothing_is_left()


def test_fields_that_were_renamed_are_counted_over_continuations():
    """All names that collide are in the first invocation's records."""
    meeting = b"".join(b'{"a_b":%d,"a b":0}\n' % number for number in range(20))
    records = tuple({"a_b": number, "a_b_2": 0} for number in range(20))
    kind = Kind(
        name="renamed",
        key="incoming/x.ndjson",
        body=meeting + JSON_LINES,
        records=records + NUMBERED,
    )
    with small_limits(10**9):
        _, whole = run(kind, 10**9)
    with small_limits():
        times, joined = run(kind, 8)
    assert times >= 10
    assert int(whole.metadata[keys.FIELDS_RENAMED]) > 0
    assert joined.metadata == whole.metadata


def test_a_continuation_begins_behind_the_last_chunk():
    world, watch = begun()
    before = set(world.s3.visible(PROCESSED, keys.STAGING))
    gate = world.gate = FaultyGate("", -1)
    stored = []
    world.gate = lambda operation, given, call: (
        stored.append(given["Key"]) if operation == "put_object" else None,
        gate(operation, given, call),
    )[1]
    world.run_until_idle()
    watch.check_finished()
    assert stored
    assert not before & set(stored)


@pytest.mark.parametrize("lost", ["first", "middle", "rejects"])
def test_a_chain_with_a_missing_link_is_never_joined(lost):
    """A lifecycle rule may take the oldest chunks of a file that waited long."""
    kind = BY_NAME["large rejects"]
    world, watch = begun(kind)
    staged = sorted(world.s3.visible(PROCESSED, keys.STAGING))
    names = [key for key in staged if ("/rejects/" in key) == (lost == "rejects")]
    gone = names[0] if lost != "middle" else names[1]
    world.s3.delete_object(Bucket=PROCESSED, Key=gone)
    world.run_until_idle()
    watch.check_finished()
    watch.nothing_is_left()
    # A chunk is missed before work begins; rejects are only when all is joined.
    assert len(world.queue.delays) == (lost == "rejects")


@pytest.mark.parametrize("source", ["x\x01", "\ufffe/\r\x00", "x\x1f" * 100])
@pytest.mark.parametrize("max_copy", [5 * 1024**3, 700])
def test_a_large_file_whose_key_xml_cannot_carry(source, max_copy):
    """S3's answer to the start of an upload names the key, and nobody can read it.

    The output is joined by an upload, and where the original is above 5 GB its copy is one too.
    """
    kind = replace(BY_NAME["large rejects"], key=f"incoming/{source}.jsonl")
    with small_limits(max_copy=max_copy):
        world = World(max_copy=max_copy)
        watch = Watch(world, [kind])
        world.deliver(world.upload(kind.key, kind.body))
        world.run_until_idle()
        watch.check_finished()
        watch.nothing_is_left()
        world.archive(world.after(40))
        watch.look()
    assert not world.s3.visible(PROCESSED, "processed/")
    assert not world.queue.delays


def test_an_answer_that_is_lost_at_the_end_costs_no_attempt():
    """botocore completes the upload again, and hears that there is no such upload."""
    kind = BY_NAME["large"]
    world = World()
    watch = Watch(world, [kind])

    def gate(operation, _given, call):
        if operation == "complete_multipart_upload":
            call()
        return call()

    world.gate = gate
    world.deliver(world.upload(kind.key, kind.body))
    world.run_until_idle()
    watch.check_finished()
    assert not world.queue.delays


def test_rejects_do_not_gather_in_memory():
    """A file may hold nothing else; it fails at its end, when all of it was read."""
    world = World()
    stored = []

    def gate(operation, given, call):
        if operation == "put_object":
            stored.append(len(given["Body"]))
        return call()

    world.gate = gate
    world.deliver(world.upload("incoming/x.ndjson", b"nothing\n" * 400))
    world.run_until_idle()
    assert world.dead_letters.messages
    assert sum(stored) > 10_000
    assert max(stored) < 2_000


def test_a_failed_file_leaves_nothing_staged():
    world = World()
    kind = BY_NAME["large broken"]
    watch = Watch(world, [kind])
    world.deliver(world.upload(kind.key, kind.body))
    world.run_until_idle()
    watch.check_finished()
    watch.nothing_is_left()


def test_a_kill_behind_the_output_leaves_nothing_staged():
    kind = BY_NAME["large rejects"]
    world = World()
    watch = Watch(world, [kind])
    killed = iter([True])

    def gate(operation, _given, call):
        if operation == "copy_object" and next(killed, None):
            raise KilledError
        return call()

    world.gate = gate
    world.deliver(world.upload(kind.key, kind.body))
    world._poll()
    assert world.outputs()
    assert world.s3.visible(PROCESSED, keys.STAGING)
    world.run_until_idle()
    watch.check_finished()
    watch.nothing_is_left()


def test_a_file_that_cannot_begin_is_a_dead_letter():
    kind = BY_NAME["large"]
    world = World(ticks=2)
    world.deliver(world.upload(kind.key, kind.body))
    world.run_until_idle()
    [dead_letter] = world.dead_letters.messages
    assert "time-out is too short" in dead_letter["attributes"][keys.REASON]
    assert dead_letter["attributes"][keys.FAILURE_KIND] == "transient"
    assert world.s3.current(RAW, kind.key)


def test_what_is_left_of_a_direct_call_goes_on_through_the_queue():
    kind = BY_NAME["large"]
    world = World(queue_mode=False, ticks=12)
    watch = Watch(world, [kind])
    event = world.upload(kind.key, kind.body)
    answer = world.processor().handle(event, Context(12))
    assert answer["continued"] == 1
    assert (len(world.queue.messages), world.invocations) == (1, [])
    world.run_until_idle()
    watch.check_finished()


def test_more_chunks_than_an_object_has_parts(monkeypatch):
    kind = BY_NAME["large"]
    monkeypatch.setattr(staging, "MAX_PARTS", 3)
    monkeypatch.setattr(staging, "_JOINED_BYTES", 1_500)
    gate = FaultyGate("", -1)
    world = World(gate=gate)
    watch = Watch(world, [kind])
    world.deliver(world.upload(kind.key, kind.body))
    joined = []
    world.gate = lambda operation, given, call: (
        joined.append(given["Key"]) if operation == "complete_multipart_upload" else None,
        gate(operation, given, call),
    )[1]
    world.run_until_idle()
    watch.check_finished()
    watch.nothing_is_left()
    assert sum("/joined/" in key for key in joined) >= 2
    assert joined[-1] == "processed/2024/01/15/large.json"


def test_a_first_reject_of_any_length_fits():
    progress = Progress(processed_at=World().s3.now, first_reject="é" * 5_000)
    assert object_info.fits_metadata(progress.to_metadata())
    again = Progress.from_metadata(progress.to_metadata())
    assert progress.first_reject.startswith(again.first_reject)


def test_the_time_of_the_first_invocation_is_in_all_records():
    kind = BY_NAME["large"]
    world, watch = begun(kind)
    world.s3.now = world.after(0.01)
    world.run_until_idle()
    watch.check_finished()
    [output] = world.outputs().values()
    stamps = {json.loads(line)["_metadata"]["processed_at"] for line in output.body.splitlines()}
    assert stamps == {"2024-01-15T10:30:01.000Z"}


def test_a_duplicate_that_finds_others_ahead_is_sent_on():
    """It spent its time on what is staged already: that is progress, not a failure."""
    kind = BY_NAME["large cut"]
    world = World(ticks=8)
    watch = Watch(world, [kind])
    event = world.upload(kind.key, kind.body)
    answers = [
        world.processor().handle(batch((json.dumps(event), 1)), Context(8)) for _ in range(2)
    ]
    assert answers == [{"batchItemFailures": []}] * 2
    assert len(world.queue.messages) == 2
    world.run_until_idle()
    watch.check_finished()


LATE = BY_NAME["large fallback"]
IN_UTF8 = Kind(
    name="large late in utf-8",
    key=LATE.key,
    body=LATE.body.decode("cp1252").encode(),
    records=LATE.records,
    fallback="cp1252",
)


def continued(world, kind, change=lambda _: None, ticks=8):
    """Process a file, in as many invocations as it takes, with a change behind the first."""
    watch = Watch(world, [kind])
    world.ticks = ticks
    world.deliver(world.upload(kind.key, kind.body))
    world._poll()
    assert world.s3.visible(PROCESSED, keys.STAGING)
    change(world)
    for _ in range(200):
        if not world.queue.messages:
            break
        world.ticks = max(ticks, time_for_again(world, ticks))
        world._poll()
    watch.check_finished()
    [output] = world.outputs().values()
    return output


def time_for_again(world, ticks):
    """Return a time that suffices to skip what is staged of a file that has no offsets."""
    staged = world.s3.visible(PROCESSED, keys.STAGING)
    done = max((int(one.metadata.get("offset", 0)) for one in staged.values()), default=0)
    return ticks + 4 * done // SMALL_BLOCK


@pytest.mark.parametrize("ticks", [7, 8, 9, 10, 10**9])
def test_a_file_that_turns_out_not_to_be_utf8_is_begun_again(ticks):
    world = World(fallback="cp1252")
    if ticks < 10**9:
        output = continued(world, LATE, ticks=ticks)
    else:
        watch = Watch(world, [LATE])
        world.deliver(world.upload(LATE.key, LATE.body))
        world.run_until_idle()
        watch.check_finished()
        [output] = world.outputs().values()
    assert output.metadata[keys.SOURCE_ENCODING] == "cp1252"
    assert not world.s3.visible(PROCESSED, keys.STAGING)


def test_a_retry_goes_on_with_the_second_reading():
    world = World(fallback="cp1252", ticks=10**9)
    watch = Watch(world, [LATE])
    stored = []

    def gate(operation, given, call):
        if operation == "put_object" and "cp1252" in given["Key"] and len(stored) >= 2:
            raise aws_error("ServiceUnavailable", operation)
        if operation == "put_object":
            stored.append(given["Key"])
            if "/cp1252/" not in given["Key"]:
                stored.clear()
        return call()

    world.gate = gate
    event = json.dumps(world.upload(LATE.key, LATE.body))
    assert world.processor().handle(batch((event, 1)), Context())["batchItemFailures"]
    assert len(stored) == 2
    before = {*stored}
    stored.clear()
    names = []
    world.gate = lambda operation, given, call: (
        names.append(given["Key"]) if operation == "put_object" else None,
        call(),
    )[1]
    assert not world.processor().handle(batch((event, 2)), Context())["batchItemFailures"]
    watch.check_finished()
    assert not before & {*names}
    assert all("/cp1252/" in name for name in names if name.startswith(keys.STAGING))


def set_fallback(value):
    return lambda world: setattr(world, "fallback", value)


@pytest.mark.parametrize("before", [None, "latin-1", "cp1251"])
def test_a_fallback_that_is_set_while_a_file_is_half_done_holds_for_all_of_it(before):
    """What was read without it, or by another, is not among what is read by it."""
    output = continued(World(fallback=before), LATE, set_fallback("cp1252"))
    assert output.metadata[keys.SOURCE_ENCODING] == "cp1252"


def test_a_fallback_that_is_taken_away_while_a_file_is_half_done():
    rows = LATE.body.split(b"\n")
    lost = tuple(
        ("line", n, row.decode(errors="backslashreplace"))
        for n, row in enumerate(rows, start=1)
        if b"\xe9" in row
    )
    kind = replace(LATE, encoding="", rejects=lost, records=LATE.records[: -len(lost)])
    continued(World(fallback="cp1252"), kind, set_fallback(None))


def test_a_file_in_utf8_is_done_as_ever_whatever_is_set_meanwhile():
    for before, after in ((None, "cp1252"), ("cp1252", None), ("cp1252", "latin-1")):
        continued(World(fallback=before), IN_UTF8, set_fallback(after))


def test_two_builds_of_one_version_never_share_a_file(monkeypatch):
    """Half of an output by one build, half by another, would be what neither would write."""
    world, watch = begun()
    before = set(world.s3.visible(PROCESSED, keys.STAGING))
    conversion._build_digest.cache_clear()
    monkeypatch.setattr(conversion, "code_digest", lambda: "another build")
    stored = []
    world.gate = lambda operation, given, call: (
        stored.append(given) if operation == "put_object" else None,
        call(),
    )[1]
    world.run_until_idle()
    watch.check_finished()
    assert not before & {given["Key"] for given in stored}
    first = min(given["Key"] for given in stored if given["Key"].startswith(keys.STAGING))
    assert first.endswith(f"{0:016d}")
    conversion._build_digest.cache_clear()


def test_a_name_of_the_environment_that_changes_meanwhile_holds_for_all_of_it():
    world = World(environment="former", ticks=12)
    kind = BY_NAME["large"]
    watch = Watch(world, [kind])
    world.deliver(world.upload(kind.key, kind.body))
    world._poll()
    assert world.s3.visible(PROCESSED, keys.STAGING)
    world.environment, world.ticks = "test", 10**9
    world.run_until_idle()
    watch.check_finished()  # each record names the new one


def test_a_bomb_over_invocations_leaves_nothing(monkeypatch):
    monkeypatch.setattr(expansion, "_ALWAYS_ALLOWED_BYTES", 7_000)
    world = World(max_expansion=1, ticks=8)
    kind = replace(BY_NAME["large cut"], failure="maxExpansion")
    watch = Watch(world, [kind])
    world.deliver(world.upload(kind.key, kind.body))
    world._poll()
    assert world.s3.visible(PROCESSED, keys.STAGING)
    world.run_until_idle()
    watch.check_finished()
    watch.nothing_is_left()
