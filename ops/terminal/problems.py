"""What goes wrong in a command, as the sentence and the exit code that the operator gets."""

from typing import ClassVar


class OperatorError(Exception):
    """A command cannot go on; the message says what, the value, and what is allowed."""

    exit_code: ClassVar[int] = 1


class UsageError(OperatorError):
    """The command line or the stack's outputs are not usable as given."""

    exit_code = 2
