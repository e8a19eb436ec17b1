"""Rules of S3 for objects of GLACIER: unreadable until they are retrieved, and after some days."""

import time
from unittest.mock import patch

import pytest

from local.account.strict import limits

from .table import Account, refused, semantic

RESTORE = "API_RestoreObject.html"
READING = "botocore s3 InvalidObjectState; userguide/restoring-objects.html"
TIERS = "userguide/restoring-objects-retrieval-options.html"
LISTING = "API_ListObjectsV2.html OptionalObjectAttributes"
COPY = {"Bucket": "a-bucket", "Key": "old"}


def archived(aws: Account) -> None:
    aws.bucket()
    aws.put("a-bucket", "old", b"0123456789", StorageClass="GLACIER")


def retrieve(aws: Account, key: str = "old", tier: str = "Bulk", days: int = 1) -> int:
    request = {"Days": days, "GlacierJobParameters": {"Tier": tier}}
    answer = aws.s3.restore_object(Bucket="a-bucket", Key=key, RestoreRequest=request)
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def header(aws: Account) -> str:
    return aws.s3.head_object(Bucket="a-bucket", Key="old").get("Restore", "")


def taking(seconds: float):
    return patch.dict(limits.retrieval_seconds, dict.fromkeys(limits.retrieval_seconds, seconds))


def state(aws: Account) -> dict[str, object] | None:
    page = aws.s3.list_objects_v2(Bucket="a-bucket", OptionalObjectAttributes=["RestoreStatus"])
    return page["Contents"][0].get("RestoreStatus")


def begin_upload(aws: Account) -> dict[str, object]:
    upload = aws.s3.create_multipart_upload(Bucket="a-bucket", Key="new")["UploadId"]
    return {"Bucket": "a-bucket", "Key": "new", "UploadId": upload, "PartNumber": 1}


@semantic("archived-objects-are-not-read", READING, moto=True)
def _(aws):
    archived(aws)
    with refused("InvalidObjectState", 403):
        aws.s3.get_object(Bucket="a-bucket", Key="old")
    with pytest.raises(aws.s3.exceptions.ClientError) as caught:
        aws.s3.copy_object(Bucket="a-bucket", Key="new", CopySource=COPY)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@semantic("parts-of-archived-objects-are-not-copied", READING)
def _(aws):
    archived(aws)
    with refused("InvalidObjectState", 403):
        aws.s3.upload_part_copy(CopySource=COPY, **begin_upload(aws))
    with taking(0):
        retrieve(aws)
    aws.s3.upload_part_copy(CopySource=COPY, **begin_upload(aws))


@semantic("a-retrieval-takes-time", f"{RESTORE}: 202; API_HeadObject.html x-amz-restore")
def _(aws):
    archived(aws)
    assert header(aws) == ""
    with taking(0.4):
        assert retrieve(aws) == 202
    assert header(aws) == 'ongoing-request="true"'
    with refused("InvalidObjectState", 403):
        aws.s3.get_object(Bucket="a-bucket", Key="old")
    time.sleep(0.5)
    assert header(aws).startswith('ongoing-request="false", expiry-date="')
    assert aws.read("a-bucket", "old") == b"0123456789"
    aws.s3.copy_object(Bucket="a-bucket", Key="new", CopySource=COPY)
    assert aws.read("a-bucket", "new") == b"0123456789"


@semantic("a-retrieval-under-way-is-not-asked-for-twice", f"{RESTORE}: RestoreAlreadyInProgress")
def _(aws):
    archived(aws)
    retrieve(aws)
    with refused("RestoreAlreadyInProgress", 409):
        retrieve(aws)


@semantic("expedited-capacity-may-lack", f"{RESTORE}: GlacierExpeditedRetrievalNotAvailable")
def _(aws):
    archived(aws)
    with (
        patch.object(limits, "expedited_capacity", False),
        refused("GlacierExpeditedRetrievalNotAvailable", 503),
    ):
        retrieve(aws, tier="Expedited")
    assert header(aws) == ""
    assert retrieve(aws, tier="Expedited") == 202


@semantic("a-retrieved-object-is-kept-longer", f"{RESTORE}: 200", moto=True)
def _(aws):
    archived(aws)
    with taking(0):
        assert retrieve(aws) == 202
        before = header(aws)
        assert retrieve(aws, days=9) == 200
    assert header(aws) != before


@semantic("a-temporary-copy-expires", "userguide/restoring-objects.html")
def _(aws):
    archived(aws)
    with taking(0), patch.object(limits, "temporary_copy_day_seconds", 0.3):
        retrieve(aws)
    assert aws.read("a-bucket", "old") == b"0123456789"
    time.sleep(0.4)
    assert header(aws) == ""
    with refused("InvalidObjectState", 403):
        aws.s3.get_object(Bucket="a-bucket", Key="old")
    assert retrieve(aws) == 202


@semantic("only-archived-objects-are-retrieved", f"{RESTORE}; botocore s3 InvalidObjectState")
def _(aws):
    aws.put(aws.bucket(), "new", StorageClass="STANDARD_IA")
    with refused("InvalidObjectState", 403):
        retrieve(aws, "new")
    with refused("NoSuchKey", 404):
        retrieve(aws, "none")
    archived(aws)
    request = {"GlacierJobParameters": {"Tier": "Bulk"}}
    with refused("MalformedXML"):  # no days
        aws.s3.restore_object(Bucket="a-bucket", Key="old", RestoreRequest=request)


@semantic("a-listing-tells-what-is-retrieved", LISTING)
def _(aws):
    archived(aws)
    assert state(aws) is None
    with taking(0.3):
        retrieve(aws)
    assert state(aws) == {"IsRestoreInProgress": True}
    time.sleep(0.4)
    found = state(aws)
    assert found is not None
    assert found["IsRestoreInProgress"] is False
    assert "RestoreExpiryDate" in found
    plain = aws.s3.list_objects_v2(Bucket="a-bucket")["Contents"]
    assert "RestoreStatus" not in plain[0]
