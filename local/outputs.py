"""The file that tells other programs where the local pipeline is: there while it all runs."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def clear(path: Path) -> None:
    """Remove the file of an earlier run.

    Raises OSError, which names the path, where no file can be made there.
    """
    try:
        path.touch()
        path.unlink()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def published(path: Path, outputs: Mapping[str, Any]) -> Generator[None]:
    """Write the outputs as JSON, so that who sees the file sees all of it; remove it in the end."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(outputs, indent=2) + "\n", encoding="utf-8")
    part.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
