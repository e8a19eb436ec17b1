"""The datasets of a running stack: their setting, their problems, and what has changed in them."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from google.protobuf import empty_pb2

from handlers.environment import DATASETS_FILE
from infra import declarations, package
from infra.datasets import files
from infra.settings import SettingsError
from local.program.engine import properties
from tests.infra import recording
from tests.infra.datasets.declared import declaration, problems, schema
from tests.infra.recording import PROJECT, REGION, ROOT, Graph, run_program


def run(folder: Path | str | None = None, **recorded: Any) -> Graph:
    """Run the program with a folder of datasets, or with the default."""
    path = {} if folder is None else {f"{PROJECT}:datasetsPath": str(folder)}
    return run_program({"aws:region": REGION, **path}, stack="dev", **recorded)


def deployed(graph: Graph) -> dict[str, Any]:
    return json.loads(graph.outputs["datasets"])


def changed(graph: Graph) -> list[tuple[str, str]]:
    return [(severity, text) for severity, text in graph.logged if "dataset" in text]


@pytest.fixture(scope="module")
def example() -> Graph:
    return run()


def test_the_example_is_deployed_by_default(example: Graph):
    assert deployed(example) == files.load("datasets", ROOT)


def test_the_columns_keep_their_order_in_the_outputs(example: Graph):
    fields = deployed(example)["orders"]["schema"]["properties"]

    assert list(fields) == ["order", "placed", "status", "total", "items", "paid"]


def test_without_datasets_the_archive_has_no_file_of_them(example: Graph):
    graph = run("off", last_outputs=example.outputs)

    assert graph.outputs["datasets"] == "{}"
    for function in graph.of("aws:lambda/function:Function"):
        assert DATASETS_FILE not in function.inputs["code"].assets
    ((severity, text), *others) = changed(graph)  # it had one
    assert all("is written from now on" in told for _, told in others)
    assert (severity, text.partition(":")[0]) == ("WARNING", "dataset orders")


def test_the_default_folder_need_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(package, "ROOT", tmp_path)
    monkeypatch.setattr(declarations, "configured_values", lambda _: {})

    assert declarations.load() == ({}, [])


@pytest.mark.parametrize("path", ["nowhere", "Pulumi.yaml", "/nowhere/datasets"])
def test_a_folder_that_is_not_there_stops_the_program(path: str):
    with pytest.raises(SettingsError) as caught:
        run(path)

    assert str(caught.value).split("\n") == [
        "the configuration of stack 'dev' has 1 problem(s):",
        f"  - datasetsPath is {path!r}, allowed: an existing folder, or off",
    ]


def test_problems_of_settings_and_datasets_are_in_one_message(tmp_path: Path):
    problems(tmp_path, orders=declaration(unknownFields="no"), visits="a: [1")
    config = {f"{PROJECT}:datasetsPath": str(tmp_path), f"{PROJECT}:retentionDays": "0"}

    with pytest.raises(SettingsError) as caught:
        run_program({"aws:region": REGION, **config}, stack="dev")

    heading, *listed = str(caught.value).split("\n  - ")
    assert heading == "the configuration of stack 'dev' has 3 problem(s):"
    assert [problem.partition(",")[0] for problem in listed] == [
        "retentionDays is '0'",
        f'{tmp_path}/orders.yaml: unknownFields: "no" is a text',
        f"{tmp_path}/visits.yaml: line 1",
    ]


def test_both_functions_have_the_declarations_in_their_archive(example: Graph):
    functions = example.of("aws:lambda/function:Function")
    archives = [it.inputs["code"].assets for it in functions]

    assert len(archives) == 2
    for assets in archives:
        text = Path(assets["datasets.json"].path).read_bytes()
        assert text == files.encode(files.load("datasets", ROOT))
        assert "handlers/keys.py" in assets


def test_a_first_deployment_has_no_changes(example: Graph):
    assert changed(example) == []


def test_nothing_is_logged_where_nothing_changed(example: Graph):
    assert changed(run(last_outputs=example.outputs)) == []


@pytest.mark.parametrize(
    "token", ["aws:glue/catalogTable:CatalogTable", "aws:lambda/function:Function"]
)
def test_an_update_that_fails_keeps_the_declarations_of_the_last(
    token: str, monkeypatch: pytest.MonkeyPatch
):
    """Pulumi keeps outputs that a failed update did not register, so the next preview warns again.

    https://github.com/pulumi/pulumi/pull/15754
    """
    outputs: list[Any] = []
    make = recording.Answers.new_resource

    def refuse(self: Any, args: Any) -> Any:
        if args.typ == token:
            msg = "refused"
            raise RuntimeError(msg)
        return make(self, args)

    def note(_: Any, request: Any) -> Any:
        outputs.append(properties.decode(request.outputs))
        return empty_pb2.Empty()

    monkeypatch.setattr(recording.Answers, "new_resource", refuse)
    monkeypatch.setattr(recording.Recorder, "RegisterResourceOutputs", note)
    with pytest.raises(Exception, match="refused"):
        run()
    assert not [it for it in outputs if "datasets" in it]


def test_an_earlier_version_of_the_program_had_no_datasets(example: Graph):
    outputs = {name: it for name, it in example.outputs.items() if name != "datasets"}

    assert changed(run(last_outputs=outputs)) == []


def test_what_may_reject_or_break_is_a_warning_and_the_rest_is_said(example: Graph):
    last = copy.deepcopy(deployed(example))
    fields = last["orders"]["schema"]["properties"]
    fields["total"]["minimum"] = -5
    fields["items"]["minimum"] = 7
    fields["paid"]["type"] = "string"
    last["gone"] = declaration()

    graph = run(last_outputs={"datasets": json.dumps(last)})

    prefix = "dataset orders: schema.properties"
    assert changed(graph) == [
        (
            "WARNING",
            (
                "dataset gone: removed: its tables are gone, and its files are no longer checked "
                "(breaks queries)"
            ),
        ),
        ("INFO", f"{prefix}.items.minimum: 7, now 1 (looser)"),
        (
            "WARNING",
            (
                f"{prefix}.paid.type: string, now boolean: the column string becomes boolean "
                "(breaks queries)"
            ),
        ),
        ("WARNING", f"{prefix}.total.minimum: -5, now 0 (stricter)"),
    ]


def test_a_backend_that_does_not_tell_is_a_warning_and_the_stack_is_deployed(example: Graph):
    graph = run(last_outputs=None)

    ((severity, text),) = changed(graph)
    assert severity == "WARNING"
    assert text.startswith("what has changed in the datasets is not known: ")
    assert text.endswith("unknown stack dev (name)")
    assert graph.outputs == example.outputs


@pytest.mark.parametrize("last", ["{", 3, '{"orders": {}}', "[]"], ids=str)
def test_outputs_that_cannot_be_compared_are_a_warning(last: Any, monkeypatch: pytest.MonkeyPatch):
    warned: list[str] = []
    answer = SimpleNamespace(value={"outputs": {"datasets": last}})
    monkeypatch.setattr(pulumi.runtime, "invoke", lambda _token, _arguments: answer)
    monkeypatch.setattr(pulumi.log, "warn", warned.append)

    assert declarations.log_changes(files.load("datasets", ROOT)) == []
    assert [it.partition(": ")[0] for it in warned] == [
        "what has changed in the datasets is not known"
    ]


def test_reading_the_last_outputs_leaves_no_resource(example: Graph):
    assert [it.urn for it in example.resources if "StackReference" in it.type] == []


def test_a_dataset_of_ones_own_is_deployed(tmp_path: Path):
    own = declaration(schema=schema({"n": {"type": "integer"}}))
    problems(tmp_path, visits=own)

    graph = run(tmp_path)

    assert list(deployed(graph)) == ["visits"]
    assert deployed(graph) == files.load(tmp_path)
