"""The clients: what is repeated when an answer is lost, and what is left to the caller."""

from typing import Any

import pytest
from botocore.endpoint import Endpoint
from botocore.exceptions import ReadTimeoutError
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
