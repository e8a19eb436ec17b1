"""The delivery protocol: one source version, from `incoming/` to its output, exactly once.

The steps: read the version, write the output, copy the original to `completed/`, delete the
version. Any step may be interrupted, retried or run concurrently. The output is the commit record:
it is written only if its key is free, and its metadata names the source version. Whoever finds the
key taken reads whose output it is. `docs/design.md` shows each step and what repairs it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from handlers import keys
from handlers.aws.failures import (
    GoneError,
    LoopError,
    PermanentError,
    TakenError,
    TransientError,
)
from handlers.aws.object_info import Location, ObjectInfo
from handlers.aws.objects import Storage
from handlers.aws.streams import OpenObject
from handlers.delivery.conversion import Converted, Converter, Form, dataset_of, naming_rejects
from handlers.delivery.originals import Originals
from handlers.delivery.outcomes import Continued, Delivered, Dropped
from handlers.delivery.outputs import Outputs
from handlers.delivery.progress import Counts, Progress
from handlers.delivery.source_version import (
    EVENT_MARGIN,
    SourceVersion,
    created_at,
    possible_sources,
    source_of,
)
from handlers.delivery.staging import Staging
from handlers.environment import ProcessorEnvironment
from handlers.invocation.deadline import Deadline
from handlers.invocation.events import ObjectReference
from handlers.transform.datasets.dataset import Datasets

# A few pipelines may follow each other. More passes mean that a pipeline is fed its own outputs.
_MAX_PASSES: Final = 8
# S3 may answer 404 for new objects for 15 minutes after versioning was switched on; and 5 more,
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-versioning-examples.html
_NOT_FOUND_FOR: Final = timedelta(minutes=20)


class Delivery:
    """Delivers source versions. Threads may share one instance."""

    def __init__(
        self,
        storage: Storage,
        environment: ProcessorEnvironment,
        now: Callable[[], datetime],
        datasets: Datasets,
    ) -> None:
        self._storage = storage
        self._environment = environment
        self._datasets = datasets
        self._now = now
        self._converter = Converter(storage=storage, environment=environment, now=now)
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
        form = self._form_of(source.key)
        resume = repeated or reference.continuations > 0
        with self.staging_of(source).cleared_for_good():
            passes = _passes(opened.info.metadata)
            converted = self._converter.convert(opened, source.key, form, deadline, resume=resume)
            if isinstance(converted, Progress):
                return Continued.of(reference, converted)
        key, found = self._commit(source, converted, passes, repeated=repeated)
        self._originals.complete(opened.info, repeated=found)
        converted.clear()
        return Delivered.made(converted, key, source_bytes=opened.info.size, repeated=found)

    def _finish(self, source: ObjectInfo, output: ObjectInfo) -> Delivered:
        """Finish a delivery whose output an earlier attempt has written."""
        self._originals.complete(source, repeated=True)
        self.staging_of(source_of(source)).clear()
        return Delivered.found(output, source_bytes=source.size)

    def staging_of(self, source: SourceVersion) -> Staging:
        """Return the chunks of a version, as this build of the code stages them."""
        form = self._form_of(source.key)
        return self._converter.staging_of(source.key, source.version, form)

    def _form_of(self, key: str) -> Form:
        return Form(dataset=self._datasets.find(key), compressed=self._environment.compress_output)

    def _commit(
        self, source: SourceVersion, converted: Converted, passes: int, *, repeated: bool
    ) -> tuple[str, bool]:
        """Write the rejects, if any, then the output; return its key, and whether it existed."""
        metadata = converted.to_metadata(source)
        metadata |= {keys.PASSES: str(passes)} if passes else {}
        rejected_key = self._commit_rejects(source, converted, metadata, repeated=repeated)
        if rejected_key:
            metadata = naming_rejects(metadata, rejected_key)
        look_first = converted.written.staged
        return self._outputs.store(
            source,
            self._outputs.names(source),
            partial(converted.put_output, metadata),
            look_first=look_first or self._outputs.may_be_archived(source, self._now()),
        )

    def _commit_rejects(
        self,
        source: SourceVersion,
        converted: Converted,
        metadata: dict[str, str],
        *,
        repeated: bool,
    ) -> str:
        """Write the rejects; return their key, or "" if there are none.

        An earlier attempt, by the declaration or the settings of before, may have left others.
        """
        old = self._outputs.find_rejects(source)[0] if repeated else None
        if not old and converted.counts.rejected:
            names = keys.rejected_keys(source.key, source.version, source.day)
            put = partial(converted.put_rejects, metadata)
            look_first = converted.written.staged
            key, found = self._outputs.store(source, names, put, look_first=look_first)
            if not found:
                return key
            old, _ = self._outputs.find_rejects(source)
        if old and old.metadata != metadata:
            self._replace_rejects(source, old, converted, metadata)
        return old.location.key if old and converted.counts.rejected else ""

    def _replace_rejects(
        self,
        source: SourceVersion,
        old: ObjectInfo,
        converted: Converted,
        metadata: Mapping[str, str],
    ) -> None:
        """Replace rejects of another conversion, unless they are those of an output by now."""
        if self._outputs.find(source, archived=True):
            msg = f"another invocation has stored the output of {source.key!r} meanwhile"
            raise TransientError(msg)
        try:
            converted.put_rejects(metadata, old.location, old=old)
        except (GoneError, TakenError) as error:
            msg = f"another invocation has replaced {old.location.key}: {error}"
            raise TransientError(msg) from error

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
                    dataset=dataset_of(output.metadata),
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
