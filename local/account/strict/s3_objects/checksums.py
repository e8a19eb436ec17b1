"""Check the checksums of uploads, as S3 does before it stores anything.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

from moto.s3 import models, responses
from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response

from local.account.strict.errors import invalid_request
from local.account.strict.patches import around
from local.account.strict.s3_objects import crc

_MD5_BYTES: Final = 16
_HEADER: Final = "x-amz-checksum-"


def digest(body: bytes, algorithm: str) -> bytes:
    """Return the checksum of `body`; `algorithm` is CRC32, CRC32C, CRC64NVME, SHA1 or SHA256.

    Raises KeyError for any other algorithm.
    """
    return _ALGORITHMS[algorithm](body)


def encoded_digest(body: bytes, algorithm: str) -> str:
    """Return `digest` in base64, as S3 writes it."""
    return base64.b64encode(digest(body, algorithm)).decode()


def stated_checksum(response: Any) -> tuple[str, str] | None:
    """Return the algorithm and value of the checksum in a request's headers or trailers, or None.

    Raises InvalidRequest if there are two.
    """
    headers = response.headers
    fields = {name.lower(): value for name, value in headers.items()} | response.trailers
    stated = [
        (algorithm, fields[_HEADER + algorithm.lower()])
        for algorithm in _ALGORITHMS
        if _HEADER + algorithm.lower() in fields
    ]
    if len(stated) > 1:
        raise invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    return stated[0] if stated else None


def named_checksums(element: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the algorithms and values of an element's members `ChecksumCRC32`, …."""
    named = [(algorithm, element.get(f"Checksum{algorithm}")) for algorithm in _ALGORITHMS]
    return [(algorithm, value) for algorithm, value in named if value is not None]


def check(body: bytes, algorithm: str, stated: str) -> None:
    """Raise BadDigest if `body` has another checksum, InvalidRequest if it is no checksum."""
    actual = digest(body, algorithm)
    if len(_decoded(stated)) != len(actual):
        raise invalid_request(f"Value for {_HEADER}{algorithm.lower()} header is invalid.")
    if _decoded(stated) != actual:
        message = f"The {algorithm} you specified did not match the calculated checksum."
        raise S3ClientError("BadDigest", message)


@around(S3Response, "_key_response")
def _key_response(original: Any, self: Any, request: Any, full_url: str) -> Any:
    # A copy has no body. A request that completes an upload states the object's checksum.
    if request.method == "PUT" and "x-amz-copy-source" not in self.headers:
        _check_body(self)
    return original(self, request, full_url)


@around(S3Response, "_bucket_response")
def _bucket_response(original: Any, self: Any, request: Any, full_url: str) -> Any:
    if request.method in ("PUT", "POST"):
        _check_body(self)
    return original(self, request, full_url)


@around(S3Response, "setup_class")
def _setup_class(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
    self.trailers = {}
    original(self, *arguments, **options)


@around(S3Response, "_handle_encoded_body")
def _decode_chunks(_original: Any, self: Any, body: Any) -> bytes:
    """Decode `aws-chunked`, and keep the trailers that follow the last chunk.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
    """
    return _read_chunks(self, body)


@around(S3Response, "_handle_v4_chunk_signatures")
def _decode_signed_chunks(_original: Any, self: Any, body: Any, _length: int) -> bytes:
    return _read_chunks(self, body)


@around(S3Response, "_get_checksum")
def _get_checksum(
    _original: Any, self: Any, response_headers: dict[str, Any]
) -> tuple[str, str | None]:
    """Return the checksum to store: the one in the request, else one of the kind it asked for."""
    stated = stated_checksum(self)
    if stated is None:
        algorithm = self.headers.get("x-amz-sdk-checksum-algorithm", "").upper()
        if algorithm not in _ALGORITHMS:
            return "", None
        stated = algorithm, encoded_digest(self.body or b"", algorithm)
    response_headers[_HEADER + stated[0].lower()] = stated[1]
    return stated


@around(models, "compute_checksum")
@around(responses, "compute_checksum")
def _compute_checksum(
    _original: Any, body: bytes, algorithm: str, *, encode_base64: bool = True
) -> bytes:
    """Compute a checksum as moto does, but CRC32C and CRC64NVME without further libraries."""
    value = digest(body, algorithm)
    return base64.b64encode(value) if encode_base64 else value


def _check_body(response: Any) -> None:
    body = response.body or b""
    _check_trailer(response)
    md5 = response.headers.get("Content-MD5")
    if md5 is not None:
        if len(_decoded(md5)) != _MD5_BYTES:
            raise S3ClientError("InvalidDigest", "The Content-MD5 you specified was invalid.")
        if _decoded(md5) != hashlib.md5(body, usedforsecurity=False).digest():
            message = "The Content-MD5 you specified did not match what we received."
            raise S3ClientError("BadDigest", message)
    stated = stated_checksum(response)
    if stated is not None:
        check(body, *stated)


def _check_trailer(response: Any) -> None:
    announced = response.headers.get("x-amz-trailer")
    if announced is not None and announced.lower() not in response.trailers:
        message = "The request contained trailing data that was not well-formed"
        raise S3ClientError("MalformedTrailerError", message)
    length = response.headers.get("x-amz-decoded-content-length")
    if length is not None and int(length) != len(response.body or b""):
        message = "You did not provide the number of bytes specified by the Content-Length header"
        raise S3ClientError("IncompleteBody", message)


def _read_chunks(response: Any, body: Any) -> bytes:
    stream = BytesIO(body) if isinstance(body, bytes) else body
    chunks: list[bytes] = []
    # A chunk is its length in hex, perhaps ";chunk-signature=…", and its bytes; the last is empty.
    while size := int(stream.readline().split(b";")[0].strip() or b"0", 16):
        chunks.append(stream.read(size))
        stream.readline()
    for line in stream:
        name, separator, value = line.decode("latin-1").strip().partition(":")
        if separator:
            response.trailers[name.lower()] = value.strip()
    return b"".join(chunks)


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return b""


_ALGORITHMS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "CRC32": lambda body: binascii.crc32(body).to_bytes(4, "big"),
    "CRC32C": crc.crc32c,
    "CRC64NVME": crc.crc64nvme,
    "SHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}
