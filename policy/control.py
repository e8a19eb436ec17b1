"""A control: a check of each resource of some types, and its ids in catalogues."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from policy.graph import Graph, Resource, UnknownError

_PARAMETERS_ALONE: Final = 1

# Returns what is wrong with a resource, given that resource alone or the graph as well.
Check = Callable[..., Iterable[str]]


@dataclass(frozen=True, kw_only=True)
class Control:
    """A requirement for each resource of some types.

    Attributes:
        id: from AWS Security Hub (`S3.5`) or Checkov (`CKV_AWS_45`), or our own (`PIPE.12`).
        title: from the same catalogue, or our own.
        types: the type tokens of the resources that it applies to.
        check: returns what is wrong with one of them.
        also: the ids of the same control in other catalogues.
        option: the configuration key that turns it on, if it is off by default.
        waiver: why the stack does not meet it, and how to meet it outside of the stack.
    """

    id: str
    title: str
    types: tuple[str, ...]
    check: Check
    also: tuple[str, ...] = ()
    option: str | None = None
    waiver: str | None = None

    @property
    def alone(self) -> bool:
        """Whether the check needs no other resource, so that it can run before any is created."""
        return len(inspect.signature(self.check).parameters) == _PARAMETERS_ALONE

    @property
    def enforced(self) -> bool:
        """Whether every stack must pass it, whatever its configuration is."""
        return self.option is None and self.waiver is None

    def applies_to(self, graph: Graph) -> list[Resource]:
        """Return the resources of a graph that the control applies to."""
        return graph.of(*self.types)

    def problems(self, resource: Resource, graph: Graph) -> list[str]:
        """Return what is wrong with a resource, or nothing if its values are not known yet."""
        try:
            found = self.check(resource) if self.alone else self.check(resource, graph)
            return list(found)
        except UnknownError:
            return []

    def holds(self, resource: Resource, graph: Graph) -> bool:
        """Return whether nothing is wrong with a resource."""
        return not self.problems(resource, graph)

    def violations(self, graph: Graph) -> list[tuple[Resource, str]]:
        """Return each resource of a graph with each of its problems."""
        return [
            (resource, problem)
            for resource in self.applies_to(graph)
            for problem in self.problems(resource, graph)
        ]


def control(
    id_: str,
    title: str,
    *types: str,
    also: Iterable[str] = (),
    option: str | None = None,
    waiver: str | None = None,
) -> Callable[[Check], Control]:
    """Return a decorator that turns a check into a control."""

    def decorate(check: Check) -> Control:
        return Control(
            id=id_,
            title=title,
            types=types,
            check=check,
            also=tuple(also),
            option=option,
            waiver=waiver,
        )

    return decorate


def unless(holds: bool, problem: str) -> list[str]:  # noqa: FBT001 - reads as a sentence
    """Return the problem, or nothing if all is well."""
    return [] if holds else [problem]
