"""What a deployment is told, and what it records of each resource."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.proto import resource_pb2

Request = resource_pb2.RegisterResourceRequest


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as the program registered it and as it stands.

    `inputs` is what the program gave, `outputs` what the provider answers, under Pulumi's names.
    `parent` and `dependencies` are URNs, `provider` the URN of an explicit provider; `parent` is
    the stack's URN at the top. `id` is None for a component, `archive` is the zip of a function.
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
    """What a monitor needs to know: the fields are those of `local.program.deployment.deploy`."""

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
    """Return a registered resource with what was `made` of it."""
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
