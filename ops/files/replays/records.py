"""The record of a replay: a file with what is to be copied, and below it what is.

An interrupted replay continues from it: it says which versions were chosen, so that files which
were completed meanwhile, the replayed ones among them, are not chosen in their place.
"""

import fcntl
import json
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self, TextIO, cast

from ops.files.objects import StoredObject
from ops.files.replays.plans import Replay
from ops.terminal import new_files
from ops.terminal.problems import OperatorError, UsageError


class Record:
    """A record, open for notes and locked against other commands; a context manager.

    Attributes:
        mark: What the copies of this record bear in their metadata.
        left: The replays that no note says are done.
    """

    def __init__(self, file: Path, lines: TextIO, mark: str, left: Sequence[Replay]) -> None:
        self.file = file
        self.mark = mark
        self.left = left
        self._lock = Lock()
        self._lines = lines

    @classmethod
    def begin(cls, file: Path, bucket: str, planned: Sequence[Replay], mark: str) -> Self:
        """Write the record of replays that are about to begin; it is on disk when this returns.

        Raises UsageError if the file exists or cannot be made.
        """
        head = {"bucket": bucket, "files": len(planned), "mark": mark}
        otherwise = f"; --resume {file} continues it"
        with (
            new_files.made(file, "--record", otherwise=otherwise),
            _opened(file, "x") as lines,
        ):
            lines.write(json.dumps(head) + "\n")
            lines.writelines(json.dumps(_document(one)) + "\n" for one in planned)
            lines.flush()
            os.fsync(lines.fileno())
        return cls(file, lines, mark, planned)

    @classmethod
    def resume(cls, file: Path, bucket: str) -> Self:
        """Return a record that an earlier command began.

        Raises UsageError if the file is no record, or one of another stack, and OperatorError if
        another command is at work on it.
        """
        try:
            with _opened(file, "r+") as lines:
                text = lines.read()
                mark, planned, done = _read(file, text, bucket)
        except (OSError, UnicodeDecodeError) as error:
            msg = f"--resume {file} cannot be read ({error}), allowed: the record of a replay"
            raise UsageError(msg) from error
        left = [one for one in planned if (one.source.key, one.source.version) not in done]
        record = cls(file, lines, mark, left)
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


@contextmanager
def _opened(file: Path, mode: str) -> Generator[TextIO]:
    """Open and lock a record, which stays open unless the block raises."""
    lines = cast("TextIO", file.open(mode, encoding="utf-8"))
    try:
        try:
            fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"another command is at work on {file}: wait for its end"
            raise OperatorError(msg) from None
        yield lines
    except BaseException:
        lines.close()
        raise


def _document(replay: Replay) -> dict[str, object]:
    source = replay.source
    return {
        "key": source.key,
        "version": source.version,
        "size": source.size,
        "modified": source.modified.isoformat(),
        "target": replay.target,
    }


def _read(file: Path, text: str, bucket: str) -> tuple[str, list[Replay], set[tuple[str, str]]]:
    """Return a record's mark, its replays, and key and version of those that are done."""
    documents = list(_documents(text))
    head = documents[0] if documents else {}
    if head.get("bucket") != bucket:
        msg = f"--resume {file} is of bucket {head.get('bucket')!r}, allowed: a record of {bucket}"
        raise UsageError(msg)
    planned = [_replay(one) for one in documents if "key" in one]
    if len(planned) != head.get("files") or "mark" not in head:
        msg = f"--resume {file} is not complete: nothing of it was replayed, allowed: begin anew"
        raise UsageError(msg)
    return head["mark"], planned, {(one["done"], one["of"]) for one in documents if "done" in one}


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
