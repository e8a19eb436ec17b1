"""Check a stack's declarations against each other. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.datasets.checks.names import PREFIX
from infra.datasets.checks.problems import Problem, wrong
from infra.datasets.tables import SUFFIXES


def problems(declarations: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Problem]]:
    """Yield each problem with the name of the dataset that has to change."""
    yield from _equal_tables(declarations)
    yield from _folders_within(
        {
            name: declaration["prefix"]
            for name, declaration in declarations.items()
            if PREFIX.holds(declaration.get("prefix"))
        }
    )


def _equal_tables(names: Mapping[str, object]) -> Iterator[tuple[str, Problem]]:
    tables = {name + suffix: name for name in names for suffix in SUFFIXES}
    for name in names:
        if other := tables.get(name):
            text = f"the name {name!r} is that of a table of the dataset {other}, allowed: another"
            yield name, Problem((), text)


def _folders_within(prefixes: Mapping[str, str]) -> Iterator[tuple[str, Problem]]:
    """Yield a problem for each folder that is another's, or within it."""
    names: dict[str, str] = {}
    for name, prefix in prefixes.items():
        if (first := names.setdefault(prefix, name)) != name:
            yield name, _within(prefix, first, prefix)
    for name, prefix in prefixes.items():
        parts = prefix.removesuffix("/").split("/")
        for length in range(1, len(parts)):
            outer = "/".join(parts[:length]) + "/"
            if outer in names:
                yield name, _within(prefix, names[outer], outer)


def _within(prefix: str, other: str, others: str) -> Problem:
    allowed = (
        f"a folder apart from {others}, of the dataset {other}, whose tables read all below it"
    )
    return wrong(("prefix",), prefix, allowed)
