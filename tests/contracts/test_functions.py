"""What infra tells a function is what its handler reads."""

import importlib

import pytest

from handlers.environment import ArchiverEnvironment, ProcessorEnvironment, variable_names
from handlers.invocation.deadline import Deadline
from infra.definitions import ARCHIVER_HANDLER, PROCESSOR_HANDLER
from tests.infra.recording import Graph

FUNCTION = "aws:lambda/function:Function"


@pytest.mark.parametrize("handler", [PROCESSOR_HANDLER, ARCHIVER_HANDLER])
def test_a_handler_string_names_a_callable(handler: str):
    module, _, name = handler.rpartition(".")

    assert callable(getattr(importlib.import_module(module), name))


def test_the_functions_run_these_handlers(graph: Graph):
    handlers = {it.inputs["handler"] for it in graph.of(FUNCTION)}

    assert handlers == {PROCESSOR_HANDLER, ARCHIVER_HANDLER}


@pytest.mark.parametrize(
    ("name", "environment"),
    [("data-processor", ProcessorEnvironment), ("data-archiver", ArchiverEnvironment)],
)
def test_each_variable_that_is_set_is_read_and_the_other_way_round(
    graph: Graph, name: str, environment: type[ProcessorEnvironment] | type[ArchiverEnvironment]
):
    variables = graph.get(FUNCTION, name).inputs["environment"]["variables"]

    assert set(variables) == variable_names(environment)
    # And each is what the handler takes.
    environment.read(variables)


@pytest.mark.parametrize("label", ["processor", "archiver"])
def test_a_function_that_leaves_off_in_time_is_not_alarming(graph: Graph, label: str):
    timeout = graph.get(FUNCTION, f"data-{label}").inputs["timeout"]
    alarm = graph.get("aws:cloudwatch/metricAlarm:MetricAlarm", f"{label}-near-timeout")

    leaves_off = Deadline(lambda: timeout).remaining_seconds()
    assert leaves_off < alarm.inputs["threshold"] / 1000 < timeout
    # What is left to do behind that point has its share of the time too.
    assert alarm.inputs["threshold"] / 1000 - leaves_off >= (timeout - leaves_off) / 2
