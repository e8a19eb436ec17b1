"""The environment variables of the functions, and the names of their metrics.

The field `raw_bucket` is the variable `RAW_BUCKET`. infra sets exactly `variable_names(…)` of each
function, and makes alarms and dashboards from the names of the metrics.
"""

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partial
from typing import Any, Final, NewType, Self

METRICS_NAMESPACE: Final = "S3DataPipeline"
# The dimensions of every metric: Powertools' own `service`, and the function's name, so that two
# stacks of one account never share a metric.
SERVICE_DIMENSION: Final = "service"
FUNCTION_DIMENSION: Final = "function_name"
PROCESSOR_SERVICE: Final = "data-processor"
ARCHIVER_SERVICE: Final = "data-archiver"
# The declarations of the datasets by name, at the root of the functions' archive.
DATASETS_FILE: Final = "datasets.json"


# The queue hides a received message for six time-outs of the processor, so that a batch whose
# invocation was throttled is not delivered twice.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBILITY_TIMEOUTS: Final = 6


class Metric(StrEnum):
    """The custom metrics, in the namespace `S3DataPipeline`."""

    FILES_PROCESSED = "FilesProcessed"
    FILES_FAILED = "FilesFailed"  # permanently: each is a message in the dead-letter queue
    FILES_RETRIED = "FilesRetried"
    LOOPS_STOPPED = "LoopsStopped"  # of the failed, for coming back again and again
    FILES_RECONCILED = "FilesReconciled"  # sent once more, by a run that looks for what is left
    RECORDS_IN = "RecordsIn"
    RECORDS_OUT = "RecordsOut"
    RECORDS_REJECTED = "RecordsRejected"
    RECORDS_EMPTY = "RecordsEmpty"
    BYTES_IN = "BytesIn"
    BYTES_WRITTEN = "BytesWritten"  # to S3, by each function: copies and failed attempts included
    ACCESS_DENIED = "AccessDenied"
    OBJECTS_ARCHIVED = "ObjectsArchived"
    ARCHIVE_FAILURES = "ArchiveFailures"
    BYTES_ARCHIVED = "BytesArchived"
    OBJECTS_BUNDLED = "ObjectsBundled"  # of the archived
    BUNDLES_WRITTEN = "BundlesWritten"
    BUNDLES_WITHOUT_INDEX = "BundlesWithoutIndex"  # for a day, and nothing can be done about it
    ARCHIVER_CALLS = "ArchiverCalls"  # of S3
    DOLLARS_SAVED = "DollarsSaved"  # by bundles, at list price


# An encoding by the name that Python has for it, cp1252 say.
Encoding = NewType("Encoding", str)
ENCODING_ALLOWED: Final = "an encoding that Python knows and that holds ASCII, cp1252 say"
# What the variable holds where there is no fallback, since files are read as UTF-8 anyway.
NO_FALLBACK: Final = "utf-8"
# All of ASCII, and sequences of it that some encodings read as something else.
_ASCII: Final = bytes(range(128)) + b" ~{ a.b xn--mnchen-3ya"


class MisconfigurationError(Exception):
    """The function is set up wrongly; the message lists every problem.

    A variable is missing or cannot be read, as may be the datasets, or the runtime's botocore is
    too old.
    """


@dataclass(frozen=True, kw_only=True)
class _Environment:
    environment: str
    log_level: str
    processed_bucket: str
    archive_bucket: str

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        """Return the variables as their types.

        Raises MisconfigurationError with every variable that is missing or cannot be read.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for field in fields(cls):
            name = field.name.upper()
            parse, allowed = _PARSERS[field.type]
            if name not in variables:
                problems.append(f"{name} is not set, allowed: {allowed}")
                continue
            try:
                values[field.name] = parse(variables[name])
            except (ValueError, LookupError):
                problems.append(f"{name} is {variables[name]!r}, allowed: {allowed}")
        if problems:
            raise MisconfigurationError("; ".join(problems))
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class ProcessorEnvironment(_Environment):
    """The variables of the data processor."""

    raw_bucket: str
    dead_letter_queue_url: str
    processing_queue_url: str  # for what is left of a large file, too
    max_attempts: int  # at a message, then the dead-letter queue
    max_rejected_percent: float
    compress_output: bool
    max_expansion: int  # how many times its input an output may be
    unfinished_after_seconds: int  # the age at which a file in incoming/ is left over
    fallback_encoding: Encoding | None  # what a file that is not UTF-8 is read as


@dataclass(frozen=True, kw_only=True)
class ArchiverEnvironment(_Environment):
    """The variables of the data archiver."""

    retention_days: int  # of an output, before it is archived
    archive_days: int  # in the archive, before its lifecycle moves an object to GLACIER
    archive_bundles: bool  # whether small outputs are archived many in one object
    bundle_below_kb: int  # an output of fewer KiB is small
    archive_concurrency: int  # how many chains of invocations work side by side


def variable_names(environment: type[_Environment]) -> frozenset[str]:
    """Return the names of the variables that a function reads."""
    return frozenset(field.name.upper() for field in fields(environment))


def read_encoding(name: str) -> Encoding:
    """Return an encoding for files that are not UTF-8, by any of its names.

    It must hold ASCII as it is, and more. Raises ValueError for any other.
    """
    try:
        found = codecs.lookup(name).name
        is_apart = found.startswith("utf") or found.endswith("escape")
        holds_ascii = not is_apart and _ASCII.decode(found) == _ASCII.decode("ascii")
    except (LookupError, ValueError) as error:
        raise ValueError(name) from error
    if not holds_ascii or not any(map(partial(_holds, found), _HIGH)):
        raise ValueError(name)
    return Encoding(found)


def _read_fallback(name: str) -> Encoding | None:
    return None if name == NO_FALLBACK else read_encoding(name)


def _holds(encoding: str, text: bytes) -> bool:
    try:
        return text.decode(encoding) != ""
    except UnicodeError:
        return False


# Texts of one and two bytes, to test that an encoding has characters beyond ASCII.
_HIGH: Final = [bytes([first, 0xA1][:length]) for first in range(128, 256) for length in (1, 2)]
_PARSERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    str: (str, "text"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    Encoding | None: (_read_fallback, f"{ENCODING_ALLOWED}, or {NO_FALLBACK} for none"),
    bool: ({"true": True, "false": False}.__getitem__, "true or false"),
}
