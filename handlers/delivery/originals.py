"""Originals: once its output is written, a source version moves to `completed/`."""

from datetime import UTC, datetime

from handlers import keys
from handlers.aws.copies import copy_object
from handlers.aws.failures import GoneError
from handlers.aws.object_info import Location, ObjectInfo, fits_metadata
from handlers.aws.objects import Storage


class Originals:
    """The source versions in the raw bucket, and their completed copies."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def complete(self, source: ObjectInfo, *, repeated: bool) -> None:
        """Copy a source version to `completed/`, then delete it.

        With `repeated`, an earlier attempt wrote the output and may have made the copy too.
        """
        where = source.location
        target = Location(bucket=where.bucket, key=keys.completed_key(where.key))
        added = _added(source)
        if not repeated or not self.is_completed(where, source.modified):
            try:
                copy_object(self._storage, source, target, added=added)
            except GoneError:
                return  # a concurrent invocation copied and deleted it
        self._storage.delete_version(where)

    def is_completed(self, source: Location, since: datetime | None) -> bool:
        """Return whether a completed copy names the version; copies before `since` do not."""
        if not source.version:
            return False
        completed = keys.completed_key(source.key)
        for copy in self._storage.versions(source.bucket, completed):
            if since and copy.modified < since:
                return False
            info = self._storage.describe(copy.location)
            if info and info.metadata.get(keys.SOURCE_VERSION) == source.version:
                return True
        return False


def _added(source: ObjectInfo) -> dict[str, str]:
    """Return the metadata that a completed copy gets besides that of its source version.

    Only the version has to be there. The key, which a shortened name does not tell, is left out
    where it does not fit, and then the time of the upload.
    """
    where = source.location
    version = {keys.SOURCE_VERSION: where.version or ""}
    uploaded = source.modified.astimezone(UTC).isoformat().replace("+00:00", "Z")
    dated = version | {keys.SOURCE_UPLOADED: uploaded}
    told = keys.incoming_key(keys.completed_key(where.key), {}) == where.key
    named = dated if told else dated | {keys.SOURCE_KEY: keys.encode_value(where.key)}
    fitting = (one for one in (named, dated) if fits_metadata({**source.metadata, **one}))
    return next(fitting, version)
