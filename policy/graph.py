"""The resources that controls check: their values, and their references to each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn


class UnknownError(Exception):
    """A check used a value that is unknown until the update has created a resource."""


class _Unknown:
    """A value that is not known yet: it exists, and cannot be used."""

    def _refuse(self, *_: object) -> NoReturn:
        raise UnknownError

    __bool__ = __contains__ = __format__ = __getattr__ = __getitem__ = __hash__ = _refuse
    __int__ = __iter__ = __len__ = __str__ = _refuse
    __add__ = __radd__ = __mul__ = __rmul__ = _refuse
    __eq__ = __ge__ = __gt__ = __le__ = __lt__ = _refuse


UNKNOWN: Final = _Unknown()


def nested(properties: Mapping[str, Any], path: str) -> Any:
    """Return a nested property, `expiration.days` say, or None if there is none.

    Raises UnknownError if the object that would contain it is not known yet.
    """
    found: Any = properties
    for name in path.split("."):
        found = found.get(name) if found else None
    return found


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of a stack.

    Attributes:
        type: its type token.
        name: its logical name.
        urn: its URN.
        inputs: its properties, under the engine's names; `UNKNOWN` if not known yet.
        protect: whether the engine refuses to delete it.
        provider: the URN of its provider; empty for a component.
        references: by property, the URNs of the resources whose outputs are used in it.
        dependencies: the URNs of all that the engine creates before it.
    """

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    protect: bool = False
    provider: str = ""
    references: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    dependencies: frozenset[str] = frozenset()

    def get(self, path: str) -> Any:
        """Return a nested property, `tracingConfig.mode` say, or None if there is none."""
        return nested(self.inputs, path)

    def refers_to(self, other: "Resource", prop: str) -> bool:
        """Return whether a property uses another resource's outputs."""
        return other.urn in self.references.get(prop, frozenset())


@dataclass(frozen=True)
class Graph:
    """The resources of a stack."""

    resources: tuple[Resource, ...]

    def of(self, *types: str) -> list[Resource]:
        """Return the resources of some types."""
        return [it for it in self.resources if it.type in types]

    def referring(self, target: Resource, type_token: str, *props: str) -> list[Resource]:
        """Return the resources of a type that refer to a resource by one of some properties."""
        return [
            it for it in self.of(type_token) if any(it.refers_to(target, prop) for prop in props)
        ]

    def referred(self, source: Resource, prop: str, type_token: str) -> list[Resource]:
        """Return the resources of a type that a property of a resource refers to."""
        return [it for it in self.of(type_token) if source.refers_to(it, prop)]

    def provider_of(self, resource: Resource) -> Resource | None:
        """Return a resource's provider, or None if it is not in the graph."""
        return next((it for it in self.resources if it.urn == resource.provider), None)

    def comes_before(self, earlier: Resource, later: Resource) -> bool:
        """Return whether the engine creates one resource before another."""
        by_urn = {it.urn: it for it in self.resources}
        seen: set[str] = set()
        waiting = list(later.dependencies)
        while waiting:
            urn = waiting.pop()
            if urn in by_urn and urn not in seen:
                seen.add(urn)
                waiting += by_urn[urn].dependencies
        return earlier.urn in seen
