"""Files that a command makes anew, and never writes over."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ops.terminal.problems import UsageError


@contextmanager
def made(file: Path, option: str, *, otherwise: str = "") -> Generator[None]:
    """Tell of a file that the block makes with mode `x`: which option names it, and what is wrong.

    `otherwise` says what to do with a file that exists. Raises UsageError if the file exists, or
    the block cannot make or write it.
    """
    try:
        yield
    except FileExistsError:
        msg = f"{option} {file} exists, allowed: a new file{otherwise}"
        raise UsageError(msg) from None
    except OSError as error:
        msg = f"{option} {file} cannot be written ({error.strerror})"
        raise UsageError(msg) from error
