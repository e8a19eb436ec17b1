"""A control: what must hold of each resource of a type, and who else asks for it."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from policy.graph import Graph, Resource, UnknownError

_PARAMETERS_ALONE: Final = 1

# A check returns what is wrong with a resource. It takes the resource alone, or the graph too.
Check = Callable[..., Iterable[str]]


@dataclass(frozen=True, kw_only=True)
class Control:
    """What must hold of each resource of some types.

    Attributes:
        id: of AWS Security Hub (`S3.5`) or Checkov (`CKV_AWS_45`), or our own (`PIPE.12`).
        title: of that catalogue, or our own.
        types: the type tokens of the resources that it applies to.
        check: returns what is wrong with one of them.
        also: ids of the same control in other catalogues.
        option: the configuration key that makes it hold, where it does not by default.
        waiver: why it does not hold, and how to make it hold beside the stack.
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
        """Whether the check needs no other resource, so that it can run before one is made."""
        return len(inspect.signature(self.check).parameters) == _PARAMETERS_ALONE

    @property
    def enforced(self) -> bool:
        """Whether every stack must pass, whatever its configuration."""
        return self.option is None and self.waiver is None

    def applies_to(self, graph: Graph) -> list[Resource]:
        """Return the resources of a graph that the control is for."""
        return graph.of(*self.types)

    def problems(self, resource: Resource, graph: Graph) -> list[str]:
        """Return what is wrong with a resource; nothing while that is not known yet."""
        try:
            found = self.check(resource) if self.alone else self.check(resource, graph)
            return list(found)
        except UnknownError:
            return []

    def holds(self, resource: Resource, graph: Graph) -> bool:
        """Tell whether nothing is wrong with a resource."""
        return not self.problems(resource, graph)

    def violations(self, graph: Graph) -> list[tuple[Resource, str]]:
        """Return each resource of a graph with each thing that is wrong with it."""
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
    """Return a decorator that makes a control of a check."""

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
    """Return the problem, unless all is well."""
    return [] if holds else [problem]
