"""What every command does alike: connect, ask before a change, report an error."""

import os
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from ops import aws, stack
from ops.terminal import screen
from ops.terminal.problems import OperatorError, UsageError


class Commands(TyperGroup):
    """The command group: it turns an error into a sentence on standard error and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and exit with 1 or 2 if it raises an error that is no bug."""
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            screen.warn(f"error: {error}")
            raise typer.Exit(error.exit_code) from error
        except UnicodeEncodeError as error:
            screen.warn(f"error: {error.object!r} holds bytes that are not UTF-8, allowed: text")
            raise typer.Exit(UsageError.exit_code) from error
        except aws.AwsError as error:
            screen.warn(f"error: {aws.explain(error)}")
            raise typer.Exit(1) from error


def connect(name: str | None, file: Path | None) -> aws.Account:
    """Return the account of the stack that the options name; nothing is called yet.

    Raises UsageError if there is no such stack.
    """
    return aws.connect(stack.find(name, file, os.environ))


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a change, unless `--yes` is given; a no ends the command with exit code 1."""
    if not yes:
        typer.confirm(question, abort=True, err=True)
