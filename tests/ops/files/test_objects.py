"""The head of an object, and what S3 answers for one that is not there."""

import boto3
import pytest
from botocore.stub import Stubber

from ops.files import objects


@pytest.mark.parametrize(("code", "status"), [("404", 404), ("405", 405), ("400", 400)])
def test_what_is_not_there_has_no_head(code: str, status: int):
    # A HEAD has no body, so botocore knows the status alone. 400 is a text that is no version id.
    s3 = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(s3) as stubbed:
        stubbed.add_client_error("head_object", code, http_status_code=status)

        assert objects.head(s3, "bucket", "incoming/a.csv", "no version") is None


def test_a_head_that_is_denied_is_an_error():
    s3 = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(s3) as stubbed:
        stubbed.add_client_error("head_object", "403", http_status_code=403)

        with pytest.raises(s3.exceptions.ClientError, match="403"):
            objects.head(s3, "bucket", "incoming/a.csv", "version")
