"""Read the source of a copy: the bucket, key and version in `x-amz-copy-source`."""

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, kw_only=True)
class Source:
    """An object to copy from; `version` is None for the current one."""

    bucket: str
    key: str
    version: str | None

    @classmethod
    def of(cls, response: Any) -> Self:
        """Return the source that a copy request names."""
        header: str = response.headers["x-amz-copy-source"]
        parts = urlsplit(header)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        version = parse_qs(parts.query).get("versionId", [None])[0]
        return cls(bucket=bucket, key=key, version=version)
