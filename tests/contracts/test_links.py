"""Every path and every link that a page names exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts import pages
from tests.contracts.pages import ROOT

_PATH = re.compile(
    r"`((?:bench|docs|handlers|infra|local|ops|policy|tests|\.ci|\.github)/[^`\s]*)`"
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PROGRAM = re.compile(r"python -m ([a-z_.]+)")
_TARGET = re.compile(r"make ([a-z-]+)")


def links(page: str) -> Iterator[tuple[str, str]]:
    """Yield the links of a page within the project: path from the root, and anchor or ""."""
    for link in _LINK.findall(pages.read(page)):
        if not link.startswith(("https://", "mailto:")):
            path, _, anchor = link.partition("#")
            there = (ROOT / page).parent / path if path else ROOT / page
            yield str(there.resolve().relative_to(ROOT)), anchor


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+ (.+)$", pages.read(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", pages.pages())
def test_every_path_that_is_named_exists(page: str):
    named = set(_PATH.findall(pages.read(page)))
    assert {path for path in named if not (ROOT / path).exists()} == set()
    folders = {path for path in named if path.endswith("/")}
    assert {path for path in folders if not (ROOT / path).is_dir()} == set()


@pytest.mark.parametrize("page", pages.pages())
def test_every_link_leads_somewhere(page: str):
    for path, anchor in links(page):
        assert (ROOT / path).exists(), path
        assert not anchor or anchor in anchors(path), f"{path}#{anchor}"


@pytest.mark.parametrize("page", pages.pages())
def test_every_command_that_is_named_exists(page: str):
    text = pages.read(page)
    for program in _PROGRAM.findall(text):
        module = Path(ROOT, *program.split("."))
        known = program in ("pytest", "venv") or module.with_suffix(".py").exists()
        assert known or (module / "__main__.py").exists(), program
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    quoted = "\n".join(code(text))
    assert set(_TARGET.findall(quoted)) <= targets


def code(text: str) -> list[str]:
    """Return what a page shows as code: within a line, and the commands of its consoles."""
    return [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^\$ (.+)$", text, re.MULTILINE)]


def test_every_page_of_docs_is_linked_from_the_readme():
    linked = {path for path, _ in links("README.md")}
    assert set(pages.pages()) - {"README.md"} <= linked
