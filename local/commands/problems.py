"""The error that ends a command with a sentence and an exit code."""

from typing import ClassVar


class UsageError(ValueError):
    """The command line is wrong; the message names the problem, the value and what is allowed."""

    exit_code: ClassVar[int] = 2
