"""Send corrected rows of a file as a file of their own, once however often it is asked for.

The key has a digest of the first file's key, version and the content in it, so the same fix always
has the same key. It is looked for in `incoming/`, then in `completed/`, and put only if its key is
free (`If-None-Match: *`): whoever comes second finds it, waiting or processed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from handlers import keys
from ops import aws
from ops.aws import Account
from ops.files import objects
from ops.files.rejects.corrections import Correction
from ops.files.rejects.records import RejectedObject
from ops.files.uploads import Uploaded
from ops.terminal.instants import now
from ops.terminal.problems import OperatorError

_CONTENT_TYPE: Final = "application/x-ndjson"
# Why S3 does not put an object only if its key is free: it is taken, or being put by another
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
_TAKEN: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_TRIES: Final = 5


class State(StrEnum):
    """What became of a fix before, or now."""

    SENT = "sent"
    WAITING = "waiting"
    PROCESSED = "processed"


@dataclass(frozen=True, kw_only=True)
class Fix:
    """Corrected rows of one version of a file, with the key that they are sent to."""

    of_key: str
    of_version: str
    key: str
    digest: str
    rows: int
    content: bytes

    @property
    def metadata(self) -> dict[str, str]:
        """The user metadata that links it to the first file."""
        return {
            keys.FIXES_KEY: keys.encode_value(self.of_key),
            keys.FIXES_VERSION: self.of_version,
            keys.FIX_DIGEST: self.digest,
        }


@dataclass(frozen=True, kw_only=True)
class Sent:
    """Where a fix is: its version in `incoming/`, since when, and what happened.

    `twin` is another version of the same fix, sent by somebody else at the same moment: its rows
    are in the output of both.
    """

    state: State
    uploaded: Uploaded
    twin: str | None = None


def plan(found: RejectedObject, correction: Correction) -> Fix:
    """Return the fix of a version's rejected records; nothing is sent yet."""
    key, version = found.source_key, found.source_version
    digest = keys.fix_digest(key, version, correction.content)
    return Fix(
        of_key=key,
        of_version=version,
        key=keys.fix_key(key, digest),
        digest=digest,
        rows=correction.rows,
        content=correction.content,
    )


def look(account: Account, fix: Fix) -> Sent | None:
    """Return where a fix is that was sent before, or None.

    Looks in `incoming/` first: a file is copied to `completed/` before it is deleted there. Raises
    OperatorError if another file has its key.
    """
    for item in objects.versions_of(account.s3, _bucket(account), fix.key):
        if not _is_of(account, item, fix):
            msg = f"{fix.key} is taken by another file; change a row of the fix to get another key"
            raise OperatorError(msg)
        return _found(State.WAITING, fix, item.version, item.modified)
    for version, modified in _completed(account, fix):
        return _found(State.PROCESSED, fix, version, modified)
    return None


def send(account: Account, fix: Fix) -> Sent:
    """Send a fix, unless it was sent before; return where it is. Raises OperatorError as `look`."""
    for _ in range(_TRIES):
        there = look(account, fix)
        if there:
            return there
        started = now()
        try:
            answer = account.s3.put_object(
                Bucket=_bucket(account),
                Key=fix.key,
                Body=fix.content,
                ContentType=_CONTENT_TYPE,
                Metadata=fix.metadata,
                IfNoneMatch="*",
            )
        except account.s3.exceptions.ClientError as error:
            if aws.code(error) not in _TAKEN:
                raise
            continue
        version = answer.get("VersionId", "null")
        uploaded = Uploaded(key=fix.key, version=version, started=started, ended=now())
        return Sent(state=State.SENT, uploaded=uploaded, twin=_twin(account, fix, version))
    msg = f"{fix.key} is neither free nor to be seen, after {_TRIES} tries; try again"
    raise OperatorError(msg)


def _twin(account: Account, fix: Fix, version: str) -> str | None:
    """Return the version of the same fix that was processed between the look and the put.

    Then the key was free again. Its completed copy, made before that, tells.
    """
    others = (source for source, _ in _completed(account, fix) if source != version)
    return next(others, None)


def _completed(account: Account, fix: Fix) -> Iterator[tuple[str, datetime]]:
    """Yield the source version and the time of each completed copy of a fix, newest first."""
    bucket, copy = _bucket(account), keys.completed_key(fix.key)
    for item in objects.versions_of(account.s3, bucket, copy):
        found = objects.head(account.s3, bucket, item.key, item.version)
        if found and found.metadata.get(keys.FIX_DIGEST) == fix.digest:
            yield found.metadata.get(keys.SOURCE_VERSION, ""), item.modified


def _is_of(account: Account, item: objects.StoredObject, fix: Fix) -> bool:
    found = objects.head(account.s3, _bucket(account), item.key, item.version)
    # A version that is gone was just processed: it had this key, and nothing else has.
    return found is None or found.metadata.get(keys.FIX_DIGEST) == fix.digest


def _found(state: State, fix: Fix, version: str, modified: datetime) -> Sent:
    uploaded = Uploaded(key=fix.key, version=version, started=modified, ended=modified)
    return Sent(state=state, uploaded=uploaded)


def _bucket(account: Account) -> str:
    return account.stack.raw_bucket_name
