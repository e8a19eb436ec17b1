"""Check what S3 checks first in every request: owner, key, version, metadata and size."""

from typing import Any
from uuid import UUID

from moto.s3.exceptions import MissingBucket, S3ClientError
from moto.s3.responses import S3Response

from local.account.strict import limits
from local.account.strict.errors import access_denied, invalid_argument
from local.account.strict.patches import around

_METADATA_PREFIX = "x-amz-meta-"


@around(S3Response, "_key_response")
def _key_response(original: Any, self: Any, request: Any, full_url: str) -> Any:
    check_owner(self.backend, self.bucket_name, self.headers.get("x-amz-expected-bucket-owner"))
    _check_key(self.parse_key_name())
    check_version(self.querystring.get("versionId", [None])[0])
    _check_metadata(self.headers)
    if request.method == "PUT" and len(self.body or b"") > limits.max_put_bytes:
        message = "Your proposed upload exceeds the maximum allowed size"
        raise S3ClientError("EntityTooLarge", message)
    return original(self, request, full_url)


@around(S3Response, "_bucket_response")
def _bucket_response(original: Any, self: Any, request: Any, full_url: str) -> Any:
    check_owner(self.backend, self.bucket_name, self.headers.get("x-amz-expected-bucket-owner"))
    return original(self, request, full_url)


def check_owner(backend: Any, bucket_name: str, expected: str | None) -> None:
    """Raise AccessDenied if a bucket exists and its account is not the `expected` one.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    if expected is None:
        return
    try:
        owner = backend.get_bucket(bucket_name).account_id
    except MissingBucket:
        return
    if owner != expected:
        raise access_denied()


def check_version(version: str | None) -> None:
    """Raise InvalidArgument if a text cannot be a version id, as S3 does before it looks it up.

    S3's version ids are opaque, moto's are UUIDs; a bucket without versions has "null".
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, InvalidArgument
    """
    if version in (None, "null"):
        return
    try:
        UUID(version)
    except ValueError as error:
        raise invalid_argument("Invalid version id specified") from error


def _check_key(key: str) -> None:
    if len(key.encode()) > limits.max_key_bytes:
        raise S3ClientError("KeyTooLongError", "Your key is too long")


def _check_metadata(headers: Any) -> None:
    names = [name for name, _ in headers.items() if name.lower().startswith(_METADATA_PREFIX)]
    size = sum(
        len(name) - len(_METADATA_PREFIX) + len(str(headers[name]).encode()) for name in names
    )
    if size > limits.max_metadata_bytes:
        message = "Your metadata headers exceed the maximum allowed metadata size"
        raise S3ClientError("MetadataTooLarge", message)
