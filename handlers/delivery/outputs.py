"""Output objects as commit records: who owns a key, and which key a version gets."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Final

from handlers import keys
from handlers.aws.failures import GoneError, TakenError, TransientError
from handlers.aws.object_info import STANDARD_IA, Location, ObjectInfo
from handlers.aws.objects import Storage
from handlers.bundles.day_logs import DayLogs
from handlers.delivery.source_version import SourceVersion
from handlers.environment import ProcessorEnvironment

# The shortest allowed retention. The archiver may have run with a shorter one than today's.
_LEAST_RETENTION: Final = timedelta(days=1)
# Clocks differ, and the archiver may start while a file is being processed.
_ARCHIVER_MARGIN: Final = timedelta(minutes=15)


class Outputs:
    """The outputs in `processed/`, and those that the archiver moved to the archive."""

    def __init__(self, storage: Storage, environment: ProcessorEnvironment) -> None:
        self._storage = storage
        self._environment = environment
        self._logs = DayLogs(storage, environment.archive_bucket)

    def names(self, source: SourceVersion) -> tuple[str, ...]:
        """Return the keys that the output of a version may have, in the order they are tried."""
        return self._names(source, compressed=self._environment.compress_output)

    def find(self, source: SourceVersion, *, archived: bool) -> ObjectInfo | None:
        """Return the output of a version, or None; with `archived`, look in the archive too.

        Looks for compressed and plain outputs, since the setting may have changed meanwhile.
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

    def find_rejects(self, source: SourceVersion) -> tuple[ObjectInfo | None, Location]:
        """Return the rejected records of a version or None, and where they are, or have room.

        Raises TransientError where all keys are taken.
        """
        free: list[str] = []
        for key in keys.rejected_keys(source.key, source.version, source.day):
            owner = self._owner(key)
            if owner and source.is_named_by(owner.metadata):
                return owner, owner.location
            free += [] if owner else [key]
        if not free:
            raise _taken(source)
        return None, Location(bucket=self._environment.processed_bucket, key=free[0])

    def store(
        self,
        source: SourceVersion,
        names: Iterable[str],
        put: Callable[[Location], None],
        *,
        look_first: bool,
    ) -> tuple[str, bool]:
        """Write an object under the first free key; return the key, and whether it existed.

        A key that another version owns is skipped. A key that this version owns means that an
        earlier attempt, or a concurrent one, has written the object. With `look_first`, each key is
        looked up before it is tried, in the archive too: the archiver frees keys by moving old
        outputs, and a key must never be given twice.

        Args:
            source: the version that the object is made from.
            names: the keys to try, in order.
            put: writes the object if the key is free. Raises TakenError if not, and GoneError if
                a concurrent invocation has deleted the chunks it is made from.
            look_first: look each key up before it is tried.

        Raises TransientError where all keys are taken, or S3 contradicts itself.
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
        raise _taken(source)

    def may_be_archived(self, source: SourceVersion, now: datetime) -> bool:
        """Return whether the archiver may have moved outputs of the version's day."""
        start = datetime.combine(source.day, time(), UTC)
        return start + _LEAST_RETENTION <= now + _ARCHIVER_MARGIN

    def _names(self, source: SourceVersion, *, compressed: bool) -> tuple[str, ...]:
        return keys.output_keys(source.key, source.version, source.day, compressed=compressed)

    def _owner(self, key: str, *, archived: bool = True) -> ObjectInfo | None:
        """Return the object at a key, wherever it is by now.

        In the order in which the archiver moves it: processed/, archive/, bundles. A copy leaves
        archive/ only where a bundle holds it.
        """
        here = Location(bucket=self._environment.processed_bucket, key=key)
        owner = self._storage.describe(here)
        if owner or not archived or not key.startswith(keys.PROCESSED):
            return owner
        moved = Location(bucket=self._environment.archive_bucket, key=keys.archive_key(key))
        return self._storage.describe(moved) or self._bundled(key, moved)

    def _bundled(self, key: str, moved: Location) -> ObjectInfo | None:
        """Return the output that a bundle of its day holds, as if it were in `archive/`, or None.

        The last place to look: an output leaves the others only after its bundle stands.
        """
        day = keys.partition_day(key)
        try:
            found = self._logs.find(day, key) if day else None
        except GoneError as error:
            msg = f"a bundle of {day} is gone: {error}"
            raise TransientError(msg) from error
        if not found:
            return None
        bundle, entry = found
        return ObjectInfo(
            location=moved,
            etag=entry.etag,
            size=entry.size,
            modified=entry.modified,
            metadata=entry.metadata,
            headers=entry.headers,
            storage_class=STANDARD_IA,
            bundle=bundle.key,
        )


def _taken(source: SourceVersion) -> TransientError:
    return TransientError(f"every name for {source.key!r} version {source.version} is taken")
