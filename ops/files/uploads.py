"""Upload files from this machine to `incoming/`."""

import mimetypes
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from handlers import keys
from ops.aws import Account
from ops.files import workers
from ops.terminal.instants import now
from ops.terminal.problems import UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_TYPES: Final = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
}
_FILES_AT_ONCE: Final = 4
_WRITES: Final = ("PutObject", "CompleteMultipartUpload")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file and the key that it is uploaded to; `size` is in bytes."""

    path: Path
    key: str
    content_type: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """An uploaded file: its key and version, and when its upload began and ended."""

    key: str
    version: str
    started: datetime
    ended: datetime


def plan(files: Iterable[Path], prefix: str) -> list[Upload]:
    """Return the uploads of files to a prefix below `incoming/`; nothing is sent yet.

    Raises UsageError that names every file which the pipeline would not accept.
    """
    folder = keys.INCOMING + (f"{prefix.rstrip('/')}/" if prefix else "")
    uploads = [
        Upload(
            path=path,
            key=folder + path.name,
            content_type=_content_type(path),
            size=path.stat().st_size,
        )
        for path in files
    ]
    problems = _prefix_problems(prefix)
    taken: dict[str, Path] = {}
    for upload in uploads:
        problems += _problems(upload, taken.get(upload.key))
        taken[upload.key] = upload.path
    if problems:
        raise UsageError("; ".join(problems))
    return uploads


def send(
    account: Account, uploads: list[Upload], *, progress: Callable[[int], None]
) -> Iterator[Uploaded]:
    """Upload files, a few at once and large ones in parts; yield each once it is uploaded.

    `progress` is called with the number of bytes sent, from several threads.
    """
    versions = _noted_versions(account.s3)
    bucket = account.stack.raw_bucket_name

    def one(upload: Upload) -> Uploaded:
        started = now()
        account.s3.upload_file(
            str(upload.path),
            bucket,
            upload.key,
            ExtraArgs={"ContentType": upload.content_type},
            Callback=progress,
        )
        version = versions.get(upload.key, "null")
        return Uploaded(key=upload.key, version=version, started=started, ended=now())

    return workers.map_unordered(one, uploads, at_once=_FILES_AT_ONCE)


def _noted_versions(s3: "S3Client") -> Mapping[str, str]:
    """Return a mapping of keys to versions, which each upload of this client adds its version to.

    boto3's managed upload does not return S3's answer. Asking S3 afterwards could give the version
    of another upload, or none if the file is processed by then.
    """
    versions: dict[str, str] = {}

    def note_key(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        context["uploaded_key"] = params["Key"]

    def note_version(parsed: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        if "VersionId" in parsed:
            versions[context["uploaded_key"]] = parsed["VersionId"]

    for operation in _WRITES:
        s3.meta.events.register(f"before-parameter-build.s3.{operation}", note_key)
        s3.meta.events.register(f"after-call.s3.{operation}", note_version)
    return versions


def _problems(upload: Upload, rival: Path | None) -> list[str]:
    problems: list[str] = []
    if not keys.data_suffix(upload.key):
        allowed = " ".join(keys.SUFFIXES)
        problems.append(
            f"{upload.path} has no data suffix, allowed: {allowed}, each also with "
            f"{keys.GZIP_SUFFIX}"
        )
    length = len(upload.key.encode())
    if length > keys.MAX_KEY_BYTES:
        problems.append(
            f"{upload.path} would take a key of {length} bytes, allowed: {keys.MAX_KEY_BYTES}"
        )
    if rival:
        problems.append(f"{rival} and {upload.path} would both take {upload.key}, allowed: one")
    return problems


def _prefix_problems(prefix: str) -> list[str]:
    if prefix.startswith(("/", keys.INCOMING)):
        return [f"--prefix is {prefix!r}, allowed: a path below {keys.INCOMING}, as sales/2024/"]
    return []


def _content_type(path: Path) -> str:
    suffix = keys.data_suffix(path.name).lower()
    if suffix.endswith(keys.GZIP_SUFFIX):
        return "application/gzip"
    return _TYPES.get(suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
