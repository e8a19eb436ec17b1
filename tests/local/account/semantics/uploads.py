"""Rules of S3 for multipart uploads and for the checksums of what is uploaded."""

import base64
import hashlib
import time
import zlib
from unittest.mock import patch

import pytest
from botocore.awsrequest import HeadersDict
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from .table import refused, semantic

COMPLETE = "botocore s3 CompleteMultipartUpload"
INTEGRITY = "checking-object-integrity-upload.html"
WRONG = '"00000000000000000000000000000000"'
PART = b"x" * 5 * 1024 * 1024


def begin(aws, key="key", **options):
    return aws.s3.create_multipart_upload(Bucket="a-bucket", Key=key, **options)["UploadId"]


def part(aws, upload, number, body, key="key", **options):
    answer = aws.s3.upload_part(
        Bucket="a-bucket", Key=key, UploadId=upload, PartNumber=number, Body=body, **options
    )
    named = {name: value for name, value in answer.items() if name.startswith(("ETag", "Checksum"))}
    return {"PartNumber": number, **named}


def complete(aws, upload, *parts, key="key", **options):
    return aws.s3.complete_multipart_upload(
        Bucket="a-bucket",
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": list(parts)},
        **options,
    )


@semantic("complete-if-none-match", f"{COMPLETE} IfNoneMatch", moto=True)
def _(aws):
    aws.put(aws.bucket(), "key")
    upload = begin(aws)
    one = part(aws, upload, 1, b"two")
    with refused("PreconditionFailed", 412):
        complete(aws, upload, one, IfNoneMatch="*")
    assert aws.read("a-bucket", "key") == b"one"


@semantic("complete-if-match", f"{COMPLETE} IfMatch")
def _(aws):
    etag = aws.put(aws.bucket(), "key")["ETag"]
    upload = begin(aws)
    one = part(aws, upload, 1, b"two")
    with refused("PreconditionFailed", 412):
        complete(aws, upload, one, IfMatch=WRONG)
    assert aws.read("a-bucket", "key") == b"one"
    complete(aws, upload, one, IfMatch=etag)
    assert aws.read("a-bucket", "key") == b"two"


@semantic("parts-at-least-5-mib", f"{COMPLETE} EntityTooSmall", moto=True)
def _(aws):
    aws.bucket()
    upload = begin(aws)
    small, last = part(aws, upload, 1, PART[1:]), part(aws, upload, 2, b"two")
    with refused("EntityTooSmall"):
        complete(aws, upload, small, last)
    assert aws.read("a-bucket", "key") is None
    complete(aws, upload, part(aws, upload, 1, PART), last)
    assert aws.read("a-bucket", "key") == PART + b"two"


@semantic("parts-in-order", f"{COMPLETE} InvalidPartOrder")
def _(aws):
    aws.bucket()
    upload = begin(aws)
    one, two = part(aws, upload, 1, PART), part(aws, upload, 2, PART)
    for parts in ((two, one), (one, one)):
        with refused("InvalidPartOrder"):
            complete(aws, upload, *parts)
    assert aws.read("a-bucket", "key") is None


@semantic("parts-that-were-uploaded", f"{COMPLETE} InvalidPart", moto=True)
def _(aws):
    aws.bucket()
    upload = begin(aws)
    one = part(aws, upload, 1, b"one")
    for wrong in (one | {"ETag": WRONG}, one | {"PartNumber": 2}):
        with refused("InvalidPart"):
            complete(aws, upload, wrong)
    assert aws.read("a-bucket", "key") is None


@semantic("no-such-upload", f"{COMPLETE} NoSuchUpload")
def _(aws):
    aws.bucket()
    one = part(aws, begin(aws), 1, b"one")
    with refused("NoSuchUpload", 404):
        part(aws, "missing", 1, b"one")
    with refused("NoSuchUpload", 404):
        complete(aws, "missing", one)


@semantic("upload-of-another-key", f"{COMPLETE} NoSuchUpload")
def _(aws):
    aws.bucket()
    upload = begin(aws)
    one = part(aws, upload, 1, b"one")
    with refused("NoSuchUpload", 404):
        complete(aws, upload, one, key="other")
    with refused("NoSuchUpload", 404):
        aws.s3.abort_multipart_upload(Bucket="a-bucket", Key="other", UploadId=upload)
    complete(aws, upload, one)


@semantic("upload-of-a-key-that-xml-cannot-carry", "object-keys.html XML constraints", moto=True)
def _(aws):
    """The answer names the key, so that no XML parser can read it: botocore gives up."""
    aws.bucket()
    for key in ("a\x01b", "a\ufffeb"):
        with pytest.raises((ClientError, ResponseParserError)):
            begin(aws, key)


@semantic("completed-upload-is-gone", f"{COMPLETE} NoSuchUpload: aborted or completed")
def _(aws):
    aws.bucket()
    upload = begin(aws)
    one = part(aws, upload, 1, b"one")
    complete(aws, upload, one)
    with refused("NoSuchUpload", 404):
        complete(aws, upload, one)
    assert len(aws.s3.list_object_versions(Bucket="a-bucket")["Versions"]) == 1


@semantic("object-size-of-an-upload", f"{COMPLETE} MpuObjectSize")
def _(aws):
    aws.bucket()
    upload = begin(aws)
    one = part(aws, upload, 1, b"one")
    with refused("InvalidRequest"):
        complete(aws, upload, one, MpuObjectSize=4)
    assert aws.read("a-bucket", "key") is None
    part(aws, upload, 2, b"two")  # of which the object is not made
    complete(aws, upload, one, MpuObjectSize=3)
    assert aws.read("a-bucket", "key") == b"one"


@semantic("object-is-dated-from-the-upload-s-start", "UsingMetadata.html Last-Modified")
def _(aws):
    aws.bucket()
    upload = begin(aws)
    one = part(aws, upload, 1, b"two")
    time.sleep(1.1)
    aws.put("a-bucket", "key")
    complete(aws, upload, one)
    versions = aws.s3.list_object_versions(Bucket="a-bucket")["Versions"]
    assert versions[0]["IsLatest"]
    assert versions[0]["LastModified"] < versions[1]["LastModified"]
    assert aws.read("a-bucket", "key") == b"two"


@semantic("complete-with-every-part-s-checksum", "tutorial-s3-mpu-additional-checksums.html")
def _(aws):
    aws.bucket()
    upload = begin(aws, ChecksumAlgorithm="SHA256")
    one = part(aws, upload, 1, b"one", ChecksumAlgorithm="SHA256")
    with refused("InvalidRequest"):
        complete(aws, upload, {"PartNumber": 1, "ETag": one["ETag"]})
    with refused("InvalidPart"):
        complete(aws, upload, one | {"ChecksumSHA256": base64.b64encode(bytes(32)).decode()})
    assert aws.read("a-bucket", "key") is None
    complete(aws, upload, one)
    assert aws.read("a-bucket", "key") == b"one"


def check_unstated_part(algorithm, created):
    """A part that was sent without a checksum has none that completing could name."""

    def check(aws):
        aws.bucket()
        upload = begin(aws, **created)
        with patch.object(aws.s3.meta.config, "request_checksum_calculation", "when_required"):
            one = part(aws, upload, 1, b"123456789")
            assert not any(name.startswith("Checksum") for name in one)
            with refused("InvalidPart"):
                complete(aws, upload, one | {f"Checksum{algorithm}": encode(CHECKSUMS[algorithm])})
            assert aws.read("a-bucket", "key") is None
            complete(aws, upload, one)
        assert aws.read("a-bucket", "key") == b"123456789"

    return check


@semantic("part-of-another-algorithm", "API_UploadPart.html ChecksumAlgorithm")
def _(aws):
    aws.bucket()
    upload = begin(aws, ChecksumAlgorithm="SHA256")
    with refused("InvalidRequest"):
        part(aws, upload, 1, b"one", ChecksumAlgorithm="CRC32")


@semantic("copied-part-has-a-checksum", "API_CopyPartResult.html ChecksumCRC32")
def _(aws):
    aws.put(aws.bucket(), "from")
    upload = begin(aws, ChecksumAlgorithm="CRC32")
    copied = copy_part(aws, upload)["CopyPartResult"]
    assert (
        copied["ChecksumCRC32"] == base64.b64encode(zlib.crc32(b"one").to_bytes(4, "big")).decode()
    )
    complete(
        aws,
        upload,
        {"PartNumber": 1, "ETag": copied["ETag"], "ChecksumCRC32": copied["ChecksumCRC32"]},
    )
    assert aws.read("a-bucket", "key") == b"one"


def copy_part(aws, upload, source="from", **options):
    return aws.s3.upload_part_copy(
        Bucket="a-bucket",
        Key="key",
        UploadId=upload,
        PartNumber=1,
        CopySource={"Bucket": "a-bucket", "Key": source},
        **options,
    )


@semantic("copied-part-if-match", "botocore s3 UploadPartCopyRequest CopySourceIfMatch")
def _(aws):
    etag = aws.put(aws.bucket(), "from")["ETag"]
    upload = begin(aws)
    with refused("PreconditionFailed", 412):
        copy_part(aws, upload, CopySourceIfMatch=WRONG)
    with refused("NoSuchKey", 404):
        copy_part(aws, upload, source="missing")
    assert "Parts" not in aws.s3.list_parts(Bucket="a-bucket", Key="key", UploadId=upload)
    copy_part(aws, upload, CopySourceIfMatch=etag)


@semantic("copied-part-s-range", "API_UploadPartCopy.html CopySourceRange")
def _(aws):
    aws.put(aws.bucket(), "from", b"0123456789")
    upload = begin(aws)
    for wrong in ("bytes=5-10", "bytes=5-", "bytes=5-4", "5-9-"):
        with refused("InvalidArgument"):
            copy_part(aws, upload, CopySourceRange=wrong)
    etag = copy_part(aws, upload, CopySourceRange="bytes=5-9")["CopyPartResult"]["ETag"]
    complete(aws, upload, {"PartNumber": 1, "ETag": etag})
    assert aws.read("a-bucket", "key") == b"56789"


def encode(digest):
    return base64.b64encode(digest).decode()


@semantic("content-md5", "ErrorResponses.html BadDigest, InvalidDigest")
def _(aws):
    aws.bucket()
    with refused("BadDigest"):
        aws.put("a-bucket", "key", ContentMD5=encode(bytes(16)))
    with refused("InvalidDigest"):
        aws.put("a-bucket", "key", ContentMD5="no")
    assert aws.read("a-bucket", "key") is None
    aws.put("a-bucket", "key", ContentMD5=encode(hashlib.md5(b"one").digest()))  # noqa: S324
    assert aws.read("a-bucket", "key") == b"one"


# Of b"123456789": the check values of the CRC catalogue, and of hashlib.
CHECKSUMS = {
    "CRC32": bytes.fromhex("cbf43926"),
    "CRC32C": bytes.fromhex("e3069283"),
    "CRC64NVME": bytes.fromhex("ae8b14860a799888"),
    "SHA1": hashlib.sha1(b"123456789").digest(),  # noqa: S324
    "SHA256": hashlib.sha256(b"123456789").digest(),
}


def check_checksum(algorithm, right):
    name = f"Checksum{algorithm}"

    def check(aws):
        aws.bucket()
        with refused("BadDigest"):
            aws.put("a-bucket", "key", b"123456789", **{name: encode(bytes(len(right)))})
        with refused("InvalidRequest"):
            aws.put("a-bucket", "key", b"123456789", **{name: encode(right + b"x")})
        assert aws.read("a-bucket", "key") is None
        aws.put("a-bucket", "key", b"123456789", **{name: encode(right)})
        answer = aws.s3.head_object(Bucket="a-bucket", Key="key", ChecksumMode="ENABLED")
        assert answer[name] == encode(right)

    return check


for _algorithm, _right in CHECKSUMS.items():
    semantic(f"checksum-{_algorithm.lower()}", f"{INTEGRITY}, BadDigest")(
        check_checksum(_algorithm, _right)
    )


for _algorithm in CHECKSUMS:
    semantic(f"complete-with-{_algorithm.lower()}-of-no-part", f"{COMPLETE} InvalidPart")(
        check_unstated_part(_algorithm, {})
    )
for _algorithm in ("CRC32", "CRC32C", "CRC64NVME"):
    _created = {"ChecksumAlgorithm": _algorithm, "ChecksumType": "FULL_OBJECT"}
    semantic(f"complete-whole-with-{_algorithm.lower()}-of-no-part", f"{COMPLETE} InvalidPart")(
        check_unstated_part(_algorithm, _created)
    )


def put_in_chunks(aws, body, trailer, length=None):
    """Put with `aws-chunked` and a trailing checksum, as SDKs do over TLS."""

    def rewrite(request, **_):
        half = len(body) // 2
        chunks = b"".join(
            b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (body[:half], body[half:])
        )
        request.body = chunks + b"0\r\nx-amz-checksum-crc32:" + trailer.encode() + b"\r\n\r\n"
        announced = {
            "content-encoding": "aws-chunked",
            "content-length": str(len(request.body)),
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": str(len(body) if length is None else length),
            "x-amz-trailer": "x-amz-checksum-crc32",
        }
        replaced = (*announced, "x-amz-checksum-crc32", "transfer-encoding")
        headers = {n: v for n, v in request.headers.items() if n.lower() not in replaced}
        request.headers = HeadersDict(headers | announced)

    events = aws.s3.meta.events
    events.register_first("before-send.s3.PutObject", rewrite)
    try:
        aws.put("a-bucket", "key", body)
    finally:
        events.unregister("before-send.s3.PutObject", rewrite)


@semantic("trailing-checksum", "sigv4-streaming-trailers.html, BadDigest")
def _(aws):
    aws.bucket()
    with refused("BadDigest"):
        put_in_chunks(aws, b"123456789", encode(bytes(4)))
    assert aws.read("a-bucket", "key") is None
    put_in_chunks(aws, b"123456789", encode(CHECKSUMS["CRC32"]))
    assert aws.read("a-bucket", "key") == b"123456789"


@semantic("body-shorter-than-announced", "ErrorResponses.html IncompleteBody")
def _(aws):
    aws.bucket()
    with refused("IncompleteBody"):
        put_in_chunks(aws, b"123456789", encode(CHECKSUMS["CRC32"]), length=10)
    assert aws.read("a-bucket", "key") is None


@semantic("body-that-looks-like-a-trailer", INTEGRITY)
def _(aws):
    aws.bucket()
    body = b"x-amz-checksum-crc32:AAAAAA==\r\n" * 3
    put_in_chunks(aws, body, encode(zlib.crc32(body).to_bytes(4, "big")))
    assert aws.read("a-bucket", "key", ChecksumMode="ENABLED") == body


@semantic("checksum-by-default", "botocore request_checksum_calculation", moto=True)
def _(aws):
    aws.put(aws.bucket(), "key")
    answer = aws.s3.head_object(Bucket="a-bucket", Key="key", ChecksumMode="ENABLED")
    assert answer["ChecksumCRC32"] == encode(zlib.crc32(b"one").to_bytes(4, "big"))
