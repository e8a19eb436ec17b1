"""The clients: what is repeated when an answer is lost, and what is left to the caller."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.endpoint import Endpoint
from botocore.exceptions import ReadTimeoutError
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from handlers.aws import clients

RAW = "raw"


def lose_answers(patch: pytest.MonkeyPatch) -> None:
    """Lose the first answer to a CopyObject, which S3 has performed."""
    original = Endpoint._do_get_response
    left = ["an answer"]

    def lost(self: Any, request: Any, operation: Any, context: Any) -> Any:
        answer = original(self, request, operation, context)
        if operation.name == "CopyObject" and left:
            left.clear()
            return None, ReadTimeoutError(endpoint_url="s3")
        return answer

    patch.setattr(Endpoint, "_do_get_response", lost)
    patch.setattr("botocore.endpoint.time.sleep", lambda _: None)


def test_a_copy_to_incoming_whose_answer_is_lost_is_left_to_the_next_delivery(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        s3 = clients.client.__wrapped__("s3")
        s3.create_bucket(Bucket=RAW)
        s3.put_bucket_versioning(Bucket=RAW, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=RAW, Key="completed/a.json", Body=b"{}")
        source = {"Bucket": RAW, "Key": "completed/a.json"}
        lose_answers(monkeypatch)
        with pytest.raises(ReadTimeoutError):
            s3.copy_object(Bucket=RAW, Key="incoming/a.json", CopySource=source)
        lose_answers(monkeypatch)
        s3.copy_object(Bucket=RAW, Key="completed/b.json", CopySource=source)
        found = s3.list_object_versions(Bucket=RAW)["Versions"]
    assert [one["Key"] for one in found].count("incoming/a.json") == 1


@given(st.integers(0, 10**11).map(lambda at: datetime.fromtimestamp(at / 1000, UTC)))
def test_times_are_those_that_botocore_reads(time):
    texts = (
        time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        time.isoformat(timespec="seconds").replace("+00:00", "Z"),
        time.strftime("%Y%m%dT%H%M%SZ"),
        format_datetime(time, usegmt=True),
        time.isoformat(),
    )
    for text in texts:
        read = clients._time(text)
        assert (read, read.utcoffset()) == (parse_timestamp(text), time.utcoffset()), text


@pytest.mark.parametrize("given", [1705312800, 1705312800.5, "1705312800", "Mon Jan 15 10:00 GMT"])
def test_other_times_are_left_to_botocore(given):
    assert clients._time(given) == parse_timestamp(given)


@pytest.mark.parametrize("given", ["", "Z", "no time GMT", "2024-13-45T00:00:00Z"])
def test_what_is_no_time_is_refused_as_botocore_refuses_it(given):
    with pytest.raises(ValueError, match="Invalid timestamp"):
        clients._time(given)


def test_a_client_reads_the_times_of_a_listing_and_of_a_header_so(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        s3 = clients.client.__wrapped__("s3")
        s3.create_bucket(Bucket=RAW)
        s3.put_object(Bucket=RAW, Key="a.json", Body=b"{}")
        listed = s3.list_objects_v2(Bucket=RAW)["Contents"][0]["LastModified"]
        told = s3.head_object(Bucket=RAW, Key="a.json")["LastModified"]
    assert told.tzinfo is listed.tzinfo is UTC
    assert told == listed.replace(microsecond=0)
