"""Changes to a recorded graph: each returns the graph with something wrong, or mended."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from policy.graph import Graph, Resource

Change = Callable[[Graph], Graph]
GONE: Any = object()


def without(type_token: str) -> Change:
    """Take away every resource of a type."""
    return lambda graph: Graph(tuple(it for it in graph.resources if it.type != type_token))


def changed(type_token: str, path: str, value: Any) -> Change:
    """Set one nested property, `rules.0.status` say, of every resource of a type, or let it go."""
    return _each(
        type_token, lambda it: replace(it, inputs=_with(it.inputs, path.split("."), value))
    )


def unlinked(type_token: str, prop: str) -> Change:
    """Make a property of every resource of a type refer to nothing."""
    return _each(
        type_token, lambda it: replace(it, references={**it.references, prop: frozenset()})
    )


def hasty(type_token: str) -> Change:
    """Let every resource of a type wait for nothing."""
    return _each(type_token, lambda it: replace(it, dependencies=frozenset()))


def protected(type_token: str, *, protect: bool) -> Change:
    """Protect every resource of a type from deletion, or none."""
    return _each(type_token, lambda it: replace(it, protect=protect))


def stated(type_token: str, prop: str = "policy", **changes: Any) -> Change:
    """Change every statement of each policy of a type that has one of the keys changed."""

    def edit(it: Resource) -> Resource:
        document = json.loads(it.inputs[prop])
        for statement in document["Statement"]:
            for key, value in changes.items():
                statement.pop(key, None)
                if value is not GONE:
                    statement[key] = value
        return replace(it, inputs={**it.inputs, prop: json.dumps(document)})

    return _each(type_token, edit)


def allowing(type_token: str, statement: Mapping[str, Any], prop: str = "policy") -> Change:
    """Add a statement to each policy of a type."""

    def edit(it: Resource) -> Resource:
        document = json.loads(it.inputs[prop])
        document["Statement"].append({"Sid": "Added", "Effect": "Allow", **statement})
        return replace(it, inputs={**it.inputs, prop: json.dumps(document)})

    return _each(type_token, edit)


def beside(target: str, type_token: str, prop: str, **inputs: Any) -> Change:
    """Add a resource of a type to each of another, which a property refers to."""

    def add(graph: Graph) -> Graph:
        added = [
            Resource(
                type=type_token,
                name=f"{it.name}-added",
                urn=f"{it.urn}-added",
                inputs=inputs,
                references={prop: frozenset({it.urn})},
                dependencies=frozenset({it.urn}),
            )
            for it in graph.of(target)
        ]
        return Graph((*graph.resources, *added))

    return add


def shared(type_token: str, prop: str) -> Change:
    """Make a property of every resource of a type refer to what the first one's refers to."""

    def share(graph: Graph) -> Graph:
        first = graph.of(type_token)[0].references[prop]
        edit = _each(type_token, lambda it: replace(it, references={**it.references, prop: first}))
        return edit(graph)

    return share


def made_by_default(graph: Graph) -> Graph:
    """Make every resource by no provider of the stack's."""
    return Graph(tuple(replace(it, provider="") for it in graph.resources))


def both(*changes: Change) -> Change:
    """Make one change after the other."""

    def change(graph: Graph) -> Graph:
        for one in changes:
            graph = one(graph)
        return graph

    return change


def _each(type_token: str, edit: Callable[[Resource], Resource]) -> Change:
    return lambda graph: Graph(
        tuple(edit(it) if it.type == type_token else it for it in graph.resources)
    )


def _with(value: Any, path: list[str], new: Any) -> Any:
    """Return a nested value with a new one at a path; what does not exist is made."""
    if not path:
        return new
    name, rest = path[0], path[1:]
    if isinstance(value, list):
        index = int(name)
        return [_with(it, rest, new) if at == index else it for at, it in enumerate(value)]
    found = dict(value or {})
    if new is GONE and not rest:
        found.pop(name, None)
    else:
        found[name] = _with(found.get(name), rest, new)
    return found
