from dataclasses import replace

import pytest

from tests.proof import crash
from tests.proof.files import KINDS
from tests.proof.replays import CHANGED_REJECTS
from tests.proof.replays import KINDS as REPLAYS
from tests.proof.world import RAW

PROCESSOR = [(kind.name, queue_mode) for kind in KINDS for queue_mode in (True, False)]
LARGE = [kind.name for kind in KINDS if kind.large]
MIN_SCENARIOS = 1_000


def run_all(run, base):
    count = 0
    for scenario, _ in crash.scenarios(run, base):
        count += 1
        try:
            run(scenario)
        except AssertionError as error:
            pytest.fail(f"{scenario}: {error}")
    return count


def run_killed_once(run, base):
    for call in range(len(run(base))):
        for fault in ("killed before", "killed after"):
            run(replace(base, fault=fault, call=call))


@pytest.mark.parametrize(("kind", "queue_mode"), [one for one in PROCESSOR if one[0] not in LARGE])
def test_processor(kind, queue_mode):
    base = crash.Scenario(kind=kind, queue_mode=queue_mode)
    assert run_all(crash.run_processor, base) >= 3 * len(crash.FAULTS)


@pytest.mark.parametrize(("kind", "queue_mode"), [one for one in PROCESSOR if one[0] in LARGE])
def test_processor_of_a_large_file(kind, queue_mode):
    """A run that is killed once; `make crash` has the other faults."""
    run_killed_once(crash.run_processor, crash.Scenario(kind=kind, queue_mode=queue_mode))


@pytest.mark.long
@pytest.mark.parametrize(("kind", "queue_mode"), [one for one in PROCESSOR if one[0] in LARGE])
def test_processor_of_a_large_file_in_every_scenario(kind, queue_mode):
    base = crash.Scenario(kind=kind, queue_mode=queue_mode)
    assert run_all(crash.run_processor, base) >= 3 * len(crash.FAULTS)


@pytest.mark.parametrize("kind", crash.ARCHIVER_KINDS)
def test_archiver(kind):
    """A run that is killed once; `make crash` has the other faults."""
    run_killed_once(crash.run_archiver, crash.Scenario(kind=kind))


@pytest.mark.long
@pytest.mark.parametrize("kind", crash.ARCHIVER_KINDS)
def test_archiver_in_every_scenario(kind):
    assert run_all(crash.run_archiver, crash.Scenario(kind=kind)) >= 100


@pytest.mark.parametrize("kind", crash.BUNDLED_BY_NAME)
def test_bundler(kind):
    """A run that is killed once; `make crash` has the other faults."""
    run_killed_once(crash.run_bundler, crash.Scenario(kind=kind))


@pytest.mark.long
@pytest.mark.parametrize("kind", crash.BUNDLED_BY_NAME)
def test_bundler_in_every_scenario(kind):
    assert run_all(crash.run_bundler, crash.Scenario(kind=kind)) >= 200


def test_reconciler():
    """A run that is killed once; `make crash` has the other faults."""
    run_killed_once(crash.run_reconciler, crash.Scenario(kind=crash.RECONCILE_KINDS[-1]))


@pytest.mark.long
@pytest.mark.parametrize("kind", crash.RECONCILE_KINDS)
def test_reconciler_in_every_scenario(kind):
    assert run_all(crash.run_reconciler, crash.Scenario(kind=kind)) >= 60


@pytest.mark.parametrize("kind", [kind.name for kind in REPLAYS if not kind.large])
def test_replay(kind):
    """A replay that is killed once; `make crash` has the other faults, and large files."""
    run_killed_once(crash.run_replay, crash.Scenario(kind=kind))


@pytest.mark.long
@pytest.mark.parametrize("kind", [kind.name for kind in REPLAYS])
def test_replay_in_every_scenario(kind):
    assert run_all(crash.run_replay, crash.Scenario(kind=kind)) >= 60


@pytest.mark.parametrize("kind", CHANGED_REJECTS)
def test_early_replay(kind):
    """A run that is killed once; `make crash` has the other faults, and large files."""
    run_killed_once(crash.run_early_replay, crash.Scenario(kind=kind))


@pytest.mark.long
@pytest.mark.parametrize("kind", crash.REPLAYED_EARLY)
def test_early_replay_in_every_scenario(kind):
    assert run_all(crash.run_early_replay, crash.Scenario(kind=kind)) >= 60


def test_there_are_enough():
    assert len(KINDS) >= 8
    calls = {
        kind: len(crash.run_processor(crash.Scenario(kind=kind, queue_mode=queue_mode)))
        for kind, queue_mode in PROCESSOR
    }
    assert sum(calls.values()) * len(crash.FAULTS) * 2 >= MIN_SCENARIOS


def test_a_fault_shows():
    """The watch is no yes-man: what breaks the protocol is found."""
    gate = crash.FaultyGate("", -1)
    kind = KINDS[0]
    world = crash.World(gate=gate)
    watch = crash.Watch(world, [kind])
    world.upload(kind.key, kind.body)
    [(key, version)] = world.uploads
    world.s3.delete_object(Bucket=RAW, Key=key, VersionId=version)
    with pytest.raises(AssertionError, match="gone without an output"):
        watch.look()
