"""What a dataset changes in the delivery of its files; and that other files are as they were."""

import gzip
import json

import pytest

from handlers import keys
from handlers.aws.object_info import fits_metadata
from handlers.delivery.conversion import Form, naming_rejects
from handlers.delivery.progress import Counts
from handlers.delivery.source_version import SourceVersion
from handlers.transform.datasets.dataset import Dataset
from tests.proof.crash import FaultyGate
from tests.proof.files import BY_NAME, read_output
from tests.proof.replays import NAME, declaration, kill_before
from tests.proof.world import PROCESSED, RAW, Context, World, batch, small_limits

TEXTS = declaration("string")
BAD = b'{"id":"a"}\nno record\n{"id":"b"}\n'


def deliver(world, key, body):
    world.deliver(world.upload(key, body))
    with small_limits(10**9):
        world.run_until_idle()


def reasons(world):
    return [one["attributes"][keys.REASON] for one in world.dead_letters.messages]


def dataset_in(stored):
    named = (keys.DATASET, keys.DATASET_VERSION)
    return {name: stored.metadata[name] for name in named if name in stored.metadata}


def test_output_and_rejects_name_the_dataset_and_its_version():
    world = World(datasets={NAME: TEXTS})
    deliver(world, "incoming/shop/a.json", BAD)
    (output,) = world.outputs().values()
    (rejects,) = world.s3.visible(PROCESSED, keys.REJECTED).values()
    version = Dataset.read(NAME, TEXTS).version
    assert dataset_in(output) == {keys.DATASET: NAME, keys.DATASET_VERSION: version}
    assert dataset_in(rejects) == dataset_in(output)


def test_a_file_outside_all_datasets_is_as_it_was():
    world, plain = World(datasets={NAME: TEXTS}), World()
    for one in (world, plain):
        deliver(one, "incoming/shopping/a.json", b'{"a":1}\n')
    assert world.s3.state() == plain.s3.state()


@pytest.mark.parametrize(("own", "fails"), [(40, False), (20, True), (None, True), (0, True)])
def test_the_bad_records_that_are_allowed_are_those_of_the_dataset(own, fails):
    """The stack allows 10 % here; a third of the records is bad."""
    world = World(datasets={NAME: declaration("string", maxRejectedPercent=own)})
    deliver(world, "incoming/shop/a.json", BAD)
    assert (bool(reasons(world)), bool(world.outputs())) == (fails, not fails)
    assert all(f"allowed: {10 if own is None else own} %" in reason for reason in reasons(world))


@pytest.mark.parametrize(
    ("body", "name", "encoding"),
    [
        ("total\ncafé\n".encode("cp1252"), "café", "cp1252"),
        (b"total\ncafe\n", "cafe", "cp1252"),  # not UTF-8 first: the declaration decides
        ("total\ncafé\n".encode(), "cafÃ©", "cp1252"),
        ("\ufefftotal\ncafé\n".encode(), "café", ""),  # its mark wins
        ("total\ncafé\n".encode("utf-16"), "café", ""),
    ],
)
def test_the_declared_encoding_is_forced_and_named(body, name, encoding):
    world = World(datasets={NAME: declaration("string", csv={"encoding": "Windows-1252"})})
    deliver(world, "incoming/shop/a.csv", body)
    (output,) = world.outputs().values()
    assert read_output(output.body)[0] == [{"total": name}]
    assert output.metadata.get(keys.SOURCE_ENCODING, "") == encoding


def test_to_look_for_a_mark_takes_no_call():
    gate = FaultyGate("", -1)
    world = World(datasets={NAME: declaration("string", csv={"encoding": "cp1252"})}, gate=gate)
    deliver(world, "incoming/shop/a.csv.gz", gzip.compress("total\ncafé\n".encode("utf-8-sig")))
    assert gate.calls == ["get_object", "put_object", "copy_object", "delete_object"]
    (output,) = world.outputs().values()
    assert read_output(output.body)[0] == [{"total": "café"}]
    assert keys.SOURCE_ENCODING not in output.metadata


def test_the_declared_encoding_is_of_delimited_files_alone():
    world = World(datasets={NAME: declaration("string", csv={"encoding": "cp1252"})})
    deliver(world, "incoming/shop/a.json", '{"total":"café"}'.encode())
    (output,) = world.outputs().values()
    assert read_output(output.body)[0] == [{"total": "café"}]
    assert keys.SOURCE_ENCODING not in output.metadata


def test_a_file_that_was_cut_begins_anew_when_its_dataset_has_changed():
    """Else the first records of its output would be by the old declaration, the rest by the new."""
    kind = BY_NAME["large cut"]
    gate = FaultyGate("", -1)
    with small_limits():
        world = World(datasets={NAME: TEXTS}, gate=gate)
        event = json.dumps(world.upload("incoming/shop/large.csv", kind.body))
        world.processor().handle(batch((event, 1)), Context(kind.ticks))
        (continued,) = world.queue.messages
        first = set(world.s3.visible(PROCESSED, keys.STAGING))
        assert first
        world.datasets = {NAME: declaration("string", description="changed")}
        world.processor().handle(batch((continued["body"], 1)), Context(kind.ticks))
        assert set(world.s3.visible(PROCESSED, keys.STAGING)) - first, (
            "it went on in the old chunks"
        )
        world.run_until_idle()
        (output,) = world.outputs().values()
        assert (
            dataset_in(output)[keys.DATASET_VERSION]
            == Dataset.read(NAME, world.datasets[NAME]).version
        )
        assert read_output(output.body)[0] == list(kind.records)


@pytest.mark.parametrize("name", ["a" * 1_013 + ".csv", "é" * 506 + ".csv", "%" * 1_013 + ".csv"])
def test_the_longest_names_fit_into_the_metadata(name):
    """S3 takes 2 KB; the rejects' key is left out where there is no room for it."""
    key = f"incoming/{name}"[:1_024]
    source = SourceVersion(bucket="b" * 63, key=key, version="v" * 32, day=None)
    form = Form(dataset=Dataset.read("d" * 100, TEXTS), compressed=False)
    most = Counts(written=10**12, rejected=10**12, empty=10**12, renamed=10**6)
    metadata = source.to_metadata() | most.to_metadata() | form.to_metadata()
    metadata |= {keys.SOURCE_ENCODING: "iso2022_jp_2004", keys.PASSES: "8"}
    assert fits_metadata(metadata)
    assert fits_metadata(naming_rejects(metadata, "rejected/2024/01/15/" + "x" * 1_004))


@pytest.mark.parametrize("new", ["string", "integer", None])
@pytest.mark.parametrize("receives", [1, 2])
def test_rejects_of_an_attempt_before_the_dataset_changed_are_replaced(new, receives):
    """Else a record would be in both, or in none."""
    world = World(datasets={NAME: declaration("number", maxRejectedPercent=100)})
    event = world.upload("incoming/shop/a.csv", b"id,total\na,1\nb,2.5\nc,no\n")
    kill_before(world, event, "put_object", times=1)
    (before,) = world.s3.visible(PROCESSED, keys.REJECTED).values()
    assert b"c,no" in before.body
    world.datasets = {NAME: declaration(new, maxRejectedPercent=100)} if new else {}
    world.queue.add(json.dumps(event), {keys.REPEATED: "true"} if receives == 1 else {})
    world.queue.messages[0]["receives"] = receives - 1
    with small_limits(10**9):
        world.run_until_idle()
    (output,) = world.outputs().values()
    (rejects,) = world.s3.visible(PROCESSED, keys.REJECTED).values()
    records, _ = read_output(output.body)
    bad = [json.loads(line)["raw"] for line in rejects.body.splitlines()]
    assert (len(records), bad) == ((1, ["b,2.5", "c,no"]) if new == "integer" else (3, []))
    assert dataset_in(rejects) == dataset_in(output)
    assert (keys.REJECTED_KEY in output.metadata) == bool(bad)


def test_rejects_are_not_replaced_beside_an_output_that_is_there():
    """A duplicate by another declaration comes while the first delivery is under way."""
    world = World(datasets={NAME: declaration("integer", maxRejectedPercent=100)})
    event = world.upload("incoming/shop/a.csv", b"id,total\na,1\nb,2.5\nc,no\n")
    kill_before(world, event, "copy_object")
    before = world.s3.visible(PROCESSED)
    world.datasets = {NAME: declaration("number", maxRejectedPercent=100)}
    world.deliver(event)
    with small_limits(10**9):
        world.run_until_idle()
    assert world.s3.visible(PROCESSED) == before
    assert not world.s3.visible(RAW, keys.INCOMING)
    assert not reasons(world)
