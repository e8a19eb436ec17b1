"""The head of an object, and what S3 answers for one that is not there."""

import boto3
import pytest
from botocore.stub import Stubber

from ops.files import objects


@pytest.mark.parametrize(("code", "status"), [("404", 404), ("405", 405)])
def test_what_is_not_there_has_no_head(code: str, status: int):
    # A HEAD has no body, so botocore knows the status alone. 405 is a delete marker.
    s3 = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(s3) as stubbed:
        stubbed.add_client_error("head_object", code, http_status_code=status)

        assert objects.head(s3, "bucket", "incoming/a.csv", "version") is None


@pytest.mark.parametrize(("code", "status"), [("403", 403), ("400", 400)])
def test_a_head_that_is_denied_or_of_an_expired_session_is_an_error(code: str, status: int):
    s3 = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(s3) as stubbed:
        stubbed.add_client_error("head_object", code, http_status_code=status)

        with pytest.raises(s3.exceptions.ClientError, match=code):
            objects.head(s3, "bucket", "incoming/a.csv", "version")
