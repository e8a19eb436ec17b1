"""The errors that the strict rules raise, as S3 and SQS spell them."""

from moto.s3.exceptions import S3ClientError
from moto.sqs.exceptions import SQSException


def access_denied() -> S3ClientError:
    """Return the 403 of a bucket that is not the expected owner's."""
    return S3ClientError("AccessDenied", "Access Denied")


def invalid_request(message: str) -> S3ClientError:
    """Return a 400 InvalidRequest of S3."""
    return S3ClientError("InvalidRequest", message)


def invalid_argument(message: str) -> S3ClientError:
    """Return a 400 InvalidArgument of S3."""
    return S3ClientError("InvalidArgument", message)


def invalid_parameter(value: object, parameter: str, reason: str) -> SQSException:
    """Return a 400 InvalidParameterValue of SQS."""
    message = f"Value {value} for parameter {parameter} is invalid. Reason: {reason}."
    return SQSException("InvalidParameterValue", message)
