"""The policy pack, started and asked as Pulumi's engine does it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import analyzer_pb2 as messages
from pulumi.runtime.proto import analyzer_pb2_grpc

from policy import tokens
from policy.controls import CONTROLS
from policy.graph import Graph, Resource
from tests.policy import graphs
from tests.policy.broken import BROKEN
from tests.policy.changes import changed

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "policy"
# As the engine writes a text that is only known after the update.
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Found = set[tuple[str, str]]  # a policy and the URN that violates it


@pytest.fixture(scope="module")
def engine() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """Start the pack as pulumi-language-python does, and return the engine's end of it."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:0", str(PACK)]
    # Not in the root: the pack must find its own package.
    with subprocess.Popen(command, cwd=PACK, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            port = int(running.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield analyzer_pb2_grpc.AnalyzerStub(channel)
        finally:
            running.kill()


def struct(inputs: Any) -> Struct:
    plain = {key: value for key, value in inputs.items() if key != "code"}
    made = Struct()
    made.update(plain)
    return made


def options(it: Resource) -> messages.AnalyzerResourceOptions:
    return messages.AnalyzerResourceOptions(protect=it.protect)


def provider(it: Resource) -> messages.AnalyzerProviderResource | None:
    if not it.provider:
        return None
    return messages.AnalyzerProviderResource(type=tokens.PROVIDER, urn=it.provider, name="aws")


def ask(engine: analyzer_pb2_grpc.AnalyzerStub, graph: Graph) -> Found:
    """Let the pack analyze each resource, then the stack; return what it reports."""
    answers = [
        (it.urn, engine.Analyze(messages.AnalyzeRequest(
            type=it.type, urn=it.urn, name=it.name, properties=struct(it.inputs),
            options=options(it), provider=provider(it),
        )))
        for it in graph.resources
    ]  # fmt: skip
    stack = messages.AnalyzeStackRequest(
        resources=[
            messages.AnalyzerResource(
                type=it.type, urn=it.urn, name=it.name, properties=struct(it.inputs),
                options=options(it), provider=provider(it), dependencies=sorted(it.dependencies),
                propertyDependencies={
                    prop: messages.AnalyzerPropertyDependencies(urns=sorted(urns))
                    for prop, urns in it.references.items()
                },
            )
            for it in graph.resources
        ]
    )  # fmt: skip
    answers.append(("", engine.AnalyzeStack(stack)))
    return {(it.policyName, it.urn or urn) for urn, answer in answers for it in answer.diagnostics}


def expected(graph: Graph, *ids: str) -> Found:
    return {
        (control.id, resource.urn)
        for control in CONTROLS
        if control.enforced or control.id in ids
        for resource, _ in control.violations(graph)
    }


def test_each_control_is_a_policy(engine: analyzer_pb2_grpc.AnalyzerStub):
    info = engine.GetAnalyzerInfo(empty_pb2.Empty())

    levels = {it.name: it.enforcementLevel for it in info.policies}
    assert levels == {
        it.id: messages.MANDATORY if it.enforced else messages.DISABLED for it in CONTROLS
    }
    assert {it.name: it.description for it in info.policies} == {it.id: it.title for it in CONTROLS}


@pytest.mark.parametrize("name", graphs.NAMES)
def test_the_four_graphs_pass(engine: analyzer_pb2_grpc.AnalyzerStub, name: str):
    assert ask(engine, graphs.graph(name)) == set()


@pytest.mark.parametrize("id_", ["CKV_AWS_53", "S3.8", "PIPE.9", "PIPE.20", "IAM.1", "SQS.2"])
def test_a_broken_graph_is_refused(engine: analyzer_pb2_grpc.AnalyzerStub, id_: str):
    graph = BROKEN[id_](graphs.graph("dev"))

    found = ask(engine, graph)

    assert found == expected(graph)
    assert id_ in {policy for policy, _ in found}


def test_an_option_is_enforced_for_whom_wants_it(engine: analyzer_pb2_grpc.AnalyzerStub):
    graph = graphs.graph("dev")
    wanted = {"S3.17": messages.PolicyConfig(enforcementLevel=messages.MANDATORY)}
    engine.Configure(messages.ConfigureAnalyzerRequest(policyConfig=wanted))
    try:
        assert ask(engine, graph) == expected(graph, "S3.17") != set()
    finally:
        engine.Configure(messages.ConfigureAnalyzerRequest())


def test_what_a_preview_does_not_know_yet_is_not_held_against_it(
    engine: analyzer_pb2_grpc.AnalyzerStub,
):
    graph = graphs.graph("dev")
    for token in (tokens.BUCKET_POLICY, tokens.ROLE_POLICY):
        graph = changed(token, "policy", UNKNOWN_TEXT)(graph)

    assert ask(engine, graph) == set()


def test_the_pack_runs_in_the_programs_own_environment():
    project = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())
    program = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())

    own, programs = project["runtime"]["options"], program["runtime"]["options"]
    assert own["toolchain"] == programs["toolchain"]
    assert (PACK / own["virtualenv"]).resolve() == (ROOT / programs["virtualenv"]).resolve()
    assert "pulumi-policy==" in (ROOT / "requirements.txt").read_text()


def test_no_module_of_the_pack_hides_another():
    # The folder itself comes first on the path of the pack's process.
    names = {path.stem for path in PACK.glob("*.py")} | {
        path.name for path in PACK.iterdir() if (path / "__init__.py").is_file()
    }
    installed = {path.name for path in Path(grpc.__file__).parents[1].iterdir()}

    assert names & sys.stdlib_module_names == set()
    assert names & {name.removesuffix(".py") for name in installed} == set()
