"""Every component has its type token, and every taggable resource carries the tags."""

import importlib
import inspect
import pkgutil

import pulumi

import infra
from local.program.checks import schema
from tests.infra.recording import PROVIDER, Graph

NAMESPACE = "s3-data-pipeline:index:"


def components() -> set[str]:
    modules = [
        importlib.import_module(f"infra.{module.name}")
        for module in pkgutil.iter_modules(infra.__path__)
    ]
    return {
        name
        for module in modules
        for name, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, pulumi.ComponentResource) and found.__module__ == module.__name__
    }


def test_a_components_type_token_is_its_class(graph: Graph):
    tokens = {it.type for it in graph.resources if it.type.startswith(NAMESPACE)}

    names = {it.name for it in graph.resources}
    optional = {
        "AccessLogs": "access-logs",
        "BatchOperations": "jobs-role",
        "OutputEvents": "output-events",
    }
    expected = components() - {kind for kind, name in optional.items() if name not in names}
    assert tokens == {NAMESPACE + name for name in expected}


def test_every_taggable_resource_carries_the_default_tags(graph: Graph):
    provider = graph.one(PROVIDER)

    taggable = [it for it in graph.resources if it.is_aws and schema.takes(it.type, "tags")]
    assert len(taggable) > 20
    for it in taggable:
        assert it.provider.startswith(f"{provider.urn}::"), it.urn
        # Tags of its own would hide the provider's of the same name.
        assert "tags" not in it.inputs, it.urn


def test_no_resource_is_left_to_a_default_provider(graph: Graph):
    provider = graph.one(PROVIDER)

    strays = [it.urn for it in graph.resources if it.is_aws and provider.urn not in it.provider]
    assert strays == []
