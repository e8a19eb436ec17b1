"""The errors that end a command with a sentence and an exit code."""

from typing import ClassVar


class OperatorError(Exception):
    """A command cannot continue; the message names the problem, the value and what is allowed."""

    exit_code: ClassVar[int] = 1


class UsageError(OperatorError):
    """The command line or the stack's outputs cannot be used."""

    exit_code = 2
