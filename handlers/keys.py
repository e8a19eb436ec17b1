"""Names that the pipeline gives: object keys, metadata keys and message attributes. Pure.

The only module that knows the prefixes, and how one key becomes another.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

INCOMING: Final = "incoming/"
COMPLETED: Final = "completed/"
PROCESSED: Final = "processed/"
REJECTED: Final = "rejected/"
ARCHIVE: Final = "archive/"
# Small outputs of a day, many in one object of the archive bucket.
BUNDLES: Final = "bundles/"
# What each bundle holds, one line an output. They are not beside the bundles: a lifecycle rule
# chooses by prefix, and a query reads all that is in a folder.
BUNDLE_INDEXES: Final = "bundle-indexes/"
# How a day's small outputs are split into bundles, decided once by its first bundling run. The
# lifecycle rules leave them out: a day's layout must outlive its last bundle, and is some bytes.
BUNDLE_LAYOUTS: Final = "bundle-layouts/"
# Finished chunks of a large file, in the processed bucket, until its output is stored.
STAGING: Final = "staging/"
# Copies of archived outputs that somebody asked for, in the processed bucket, for some days. The
# archiver looks only in processed/, so they are not archived again.
RESTORED: Final = "restored/"
# Manifests and reports of S3 Batch Operations jobs, in the processed bucket.
BATCH_JOBS: Final = "batch-operations/"

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html: in UTF-8.
MAX_KEY_BYTES: Final = 1024

JSON_SUFFIXES: Final = (".json", ".ndjson", ".jsonl")
DELIMITED_SUFFIXES: Final = (".csv", ".tsv")
SUFFIXES: Final = JSON_SUFFIXES + DELIMITED_SUFFIXES
GZIP_SUFFIX: Final = ".gz"

_PLAIN_VALUE_BYTES: Final = 1_000  # a longer value is shorter in base64 if it is not ASCII
_BASE64: Final = "base64:"

# User metadata of an output object: the commit record of a source version.
SOURCE_BUCKET: Final = "source-bucket"
SOURCE_KEY: Final = "source-key"
SOURCE_VERSION: Final = "source-version"
REJECTED_KEY: Final = "rejected-key"
RECORDS_IN: Final = "records-in"
RECORDS_OUT: Final = "records-out"
RECORDS_REJECTED: Final = "records-rejected"
RECORDS_EMPTY: Final = "records-empty"
FIELDS_RENAMED: Final = "fields-renamed"
# How often the content was an output that somebody put back to incoming/; absent for none.
PASSES: Final = "passes"
# The tag of a version in incoming/ that an operator has discarded; its value is `discarded_mark`.
DISCARDED_TAG: Final = "s3-data-pipeline:discarded"
SOURCE_ENCODING: Final = "source-encoding"  # only of a file that was not UTF-8
# The dataset whose declaration an output meets, and the version of that declaration.
DATASET: Final = "dataset"
DATASET_VERSION: Final = "dataset-version"

# User metadata of a new upload that a replay made: the mark of its jobs or of its record, and the
# completed version that it is a copy of.
REPLAY_JOB: Final = "replay-job"
REPLAY_OF: Final = "replay-of"

# The attribute of a message about a version that an earlier message was about: a redriven dead
# letter, or what a reconcile run sends. SQS counts the receives of such a message from 1 again.
REPEATED: Final = "repeated"

# The field of a message that has a completed version processed again, its output replaced.
REPROCESS: Final = "reprocess"

# User metadata of a completed copy, beside SOURCE_VERSION: when S3 created the source version.
SOURCE_UPLOADED: Final = "source-uploaded"

# User metadata of a file that corrects the bad records of another: key and version of the other,
# and the sha-256 of both and of the content that was sent.
FIXES_KEY: Final = "fixes-key"
FIXES_VERSION: Final = "fixes-version"
FIX_DIGEST: Final = "fix-digest"

# Message attributes of a dead letter (at most ten, says SQS).
REASON: Final = "reason"
PLACE: Final = "place"
FAILURE_KIND: Final = "failure_kind"
DEAD_LETTER_BUCKET: Final = "source_bucket"
DEAD_LETTER_KEY: Final = "source_key"
DEAD_LETTER_VERSION: Final = "source_version"

# The last part of a bundle's key, and of its index's.
_BUNDLE = re.compile(r"/(\d{6})\.json\.gz\Z", re.ASCII)
_PARTITION = re.compile(r"processed/(\d{4})/(\d{2})/(\d{2})/.", re.DOTALL)
_PARTITION_CHARACTERS: Final = len("processed/2024/01/15/x")
# What XML 1.0 has no way to write (https://www.w3.org/TR/xml/#charsets), and the carriage return,
# which XML parsers turn into a newline. S3 stores such keys, but refuses a DeleteObjects that names
# one, and nobody can read its answer to the start of a multipart upload:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html, XML related constraints.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]")
# The end of a shortened completed key. A plain key that looks like one is shortened too, so that no
# two are the same.
_SHORTENED = re.compile(r"~[0-9a-f]{64}(\.[a-z]+(\.gz)?)?\Z", re.IGNORECASE | re.ASCII)
# Of a file that corrects another; its content is always JSON lines.
_FIX_SUFFIX: Final = ".ndjson"
_FIX = re.compile(rf"\.fix-[0-9a-f]{{8}}{re.escape(_FIX_SUFFIX)}\Z", re.ASCII)
# What `completed_key` adds to a name that it shortens: the fix's name has to fit with it.
_SHORTENING_BYTES: Final = len(f"~{64 * 'f'}{_FIX_SUFFIX}")
_DATA_SUFFIX = re.compile(
    rf"({'|'.join(map(re.escape, SUFFIXES))})({re.escape(GZIP_SUFFIX)})?\Z",
    re.IGNORECASE | re.ASCII,
)


def data_suffix(key: str) -> str:
    """Return the data suffix as the key spells it, `.CSV.gz` say, or "" where there is none."""
    match = _DATA_SUFFIX.search(key)
    return match.group() if match else ""


def is_delimited(suffix: str) -> bool:
    """Return whether a data suffix, as `data_suffix` returns it, is that of delimited text."""
    return suffix.lower().removesuffix(GZIP_SUFFIX) in DELIMITED_SUFFIXES


def source_digest(key: str, version: str) -> str:
    """Return the 64 hex digits of the sha-256 of a source key and version."""
    return hashlib.sha256(f"{key}\0{version}".encode()).hexdigest()


def discarded_mark(key: str, version: str) -> str:
    """Return the value of the tag of a discarded version.

    It names the version, so that a copy, which keeps the tags, does not count as discarded too.
    """
    return source_digest(key, version)


def completed_key(key: str) -> str:
    """Return where the original of a processed `incoming/` key goes; no two keys share a place.

    A key that would not fit, or that XML cannot carry, has the sha-256 of the source key in it.
    """
    path = _relative(key)
    plain = COMPLETED + path
    fits = len(plain.encode()) <= MAX_KEY_BYTES
    if fits and not _UNWRITABLE.search(path) and not _SHORTENED.search(path):
        return plain
    suffix = data_suffix(path)
    digest = hashlib.sha256(key.encode()).hexdigest()
    return _fit(COMPLETED, _writable(path.removesuffix(suffix)), f"~{digest}{suffix}")


def incoming_key(completed: str, metadata: Mapping[str, str]) -> str | None:
    """Return the `incoming/` key whose original went to a `completed/` key.

    `metadata` is the completed object's. Returns None if the name was shortened and the metadata
    does not name the key.
    """
    plain = INCOMING + completed.removeprefix(COMPLETED)
    for key in (plain, decode_value(metadata.get(SOURCE_KEY, ""))):
        if key.startswith(INCOMING) and completed_key(key) == completed:
            return key
    return None


def fix_digest(key: str, version: str, content: bytes) -> str:
    """Return the 64 hex digits of the sha-256 of a source key, its version and a fix's content."""
    return hashlib.sha256(f"{key}\0{version}\0".encode() + content).hexdigest()


def fix_key(key: str, digest: str) -> str:
    """Return the `incoming/` key of a file that corrects bad records of the file `key`.

    It is in the same folder, has the first 8 hex digits of `fix_digest` in its name, and fits in
    1,024 bytes, as its completed copy's key does. A name that is too long for that is cut.
    """
    return f"{INCOMING}{_fix_stem(key)}.fix-{digest[:8]}{_FIX_SUFFIX}"


def fix_prefixes(key: str) -> tuple[str, str]:
    """Return what the keys of all fixes of a file begin with, in `incoming/` and in `completed/`.

    Fixes of another file may begin so too: their metadata tells which file they fix.
    """
    stem = _fix_stem(key)
    return f"{INCOMING}{stem}.fix-", f"{COMPLETED}{_writable(stem)}.fix-"


def is_fix(key: str) -> bool:
    """Return whether an `incoming/` key has the form of a fix's; its metadata tells for sure."""
    return bool(_FIX.search(key))


def output_keys(key: str, version: str, created: date, *, compressed: bool) -> tuple[str, ...]:
    """Return the keys an output may take, in the order in which they are tried.

    `created` is the day, in UTC, on which S3 created the source version. The first key is the
    plain one; the others carry 8 and then all 64 hex digits of `source_digest`, for a name that
    another source version took on that day, or that would not fit in 1,024 bytes. The last is
    different for any two source versions. Characters that XML cannot carry are percent-encoded.
    """
    suffix = ".json.gz" if compressed else ".json"
    return _dated_keys(PROCESSED, key, version, created, suffix)


def rejected_keys(key: str, version: str, created: date) -> tuple[str, ...]:
    """Return the keys that the rejected records of a source version may take, as `output_keys`."""
    return _dated_keys(REJECTED, key, version, created, ".ndjson")


def archive_key(processed: str) -> str:
    """Return where the archiver moves a `processed/` key; the day stays.

    Raises ValueError for a key that is not in a day's partition.
    """
    if partition_day(processed) is None:
        msg = f"not in a day's partition of {PROCESSED}: {processed!r}"
        raise ValueError(msg)
    return ARCHIVE + processed.removeprefix(PROCESSED)


def processed_key(archived: str) -> str:
    """Return the key that an output in `archive/` had in `processed/`."""
    return PROCESSED + archived.removeprefix(ARCHIVE)


def restored_key(archived: str) -> str:
    """Return where an `archive/` key is restored to; the day stays.

    Raises ValueError for a key that is not in a day's partition.
    """
    processed = PROCESSED + archived.removeprefix(ARCHIVE)
    if not archived.startswith(ARCHIVE) or partition_day(processed) is None:
        msg = f"not in a day's partition of {ARCHIVE}: {archived!r}"
        raise ValueError(msg)
    return RESTORED + archived.removeprefix(ARCHIVE)


def bundle_key(day: date, folder: str, number: int) -> str:
    """Return the key of a day's bundle, `bundles/2024/01/15/000001.json.gz`.

    `folder` is the prefix of a dataset, which has bundles of its own, or "" for all other outputs.
    """
    return f"{day_prefix(BUNDLES, day)}{folder}{number:06d}.json.gz"


def bundle_index_key(bundle: str) -> str:
    """Return the key of a bundle's index."""
    return BUNDLE_INDEXES + bundle.removeprefix(BUNDLES)


def indexed_bundle_key(index: str) -> str:
    """Return the key of the bundle that an index describes."""
    return BUNDLES + index.removeprefix(BUNDLE_INDEXES)


def bundle_number(key: str) -> int | None:
    """Return the number of a bundle, by its key or its index's; None for any other key."""
    match = _BUNDLE.search(key)
    return int(match.group(1)) if match else None


def bundle_layout_key(day: date) -> str:
    """Return the key of the object that says how a day's outputs are split into bundles."""
    return day_prefix(BUNDLE_LAYOUTS, day).rstrip("/") + ".json"


def shard_of(processed: str, shards: int) -> int:
    """Return the shard of a `processed/` key, by its checksum: they are even whatever the names."""
    return zlib.crc32(processed.encode()) % shards


def partition_day(processed: str) -> date | None:
    """Return the day of a `processed/YYYY/MM/DD/…` key, or None for any other key."""
    return _day_at(processed[:_PARTITION_CHARACTERS])


@lru_cache  # a listing has millions of keys, and few days
def _day_at(beginning: str) -> date | None:
    match = _PARTITION.match(beginning)
    if not match:
        return None
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        return None


def encode_value(value: str) -> str:
    """Return a text as ASCII, so that user metadata can hold it; any S3 key fits."""
    quoted = quote(value, safe="/")
    if len(quoted) <= _PLAIN_VALUE_BYTES:
        return quoted
    return _BASE64 + base64.urlsafe_b64encode(value.encode()).decode()


def decode_value(value: str) -> str:
    """Return the text that `encode_value` encoded; any other value as well as it can be read."""
    if value.startswith(_BASE64):
        with suppress(ValueError):  # anyone may write metadata
            return base64.urlsafe_b64decode(value.removeprefix(_BASE64)).decode(errors="replace")
    return unquote(value, errors="replace")


def day_prefix(prefix: str, day: date) -> str:
    """Return `prefix` with a day's partition behind it: `processed/2024/01/15/`."""
    return f"{prefix}{day.isoformat().replace('-', '/')}/"


def staging_prefix(key: str, version: str, build: str) -> str:
    """Return the folder of a source version's finished chunks.

    `build` identifies the code and the settings that decide the bytes of the chunks. Another build
    or setting starts the file again, so that chunks of two never make one output.
    """
    return f"{STAGING}{build}/{source_digest(key, version)}/"


def _dated_keys(prefix: str, key: str, version: str, created: date, suffix: str) -> tuple[str, ...]:
    path = _writable(_relative(key))
    stem = path.removesuffix(data_suffix(path))
    folder = day_prefix(prefix, created)
    digest = source_digest(key, version)
    plain = folder + stem + suffix
    distinct = tuple(_fit(folder, stem, f"-{digits}{suffix}") for digits in (digest[:8], digest))
    return (plain, *distinct) if len(plain.encode()) <= MAX_KEY_BYTES else distinct


def _fix_stem(key: str) -> str:
    path = _relative(key)
    stem = path.removesuffix(data_suffix(path))
    ending_bytes = len(f".fix-{8 * 'f'}{_FIX_SUFFIX}") + _SHORTENING_BYTES
    most = MAX_KEY_BYTES - len(COMPLETED.encode()) - ending_bytes
    while len(_writable(stem).encode()) > most:
        stem = stem[:-1]
    return stem


def _relative(key: str) -> str:
    if not key.startswith(INCOMING):
        msg = f"not under {INCOMING}: {key!r}"
        raise ValueError(msg)
    return key.removeprefix(INCOMING)


def _writable(path: str) -> str:
    return _UNWRITABLE.sub(lambda found: quote(found.group()), path)


def _fit(prefix: str, stem: str, ending: str) -> str:
    """Join the three, with the stem cut at a character so that the whole stays within the limit."""
    stem_bytes = MAX_KEY_BYTES - len(prefix.encode()) - len(ending.encode())
    return prefix + stem.encode()[:stem_bytes].decode(errors="ignore") + ending
