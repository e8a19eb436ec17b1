"""The input of a deployment, and its record of each resource."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.proto import resource_pb2

Request = resource_pb2.RegisterResourceRequest


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource: what the program registered, and what was made of it.

    `inputs` are the program's, `outputs` the provider's, both under Pulumi's names. `parent`,
    `dependencies` and an explicit `provider` are URNs; the `parent` of a top-level resource is the
    stack. `id` is None for a component, `archive` is the zip file of a function.
    """

    type: str
    name: str
    urn: str
    parent: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    dependencies: tuple[str, ...]
    protect: bool
    provider: str | None = None
    id: str | None = None
    archive: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The input of a deployment; the fields are the arguments of `deployment.deploy`."""

    program: Path
    project: str
    stack: str
    config: Mapping[str, str]
    seed: str
    repackage: Callable[[pulumi.Archive], pulumi.Archive]
    held_back: Callable[[str, str], bool]

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.program.parent


def record(
    request: Request,
    urn: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    **made: Any,
) -> Resource:
    """Return the record of a registered resource; `made` holds its id and archive."""
    return Resource(
        type=request.type,
        name=request.name,
        urn=urn,
        parent=request.parent,
        inputs=inputs,
        outputs=outputs,
        dependencies=tuple(sorted(request.dependencies)),
        protect=request.protect,
        provider=request.provider.rpartition("::")[0] or None,
        **made,
    )
