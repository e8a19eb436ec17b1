"""Check the conditions of requests that copy, complete or delete an object.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from typing import Any

from moto.core.utils import str_to_rfc_1123_datetime
from moto.s3.exceptions import MissingKey, MissingVersion, PreconditionFailed
from moto.s3.models import FakeDeleteMarker
from moto.s3.responses import S3Response

from local.account.strict import limits
from local.account.strict.errors import invalid_argument, invalid_request
from local.account.strict.patches import around
from local.account.strict.s3_objects.checks import check_owner, check_version
from local.account.strict.s3_objects.copy_sources import Source


@around(S3Response, "copy_object")
def _copy_object(original: Any, self: Any) -> Any:
    source = _checked_source(self)
    if source.size > limits.max_copy_bytes:
        message = (
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {limits.max_copy_bytes}"
        )
        raise invalid_request(message)
    check_destination(self)
    return original(self)


@around(S3Response, "upload_part_copy")
def _upload_part_copy(original: Any, self: Any) -> Any:
    source = _checked_source(self)
    first, last = _range(self.headers.get("x-amz-copy-source-range"), source.size)
    if last - first >= limits.max_copy_bytes:
        message = (
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {limits.max_copy_bytes}"
        )
        raise invalid_request(message)
    return original(self)


def check_destination(response: Any) -> None:
    """Check If-Match and If-None-Match against the current object at the request's key.

    Raises PreconditionFailed, or MissingKey if an ETag is expected and there is no object.
    """
    current = response.backend.get_object(response.bucket_name, response.parse_key_name())
    if_match = response.headers.get("If-Match")
    if if_match is not None:
        check_etag(current, if_match)
    if response.headers.get("If-None-Match") == "*" and current is not None:
        raise PreconditionFailed("If-None-Match")


def check_etag(current: Any, expected: str) -> None:
    """Check that an object exists and has the expected ETag; `*` stands for any.

    Raises PreconditionFailed, or MissingKey if there is no object.
    """
    if current is None:
        raise MissingKey
    if expected != "*" and not same_etag(current, expected):
        raise PreconditionFailed("If-Match")


def same_etag(key: Any, expected: str) -> bool:
    """Return whether an object has an ETag, written with or without quotation marks."""
    return key.etag.strip('"') == expected.strip('"')


def _checked_source(response: Any) -> Any:
    """Return the object to copy from, after checking the request's conditions on it."""
    source = Source.of(response)
    expected_owner = response.headers.get("x-amz-source-expected-bucket-owner")
    check_owner(response.backend, source.bucket, expected_owner)
    check_version(source.version)
    key = response.backend.get_object(
        source.bucket, source.key, version_id=source.version, return_delete_marker=True
    )
    if isinstance(key, FakeDeleteMarker) and source.version is not None:
        message = (
            "The source of a copy request may not specifically refer to a delete marker by "
            "version id."
        )
        raise invalid_request(message)
    if key is None and source.version is not None:
        raise MissingVersion(source.key, source.version)
    if key is None or isinstance(key, FakeDeleteMarker):
        raise MissingKey(source.key)
    _check_source_conditions(key, response.headers)
    return key


def _check_source_conditions(key: Any, headers: Any) -> None:
    if_match = headers.get("x-amz-copy-source-if-match")
    if_none_match = headers.get("x-amz-copy-source-if-none-match")
    unmodified_since = headers.get("x-amz-copy-source-if-unmodified-since")
    modified_since = headers.get("x-amz-copy-source-if-modified-since")
    modified = key.last_modified.replace(microsecond=0)
    # The conditions on the ETag decide, whatever those on the date say (API_CopyObject.html).
    if if_match is not None:
        if not same_etag(key, if_match):
            raise PreconditionFailed("x-amz-copy-source-If-Match")
    elif unmodified_since is not None and modified > str_to_rfc_1123_datetime(unmodified_since):
        raise PreconditionFailed("x-amz-copy-source-If-Unmodified-Since")
    if if_none_match is not None:
        if same_etag(key, if_none_match):
            raise PreconditionFailed("x-amz-copy-source-If-None-Match")
    elif modified_since is not None and modified <= str_to_rfc_1123_datetime(modified_since):
        raise PreconditionFailed("x-amz-copy-source-If-Modified-Since")


def _range(header: str | None, size: int) -> tuple[int, int]:
    """Return the first and last byte that a part is copied from.

    Raises InvalidArgument unless the range is `bytes=first-last` within the source.
    """
    if header is None:
        return 0, size - 1
    first, separator, last = header.removeprefix("bytes=").partition("-")
    if not (separator and first.isdecimal() and last.isdecimal()):
        raise invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy"
        )
    if not int(first) <= int(last) < size:
        raise invalid_argument(f"Range specified is not valid for source object of size: {size}")
    return int(first), int(last)
