"""Each control holds as its table says, and is seen to fail on a graph that breaks it."""

import re
from dataclasses import fields, replace

import pytest

from infra.settings import Settings, config_key
from policy.control import Control
from policy.controls import CONTROLS
from policy.graph import UNKNOWN, Graph, Resource
from tests.policy import graphs
from tests.policy.broken import BROKEN, MENDED
from tests.policy.changes import changed
from tests.policy.graphs import NAMES

ENFORCED = [it for it in CONTROLS if it.enforced]
OPTIONS = [it for it in CONTROLS if it.option]
WAIVED = [it for it in CONTROLS if it.waiver]
_ID = re.compile(
    r"(S3|SQS|SNS|Lambda|IAM|KMS|CloudWatch|Athena|PIPE)\.[1-9][0-9]*|CKV2?_AWS_[1-9][0-9]*"
)


def by_id(control: Control) -> str:
    return control.id


def base(control: Control) -> Graph:
    """Return the first graph on which a control has something to look at, and holds."""
    return next(
        graph
        for graph in map(graphs.graph, NAMES)
        if control.applies_to(graph) and not control.violations(graph)
    )


def test_there_are_a_hundred_controls_and_more():
    ids = [it.id for it in CONTROLS]

    assert len(ids) >= 100
    assert len(set(ids)) == len(ids)
    assert all(_ID.fullmatch(it) for it in ids)
    assert {it.id for it in ENFORCED + OPTIONS} == set(BROKEN)
    assert {it.id for it in WAIVED} == set(MENDED)


def test_our_own_ids_leave_no_gap():
    numbers = [int(it.id.removeprefix("PIPE.")) for it in CONTROLS if it.id.startswith("PIPE.")]

    assert sorted(numbers) == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("control", CONTROLS, ids=by_id)
def test_a_control_has_something_to_look_at(control: Control):
    assert any(control.applies_to(graphs.graph(name)) for name in NAMES)


@pytest.mark.parametrize("control", ENFORCED, ids=by_id)
def test_a_control_holds(control: Control):
    found = {name: _broken(control, graphs.graph(name)) for name in NAMES}

    assert found == {name: [] for name in NAMES}


def test_direct_mode_with_snapshots_is_refused_nothing():
    graph = graphs.run("dev", {"processingQueue": "false", "snapStart": "true"})

    assert {it.id: found for it in ENFORCED if (found := _broken(it, graph))} == {}
    # What the alias's ARN is made of leads on to the function.
    assert any(it.id == "PIPE.12" and it.applies_to(graph) for it in ENFORCED)


@pytest.mark.parametrize("control", ENFORCED + OPTIONS, ids=by_id)
def test_a_control_sees_what_breaks_it(control: Control):
    assert control.violations(BROKEN[control.id](base(control)))


@pytest.mark.parametrize("control", OPTIONS, ids=by_id)
def test_an_option_makes_its_control_hold(control: Control):
    assert control.option in {config_key(setting) for setting in fields(Settings)}
    assert control.violations(graphs.graph("dev"))
    assert control.applies_to(graphs.with_option(control.option))
    assert _broken(control, graphs.with_option(control.option)) == []
    assert _broken(control, graphs.graph("every option")) == []


@pytest.mark.parametrize("control", WAIVED, ids=by_id)
def test_a_waiver_is_needed_and_would_not_be_on_a_mended_graph(control: Control):
    for graph in map(graphs.graph, NAMES):
        assert control.violations(graph)
        assert _broken(control, MENDED[control.id](graph)) == []


def test_what_a_waiver_or_an_option_speaks_of_exists():
    keys = {config_key(setting) for setting in fields(Settings)}
    ids = {it.id for it in CONTROLS}
    for control in WAIVED:
        assert set(re.findall(r"PIPE\.[0-9]+", control.waiver)) <= ids
        assert set(re.findall(r"`([a-z]+[A-Z]\w+)`", control.waiver)) <= keys


def test_every_option_is_on():
    on = graphs.every_option()

    defaults = {config_key(it): it.default for it in fields(Settings)}
    assert on.keys() == defaults.keys()
    unchanged = {key for key, value in on.items() if value == str(defaults[key]).lower()}
    # Only what is on already has its default.
    assert unchanged <= {key for key, default in defaults.items() if default is True}


def test_a_setting_without_a_sample_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(graphs.SAMPLES, "alarmEmail")

    with pytest.raises(ValueError, match="alarmEmail has no sample"):
        graphs.every_option()


@pytest.mark.parametrize("name", NAMES)
def test_a_first_preview_is_refused_nothing(name: str):
    # What is made of another resource's outputs is not known before that resource is made.
    graph = Graph(
        tuple(
            replace(it, inputs={**it.inputs, **dict.fromkeys(_made_of_others(it), UNKNOWN)})
            for it in graphs.graph(name).resources
        )
    )

    assert {it.id for it in ENFORCED if it.violations(graph)} == set()


def test_any_value_may_be_unknown():
    graph = graphs.graph("every option")
    for type_token in {it.type for it in graph.resources}:
        for prop in {prop for it in graph.of(type_token) for prop in it.inputs}:
            unknown = changed(type_token, prop, UNKNOWN)(graph)
            # Raises nothing, and holds nothing against what nobody knows.
            assert {it.id for it in ENFORCED if it.violations(unknown)} == set(), (type_token, prop)


def _broken(control: Control, graph: Graph) -> list[tuple[str, str]]:
    """Return what violates a control, short enough to be read in a failure."""
    return [(resource.name, problem) for resource, problem in control.violations(graph)]


def _made_of_others(it: Resource) -> list[str]:
    return [prop for prop, urns in it.references.items() if urns and prop in it.inputs]
