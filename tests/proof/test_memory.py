"""The double of S3 answers as moto with AWS's strict semantics does."""

import random

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from local.account.strict import ruleset
from tests.proof.memory import Client, MemoryS3

VERSIONED, PLAIN = "versioned-bucket", "plain-bucket"
KEYS = ("a", "a/b c", "a/b+c", "ü", "b")
PART = 5 * 1024**2
SEEDS = range(6)
CALLS = 130


class Twins:
    """Makes each call on both, with each one's own names of versions and uploads."""

    def __init__(self, s3):
        self.double = Client(MemoryS3(versioned=(VERSIONED,), unversioned=(PLAIN,)))
        self.s3 = s3
        self.versions = [("gone", "00000000-0000-4000-8000-000000000000")]
        self.uploads = []
        self.parts = {}

    def call(self, operation, **given):
        answers = []
        for side, client in enumerate((self.double, self.s3)):
            own = {
                name: value[side] if isinstance(value, tuple) else value
                for name, value in given.items()
            }
            if isinstance(source := own.get("CopySource"), dict):
                own["CopySource"] = {
                    name: value[side] if isinstance(value, tuple) else value
                    for name, value in source.items()
                }
            try:
                answers.append(getattr(client, operation)(**own))
            except ClientError as error:
                answers.append(error.response["Error"]["Code"])
        return answers

    def version(self, rng):
        return rng.choice(self.versions)


def seen(answer):
    """Return what of an answer must be the same on both sides."""
    if isinstance(answer, str):
        return answer
    kept = {
        name: answer[name]
        for name in (
            "ETag",
            "ContentLength",
            "Metadata",
            "ContentType",
            "CacheControl",
            "StorageClass",
            "TagSet",
            "IsTruncated",
            "KeyCount",
        )
        if name in answer
    }
    if "Body" in answer:
        kept["Body"] = answer["Body"].read()
    if "CopyObjectResult" in answer:
        kept["Copied"] = answer["CopyObjectResult"]["ETag"]
    if "CopyPartResult" in answer:
        kept["Copied"] = answer["CopyPartResult"]["ETag"]
    for name in ("Contents", "Versions"):
        if name in answer:
            kept[name] = [(one["Key"], one["ETag"], one["Size"]) for one in answer[name]]
    for name in ("DeleteMarkers", "Deleted"):
        if name in answer:
            kept[name] = [one["Key"] for one in answer[name]]
    if "Errors" in answer:
        kept["Errors"] = [(one["Key"], one["Code"]) for one in answer["Errors"]]
    return kept


def random_call(rng, twins):
    bucket = rng.choice((VERSIONED, VERSIONED, PLAIN))
    where = {"Bucket": bucket, "Key": rng.choice(KEYS)}
    version = (
        {"VersionId": twins.version(rng)} if bucket == VERSIONED and rng.random() < 0.4 else {}
    )
    source = {"Bucket": VERSIONED, "Key": rng.choice(KEYS)}
    if rng.random() < 0.4:
        source["VersionId"] = twins.version(rng)
    etag = rng.choice(twins.etags or ['"none"'])
    body = rng.choice((b"", b"one", b"two", b"three"))
    described = {"Metadata": {"Owner": "me"}, "ContentType": "text/plain", "CacheControl": "none"}
    calls = [
        (
            "put_object",
            where | {"Body": body} | rng.choice(({}, described, {"Tagging": "a=1&b=2"})),
        ),
        ("put_object", where | {"Body": body, "IfNoneMatch": "*"}),
        ("put_object", where | {"Body": body, "IfMatch": etag}),
        ("put_object", where | {"Body": body, "IfMatch": etag, "StorageClass": "STANDARD_IA"}),
        ("get_object", where | version),
        ("get_object", where | {"IfMatch": etag}),
        ("get_object", where | {"Range": f"bytes={rng.randrange(4)}-"}),
        ("head_object", where | version),
        ("head_object", where | {"IfMatch": etag}),
        ("copy_object", where | {"CopySource": source}),
        ("copy_object", where | {"CopySource": source, "CopySourceIfMatch": etag}),
        (
            "copy_object",
            where
            | {"CopySource": source, "MetadataDirective": "REPLACE", "StorageClass": "STANDARD_IA"}
            | described,
        ),
        ("get_object_tagging", where),
        ("delete_object", where),
        ("delete_object", where | version),
        ("delete_object", where | {"IfMatch": etag}),
        (
            "delete_objects",
            {
                "Bucket": bucket,
                "Delete": {
                    "Objects": [{"Key": rng.choice(KEYS), "ETag": etag}, {"Key": "never"}],
                    "Quiet": rng.random() < 0.5,
                },
            },
        ),
        ("list_objects_v2", {"Bucket": bucket, "Prefix": rng.choice(("", "a", "a/"))}),
        ("list_objects_v2", {"Bucket": bucket, "StartAfter": rng.choice(KEYS)}),
        ("list_object_versions", {"Bucket": VERSIONED, "Prefix": rng.choice(("", "a"))}),
    ]
    return rng.choice(calls)


@pytest.fixture
def twins():
    ruleset.install()
    with mock_aws():
        s3 = boto3.client(
            "s3",
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}),
        )
        for bucket in (VERSIONED, PLAIN):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
        made = Twins(s3)
        made.etags = []
        yield made


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_calls_get_the_same_answers(seed, twins):
    rng = random.Random(seed)
    for number in range(CALLS):
        operation, given = random_call(rng, twins)
        double, real = twins.call(operation, **given)
        assert seen(double) == seen(real), (number, operation, given)
        if isinstance(double, dict):
            if double.get("VersionId") and operation in ("put_object", "copy_object"):
                assert real["VersionId"]
                twins.versions.append((double["VersionId"], real["VersionId"]))
            if "ETag" in double:
                twins.etags.append(double["ETag"])


def both(twins, operation, **given):
    double, real = twins.call(operation, **given)
    assert seen(double) == seen(real)
    return double, real


@pytest.mark.parametrize("key", ["a\x01b", "\x00", "a\x0b", "\x1f", "a\ufffe", "\uffff"])
def test_keys_that_xml_cannot_carry(twins, key):
    where = {"Bucket": VERSIONED, "Key": key}
    both(twins, "put_object", **where, Body=b"one")
    both(twins, "put_object", Bucket=VERSIONED, Key="\r\t\n\x7f", Body=b"two")
    listed, _ = both(twins, "list_objects_v2", Bucket=VERSIONED)
    both(twins, "list_objects_v2", Bucket=VERSIONED, StartAfter=key)
    assert twins.call("create_multipart_upload", **where) == ["500", "500"]
    for entries, answer in (
        ([{"Key": "\r\t\n\x7f"}, {"Key": key}], "MalformedXML"),
        ([{"Key": "\r\t\n\x7f"}], {"Deleted": ["\r\t\n\x7f"]}),
    ):
        double, _ = both(twins, "delete_objects", Bucket=VERSIONED, Delete={"Objects": entries})
        assert seen(double) == answer
    [etag] = [one["ETag"] for one in listed["Contents"] if one["Key"] == key]
    both(twins, "delete_object", **where, IfMatch='"another"')
    both(twins, "delete_object", **where, IfMatch=etag)
    left, _ = both(twins, "list_objects_v2", Bucket=VERSIONED)
    assert left["KeyCount"] == 0


def test_multipart_uploads(twins):
    where = {"Bucket": VERSIONED, "Key": "whole"}
    large = b"x" * PART
    both(twins, "put_object", Bucket=VERSIONED, Key="part", Body=large)
    double, real = twins.call("create_multipart_upload", **where, Metadata={"a": "b"})
    upload = double["UploadId"], real["UploadId"]
    named = where | {"UploadId": upload}
    both(twins, "upload_part", **named, PartNumber=1, Body=b"small")
    copied, _ = both(
        twins,
        "upload_part_copy",
        **named,
        PartNumber=2,
        CopySource={"Bucket": VERSIONED, "Key": "part"},
    )
    small, _ = both(twins, "upload_part", **named, PartNumber=1, Body=b"small")
    parts = [
        {"PartNumber": 1, "ETag": small["ETag"]},
        {"PartNumber": 2, "ETag": copied["CopyPartResult"]["ETag"]},
    ]
    too_small = twins.call("complete_multipart_upload", **named, MultipartUpload={"Parts": parts})
    assert too_small == ["EntityTooSmall", "EntityTooSmall"]
    first, _ = both(twins, "upload_part", **named, PartNumber=1, Body=large)
    parts[0]["ETag"] = first["ETag"]
    both(twins, "put_object", **where, Body=b"taken")
    complete = {**named, "MultipartUpload": {"Parts": parts}, "IfNoneMatch": "*"}
    assert twins.call("complete_multipart_upload", **complete) == ["PreconditionFailed"] * 2
    both(twins, "delete_object", **where)
    both(twins, "complete_multipart_upload", **complete)
    both(twins, "head_object", **where)
    both(twins, "get_object", **where)


def test_a_multipart_upload_replaces_what_it_names(twins):
    where = {"Bucket": VERSIONED, "Key": "whole"}
    double, real = twins.call("create_multipart_upload", **where, StorageClass="STANDARD_IA")
    named = where | {"UploadId": (double["UploadId"], real["UploadId"])}
    part, _ = both(twins, "upload_part", **named, PartNumber=1, Body=b"new")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    old, _ = both(twins, "put_object", **where, Body=b"old")
    complete = {**named, "MultipartUpload": {"Parts": parts}}
    other = twins.call("complete_multipart_upload", **complete, IfMatch='"another"')
    assert other == ["PreconditionFailed"] * 2
    both(twins, "delete_object", **where)
    gone = twins.call("complete_multipart_upload", **complete, IfMatch=old["ETag"])
    assert gone == ["NoSuchKey"] * 2
    both(twins, "put_object", **where, Body=b"old")
    both(twins, "complete_multipart_upload", **complete, IfMatch=old["ETag"])
    assert seen(both(twins, "head_object", **where)[0])["StorageClass"] == "STANDARD_IA"


def test_an_aborted_upload_is_gone(twins):
    where = {"Bucket": VERSIONED, "Key": "whole"}
    double, real = twins.call("create_multipart_upload", **where)
    named = where | {"UploadId": (double["UploadId"], real["UploadId"])}
    twins.call("abort_multipart_upload", **named)
    again = twins.call("upload_part", **named, PartNumber=1, Body=b"late")
    assert again == ["NoSuchUpload", "NoSuchUpload"]


def test_what_the_double_does_not_know_is_an_error():
    double = Client(MemoryS3(versioned=(VERSIONED,)))
    with pytest.raises(TypeError):
        double.get_object(Bucket=VERSIONED, Key="a", IfModifiedSince=1)
    with pytest.raises(AssertionError):
        double.put_object(Bucket=VERSIONED, Key="a", ServerSideEncryption="aws:kms")
