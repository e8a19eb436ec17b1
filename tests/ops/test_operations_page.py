"""docs/operations.md says what `--help` says. Run as a program, this writes the page anew."""

import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from ops import aws  # noqa: E402 as a program, only now on the path
from ops.commands import app  # noqa: E402

PAGE = ROOT / "docs" / "operations.md"
COMMANDS = tuple(command.name for command in app.registered_commands)


def help_of(*words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="python -m ops")
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())


def helps() -> str:
    parts = [f"```\n{help_of()}\n```"]
    parts += [f"### {name}\n\n```\n{help_of(name)}\n```" for name in COMMANDS]
    return "\n\n".join(parts)


def permissions() -> str:
    rows = [f"| `{operation}` | {actions} |" for operation, actions in sorted(aws.ACTIONS.items())]
    return "\n".join(["| call | action |", "|---|---|", *rows])


def written(page: str) -> str:
    for name, text in (("help", helps()), ("permissions", permissions())):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        assert pattern.search(page), f"{PAGE} has no {begin} … {end}"
        page = pattern.sub(lambda _, new=f"{begin}\n{text}\n{end}": new, page)
    return page


def test_the_page_holds_the_help_of_every_command_and_the_permissions():
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), f"python {Path(__file__).relative_to(ROOT)} writes it anew"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_and_takes_a_stack(command):
    text = help_of(command)
    assert "--stack NAME" in text
    assert "--outputs FILE" in text


@pytest.mark.parametrize("command", ["upload", "redrive", "discard", "replay", "archive-now"])
def test_every_command_that_changes_something_can_be_tried_first(command):
    assert "--dry-run" in help_of(command)


def test_every_command_of_the_page_exists():
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:python -m ops )?([a-z][a-z-]+)(?= [^`]*--|`)", page))
    known = {*COMMANDS, "python", "pulumi"}
    assert named <= known, named - known


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
