"""The record of a replay: a file with what is to be copied, and below it what is.

An interrupted replay continues from it: it says which versions were chosen, so that files which
were completed meanwhile, the replayed ones among them, are not chosen in their place.
"""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self, cast

from ops.files.objects import StoredObject
from ops.files.replays.plans import Replay
from ops.terminal.problems import OperatorError, UsageError


class Record:
    """A record, open for notes; a context manager.

    Attributes:
        left: The replays that no note says are done.
    """

    def __init__(self, file: Path, left: Sequence[Replay]) -> None:
        self.file = file
        self.left = left
        self._lock = Lock()
        self._lines = file.open("a", encoding="utf-8")

    @classmethod
    def begin(cls, file: Path, bucket: str, planned: Sequence[Replay]) -> Self:
        """Write the record of replays that are about to begin; it is on disk when this returns.

        Raises UsageError if the file exists or cannot be made.
        """
        try:
            with file.open("x", encoding="utf-8") as lines:
                lines.write(json.dumps({"bucket": bucket, "files": len(planned)}) + "\n")
                lines.writelines(json.dumps(_document(one)) + "\n" for one in planned)
                lines.flush()
                os.fsync(lines.fileno())
        except FileExistsError:
            msg = f"--record {file} exists, allowed: a new file; --resume {file} continues it"
            raise UsageError(msg) from None
        except OSError as error:
            msg = f"--record {file} cannot be written ({error.strerror})"
            raise UsageError(msg) from error
        return cls(file, planned)

    @classmethod
    def resume(cls, file: Path, bucket: str) -> Self:
        """Return a record that an earlier command began.

        Raises UsageError if the file is no record, or one of another stack.
        """
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            msg = f"--resume {file} cannot be read ({error}), allowed: the record of a replay"
            raise UsageError(msg) from error
        planned, done = _read(file, text, bucket)
        left = [one for one in planned if (one.source.key, one.source.version) not in done]
        record = cls(file, left)
        if not text.endswith("\n"):
            record._write("\n")  # the last note was cut off
        return record

    def note(self, replay: Replay, version: str) -> None:
        """Note the new version of a replay; raises OperatorError if the file cannot be written."""
        done = {"done": replay.source.key, "of": replay.source.version, "version": version}
        self._write(json.dumps(done) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lines.close()

    def _write(self, line: str) -> None:
        try:
            with self._lock:
                self._lines.write(line)
                self._lines.flush()
        except OSError as error:
            msg = f"{self.file} cannot be written ({error.strerror}): the copy is not noted"
            raise OperatorError(msg) from error


def _document(replay: Replay) -> dict[str, object]:
    source = replay.source
    return {
        "key": source.key,
        "version": source.version,
        "size": source.size,
        "modified": source.modified.isoformat(),
        "target": replay.target,
    }


def _read(file: Path, text: str, bucket: str) -> tuple[list[Replay], set[tuple[str, str]]]:
    documents = list(_documents(text))
    head = documents[0] if documents else {}
    if head.get("bucket") != bucket:
        msg = f"--resume {file} is of bucket {head.get('bucket')!r}, allowed: a record of {bucket}"
        raise UsageError(msg)
    planned = [_replay(one) for one in documents if "key" in one]
    if len(planned) != head.get("files"):
        msg = f"--resume {file} is not complete: nothing of it was replayed, allowed: begin anew"
        raise UsageError(msg)
    return planned, {(one["done"], one["of"]) for one in documents if "done" in one}


def _documents(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            value: Any = json.loads(line)
        except ValueError:
            continue  # cut off when the machine or the command died
        if isinstance(value, dict):
            yield cast("dict[str, Any]", value)


def _replay(document: dict[str, Any]) -> Replay:
    source = StoredObject(
        key=document["key"],
        version=document["version"],
        size=document["size"],
        modified=datetime.fromisoformat(document["modified"]),
        latest=True,
    )
    return Replay(source=source, target=document["target"])
