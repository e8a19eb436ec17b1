"""What goes wrong on the command line, as the sentence and the exit code that a person gets."""

from typing import ClassVar


class UsageError(ValueError):
    """The command line is not usable; the message says what, the value, and what is allowed."""

    exit_code: ClassVar[int] = 2
