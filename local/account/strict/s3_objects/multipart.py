"""Check multipart uploads as S3 does: the upload, its parts, its checksums, the object's date."""

from typing import Any, Final

import xmltodict
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.s3.exceptions import InvalidPart, InvalidPartOrder, NoSuchUpload
from moto.s3.models import MultipartChecksumBuilder, S3Backend
from moto.s3.responses import S3Response

from local.account.strict.errors import invalid_request
from local.account.strict.patches import around
from local.account.strict.s3_objects import checksums
from local.account.strict.s3_objects.conditions import check_destination

_ALGORITHM: Final = "x-amz-checksum-algorithm"
_TYPE: Final = "x-amz-checksum-type"


@around(S3Backend, "create_multipart_upload")
def _create(original: Any, self: Any, *arguments: Any, **options: Any) -> Any:
    upload = original(self, *arguments, **options)
    upload.initiated = utcnow()
    return upload


@around(S3Response, "upload_part")
def _upload_part(original: Any, self: Any) -> Any:
    upload = _upload(self)
    stated = checksums.stated_checksum(self)
    _check_part_algorithm(upload, stated)
    answer = original(self)
    upload.parts[self._get_int_param("partNumber")].stated = stated
    return answer


@around(S3Response, "upload_part_copy")
def _upload_part_copy(original: Any, self: Any) -> Any:
    """Copy a part, and return its checksum too, which is needed to complete the upload."""
    upload = _upload(self)
    status, headers, body = original(self)
    algorithm = upload.metadata.get(_ALGORITHM)
    part = upload.parts[self._get_int_param("partNumber")]
    if algorithm is None:
        part.stated = None
        return status, headers, body
    part.stated = algorithm, checksums.encoded_digest(part.value, algorithm)
    result = {"ETag": part.etag, "LastModified": part.last_modified_ISO8601}
    result[f"Checksum{algorithm}"] = part.stated[1]
    _, _, body = self.serialized(ActionResult({"CopyPartResult": result}))
    return status, {**headers, "content-length": str(len(body))}, body


@around(S3Response, "abort_multipart_upload")
def _abort(original: Any, self: Any) -> Any:
    _upload(self)
    return original(self)


@around(S3Response, "list_parts")
def _list_parts(original: Any, self: Any) -> Any:
    _upload(self)
    return original(self)


@around(S3Response, "_key_response_post")
def _post(original: Any, self: Any, *arguments: Any) -> Any:
    if "uploadId" in self.querystring:
        upload = _upload(self)
        _check_parts(self, upload)
        check_destination(self)
    return original(self, *arguments)


@around(S3Backend, "complete_multipart_upload")
def _complete(original: Any, self: Any, bucket_name: str, upload_id: str, body: Any) -> Any:
    """Complete an upload; the object's date is the one of the upload's initiation.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html, Last-Modified.
    """
    upload = self.get_bucket(bucket_name).multiparts[upload_id]
    key = original(self, bucket_name, upload_id, body)
    key.last_modified = upload.initiated
    return key


@around(MultipartChecksumBuilder, "build")
def _build(original: Any, self: Any) -> Any:
    """Compute a checksum only if the upload was initiated with one."""
    return original(self) if self.asked else None


@around(MultipartChecksumBuilder, "__init__")
def _builder(original: Any, self: Any, algorithm: str | None, kind: str | None) -> None:
    original(self, algorithm, kind)
    self.asked = algorithm is not None


def _upload(response: Any) -> Any:
    """Return the upload that a request names; raise NoSuchUpload if it is not one of its key.

    "The upload ID might be invalid, or the multipart upload might have been aborted or completed"
    (API_CompleteMultipartUpload.html): moto completes a completed upload once more.
    """
    upload_id = response.querystring["uploadId"][0]
    upload = response.backend.get_bucket(response.bucket_name).multiparts.get(upload_id)
    if upload is None or upload.key_name != response.parse_key_name():
        raise NoSuchUpload(upload_id=upload_id)
    return upload


def _check_part_algorithm(upload: Any, stated: tuple[str, str] | None) -> None:
    """Check a part's checksum against the upload's algorithm, if the upload has one.

    SDKs send a CRC32 with every part by default, also for an upload without an algorithm.
    """
    expected = upload.metadata.get(_ALGORITHM)
    if expected is None or (stated is None and upload.metadata.get(_TYPE) == "FULL_OBJECT"):
        return
    actual = stated[0] if stated else "null"
    if expected != actual:
        raise invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, "
            f"actual checksum Type: {actual.lower()}"
        )


def _check_parts(response: Any, upload: Any) -> None:
    """Check the list of parts, and the size of the object if the request states it."""
    numbers: list[int] = []
    completion = xmltodict.parse(response.body, force_list=("Part",))["CompleteMultipartUpload"]
    elements: list[dict[str, str]] = completion["Part"] if completion else []
    for element in elements:
        number = int(element["PartNumber"])
        part = upload.parts.get(number)
        if part is None:
            raise InvalidPart
        _check_part_checksum(upload, part, number, element)
        numbers.append(number)
    if numbers != sorted(set(numbers)):
        raise InvalidPartOrder
    _check_size(response, sum(upload.parts[number].size for number in numbers))


def _check_part_checksum(upload: Any, part: Any, number: int, element: dict[str, str]) -> None:
    algorithm = upload.metadata.get(_ALGORITHM)
    # A checksum other than the one sent with the part belongs to another part.
    given = checksums.named_checksums(element)
    if any(one != part.stated for one in given):
        raise InvalidPart
    if algorithm and not given and upload.metadata.get(_TYPE) != "FULL_OBJECT":
        raise invalid_request(
            f"The upload was created using a {algorithm.lower()} checksum. The complete request "
            "must include the checksum for each part. It was missing for part "
            f"{number} in the request."
        )


def _check_size(response: Any, actual: int) -> None:
    stated = response.headers.get("x-amz-mp-object-size")
    if stated is not None and int(stated) != actual:
        raise invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {stated} does not match what was "
            f"computed: {actual}"
        )
