"""Check what became of a sample: the output's bytes, its counts, and the completed copy."""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

from handlers import keys
from ops.aws import Account
from ops.files import objects
from ops.files.results import Output
from ops.files.uploads import Uploaded
from ops.pipeline.smoke.samples import Sample

_METADATA: Final = ("processed_at", "environment", "processor_version")
_SUFFIX: Final = b',"_metadata":'
# How far this machine's clock may be off from the function's.
_SKEW: Final = timedelta(minutes=15)


def problems(account: Account, sample: Sample, uploaded: Uploaded, output: Output) -> list[str]:
    """Return what is wrong with a sample's output and its completed copy; nothing if all is well.

    Compressed outputs (`compressOutput`) are compared unpacked.
    """
    body = account.s3.get_object(Bucket=output.bucket, Key=output.key)["Body"].read()
    return [
        *of_output(body, sample, compressed=output.key.endswith(keys.GZIP_SUFFIX),
                   since=uploaded.started),
        *of_counts(output.counts, len(sample.lines)),
        *_of_completed(account, sample, uploaded),
    ]  # fmt: skip


def of_output(body: bytes, sample: Sample, *, compressed: bool, since: datetime) -> Iterator[str]:
    """Yield what is wrong with an output's bytes; `since` is when its upload began."""
    if compressed:
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error) as error:
            yield f"the output is no gzip ({error})"
            return
    *lines, end = body.split(b"\n")
    if end or len(lines) != len(sample.lines):
        yield f"{len(lines)} lines, expected: {len(sample.lines)}, each with its end"
    for number, (line, expected) in enumerate(zip(lines, sample.lines, strict=False), 1):
        record, _, metadata = line.rpartition(_SUFFIX)
        if record + b"}" != expected:
            yield f"line {number} is {_shown(line)}, expected: {_shown(expected)} and _metadata"
        else:
            yield from (f"line {number}: {said}" for said in _of_metadata(metadata[:-1], since))


def of_counts(counts: Mapping[str, int], records: int) -> Iterator[str]:
    """Yield what is wrong with the counts in an output's metadata."""
    expected = {"in": records, "out": records, "rejected": 0, "empty": 0}
    found = {name: counts.get(name) for name in expected}
    if found != expected:
        yield f"the output's counts are {found}, expected: {expected}"


def _of_metadata(text: bytes, since: datetime) -> Iterator[str]:
    try:
        found: Any = json.loads(text)
    except ValueError:
        yield f"_metadata is {_shown(text)}, expected: an object"
        return
    values = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    if tuple(values) != _METADATA or not all(values.values()):
        yield f"_metadata is {_shown(text)}, expected: {', '.join(_METADATA)}"
        return
    try:
        early = datetime.fromisoformat(values["processed_at"]) < since - _SKEW
    except (TypeError, ValueError):
        yield f"processed_at is {values['processed_at']!r}, expected: a time in UTC"
        return
    if early:
        yield f"processed_at is {values['processed_at']}, before the upload"


def _of_completed(account: Account, sample: Sample, uploaded: Uploaded) -> Iterator[str]:
    raw, key = account.stack.raw_bucket_name, keys.completed_key(uploaded.key)
    found = objects.head(account.s3, raw, key)
    if not found:
        yield f"there is no completed copy {key}"
        return
    if found.metadata.get(keys.SOURCE_VERSION) != uploaded.version:
        yield f"{key} does not name the version {uploaded.version}"
    body = account.s3.get_object(Bucket=raw, Key=key)["Body"].read()
    if body != sample.body:
        yield f"{key} is not what was uploaded"


def _shown(line: bytes) -> str:
    return repr(line.decode(errors="replace"))
