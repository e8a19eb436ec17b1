"""Reprocessing: a completed file is processed again by its dataset, and its output is replaced.

The steps: read the completed version, find the output that names its source, replace the output,
then its rejects. The output is replaced only if it is still the one that was found (`If-Match`),
as a new version of the same key, so that whoever reads it sees the old one or the new one. It comes
first: the archiver, which may just be moving the old one, leaves a young one alone, and rejects
are those of the output that stands. The metadata of both names the version of the dataset: whoever
finds that of today there has nothing to do. The completed version stays as it is. `docs/design.md`
shows each step and what repairs it.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime

from handlers import keys
from handlers.aws.copies import copy_object
from handlers.aws.failures import GoneError, PermanentError, TakenError, TransientError
from handlers.aws.object_info import STANDARD_IA, Location, ObjectInfo
from handlers.aws.objects import Storage
from handlers.aws.streams import OpenObject
from handlers.delivery.conversion import Converted, Converter, Form, dataset_of, naming_rejects
from handlers.delivery.outcomes import Continued, Delivered
from handlers.delivery.outputs import Outputs
from handlers.delivery.progress import Counts, Progress
from handlers.delivery.source_version import SourceVersion, source_of_copy
from handlers.environment import ProcessorEnvironment
from handlers.invocation.deadline import Deadline
from handlers.invocation.events import CompletedReference
from handlers.transform.datasets.dataset import Datasets


class Reprocessing:
    """Replaces outputs of completed files. Threads may share one instance."""

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
        self._outputs = Outputs(storage, environment)
        self._converter = Converter(storage=storage, environment=environment, now=now)

    def reprocess(
        self, reference: CompletedReference, deadline: Deadline, *, repeated: bool = False
    ) -> Delivered | Continued:
        """Make the output of a completed version anew, as its dataset is deployed now.

        With `repeated`, there were earlier attempts: their chunks are looked up first.

        Raises:
            PermanentError: the version is gone, it belongs to no dataset, it has no output, or it
                is bad input by its dataset. The old output stays.
            TransientError: an AWS call failed, or another invocation has replaced or moved the
                output meanwhile: the next attempt looks again.
        """
        where = Location(bucket=reference.bucket, key=reference.key, version=reference.version)
        try:
            opened = self._storage.open(where)
        except GoneError as error:
            msg = f"{where.key!r} version {where.version} is gone: it has expired, or was deleted"
            raise PermanentError(msg) from error
        with closing(opened):
            try:
                return self._reprocess(opened, reference, deadline, repeated=repeated)
            except (GoneError, TakenError) as error:
                msg = f"the output was replaced or moved meanwhile: {error}"
                raise TransientError(msg) from error

    def _reprocess(
        self,
        opened: OpenObject,
        reference: CompletedReference,
        deadline: Deadline,
        *,
        repeated: bool,
    ) -> Delivered | Continued:
        source = source_of_copy(opened.info)
        form, old = self._found(source)
        rejects, place = self._outputs.find_rejects(source)
        staging = self._converter.staging_of(reference.key, reference.version, form)
        resume = repeated or reference.continuations > 0
        if _are_current(form, old, rejects):
            self._renew_archived_copy(source, old)
            if resume:
                staging.clear()
            return Delivered.found(old, source_bytes=opened.info.size)
        with staging.cleared_for_good():
            converted = self._converter.convert(opened, source.key, form, deadline, resume=resume)
            if isinstance(converted, Progress):
                return Continued.of(reference, converted)
        self._replace(source, old, converted, rejects, place)
        self._renew_archived_copy(source, old)
        converted.clear()
        return Delivered.made(converted, old.location.key, source_bytes=opened.info.size)

    def _found(self, source: SourceVersion) -> tuple[Form, ObjectInfo]:
        """Return what the new output is made by, and the old one, archived or not."""
        named = f"{source.key!r} version {source.version}"
        dataset = self._datasets.find(source.key)
        if not dataset:
            msg = f"{named} belongs to no dataset that is deployed"
            raise PermanentError(msg)
        old = self._outputs.find(source, archived=True)
        if not old:
            msg = f"{named} has no output any more: it has expired, or was deleted"
            raise PermanentError(msg)
        if old.bundle:
            msg = f"the output of {named} is in the bundle {old.bundle}, which is not rewritten: "
            msg += "replay the file without --dataset"
            raise PermanentError(msg)
        # The key stays, and it says whether its content is compressed.
        compressed = old.location.key.endswith(keys.GZIP_SUFFIX)
        return Form(dataset=dataset, compressed=compressed), old

    def _replace(
        self,
        source: SourceVersion,
        old: ObjectInfo,
        converted: Converted,
        rejects: ObjectInfo | None,
        place: Location,
    ) -> None:
        """Write the output in the place of the old one, then the rejects in theirs.

        Rejects of before become an empty object if there are none now.
        """
        kept = {keys.PASSES: old.metadata[keys.PASSES]} if keys.PASSES in old.metadata else {}
        metadata: Mapping[str, str] = converted.to_metadata(source) | kept
        has_rejects = converted.counts.rejected > 0
        named = naming_rejects(metadata, place.key) if has_rejects else metadata
        converted.put_output(named, old.location, old=old)
        if rejects or has_rejects:
            converted.put_rejects(metadata, place, old=rejects)

    def _renew_archived_copy(self, source: SourceVersion, old: ObjectInfo) -> None:
        """Copy a replaced output to the archive if the archiver has copied the old one there.

        The archiver copies, then deletes only what it copied. If the output was replaced between
        the two, it stays in both buckets, and the archive would hold the old one for weeks.
        """
        in_archive = old.location.bucket == self._environment.archive_bucket
        if in_archive or not self._outputs.may_be_archived(source, self._now()):
            return
        target = Location(
            bucket=self._environment.archive_bucket, key=keys.archive_key(old.location.key)
        )
        copy = self._storage.describe(target)
        if not copy or not source.is_named_by(copy.metadata):
            return
        standing = self._storage.describe(old.location)
        if not standing:
            msg = f"{old.location} has gone"
            raise GoneError(msg)
        if copy.metadata != standing.metadata:
            copy_object(self._storage, standing, target, storage_class=STANDARD_IA)


def _are_current(form: Form, output: ObjectInfo, rejects: ObjectInfo | None) -> bool:
    """Return whether an output and its rejects are those of a form.

    Rejects of another version, or none, are left by an invocation that was killed, or came late.
    """
    is_missing = not rejects and Counts.from_metadata(output.metadata).rejected > 0
    found = (output, rejects) if rejects else (output,)
    return not is_missing and all(dataset_of(one.metadata) == form.to_metadata() for one in found)
