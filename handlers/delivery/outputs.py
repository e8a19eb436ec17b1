"""Output objects as commit records: whose a key is, and how a version gets one."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Final

from handlers import keys
from handlers.aws.failures import GoneError, TakenError, TransientError
from handlers.aws.object_info import Location, ObjectInfo
from handlers.aws.objects import Storage
from handlers.delivery.source_version import SourceVersion
from handlers.environment import ProcessorEnvironment

# The least retention that there is; the archiver may have run under a shorter one than today's.
_LEAST_RETENTION: Final = timedelta(days=1)
# Clocks differ, and the archiver may start while a file is being processed.
_ARCHIVER_MARGIN: Final = timedelta(minutes=15)


class Outputs:
    """The outputs in `processed/`, and those that the archiver has moved on."""

    def __init__(self, storage: Storage, environment: ProcessorEnvironment) -> None:
        self._storage = storage
        self._environment = environment

    def names(self, source: SourceVersion) -> tuple[str, ...]:
        """Return the keys that the output of a version may take, in their order."""
        return self._names(source, compressed=self._environment.compress_output)

    def find(self, source: SourceVersion, *, archived: bool) -> ObjectInfo | None:
        """Return the output of a version, or None; `archived` says to look in the archive too.

        Output compression may have been switched since it was stored.
        """
        compressed = self._environment.compress_output
        for key in (
            *self._names(source, compressed=compressed),
            *self._names(source, compressed=not compressed),
        ):
            owner = self._owner(key, archived=archived)
            if owner and source.is_named_by(owner.metadata):
                return owner
        return None

    def store(
        self,
        source: SourceVersion,
        names: Iterable[str],
        put: Callable[[Location], None],
        *,
        look_first: bool,
    ) -> tuple[str, bool]:
        """Store an object under the first name that is free; return it, and if it was there.

        `put` stores only where there is no object, and raises TakenError otherwise, or GoneError
        where what it stores from is gone, since another invocation has ended before. A name that
        another version holds is passed over; one that this version holds is what was wanted.
        With `look_first` a name is looked up before it is tried, in the archive too: the archiver
        frees names by moving what is old, and a name once given must not be given again.
        """
        for key in names:
            owner = self._owner(key) if look_first else None
            if not owner:
                try:
                    put(Location(bucket=self._environment.processed_bucket, key=key))
                except (TakenError, GoneError) as error:
                    owner = self._owner(key)
                    if not owner:
                        raise TransientError(f"{error}, and nothing is there") from error
                else:
                    return key, False
            if source.is_named_by(owner.metadata):
                return key, True
        msg = f"every name for {source.key!r} version {source.version} is taken"
        raise TransientError(msg)

    def may_be_archived(self, source: SourceVersion, now: datetime) -> bool:
        """Return whether the archiver may have moved outputs of the version's day."""
        start = datetime.combine(source.day, time(), UTC)
        return start + _LEAST_RETENTION <= now + _ARCHIVER_MARGIN

    def _names(self, source: SourceVersion, *, compressed: bool) -> tuple[str, ...]:
        return keys.output_keys(source.key, source.version, source.day, compressed=compressed)

    def _owner(self, key: str, *, archived: bool = True) -> ObjectInfo | None:
        """Return the object that has a name, looking where it is moved from before where to."""
        places = [Location(bucket=self._environment.processed_bucket, key=key)]
        if archived and key.startswith(keys.PROCESSED):
            moved = keys.archive_key(key)
            places.append(Location(bucket=self._environment.archive_bucket, key=moved))
        return next(filter(None, map(self._storage.describe, places)), None)
