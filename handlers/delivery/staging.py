"""Chunks of a large output, staged until the output is written: the state that survives a kill.

Each chunk is an object of its own. Its name is the offset in the source's text at which it starts,
and it is written only if that name is free. Its metadata says where the next chunk starts and what
was counted so far. A chunk is written after its predecessor, so the chunks form one chain, however
many invocations work on the file. The rejects of a chunk are written before it.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import pairwise
from typing import Final

from handlers.aws.failures import PermanentError, TakenError, TransientError
from handlers.aws.joins import MAX_PARTS, Part, join_objects
from handlers.aws.object_info import Location, ObjectInfo
from handlers.aws.objects import Storage
from handlers.delivery.progress import Progress
from handlers.transform.formats.batch import Position
from handlers.transform.formats.text import UTF8

# Above the minimum of a part, and small enough to hold three for each file of a batch of ten.
CHUNK_BYTES: Final = 8 * 1024 * 1024
_JOINED_BYTES: Final = 4 * 1024**3  # below the 5 GB that a part can be copied from
_CONTENT_TYPE: Final = "application/octet-stream"


class Staging:
    """The chunks of one source version, in the processed bucket."""

    def __init__(self, storage: Storage, bucket: str, prefix: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._prefix = prefix

    def of(self, encoding: str) -> "Staging":
        """Return the staging of the same version for one encoding.

        A file that turns out not to be UTF-8 is read again from its start; the chunks of the two
        readings must not mix.
        """
        if encoding in ("", UTF8):
            return self
        return Staging(self._storage, self._bucket, f"{self._prefix}{encoding}/")

    def add(self, start: Position, lines: bytes, rejects: bytes, progress: Progress) -> None:
        """Write the chunk from `start` to the position of `progress`.

        Raises TakenError where another invocation has written the chunk at `start`.
        """
        if rejects:
            self._put_rejects(start.offset, progress.position.offset, rejects)
        self._storage.put_new(
            self._location(_name(start.offset)),
            lines,
            metadata=progress.to_metadata(),
            content_type=_CONTENT_TYPE,
        )

    def _put_rejects(self, start: int, end: int, rejects: bytes) -> None:
        """Write a chunk's rejects, over the same bytes that a killed attempt may have written."""
        self._storage.put(
            self._location(_rejects_name(start, end)), rejects, content_type=_CONTENT_TYPE
        )

    def latest(self) -> Progress | None:
        """Return the progress of the last chunk, or None if there is none.

        If chunks are missing, deleted by a lifecycle rule for example, all of them are deleted.
        """
        chunks = self._chunks()
        last = self._storage.describe(chunks[-1].location) if chunks else None
        if not last:
            return None
        progress = Progress.from_metadata(last.metadata)
        if _is_whole(chunks, progress):
            return progress
        self.clear()
        return None

    def parts(self, progress: Progress) -> tuple[list[Part], list[Part]]:
        """Return the parts of the output and the parts of the rejects, in order.

        Raises TransientError if chunks that `progress` counts are missing. Then all chunks are
        deleted, and the next attempt starts from the beginning.
        """
        chunks = self._chunks()
        listed = {entry.location.key: entry.size for entry in self._list("rejects/")}
        starts = [int(entry.location.key.removeprefix(self._prefix)) for entry in chunks]
        names = (
            self._prefix + _rejects_name(*ends)
            for ends in pairwise([*starts, progress.position.offset])
        )
        outputs = [
            Part(bucket=self._bucket, key=entry.location.key, size=entry.size) for entry in chunks
        ]
        rejects = [
            Part(bucket=self._bucket, key=key, size=listed[key]) for key in names if key in listed
        ]
        found = sum(part.size for part in rejects)
        if not _is_whole(chunks, progress) or found != progress.reject_bytes:
            self.clear()
            msg = f"{len(chunks)} of {progress.chunks} chunks, and {found} bytes of "
            msg += f"{progress.reject_bytes} of rejects are left in {self._prefix}"
            raise TransientError(msg)
        return self._within_parts(outputs), self._within_parts(rejects)

    def _within_parts(self, parts: list[Part]) -> list[Part]:
        """Return at most as many parts as a multipart upload takes; more are joined first."""
        if len(parts) <= MAX_PARTS:
            return parts
        joined = {entry.location.key: entry.size for entry in self._list("joined/")}
        groups: list[Part] = []
        for group in _groups(parts):
            key = f"{self._prefix}joined/{group[0].key.removeprefix(self._prefix)}"
            size = sum(part.size for part in group)
            if joined.get(key) != size:
                self._join(group, Location(bucket=self._bucket, key=key))
            groups.append(Part(bucket=self._bucket, key=key, size=size))
        return groups

    def _join(self, group: Sequence[Part], where: Location) -> None:
        try:
            join_objects(self._storage, group, where, metadata={}, content_type=_CONTENT_TYPE)
        except TakenError as error:
            # A concurrent invocation joined the same parts, unless its chunks were others.
            there = self._storage.describe(where)
            if not there or there.size != sum(part.size for part in group):
                self.clear()
                raise TransientError(str(error)) from error

    def is_younger_than(self, moment: datetime) -> bool:
        """Return whether there is a chunk that was written at a moment or later."""
        pages = self._storage.list_pages(self._bucket, self._prefix)
        return any(entry.modified >= moment for page in pages for entry in page)

    @contextmanager
    def cleared_for_good(self) -> Generator[None]:
        """Delete all chunks if the work on them fails for good."""
        try:
            yield
        except PermanentError:
            with suppress(TransientError):
                self.clear()
            raise

    def clear(self) -> None:
        """Delete all chunks. What a killed attempt leaves, a lifecycle rule deletes."""
        for page in self._storage.list_pages(self._bucket, self._prefix):
            keys = {entry.location.key: None for entry in page}
            if keys:
                self._storage.delete_all(self._bucket, keys)

    def _chunks(self) -> list[ObjectInfo]:
        return [entry for entry in self._list("") if "/" not in self._rest(entry)]

    def _rest(self, entry: ObjectInfo) -> str:
        return entry.location.key.removeprefix(self._prefix)

    def _list(self, folder: str) -> list[ObjectInfo]:
        pages = self._storage.list_pages(self._bucket, self._prefix + folder)
        return [entry for page in pages for entry in page]

    def _location(self, name: str) -> Location:
        return Location(bucket=self._bucket, key=self._prefix + name)


def _is_whole(chunks: Sequence[ObjectInfo], progress: Progress) -> bool:
    size = sum(entry.size for entry in chunks)
    return (len(chunks), size) == (progress.chunks, progress.line_bytes)


def _name(offset: int) -> str:
    return f"{offset:016d}"  # so that names sort as offsets do, up to 10 PB


def _groups(parts: Iterable[Part]) -> Iterator[list[Part]]:
    group: list[Part] = []
    size = 0
    for part in parts:
        if group and size + part.size > _JOINED_BYTES:
            yield group
            group, size = [], 0
        group.append(part)
        size += part.size
    yield group


def _rejects_name(start: int, end: int) -> str:
    return f"rejects/{start:016d}-{end:016d}"
