"""Write the file that tells other programs how to reach the local pipeline, while it runs."""

import json
import socket
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from local.commands.problems import UsageError

_PROBE_SECONDS: Final = 1


class TakenError(Exception):
    """The file belongs to a running pipeline; the message says where that runs."""


def clear(path: Path) -> None:
    """Remove the file of an earlier run.

    Raises UsageError if no file can be made there, TakenError if the earlier run still answers.
    """
    try:
        path.touch()
        where = _endpoint(path.read_bytes())
        if where and _answers(where):
            msg = (
                f"{path} is the file of what runs at {where}, allowed: another file, or this one "
                "once that has ended or the file is removed"
            )
            raise TakenError(msg)
        path.unlink()
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise UsageError(msg) from error


@contextmanager
def published(path: Path, outputs: Mapping[str, Any]) -> Generator[None]:
    """Write the outputs as JSON to a file that is complete once it exists; remove it at the end.

    If another file has taken its place, that one stays.
    """
    text = json.dumps(outputs, indent=2) + "\n"
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    try:
        yield
    finally:
        if path.is_file() and path.read_bytes() == text.encode():
            path.unlink(missing_ok=True)


def _endpoint(text: bytes) -> str | None:
    """Return the address in a file's outputs, or None if there is none."""
    try:
        found: Any = json.loads(text)["endpoint_url"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def _answers(address: str) -> bool:
    try:
        split = urlsplit(address)
        place = (split.hostname or "", split.port or 80)
        socket.create_connection(place, timeout=_PROBE_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True
