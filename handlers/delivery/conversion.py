"""Conversions: the bytes of a file become its output and its rejected records, ready to store."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Final

from handlers import keys
from handlers.aws.failures import PermanentError
from handlers.aws.joins import Part, join_objects
from handlers.aws.object_info import Location, ObjectInfo, fits_metadata
from handlers.aws.objects import Storage
from handlers.aws.streams import OpenObject
from handlers.delivery.chunks import FileWriter, Written
from handlers.delivery.progress import Counts, Progress, check_rejects
from handlers.delivery.source_version import SourceVersion
from handlers.delivery.staging import CHUNK_BYTES, Staging
from handlers.environment import ProcessorEnvironment, read_encoding
from handlers.invocation.build import code_digest
from handlers.invocation.deadline import Deadline
from handlers.transform.datasets.dataset import Dataset, allowed_percent
from handlers.transform.formats.batch import BadFileError
from handlers.transform.formats.text import UTF8, has_byte_order_mark

_JSON_LINES: Final = "application/x-ndjson"
_GZIP: Final = "application/gzip"
_BUILD_DIGITS: Final = 16
# Sixteen chunks are joined at a time; each takes 0.1 to 0.3 seconds.
_JOIN_SECONDS: Final = 0.02  # a chunk


@dataclass(frozen=True, kw_only=True)
class Form:
    """What an output is made by, beside its file: the dataset, and whether it is compressed."""

    dataset: Dataset | None
    compressed: bool

    def to_metadata(self) -> dict[str, str]:
        """Return what the output's metadata say of its dataset."""
        if not self.dataset:
            return {}
        return {keys.DATASET: self.dataset.name, keys.DATASET_VERSION: self.dataset.version}


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A file that is converted as a whole: its output and its rejects can be stored."""

    storage: Storage
    staging: Staging
    written: Written
    form: Form
    parts: Callable[[], tuple[list[Part], list[Part]]]  # of staged lines and rejects; listed once

    @property
    def counts(self) -> Counts:
        """The records of the file."""
        return self.written.progress.counts

    @property
    def encoding(self) -> str:
        """The encoding that the file was read in; "" for UTF-8."""
        return _encoding_of(self.written.progress)

    def to_metadata(self, source: SourceVersion) -> dict[str, str]:
        """Return the metadata of the output and of the rejects."""
        metadata = source.to_metadata() | self.counts.to_metadata() | self.form.to_metadata()
        return metadata | ({keys.SOURCE_ENCODING: self.encoding} if self.encoding else {})

    def put_output(
        self, metadata: Mapping[str, str], location: Location, *, old: ObjectInfo | None = None
    ) -> None:
        """Store the output; `old` is the object that it replaces, else its key has to be free.

        Raises TakenError if the key is taken or the old object has changed, GoneError if the old
        object or the chunks are gone.
        """
        content_type = _GZIP if self.form.compressed else _JSON_LINES
        self._put(location, metadata, content_type, old, output=True)

    def put_rejects(
        self, metadata: Mapping[str, str], location: Location, *, old: ObjectInfo | None = None
    ) -> None:
        """Store the rejected records, as `put_output` does; an empty object if there are none."""
        self._put(location, metadata, _JSON_LINES, old, output=False)

    def clear(self) -> None:
        """Delete the chunks, if there are any."""
        if self.written.staged:
            self.staging.clear()

    def _put(
        self,
        location: Location,
        metadata: Mapping[str, str],
        content_type: str,
        old: ObjectInfo | None,
        *,
        output: bool,
    ) -> None:
        if self.written.staged:
            lines, rejects = self.parts()
            join_objects(
                self.storage,
                lines if output else rejects,
                location,
                metadata=metadata,
                content_type=content_type,
                old=old,
            )
            return
        body = self.written.lines if output else self.written.rejects
        if old:
            self.storage.replace(old, body, metadata=metadata, content_type=content_type)
        else:
            self.storage.put_new(location, body, metadata=metadata, content_type=content_type)


@dataclass(frozen=True, kw_only=True)
class Converter:
    """Converts files. Threads may share one instance."""

    storage: Storage
    environment: ProcessorEnvironment
    now: Callable[[], datetime]

    def staging_of(self, key: str, version: str, form: Form) -> Staging:
        """Return the chunks of a version of a file, as this build of the code stages them."""
        dataset_version = form.dataset.version if form.dataset else ""
        build = _build_digest(self.environment, form.compressed, dataset_version)
        prefix = keys.staging_prefix(key, version, build)
        return Staging(self.storage, self.environment.processed_bucket, prefix)

    def convert(
        self, opened: OpenObject, key: str, form: Form, deadline: Deadline, *, resume: bool
    ) -> Converted | Progress:
        """Convert a file; return its output, or the progress made if time runs out.

        `key` is the file's in `incoming/`: its suffix decides the format. With `resume`, the chunks
        of an earlier invocation are continued.

        Raises:
            PermanentError: the file is broken, or too many of its records are bad.
            TransientError: an AWS call failed, or a permission is missing.
        """
        where = opened.info.location
        staging = self.staging_of(where.key, where.version or "", form)
        writer = FileWriter(
            source=opened.blocks,
            suffix=keys.data_suffix(key),
            staging=staging,
            deadline=deadline,
            environment=self.environment.environment,
            compressed=form.compressed,
            source_bytes=opened.info.size,
            max_expansion=self.environment.max_expansion,
            fallback_encoding=self.environment.fallback_encoding,
            forced_encoding=_forced_encoding(opened, keys.data_suffix(key), form.dataset),
            dataset=form.dataset,
        )
        written = self._write(writer, opened, resume=resume)
        if isinstance(written, Progress):
            return written
        stacks = self.environment.max_rejected_percent
        check_rejects(written.progress, allowed_percent(form.dataset, stacks))
        chunks = staging.of(_encoding_of(written.progress))
        return Converted(
            storage=self.storage,
            staging=staging,
            written=written,
            form=form,
            parts=cache(partial(chunks.parts, written.progress)),
        )

    def _write(self, writer: FileWriter, opened: OpenObject, *, resume: bool) -> Written | Progress:
        begun = (writer.latest() if resume else None) or writer.begin(self.now())
        try:
            written = writer.write(begun)
        except BadFileError as error:
            raise PermanentError(error.reason, error.place) from error
        if isinstance(written, Written) and written.staged and not begun.complete:
            join_seconds = _JOIN_SECONDS * opened.info.size / CHUNK_BYTES
            if writer.deadline.remaining_seconds() < join_seconds:
                return written.progress  # the next invocation has all of its time to join them
        return written


def _forced_encoding(opened: OpenObject, suffix: str, dataset: Dataset | None) -> str:
    """Return the encoding that a dataset declares for a delimited file; "" for none.

    A byte order mark says more than a declaration: then the file is read by it.
    """
    if not dataset or not dataset.csv.encoding:
        return ""
    if not keys.is_delimited(suffix) or has_byte_order_mark(opened.peek()):
        return ""
    return read_encoding(dataset.csv.encoding)


def _encoding_of(progress: Progress) -> str:
    """Return the encoding that a file is read in; "" for UTF-8."""
    return "" if progress.encoding == UTF8 else progress.encoding


def naming_rejects(metadata: Mapping[str, str], rejected_key: str) -> Mapping[str, str]:
    """Return an output's metadata with the key of its rejects, if S3 takes that much."""
    named = {**metadata, keys.REJECTED_KEY: keys.encode_value(rejected_key)}
    return named if fits_metadata(named) else metadata


def dataset_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the entries of an output's metadata that name its dataset."""
    return {
        name: metadata[name] for name in (keys.DATASET, keys.DATASET_VERSION) if name in metadata
    }


@cache
def _build_digest(
    environment: ProcessorEnvironment,
    compressed: bool,  # noqa: FBT001 - of a private function
    dataset_version: str,
) -> str:
    """Return a digest of what decides a chunk's bytes: the code, the settings and the dataset."""
    settings = (
        environment.environment,
        compressed,
        environment.fallback_encoding,
        *([dataset_version] if dataset_version else []),
    )
    return hashlib.sha256(repr((code_digest(), settings)).encode()).hexdigest()[:_BUILD_DIGITS]
