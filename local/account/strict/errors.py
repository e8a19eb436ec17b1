"""The errors that the strict rules raise, with the codes and messages of S3 and SQS."""

from moto.s3.exceptions import S3ClientError
from moto.sqs.exceptions import SQSException


def access_denied() -> S3ClientError:
    """Return a 403 AccessDenied of S3."""
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
