"""Replays: a completed original is copied back to `incoming/`, as a new upload.

A job of S3 Batch Operations may invoke the function for one task more than once, and another job
may continue it. The copy's metadata therefore names the mark of the jobs and the completed version
that it is a copy of. Before a task copies, it looks for such a copy: first in `incoming/`, then in
`completed/`, where the copy's original goes once it is processed. For the same reason the client of
S3 does not repeat a copy whose answer is lost: the task's next delivery looks first. Only two
invocations for one task at the very same time make two copies, each with an output of its own.
"""

from dataclasses import replace
from typing import Final

from handlers import keys
from handlers.aws.copies import MAX_COPY_BYTES, copy_object
from handlers.aws.failures import PermanentError
from handlers.aws.object_info import Location, ObjectInfo, fits_metadata
from handlers.aws.objects import Storage

# What the processor says of the first source version, which is wrong for a new upload.
_OF_THE_FIRST: Final = (keys.SOURCE_VERSION, keys.SOURCE_UPLOADED)


class Replays:
    """The completed files of the raw bucket, and their new uploads."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket

    def replay(self, completed: Location, job: str) -> str:
        """Copy a completed version to `incoming/` for a job, unless one with its mark has.

        Keeps headers, metadata and tags, except for the metadata entry that the processor adds.
        Returns the key of the copy.

        Raises:
            PermanentError: the version is not there, or cannot be copied.
            TransientError: an AWS call failed, or a permission is missing.
            TakenError: the version has changed, which versions do not.
        """
        source = self._described(completed)
        target = keys.incoming_key(completed.key, source.metadata)
        if target is None:
            msg = "its name is shortened: replay it alone, by its key in incoming/"
            raise PermanentError(msg)
        mark = {keys.REPLAY_JOB: job, keys.REPLAY_OF: completed.version or ""}
        kept = {name: text for name, text in source.metadata.items() if name not in _OF_THE_FIRST}
        if not fits_metadata(kept | mark):
            msg = "its metadata leaves no room for the job's mark: replay it alone, by its key"
            raise PermanentError(msg)
        if not self._is_made(target, source, mark):
            where = Location(bucket=self._bucket, key=target)
            copy_object(self._storage, replace(source, metadata=kept), where, added=mark)
        return target

    def _described(self, completed: Location) -> ObjectInfo:
        if completed.bucket != self._bucket or not completed.key.startswith(keys.COMPLETED):
            msg = f"{completed}, allowed: objects of {self._bucket} under {keys.COMPLETED}"
            raise PermanentError(msg)
        if not completed.version:
            msg = f"{completed} names no version, allowed: a manifest with versions"
            raise PermanentError(msg)
        source = self._storage.describe(completed)
        if source is None:
            msg = f"{completed} is gone"
            raise PermanentError(msg)
        if source.size > MAX_COPY_BYTES:
            msg = f"it has {source.size} bytes, allowed: {MAX_COPY_BYTES}; replay it alone"
            raise PermanentError(msg)
        return source

    def _is_made(self, target: str, source: ObjectInfo, mark: dict[str, str]) -> bool:
        """Return whether a version younger than the source bears the mark.

        A copy moves from `incoming/` to `completed/`, so looking in this order cannot miss it.
        """
        for key in (target, source.location.key):
            for version in self._storage.versions(self._bucket, key):
                if version.modified < source.modified:
                    break
                info = self._storage.describe(version.location)
                if info and mark.items() <= info.metadata.items():
                    return True
        return False
