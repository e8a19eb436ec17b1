"""The delivery protocol: one source version, from `incoming/` to its output, exactly once.

The steps: read the version, write the output, copy the original to `completed/`, delete the
version. Any step may be interrupted, retried or run concurrently. The output is the commit record:
it is written only if its key is free, and its metadata names the source version. Whoever finds the
key taken reads whose output it is. `docs/design.md` shows each step and what repairs it.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Final

from handlers import keys
from handlers.aws.failures import GoneError, LoopError, PermanentError, TransientError
from handlers.aws.joins import join_objects
from handlers.aws.object_info import Location, ObjectInfo, fits_metadata
from handlers.aws.objects import Storage
from handlers.aws.streams import OpenObject
from handlers.delivery.chunks import FileWriter, Written
from handlers.delivery.originals import Originals
from handlers.delivery.outputs import Outputs
from handlers.delivery.progress import Counts, Progress, check_rejects
from handlers.delivery.source_version import (
    EVENT_MARGIN,
    SourceVersion,
    created_at,
    possible_sources,
    source_of,
)
from handlers.delivery.staging import CHUNK_BYTES, Staging
from handlers.environment import ProcessorEnvironment
from handlers.invocation.build import code_digest
from handlers.invocation.deadline import Deadline
from handlers.invocation.events import ObjectReference
from handlers.transform.formats.batch import BadFileError
from handlers.transform.formats.text import UTF8

_JSON_LINES: Final = "application/x-ndjson"
_GZIP: Final = "application/gzip"
_BUILD_DIGITS: Final = 16
# Sixteen chunks are joined at a time; each takes 0.1 to 0.3 seconds.
_JOIN_SECONDS: Final = 0.02  # a chunk
# Each continuation handles about 5 GB, so 10,000 cover S3's largest object, 50 TB.
_MAX_CONTINUATIONS: Final = 10_000
# A few pipelines may follow each other. More passes mean that a pipeline is fed its own outputs.
_MAX_PASSES: Final = 8


# S3 may answer 404 for new objects for 15 minutes after versioning was switched on; and 5 more,
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-versioning-examples.html
_NOT_FOUND_FOR: Final = timedelta(minutes=20)


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A version has its output, and its original is in `completed/`."""

    counts: Counts
    output_key: str
    source_bytes: int
    source_encoding: str = ""  # what the file was read as, where it was not UTF-8
    repeated: bool = False  # an earlier delivery had stored the output


@dataclass(frozen=True, kw_only=True)
class Continued:
    """A large file is partly processed; a later invocation goes on from there."""

    reference: ObjectReference
    progress: Progress


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """The object is no file to process."""

    reason: str


class Delivery:
    """Delivers source versions. Threads may share one instance."""

    def __init__(
        self, storage: Storage, environment: ProcessorEnvironment, now: Callable[[], datetime]
    ) -> None:
        self._storage = storage
        self._environment = environment
        self._now = now
        self._outputs = Outputs(storage, environment)
        self._originals = Originals(storage)

    def deliver(
        self, reference: ObjectReference, deadline: Deadline, *, repeated: bool = False
    ) -> Delivered | Continued | Dropped:
        """Process one object, and finish what earlier attempts began.

        With `repeated`, there were earlier attempts: their output and chunks are looked up first.

        Raises:
            PermanentError: bad input, an unknown suffix, or somebody else deleted the version.
            TransientError: an AWS call failed, or a permission is missing.
        """
        location = Location(bucket=reference.bucket, key=reference.key, version=reference.version)
        if self._is_folder(reference, location):
            return Dropped(reason=f"folder marker {reference.key!r}")
        _check_suffix(reference.key)
        try:
            opened = self._storage.open(location)
        except GoneError:
            return self._outcome_of_gone(reference)
        source = source_of(opened.info)
        reference = replace(reference, version=source.version)
        try:
            archived = self._outputs.may_be_archived(source, self._now())
            output = self._outputs.find(source, archived=archived) if repeated else None
            if output:
                opened.close()
                return self._finish(opened.info, output)
            return self._process(opened, source, reference, deadline, repeated=repeated)
        except GoneError as error:
            # A concurrent invocation finished first and deleted the version or its chunks.
            if self._storage.describe(opened.info.location):
                raise TransientError(str(error)) from error
            return self._outcome_of_gone(reference)

    def _is_folder(self, reference: ObjectReference, location: Location) -> bool:
        """Return whether an object is a folder marker; asks S3 where the event gives no size."""
        if not reference.key.endswith("/") or reference.size is not None:
            return False
        info = self._storage.describe(location)
        return info is not None and not info.size

    def _process(
        self,
        opened: OpenObject,
        source: SourceVersion,
        reference: ObjectReference,
        deadline: Deadline,
        *,
        repeated: bool,
    ) -> Delivered | Continued:
        staging = self.staging_of(source)
        try:
            passes = _passes(opened.info.metadata)
            resume = repeated or reference.continuations > 0
            written = self._write(opened, staging, deadline, resume=resume)
            if isinstance(written, Progress):
                return Continued(reference=_continuation(reference), progress=written)
            check_rejects(written.progress, self._environment.max_rejected_percent)
        except PermanentError:
            with suppress(TransientError):
                staging.clear()
            raise
        key, found = self._commit(source, written, staging, passes)
        self._originals.complete(opened.info, repeated=found)
        if written.staged:
            staging.clear()
        return Delivered(
            counts=written.progress.counts,
            output_key=key,
            source_bytes=opened.info.size,
            source_encoding=_fallback_of(written.progress),
            repeated=found,
        )

    def _finish(self, source: ObjectInfo, output: ObjectInfo) -> Delivered:
        """Finish a delivery whose output an earlier attempt has written."""
        self._originals.complete(source, repeated=True)
        self.staging_of(source_of(source)).clear()
        return Delivered(
            counts=Counts.from_metadata(output.metadata),
            output_key=output.location.key,
            source_bytes=source.size,
            source_encoding=output.metadata.get(keys.SOURCE_ENCODING, ""),
            repeated=True,
        )

    def staging_of(self, source: SourceVersion) -> Staging:
        """Return the chunks of a version, as this build of the code stages them."""
        prefix = keys.staging_prefix(source.key, source.version, _build_digest(self._environment))
        return Staging(self._storage, self._environment.processed_bucket, prefix)

    def _write(
        self,
        opened: OpenObject,
        staging: Staging,
        deadline: Deadline,
        *,
        resume: bool,
    ) -> Written | Progress:
        writer = FileWriter(
            source=opened.blocks,
            suffix=keys.data_suffix(opened.info.location.key),
            staging=staging,
            deadline=deadline,
            environment=self._environment.environment,
            compressed=self._environment.compress_output,
            source_bytes=opened.info.size,
            max_expansion=self._environment.max_expansion,
            fallback_encoding=self._environment.fallback_encoding,
        )
        begun = (writer.latest() if resume else None) or writer.begin(self._now())
        try:
            written = writer.write(begun)
        except BadFileError as error:
            raise PermanentError(error.reason, error.place) from error
        if isinstance(written, Written) and written.staged and not begun.complete:
            join_seconds = _JOIN_SECONDS * opened.info.size / CHUNK_BYTES
            if deadline.remaining_seconds() < join_seconds:
                return written.progress  # the next invocation has all of its time to join them
        return written

    def _commit(
        self, source: SourceVersion, written: Written, staging: Staging, passes: int
    ) -> tuple[str, bool]:
        """Write the rejects, if any, then the output; return its key, and whether it existed."""
        counts = written.progress.counts
        metadata = source.to_metadata() | counts.to_metadata()
        metadata |= {keys.PASSES: str(passes)} if passes else {}
        if fallback := _fallback_of(written.progress):
            metadata[keys.SOURCE_ENCODING] = fallback
        parts = cache(partial(staging.of(fallback).parts, written.progress))

        def put(metadata: Mapping[str, str], location: Location, *, output: bool) -> None:
            gzipped = output and self._environment.compress_output
            content_type = _GZIP if gzipped else _JSON_LINES
            if written.staged:
                lines, rejects = parts()
                join_objects(
                    self._storage,
                    lines if output else rejects,
                    location,
                    metadata=metadata,
                    content_type=content_type,
                )
            else:
                body = written.lines if output else written.rejects
                self._storage.put_new(location, body, metadata=metadata, content_type=content_type)

        if counts.rejected:
            names = keys.rejected_keys(source.key, source.version, source.day)
            rejected_key, _ = self._outputs.store(
                source,
                names,
                partial(put, metadata, output=False),
                look_first=written.staged,
            )
            named = metadata | {keys.REJECTED_KEY: keys.encode_value(rejected_key)}
            metadata = named if fits_metadata(named) else metadata
        return self._outputs.store(
            source,
            self._outputs.names(source),
            partial(put, metadata, output=True),
            look_first=written.staged or self._outputs.may_be_archived(source, self._now()),
        )

    def _outcome_of_gone(self, reference: ObjectReference) -> Delivered:
        """Return the result for a version that no longer exists, if a delivery moved it.

        Raises:
            TransientError: S3 may not show the version yet.
            PermanentError: somebody else deleted it.
        """
        created = created_at(reference)
        where = Location(bucket=reference.bucket, key=reference.key, version=reference.version)
        if self._originals.is_completed(where, created - EVENT_MARGIN if created else None):
            return Delivered(counts=Counts(), output_key="", source_bytes=0, repeated=True)
        for source in possible_sources(reference):
            output = self._outputs.find(source, archived=True)
            if output:
                return Delivered(
                    counts=Counts.from_metadata(output.metadata),
                    output_key=output.location.key,
                    source_bytes=0,
                    repeated=True,
                )
        named = f"{reference.key!r} version {reference.version}"
        if created and self._now() - created < _NOT_FOUND_FOR:
            msg = f"{named} cannot be read yet, and no output or completed copy names it: a bucket"
            msg += " whose versioning is young may say so for a while"
            raise TransientError(msg)
        msg = f"{named} is gone, and no output or completed copy names it: somebody else deleted it"
        raise PermanentError(msg)


def _check_suffix(key: str) -> None:
    if not keys.data_suffix(key):
        allowed = " ".join(keys.SUFFIXES)
        msg = f"unknown suffix: {key!r}, allowed: {allowed}, each with or without .gz"
        raise PermanentError(msg)


def _passes(metadata: Mapping[str, str]) -> int:
    """Return how many times the content of a source has been an output.

    An output that is copied back within S3 keeps its metadata. Raises LoopError above the limit.
    """
    if keys.SOURCE_VERSION not in metadata or keys.RECORDS_OUT not in metadata:
        return 0
    before = metadata.get(keys.PASSES, "")
    passes = 1 + (int(before) if before.isascii() and before.isdecimal() else 0)
    if passes > _MAX_PASSES:
        msg = f"it has been an output {passes} times, allowed: {_MAX_PASSES}; something copies "
        msg += f"outputs back to {keys.INCOMING}"
        raise LoopError(msg)
    return passes


def _continuation(reference: ObjectReference) -> ObjectReference:
    """Return the reference for the next invocation; raises LoopError above the limit."""
    if reference.continuations >= _MAX_CONTINUATIONS:
        msg = f"{reference.continuations} invocations have not brought it to an end"
        raise LoopError(msg)
    return replace(reference, continuations=reference.continuations + 1)


@cache
def _build_digest(environment: ProcessorEnvironment) -> str:
    """Return a digest of what decides a chunk's bytes: the code and the settings."""
    settings = (
        environment.environment,
        environment.compress_output,
        environment.fallback_encoding,
    )
    return hashlib.sha256(repr((code_digest(), settings)).encode()).hexdigest()[:_BUILD_DIGITS]


def _fallback_of(progress: Progress) -> str:
    """Return the encoding that a file was read in; "" for UTF-8."""
    return "" if progress.encoding == UTF8 else progress.encoding
