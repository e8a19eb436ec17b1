"""User metadata of objects: any text as ASCII, within the size that S3 takes. Pure."""

import base64
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

_METADATA_BYTES: Final = (
    2048  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
)
_PLAIN_VALUE_BYTES: Final = 1_000  # a longer value is shorter in base64 if it is not ASCII
_BASE64: Final = "base64:"


def encode_value(value: str) -> str:
    """Return a text as ASCII, so that user metadata can hold it; any S3 key fits."""
    quoted = quote(value, safe="/")
    if len(quoted) <= _PLAIN_VALUE_BYTES:
        return quoted
    return _BASE64 + base64.urlsafe_b64encode(value.encode()).decode()


def decode_value(value: str) -> str:
    """Return the text that `encode_value` encoded."""
    if value.startswith(_BASE64):
        return base64.urlsafe_b64decode(value.removeprefix(_BASE64)).decode(errors="replace")
    return unquote(value, errors="replace")


def fits_metadata(metadata: Mapping[str, str]) -> bool:
    """Return whether user metadata is within S3's limit for one object."""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    return size <= _METADATA_BYTES and all(value.isascii() for value in metadata.values())
