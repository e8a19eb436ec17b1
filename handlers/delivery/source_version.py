"""The version of a source file, and the day that its output belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta
from typing import Final

from handlers import keys
from handlers.aws.failures import PermanentError
from handlers.aws.object_info import ObjectInfo
from handlers.invocation.events import ObjectReference

# The time in an event and S3's LastModified of the object may differ by this much.
EVENT_MARGIN: Final = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class SourceVersion:
    """The version that an output is made from; `day`, in UTC, is the day S3 created it."""

    bucket: str
    key: str
    version: str
    day: date

    def to_metadata(self) -> dict[str, str]:
        """Return the metadata with which an output names this version."""
        return {
            keys.SOURCE_BUCKET: self.bucket,
            keys.SOURCE_KEY: keys.encode_value(self.key),
            keys.SOURCE_VERSION: self.version,
        }

    def is_named_by(self, metadata: Mapping[str, str]) -> bool:
        """Return whether an object's metadata names this version."""
        return (
            metadata.get(keys.SOURCE_BUCKET) == self.bucket
            and keys.decode_value(metadata.get(keys.SOURCE_KEY, "")) == self.key
            and metadata.get(keys.SOURCE_VERSION) == self.version
        )


def source_of(info: ObjectInfo) -> SourceVersion:
    """Return the version of an object; raises PermanentError in an unversioned bucket."""
    where = info.location
    if where.version in (None, "null"):
        msg = f"{where} has no version: the raw bucket has to be versioned"
        raise PermanentError(msg)
    day = info.modified.astimezone(UTC).date()
    return SourceVersion(bucket=where.bucket, key=where.key, version=where.version, day=day)


def source_of_copy(copy: ObjectInfo) -> SourceVersion:
    """Return the version that a completed copy was made from.

    Raises PermanentError if its metadata does not tell.
    """
    where = copy.location
    key = keys.incoming_key(where.key, copy.metadata)
    version = copy.metadata.get(keys.SOURCE_VERSION)
    uploaded = _instant(copy.metadata.get(keys.SOURCE_UPLOADED, ""))
    if not key or not version or not uploaded:
        missing = "key" if not key else "version" if not version else "time of upload"
        msg = f"{where} does not tell the {missing} of the file that it is a copy of, so its "
        msg += "output cannot be found: `replay` it by its key, as a new upload"
        raise PermanentError(msg)
    return SourceVersion(bucket=where.bucket, key=key, version=version, day=uploaded.date())


def possible_sources(reference: ObjectReference) -> list[SourceVersion]:
    """Return the version once for each day it may have, by the time in its event."""
    created = created_at(reference)
    if not reference.version or not created:
        return []
    # Around midnight the event and S3 may give two different days.
    days = {(created + margin).date() for margin in (timedelta(), -EVENT_MARGIN, EVENT_MARGIN)}
    return [
        SourceVersion(
            bucket=reference.bucket, key=reference.key, version=reference.version, day=day
        )
        for day in sorted(days)
    ]


def created_at(reference: ObjectReference) -> datetime | None:
    """Return the time in the event, or None."""
    return _instant(reference.created)


def _instant(text: str) -> datetime | None:
    """Return a time in UTC, or None for a text that is none."""
    try:
        found = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if MINYEAR < found.year < MAXYEAR else None
