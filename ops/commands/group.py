"""What every command does alike: connect, ask before a change, report an error."""

import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperGroup

from ops import aws, stack
from ops.terminal import screen
from ops.terminal.problems import OperatorError, UsageError

_EMPTY: Final = re.compile(r"(--[a-z-]+=)?\s*")


class Commands(TyperGroup):
    """The command group: it turns an error into a sentence on standard error and an exit code."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the words name; raises UsageError for an empty value."""
        _require_values(args)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and exit with 1 or 2 if it raises an error that is no bug."""
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            screen.warn(f"error: {error}")
            for detail in error.details:  # on lines of their own: a line break would be escaped
                screen.warn(f"  {detail}")
            raise typer.Exit(error.exit_code) from error
        except UnicodeEncodeError as error:
            screen.warn(f"error: {error.object!r} holds bytes that are not UTF-8, allowed: text")
            raise typer.Exit(UsageError.exit_code) from error
        except aws.AwsError as error:
            screen.warn(f"error: {aws.explain(error)}")
            raise typer.Exit(1) from error


def _require_values(words: list[str]) -> None:
    """Refuse a value that is empty, as a shell makes it of an unset variable.

    Taken as an option that is not given, it would select more than was meant: everything.
    """
    for before, word in pairwise(words):
        if _EMPTY.fullmatch(word):
            after = word.strip() or before
            msg = f"the value after {after} is empty, allowed: text; is a variable unset?"
            raise UsageError(msg)


def connect(name: str | None, file: Path | None) -> aws.Account:
    """Return the account of the stack that the options name; nothing is called yet.

    Raises UsageError if there is no such stack.
    """
    return aws.connect(stack.find(name, file, os.environ))


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a change, unless `--yes` is given; a no ends the command with exit code 1."""
    if not yes:
        typer.confirm(question, abort=True, err=True)
