"""Rules of S3 for copies, puts, deletes, versions and what every request may hold."""

from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from botocore.exceptions import ClientError

from local.account.strict import limits

from .table import Account, refused, semantic

COPY = "botocore s3 CopyObjectRequest, API_CopyObject.html"
WRONG = '"00000000000000000000000000000000"'
# As moto writes version ids, but of no version; and texts that are no version id.
UNKNOWN = "00000000-0000-4000-8000-000000000000"
NO_VERSION_IDS = ("missing", "v1", "0")
VERSION_ID = "ErrorResponses.html InvalidArgument: Invalid version id specified"
# Keys that S3 stores and XML 1.0 cannot carry: object-keys.html, XML related constraints.
ODD = ("a\x01b", "a\x00", "\x1f\x7f", "a\ufffeb", "\uffff")


def copy(aws: Account, **options):
    source = {"Bucket": "a-bucket", "Key": "from"} | options.pop("source", {})
    return aws.s3.copy_object(Bucket="a-bucket", Key="to", CopySource=source, **options)


@semantic("copy-source-if-match", f"{COPY} CopySourceIfMatch")
def _(aws):
    etag = aws.put(aws.bucket(), "from")["ETag"]
    with refused("PreconditionFailed", 412):
        copy(aws, CopySourceIfMatch=WRONG)
    assert aws.read("a-bucket", "to") is None
    copy(aws, CopySourceIfMatch=etag)
    assert aws.read("a-bucket", "to") == b"one"


@semantic("copy-source-if-none-match", f"{COPY} CopySourceIfNoneMatch", moto=True)
def _(aws):
    etag = aws.put(aws.bucket(), "from")["ETag"]
    with refused("PreconditionFailed", 412):
        copy(aws, CopySourceIfNoneMatch=etag)
    assert aws.read("a-bucket", "to") is None


@semantic("copy-source-if-unmodified-since", f"{COPY} CopySourceIfUnmodifiedSince")
def _(aws):
    etag = aws.put(aws.bucket(), "from")["ETag"]
    with refused("PreconditionFailed", 412):
        copy(aws, CopySourceIfUnmodifiedSince=1)
    copy(aws, CopySourceIfUnmodifiedSince=1, CopySourceIfMatch=etag)
    assert aws.read("a-bucket", "to") == b"one"
    modified = aws.s3.head_object(Bucket="a-bucket", Key="from")["LastModified"]
    copy(aws, CopySourceIfUnmodifiedSince=modified)


@semantic("copy-source-if-modified-since", f"{COPY} CopySourceIfModifiedSince")
def _(aws):
    aws.put(aws.bucket(), "from")
    modified = aws.s3.head_object(Bucket="a-bucket", Key="from")["LastModified"]
    with refused("PreconditionFailed", 412):
        copy(aws, CopySourceIfModifiedSince=modified)
    assert aws.read("a-bucket", "to") is None
    copy(aws, CopySourceIfModifiedSince=1)
    copy(aws, CopySourceIfModifiedSince=modified, CopySourceIfNoneMatch=WRONG)


@semantic("copy-destination-if-none-match", f"{COPY} IfNoneMatch")
def _(aws):
    aws.put(aws.bucket(), "from")
    copy(aws, IfNoneMatch="*")
    aws.put("a-bucket", "from", b"two")
    with refused("PreconditionFailed", 412):
        copy(aws, IfNoneMatch="*")
    assert aws.read("a-bucket", "to") == b"one"


@semantic("copy-destination-if-match", f"{COPY} IfMatch")
def _(aws):
    aws.put(aws.bucket(), "from")
    with refused("NoSuchKey", 404):
        copy(aws, IfMatch=WRONG)
    etag = aws.put("a-bucket", "to", b"two")["ETag"]
    with refused("PreconditionFailed", 412):
        copy(aws, IfMatch=WRONG)
    assert aws.read("a-bucket", "to") == b"two"
    copy(aws, IfMatch=etag)
    assert aws.read("a-bucket", "to") == b"one"


@semantic("copy-source-version-missing", "ErrorResponses.html NoSuchVersion", moto=True)
def _(aws):
    aws.put(aws.bucket(), "from")
    with refused("NoSuchVersion", 404):
        copy(aws, source={"VersionId": UNKNOWN})


@semantic("copy-source-version-is-none", f"{VERSION_ID} of copies")
def _(aws):
    aws.put(aws.bucket(), "from")
    for text in NO_VERSION_IDS:
        with refused("InvalidArgument"):
            copy(aws, source={"VersionId": text})
    assert aws.read("a-bucket", "to") is None


@semantic("copy-source-delete-marker", "DeleteMarker.html, API_CopyObject.html")
def _(aws):
    aws.put(aws.bucket(), "from")
    marker = aws.s3.delete_object(Bucket="a-bucket", Key="from")["VersionId"]
    with refused("NoSuchKey", 404):
        copy(aws)
    with refused("InvalidRequest"):
        copy(aws, source={"VersionId": marker})
    assert aws.read("a-bucket", "to") is None


@semantic("copy-at-most-5-gib", f"{COPY} description")
def _(aws):
    aws.put(aws.bucket(), "from", b"1234")
    with patch.object(limits, "max_copy_bytes", 3), refused("InvalidRequest"):
        copy(aws)
    assert aws.read("a-bucket", "to") is None
    with patch.object(limits, "max_copy_bytes", 4):
        copy(aws)


@semantic("put-at-most-5-gib", "API_PutObject.html, ErrorResponses.html EntityTooLarge")
def _(aws):
    aws.bucket()
    with patch.object(limits, "max_put_bytes", 3), refused("EntityTooLarge"):
        aws.put("a-bucket", "key", b"1234")
    assert aws.read("a-bucket", "key") is None
    with patch.object(limits, "max_put_bytes", 4):
        aws.put("a-bucket", "key", b"1234")


@semantic("put-if-none-match", "botocore s3 PutObjectRequest IfNoneMatch", moto=True)
def _(aws):
    aws.put(aws.bucket(), "key", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        aws.put("a-bucket", "key", b"two", IfNoneMatch="*")
    assert aws.read("a-bucket", "key") == b"one"


@semantic("put-if-none-match-over-delete-marker", "conditional-writes.html", moto=True)
def _(aws):
    aws.put(aws.bucket(), "key")
    aws.s3.delete_object(Bucket="a-bucket", Key="key")
    aws.put("a-bucket", "key", b"two", IfNoneMatch="*")
    assert aws.read("a-bucket", "key") == b"two"


@semantic("put-if-none-match-has-one-winner", "conditional-writes.html", moto=None)
def _(aws):
    aws.bucket()

    def put(number):
        try:
            aws.put("a-bucket", "key", str(number).encode(), IfNoneMatch="*")
        except ClientError:
            return None
        return number

    with ThreadPoolExecutor(16) as pool:
        winners = [number for number in pool.map(put, range(48)) if number is not None]
    assert [str(number).encode() for number in winners] == [aws.read("a-bucket", "key")]
    assert len(aws.s3.list_object_versions(Bucket="a-bucket")["Versions"]) == 1


@semantic("put-if-match-has-one-winner", "conditional-writes.html", moto=None)
def _(aws):
    etag = aws.put(aws.bucket(), "key")["ETag"]

    def put(number):
        try:
            aws.put("a-bucket", "key", str(number).encode(), IfMatch=etag)
        except ClientError:
            return 0
        return 1

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(put, range(48))) == 1


@semantic("put-if-match-of-nothing", "conditional-writes.html", moto=True)
def _(aws):
    aws.bucket()
    with refused("NoSuchKey", 404):
        aws.put("a-bucket", "key", IfMatch=WRONG)
    assert aws.read("a-bucket", "key") is None


@semantic("delete-if-match", "botocore s3 DeleteObjectRequest IfMatch", moto=True)
def _(aws):
    etag = aws.put(aws.bucket(), "key")["ETag"]
    with refused("PreconditionFailed", 412):
        aws.s3.delete_object(Bucket="a-bucket", Key="key", IfMatch=WRONG)
    assert aws.read("a-bucket", "key") == b"one"
    aws.s3.delete_object(Bucket="a-bucket", Key="key", IfMatch=etag)
    assert aws.read("a-bucket", "key") is None


@semantic("delete-if-match-any", "botocore s3 DeleteObjectRequest IfMatch: '*'")
def _(aws):
    aws.put(aws.bucket(), "key")
    aws.s3.delete_object(Bucket="a-bucket", Key="key", IfMatch="*")
    assert aws.read("a-bucket", "key") is None
    with refused("NoSuchKey", 404):
        aws.s3.delete_object(Bucket="a-bucket", Key="key", IfMatch="*")


@semantic("delete-condition-is-of-the-current-version", "conditional-deletes.html Note", moto=True)
def _(aws):
    old = aws.put(aws.bucket(), "key")
    aws.put("a-bucket", "key", b"two")
    with refused("PreconditionFailed", 412):
        aws.s3.delete_object(
            Bucket="a-bucket", Key="key", VersionId=old["VersionId"], IfMatch=old["ETag"]
        )
    assert aws.read("a-bucket", "key", VersionId=old["VersionId"]) == b"one"


def delete_many(aws, *entries, **options):
    return aws.s3.delete_objects(Bucket="a-bucket", Delete={"Objects": list(entries), **options})


@semantic("delete-many-by-etag", "botocore s3 ObjectIdentifier ETag, conditional-deletes.html")
def _(aws):
    etag = aws.put(aws.bucket(), "stays")["ETag"]
    aws.put("a-bucket", "goes")
    answer = delete_many(aws, {"Key": "stays", "ETag": WRONG}, {"Key": "goes", "ETag": etag})
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [
        ("stays", "PreconditionFailed")
    ]
    assert [one["Key"] for one in answer["Deleted"]] == ["goes"]
    assert aws.read("a-bucket", "stays") == b"one"
    assert aws.read("a-bucket", "goes") is None
    old = aws.put("a-bucket", "changed", b"old")
    aws.put("a-bucket", "changed", b"new")
    named = {"Key": "changed", "VersionId": old["VersionId"]}
    # The condition is of the current version.
    (error,) = delete_many(aws, named | {"ETag": old["ETag"]})["Errors"]
    assert error["Code"] == "PreconditionFailed"
    assert aws.read("a-bucket", "changed", VersionId=old["VersionId"]) == b"old"


@semantic("delete-many-by-etag-of-nothing", "conditional-deletes.html; code as of DeleteObject")
def _(aws):
    aws.bucket()
    answer = delete_many(aws, {"Key": "missing", "ETag": WRONG})
    assert [one["Code"] for one in answer["Errors"]] == ["NoSuchKey"]
    assert "Deleted" not in answer


@semantic("delete-many-quietly", "API_DeleteObjects.html Quiet")
def _(aws):
    aws.put(aws.bucket(), "goes")
    aws.put("a-bucket", "stays")
    answer = delete_many(aws, {"Key": "goes"}, {"Key": "stays", "ETag": WRONG}, Quiet=True)
    assert "Deleted" not in answer
    assert [one["Key"] for one in answer["Errors"]] == ["stays"]
    assert aws.read("a-bucket", "goes") is None


@semantic("delete-many-at-most-1000", "API_DeleteObjects.html")
def _(aws):
    aws.put(aws.bucket(), "0")
    with refused("MalformedXML"):
        delete_many(aws, *({"Key": str(number)} for number in range(1001)))
    assert aws.read("a-bucket", "0") == b"one"
    with patch.object(limits, "max_deletes", 2):
        assert len(delete_many(aws, {"Key": "0"}, {"Key": "1"})["Deleted"]) == 2


@semantic("delete-many-of-what-xml-cannot-carry", "API_DeleteObjects.html MalformedXML")
def _(aws):
    aws.put(aws.bucket(), "a key")
    for key in ODD:
        aws.put("a-bucket", key)
        with refused("MalformedXML"):
            delete_many(aws, {"Key": "a key"}, {"Key": key})
        assert aws.read("a-bucket", key) == b"one"
        aws.s3.delete_object(Bucket="a-bucket", Key=key)
        assert aws.read("a-bucket", key) is None
    assert aws.read("a-bucket", "a key") == b"one"


@semantic("keys-that-xml-cannot-carry-are-listed", "API_ListObjectsV2.html encoding-type")
def _(aws):
    aws.bucket()
    for key in (*ODD, "\r", "a +%"):
        aws.put("a-bucket", key)
        for operation, entries in (
            ("list_objects", "Contents"),
            ("list_objects_v2", "Contents"),
            ("list_object_versions", "Versions"),
        ):
            answer = getattr(aws.s3, operation)(Bucket="a-bucket", Prefix=key, Delimiter="/")
            # botocore does not decode the prefix of the oldest listing.
            assert operation == "list_objects" or answer["Prefix"] == key
            assert [one["Key"] for one in answer[entries]] == [key]
    everything = sorted((*ODD, "\r", "a +%"))
    for number, key in enumerate(everything):
        behind = everything[number + 1 :]
        answer = aws.s3.list_objects_v2(Bucket="a-bucket", StartAfter=key)
        assert answer["StartAfter"] == key
        assert [one["Key"] for one in answer.get("Contents", [])] == behind
    pages = aws.s3.get_paginator("list_object_versions").paginate(
        Bucket="a-bucket", PaginationConfig={"PageSize": 1}
    )
    assert [one["Key"] for page in pages for one in page["Versions"]] == everything


@semantic("folders-that-xml-cannot-carry-are-listed", "API_ListObjectsV2.html encoding-type")
def _(aws):
    aws.put(aws.bucket(), "a\x01/b")
    for operation in ("list_objects", "list_objects_v2", "list_object_versions"):
        answer = getattr(aws.s3, operation)(Bucket="a-bucket", Delimiter="/")
        assert [one["Prefix"] for one in answer["CommonPrefixes"]] == ["a\x01/"]


@semantic("carriage-returns-come-back", "object-keys.html, XML related constraints")
def _(aws):
    aws.put(aws.bucket(), "a\rb")
    (made,) = delete_many(aws, {"Key": "a\rb"})["Deleted"]
    assert made["Key"] == "a\rb"
    assert aws.read("a-bucket", "a\rb") is None


@semantic("put-of-a-form-stores-its-bytes", "API_PutObject.html Content-Type")
def _(aws):
    aws.bucket()
    for body in (b"a=1&key=2&acl=", b"id,name\n1,x\n", b""):
        aws.put("a-bucket", "key", body, ContentType="application/x-www-form-urlencoded")
        assert aws.read("a-bucket", "key") == body
    body = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\none\r\n--x--\r\n'
    aws.put("a-bucket", "key", body, ContentType="multipart/form-data; boundary=x")
    assert aws.read("a-bucket", "key") == body


@semantic("delete-many-names-markers", "API_DeletedObject.html")
def _(aws):
    aws.put(aws.bucket(), "key")
    (made,) = delete_many(aws, {"Key": "key"})["Deleted"]
    assert made["DeleteMarker"]
    marker = made["DeleteMarkerVersionId"]
    (gone,) = delete_many(aws, {"Key": "key", "VersionId": marker})["Deleted"]
    assert gone == {
        "Key": "key",
        "VersionId": marker,
        "DeleteMarker": True,
        "DeleteMarkerVersionId": marker,
    }
    assert aws.read("a-bucket", "key") == b"one"


@semantic("delete-of-nothing-leaves-a-marker", "DeleteMarker.html")
def _(aws):
    aws.bucket()
    answer = aws.s3.delete_object(Bucket="a-bucket", Key="key")
    (marker,) = aws.s3.list_object_versions(Bucket="a-bucket")["DeleteMarkers"]
    assert (marker["Key"], marker["VersionId"]) == ("key", answer["VersionId"])


@semantic("delete-of-a-missing-version-succeeds", "API_DeleteObject.html", moto=True)
def _(aws):
    aws.put(aws.bucket(), "key")
    answer = aws.s3.delete_object(Bucket="a-bucket", Key="key", VersionId=UNKNOWN)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert aws.read("a-bucket", "key") == b"one"


@semantic("delete-of-a-version-that-is-none", f"{VERSION_ID} of deletes")
def _(aws):
    aws.put(aws.bucket(), "key")
    for text in NO_VERSION_IDS:
        with refused("InvalidArgument"):
            aws.s3.delete_object(Bucket="a-bucket", Key="key", VersionId=text)
    assert aws.read("a-bucket", "key") == b"one"


@semantic("delete-by-version-uncovers-the-one-beneath", "DeletingObjectVersions.html", moto=True)
def _(aws):
    aws.put(aws.bucket(), "key")
    version = aws.put("a-bucket", "key", b"two")["VersionId"]
    aws.s3.delete_object(Bucket="a-bucket", Key="key", VersionId=version)
    assert aws.read("a-bucket", "key") == b"one"
    assert "DeleteMarkers" not in aws.s3.list_object_versions(Bucket="a-bucket")


@semantic("missing-version", "ErrorResponses.html NoSuchVersion", moto=True)
def _(aws):
    aws.put(aws.bucket(), "key")
    with refused("NoSuchVersion", 404):
        aws.s3.get_object(Bucket="a-bucket", Key="key", VersionId=UNKNOWN)
    with refused("404", 404):
        aws.s3.head_object(Bucket="a-bucket", Key="key", VersionId=UNKNOWN)


@semantic("version-that-is-none", VERSION_ID)
def _(aws):
    aws.put(aws.bucket(), "key")
    for text in NO_VERSION_IDS:
        named = {"Bucket": "a-bucket", "Key": "key", "VersionId": text}
        for operation, code in (
            ("get_object", "InvalidArgument"),
            ("head_object", "400"),
            ("get_object_tagging", "InvalidArgument"),
        ):
            with refused(code):
                getattr(aws.s3, operation)(**named)


@semantic("versions-newest-first-in-pages", "API_ListObjectVersions.html", moto=None)
def _(aws):
    aws.bucket()
    stored = [
        (key, aws.put("a-bucket", key, str(number).encode())["VersionId"])
        for key in ("a/1", "a/2", "b")
        for number in range(3)
    ]
    expected = [
        (key, version)
        for name in ("a/1", "a/2", "b")
        for key, version in reversed(stored)
        if key == name
    ]
    pages = aws.s3.get_paginator("list_object_versions").paginate(
        Bucket="a-bucket", PaginationConfig={"PageSize": 2}
    )
    found = [version for page in pages for version in page["Versions"]]
    assert [(one["Key"], one["VersionId"]) for one in found] == expected
    assert [one["IsLatest"] for one in found] == [True, False, False] * 3


@semantic("versions-behind-a-key", "API_ListObjectVersions.html KeyMarker")
def _(aws):
    aws.bucket()
    for key in ("a", "a", "b"):
        aws.put("a-bucket", key)
    answer = aws.s3.list_object_versions(Bucket="a-bucket", KeyMarker="a")
    assert [one["Key"] for one in answer["Versions"]] == ["b"]


@semantic("versions-by-folder", "API_ListObjectVersions.html Delimiter", moto=True)
def _(aws):
    aws.bucket()
    for key in ("a/1", "a/2", "b", "c/1"):
        aws.put("a-bucket", key)
    answer = aws.s3.list_object_versions(Bucket="a-bucket", Delimiter="/")
    assert [one["Prefix"] for one in answer["CommonPrefixes"]] == ["a/", "c/"]
    assert [one["Key"] for one in answer["Versions"]] == ["b"]


@semantic("versions-by-folder-in-pages", "API_ListObjectVersions.html MaxKeys, Delimiter")
def _(aws):
    aws.bucket()
    for key in ("a/1", "a/2", "b", "c/1", "c/2", "d"):
        aws.put("a-bucket", key)
    aws.s3.delete_object(Bucket="a-bucket", Key="b")
    pages = aws.s3.get_paginator("list_object_versions").paginate(
        Bucket="a-bucket", Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    kinds = ("CommonPrefixes", "DeleteMarkers", "Versions")
    found = [
        [one.get("Prefix") or one["Key"] for kind in kinds for one in page.get(kind, [])]
        for page in pages
    ]
    assert found == [["a/"], ["b"], ["b"], ["c/"], ["d"]]


@semantic("expected-owner", "bucket-owner-condition.html")
def _(aws):
    aws.put(aws.bucket(), "key")
    for call in (
        lambda owner: aws.read("a-bucket", "key", ExpectedBucketOwner=owner),
        lambda owner: aws.put("a-bucket", "new", ExpectedBucketOwner=owner),
        lambda owner: aws.s3.list_objects_v2(Bucket="a-bucket", ExpectedBucketOwner=owner),
        lambda owner: aws.s3.delete_object(Bucket="a-bucket", Key="x", ExpectedBucketOwner=owner),
    ):
        with refused("AccessDenied", 403):
            call("111122223333")
    assert aws.read("a-bucket", "new") is None
    assert aws.read("a-bucket", "key", ExpectedBucketOwner="123456789012") == b"one"


@semantic("expected-owner-of-a-copy-s-source", "bucket-owner-condition.html")
def _(aws):
    aws.put(aws.bucket(), "from")
    with refused("AccessDenied", 403):
        copy(aws, ExpectedSourceBucketOwner="111122223333")
    assert aws.read("a-bucket", "to") is None
    copy(aws, ExpectedSourceBucketOwner="123456789012")


@semantic("key-at-most-1024-bytes", "object-keys.html, ErrorResponses.html KeyTooLongError")
def _(aws):
    aws.bucket()
    aws.put("a-bucket", "é" * 512)
    assert aws.read("a-bucket", "é" * 512) == b"one"
    with refused("KeyTooLongError"):
        aws.put("a-bucket", "é" * 512 + "x")
    assert aws.s3.list_objects_v2(Bucket="a-bucket")["KeyCount"] == 1


@semantic("metadata-at-most-2-kb", "UsingMetadata.html, ErrorResponses.html MetadataTooLarge")
def _(aws):
    aws.put(aws.bucket(), "fits", Metadata={"name": "x" * 2044})
    with refused("MetadataTooLarge"):
        aws.put("a-bucket", "key", Metadata={"name": "x" * 2045})
    with refused("MetadataTooLarge"):
        aws.s3.create_multipart_upload(Bucket="a-bucket", Key="key", Metadata={"a": "x" * 2048})
    assert aws.read("a-bucket", "key") is None
    assert aws.s3.head_object(Bucket="a-bucket", Key="fits")["Metadata"] == {"name": "x" * 2044}


@semantic("reads-see-whole-objects", "Welcome.html, data consistency model", moto=None)
def _(aws):
    aws.bucket()

    def write(number):
        aws.put(
            "a-bucket", "key", b"x" * number, Metadata={"size": str(number)}, Tagging=f"n={number}"
        )

    def look(_):
        answer = aws.s3.get_object(Bucket="a-bucket", Key="key")
        return (
            answer["ContentLength"] == int(answer["Metadata"]["size"]) and answer["TagCount"] == 1
        )

    write(1)
    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(write, number) for number in range(1, 60)]
        looks = list(pool.map(look, range(60)))
        assert [done.result() for done in writes] == [None] * 59
    assert all(looks)


@semantic("delete-while-listing-in-pages", "API_ListObjectVersions.html", moto=None)
def _(aws):
    """A version that a marker names may be gone when the next page is asked for."""
    aws.bucket()
    for number in range(5):
        aws.put("a-bucket", "key", str(number).encode())
    found = set()
    pages = aws.s3.get_paginator("list_object_versions").paginate(
        Bucket="a-bucket", PaginationConfig={"PageSize": 2}
    )
    for page in pages:
        for one in page["Versions"]:
            found.add(one["VersionId"])
            aws.s3.delete_object(Bucket="a-bucket", Key="key", VersionId=one["VersionId"])
    assert len(found) == 5
    assert "Versions" not in aws.s3.list_object_versions(Bucket="a-bucket")
