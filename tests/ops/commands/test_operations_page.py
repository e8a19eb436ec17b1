"""docs/operations.md and the commands' helps say what a user needs."""

import re

import pytest

from tests.contracts import pages
from tests.contracts.tables import COMMANDS, help_of


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_and_takes_a_stack(command):
    text = help_of(command)
    assert "--stack NAME" in text
    assert "--outputs FILE" in text


@pytest.mark.parametrize(
    "command", ["upload", "rejects", "redrive", "discard", "replay", "archive-now"]
)
def test_every_command_that_changes_something_can_be_tried_first(command):
    assert "--dry-run" in help_of(command)


def test_every_command_of_the_page_exists():
    page = pages.read("docs/operations.md")
    section = page.partition("## What to do when\n")[2].partition("\n\n## ")[0]
    advice = " ".join(line.rsplit("|", 2)[1] for line in section.splitlines() if line[:1] == "|")
    # Elsewhere a word alone may be a value, as `bulk`.
    named = {
        *re.findall(r"`python -m ops ([a-z-]+)", page),
        *re.findall(r"`([a-z][a-z-]+) (?:--|[A-Z]{2})", page),
        *re.findall(r"`([a-z][a-z-]+)`", advice),
    }
    assert len(named) > len(COMMANDS) / 2
    known = {*COMMANDS, "pulumi"}
    assert named <= known, named - known
