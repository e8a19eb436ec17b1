"""Tell whether two copies of an output are the same bytes, by the digests that S3 keeps."""

import hashlib
import re
import zlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from handlers.bundles.entries import Entry
from ops import aws

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_MD5: Final = re.compile(r'"([0-9a-f]{32})"')
# By S3's names, the strongest first. Python itself computes no CRC64NVME and no CRC32C.
_CHECKSUMS: Final = ("SHA256", "SHA1", "CRC64NVME", "CRC32C", "CRC32")
_BLOCK_BYTES: Final = 1024**2
# The ETag of an object that is encrypted otherwise is no MD5
# (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
_PLAIN_ENCRYPTION: Final = (None, "AES256")
_ABSENT: Final = ("404", "NoSuchKey")
# What S3 says of an object that was stored without a type.
_PLAIN_TYPE: Final = "binary/octet-stream"


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What is known of an object's bytes: their number, and digests of all of them by name."""

    size: int
    digests: Mapping[str, str]
    described: Mapping[str, object]  # content type and metadata

    def proof(self, other: "Fingerprint") -> str | None:
        """Return what shows that both have the same bytes, a digest's name or `size`, or None."""
        common = [name for name in self.digests if name in other.digests]
        if self.size != other.size or any(
            self.digests[name] != other.digests[name] for name in common
        ):
            return None
        return common[0] if common else "size"


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_HERE: Final = {
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "CRC32": _Crc32,
}


def of_object(s3: "S3Client", bucket: str, key: str) -> Fingerprint | None:
    """Return the fingerprint of a stored object, None if there is none."""
    try:
        head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    except aws.AwsError as error:
        if aws.code(error) in _ABSENT:
            return None
        raise
    described = {
        name: head.get(name, "") for name in ("ContentType", "ContentEncoding", "Metadata")
    }
    return Fingerprint(size=head["ContentLength"], digests=_digests(head), described=described)


def of_entry(entry: Entry) -> Fingerprint:
    """Return the fingerprint of an output in a bundle, as its entry tells it. Pure."""
    described = {
        "ContentType": entry.headers.get("ContentType", _PLAIN_TYPE),
        "ContentEncoding": entry.headers.get("ContentEncoding", ""),
        "Metadata": dict(entry.metadata),
    }
    digests = {"CRC32": _encoded(entry.crc32.to_bytes(4, "big"))}
    return Fingerprint(size=entry.size, digests=digests, described=described)


def of_file(path: Path, like: Fingerprint) -> Fingerprint:
    """Return the fingerprint of a file, with one digest that `like` has too, if there is one.

    Raises OSError if the file cannot be read.
    """
    name = next((name for name in like.digests if name in _HERE), None)
    size, digests = path.stat().st_size, dict[str, str]()
    if name and size == like.size:
        digests[name] = _encoded(_read(path, _HERE[name]()))
    return Fingerprint(size=size, digests=digests, described={})


def _digests(head: Mapping[str, Any]) -> dict[str, str]:
    md5 = _MD5.fullmatch(head["ETag"])
    plain = md5 and head.get("ServerSideEncryption") in _PLAIN_ENCRYPTION
    found = {"MD5": _encoded(bytes.fromhex(md5.group(1)))} if md5 and plain else {}
    found |= {name: head.get(f"Checksum{name}", "") for name in _CHECKSUMS}
    # A checksum of checksums depends on the parts of an upload, and has a hyphen.
    return {name: text for name, text in found.items() if text and "-" not in text}


def _read(path: Path, digest: _Digest) -> bytes:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.digest()


def _encoded(digest: bytes) -> str:
    return b64encode(digest).decode()
