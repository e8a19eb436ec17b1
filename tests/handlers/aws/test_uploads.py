"""An object that is written piece by piece: by the double, and by moto with AWS's rules."""

import boto3
import pytest
from moto import mock_aws

from handlers.aws import uploads
from handlers.aws.failures import TakenError, TransientError
from handlers.aws.object_info import Location
from handlers.aws.objects import Storage
from handlers.aws.uploads import Upload
from local.account.strict import ruleset
from tests.proof.memory import Client, MemoryS3

BUCKET = "a-bucket"
HERE = Location(bucket=BUCKET, key="bundles/a key")
PART = 5 * 1024**2


@pytest.fixture(params=["double", "moto"])
def s3(request, monkeypatch):
    monkeypatch.setattr(uploads, "PART_BYTES", PART)
    if request.param == "double":
        yield Client(MemoryS3(versioned=(BUCKET,)))
        return
    ruleset.install()
    with mock_aws():
        client = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        client.create_bucket(Bucket=BUCKET)
        yield client


def upload(s3, *pieces):
    begun = Upload(Storage(s3), HERE, content_type="application/gzip", storage_class="STANDARD_IA")
    for piece in pieces:
        begun.write(piece)
    return begun


@pytest.mark.parametrize(
    ("pieces", "parts"),
    [
        ((), 0),
        ((b"one", b"", b"two"), 0),
        ((b"x" * (PART - 1), b"yz"), 2),
        ((b"x" * (2 * PART),), 2),
        ((b"x" * (2 * PART + 1), b"end"), 3),
    ],
    ids=["nothing", "small", "a part and a byte", "two parts", "two parts and more"],
)
def test_what_is_written_stands_whole(s3, pieces, parts):
    begun = upload(s3, *pieces)
    begun.commit()
    begun.check()
    stored = s3.get_object(Bucket=BUCKET, Key=HERE.key)
    assert stored["Body"].read() == b"".join(pieces)
    assert (stored["ContentType"], stored["StorageClass"]) == ("application/gzip", "STANDARD_IA")
    assert begun.size == sum(map(len, pieces))
    number = stored["ETag"].strip('"').partition("-")[2]
    assert number == (str(parts) if parts else "")


@pytest.mark.parametrize("piece", [b"small", b"x" * (PART + 1)], ids=["at once", "in parts"])
def test_a_key_that_is_taken_is_left_alone(s3, piece):
    begun = upload(s3, piece)
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"another's")
    with pytest.raises(TakenError):
        begun.commit()
    begun.abort()
    assert s3.get_object(Bucket=BUCKET, Key=HERE.key)["Body"].read() == b"another's"


@pytest.mark.parametrize("piece", [b"small", b"x" * (PART + 1)], ids=["at once", "in parts"])
def test_other_bytes_than_were_written_do_not_pass_the_check(s3, piece):
    begun = upload(s3, piece)
    begun.commit()
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=piece[:-1] + b"?")
    with pytest.raises(TransientError, match="is not as it was written"):
        begun.check()


def test_what_is_not_committed_does_not_appear_and_leaves_no_parts():
    s3 = MemoryS3(versioned=(BUCKET,))
    begun = upload(Client(s3), b"x" * (uploads.PART_BYTES + 1))
    assert len(s3.uploads) == 1
    begun.abort()
    assert not s3.uploads
    assert not s3.visible(BUCKET)
