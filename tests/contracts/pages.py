"""The parts of README.md, CONTRIBUTING.md and docs/ that code makes; `make docs` writes them anew.

A part stands in its page between `<!-- NAME: begin -->` and `<!-- NAME: end -->`. A new one takes
the two markers, a function that returns its text, and a line of `PARTS`; test_pages.py compares
every part with its page.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.contracts import (
    cost_tables,
    dataset_parts,
    figures,
    licences,
    packages,
    policy_parts,
    tables,
)  # fmt: skip
from tests.policy import table

ROOT = Path(__file__).resolve().parents[2]
_MARKER = re.compile(r"^<!-- ([a-z-]+): begin -->$", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """A part of a page; `page` is the page's path from the root, `text` makes the Markdown."""

    page: str
    name: str
    text: Callable[[], str]


PARTS = (
    Part("docs/controls.md", "controls", table.controls),
    Part("README.md", "config", tables.settings_by_purpose),
    Part("docs/configuration.md", "settings", tables.settings),
    Part("README.md", "outputs", tables.outputs),
    Part("docs/security.md", "key-policy", tables.policy_of_the_key),
    Part("docs/operations.md", "help", tables.operations_help),
    Part("docs/runbook.md", "metrics", figures.metrics),
    Part("docs/limits.md", "limits", figures.limits),
    Part("docs/limits.md", "throughput", figures.throughput),
    Part("docs/limits.md", "speed", figures.speed),
    Part("docs/limits.md", "latency", figures.latency),
    Part("docs/data.md", "retention", figures.retention),
    *(Part("docs/cost.md", name, text) for name, text in cost_tables.TEXTS.items()),
    *(Part("docs/datasets.md", name, text) for name, text in dataset_parts.TEXTS.items()),
    *(Part("docs/permissions.md", name, text) for name, text in policy_parts.TEXTS.items()),
    Part("docs/security.md", "licences", licences.archive_table),
    Part("CONTRIBUTING.md", "packages", packages.table),
)


def pages() -> list[str]:
    """Return the paths of the pages that a part may stand in."""
    return [
        "README.md",
        "CONTRIBUTING.md",
        *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    ]


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def marked(page: str) -> list[str]:
    """Return the names of the parts that a page has markers for, in their order."""
    return _MARKER.findall(read(page))


def filled(text: str, part: Part) -> str:
    """Return a page's text with the part written anew; ValueError where its markers are missing."""
    begin, end = f"<!-- {part.name}: begin -->", f"<!-- {part.name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    new, found = pattern.subn(lambda _: f"{begin}\n{part.text()}\n{end}", text)
    if found != 1:
        msg = f"{part.page} has {begin} … {end} {found} times, allowed: once"
        raise ValueError(msg)
    return new


def write() -> None:
    """Write every part anew."""
    for part in PARTS:
        (ROOT / part.page).write_text(filled(read(part.page), part), encoding="utf-8")


if __name__ == "__main__":
    write()
