"""The errors that end a command with a sentence and an exit code."""

from collections.abc import Iterable
from typing import ClassVar


class OperatorError(Exception):
    """A command cannot continue; the message names the problem, the value and what is allowed.

    Attributes:
        details: lines that follow the message, each problem of a file say.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str = "", details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


class UsageError(OperatorError):
    """The command line or the stack's outputs cannot be used."""

    exit_code = 2
