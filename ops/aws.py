"""The clients of a stack, and AWS's errors explained; the only module that imports boto3."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from handlers import keys
from ops.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_athena.client import AthenaClient
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef
    from mypy_boto3_logs.client import CloudWatchLogsClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_scheduler.client import EventBridgeSchedulerClient
    from mypy_boto3_sqs.client import SQSClient

AwsError: Final = (BotoCoreError, ClientError, Boto3Error)

_POOL: Final = 32  # connections: for several files at once, each in several parts
_USUAL: Final = Config(
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=_POOL,
    retries={"mode": "standard", "total_max_attempts": 5},
)
# Host names that contain a bucket do not resolve to this machine.
_PATHS: Final = Config(s3={"addressing_style": "path"})
# An invocation answers after at most 900 s, Lambda's longest time-out. It is not retried: the
# function may have run although the call timed out here.
_ONCE: Final = Config(connect_timeout=5, read_timeout=930, retries={"total_max_attempts": 1})
# The local pipeline checks no credentials, but boto3 wants some.
_LOCAL_CREDENTIAL: Final = "local"

# The permission that an operation needs, for answers that do not name it
# (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html).
ACTIONS: Final = {
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "HeadObject": "s3:GetObject and s3:GetObjectVersion",
    "GetFunctionConfiguration": "lambda:GetFunctionConfiguration",
    "Decrypt": "kms:Decrypt through Lambda",
    "GetObject": "s3:GetObject",
    "GetObjectTagging": "s3:GetObjectTagging and s3:GetObjectVersionTagging",
    "PutObject": "s3:PutObject",
    "PutObjectTagging": "s3:PutObjectVersionTagging",
    "CopyObject": (
        "s3:PutObject, s3:PutObjectTagging, s3:GetObject, s3:GetObjectTagging and "
        "s3:GetObjectVersion"
    ),
    "CreateMultipartUpload": "s3:PutObject and s3:PutObjectTagging",
    "UploadPart": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject, s3:GetObject and s3:GetObjectVersion",
    "CompleteMultipartUpload": "s3:PutObject",
    "CreateJob": "s3:CreateJob, and iam:PassRole for the jobs' role",
    "DescribeJob": "s3:DescribeJob",
    "UpdateJobStatus": "s3:UpdateJobStatus",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "RestoreObject": "s3:RestoreObject",
    "DeleteObject": "s3:DeleteObjectVersion",
    "ReceiveMessage": "sqs:ReceiveMessage",
    "SendMessageBatch": "sqs:SendMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "Invoke": "lambda:InvokeFunction",
    "ListEventSourceMappings": "lambda:ListEventSourceMappings",
    "UpdateEventSourceMapping": "lambda:UpdateEventSourceMapping",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "HeadBucket": "s3:ListBucket",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "GetFunctionConcurrency": "lambda:GetFunctionConcurrency",
    "GetPolicy": "lambda:GetPolicy",
    "SimulatePrincipalPolicy": "iam:SimulatePrincipalPolicy",
    "DescribeKey": "kms:DescribeKey",
    "DescribeLogGroups": "logs:DescribeLogGroups",
    "ListSchedules": "scheduler:ListSchedules",
    "GetSchedule": "scheduler:GetSchedule",
    "ListSubscriptionsByTopic": "sns:ListSubscriptionsByTopic",
    "GetTables": "glue:GetTables",
    "GetWorkGroup": "athena:GetWorkGroup",
    "DescribeAlarms": "cloudwatch:DescribeAlarms",
    "GetMetricStatistics": "cloudwatch:GetMetricStatistics",
    "FilterLogEvents": "logs:FilterLogEvents",
    "GetMetricData": "cloudwatch:GetMetricData",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "StartQueryExecution": "athena:StartQueryExecution",
    "GetQueryExecution": "athena:GetQueryExecution",
    "GetQueryResults": "athena:GetQueryResults",
    "StopQueryExecution": "athena:StopQueryExecution",
}
_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "403", "Forbidden", "UnauthorizedOperation"}
)
_UNKNOWN_CALLER: Final = frozenset(
    {
        "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidAccessKeyId",
        "SignatureDoesNotMatch", "UnrecognizedClientException", "InvalidSignatureException",
    }
)  # fmt: skip
_GONE: Final = frozenset(
    {
        "NoSuchBucket", "ResourceNotFoundException", "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    }
)  # fmt: skip
# SQS's and Lambda's codes for a message or an event that they refuse for its content.
_REFUSED_CONTENT: Final = frozenset(
    {
        "AWS.SimpleQueueService.BatchRequestTooLong", "BatchRequestTooLong",
        "InvalidMessageContents", "InvalidParameterValue", "InvalidRequestContentException",
        "RequestTooLargeException",
    }
)  # fmt: skip
_NO_CREDENTIALS: Final = (
    NoCredentialsError, PartialCredentialsError, TokenRetrievalError, UnauthorizedSSOTokenError,
)  # fmt: skip
_ACTION = re.compile(r"perform: ([\w:-]+)(?: on resource: \"?([^\s\"]+))?")
_LOG_IN: Final = (
    "log in with `aws sso login`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY; `aws sts get-caller-identity` shows who you are"
)


@dataclass(frozen=True, kw_only=True)
class Account:
    """The clients for a stack's account and region, each made on first use."""

    stack: Stack
    session: boto3.Session

    @cached_property
    def s3(self) -> "S3Client":
        """The client of S3; it may be used from several threads."""
        config = _USUAL.merge(_PATHS) if self.stack.endpoint_url else _USUAL
        made = self._client("s3", config)
        made.meta.events.register_first("needs-retry.s3.CopyObject", _leave_to_the_caller)
        return made

    @cached_property
    def s3control(self) -> Any:
        """The client of S3's jobs; of any type, for want of stubs."""
        made = self._client("s3control", _USUAL)
        if self.stack.endpoint_url:
            made.meta.events.register("before-sign.s3-control", _without_account)
        return made

    @cached_property
    def sqs(self) -> "SQSClient":
        """The client of SQS."""
        return self._client("sqs", _USUAL)

    @cached_property
    def functions(self) -> "LambdaClient":
        """The client of Lambda."""
        return self._client("lambda", _ONCE)

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        """The client of CloudWatch."""
        return self._client("cloudwatch", _USUAL)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """The client of CloudWatch Logs."""
        return self._client("logs", _USUAL)

    @cached_property
    def scheduler(self) -> "EventBridgeSchedulerClient":
        """The client of EventBridge Scheduler."""
        return self._client("scheduler", _USUAL)

    @cached_property
    def athena(self) -> "AthenaClient":
        """The client of Athena."""
        return self._client("athena", _USUAL)

    # Any: the stubs of these five are not installed, and each is used in one place.
    @cached_property
    def sts(self) -> Any:
        """The client of STS, which says who calls."""
        return self._client("sts", _USUAL)

    @cached_property
    def iam(self) -> Any:
        """The client of IAM."""
        return self._client("iam", _USUAL)

    @cached_property
    def kms(self) -> Any:
        """The client of KMS."""
        return self._client("kms", _USUAL)

    @cached_property
    def sns(self) -> Any:
        """The client of SNS."""
        return self._client("sns", _USUAL)

    @cached_property
    def glue(self) -> Any:
        """The client of Glue, which holds the tables of datasets."""
        return self._client("glue", _USUAL)

    def _client(self, service: str, config: Config) -> Any:
        make = cast("Any", self.session).client  # its overloads name 400 other services
        return make(service, endpoint_url=self.stack.endpoint_url, config=config)


def _without_account(request: Any, **_: object) -> None:
    """Take the account's id off the host name: before an IP address it leads nowhere."""
    scheme, _, rest = request.url.partition("://")
    request.url = f"{scheme}://{rest.partition('.')[2]}"


def _leave_to_the_caller(
    request_dict: Any, caught_exception: Exception | None, **_: object
) -> None:
    """Raise the failure of a copy to `incoming/` whose answer is lost, in place of a repetition.

    It may be made, and another one would be another upload. botocore asks before each repetition.
    """
    if caught_exception and f"/{keys.INCOMING}" in request_dict["url_path"]:
        raise caught_exception


def connect(stack: Stack) -> Account:
    """Return the account of a stack; no call is made yet."""
    credential = _LOCAL_CREDENTIAL if stack.endpoint_url else None
    session = boto3.Session(
        aws_access_key_id=credential,
        aws_secret_access_key=credential,
        region_name=stack.region,
    )
    return Account(stack=stack, session=session)


def read_environment(function: "FunctionConfigurationResponseTypeDef") -> Mapping[str, str]:
    """Return the environment variables in a function's configuration.

    With a KMS key, Lambda decrypts them for the caller, and answers an error in their place if it
    cannot. This raises it as a ClientError, as if the call had been denied.
    https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentResponse.html
    """
    environment = function.get("Environment", {})
    if refusal := environment.get("Error"):
        kind, said = refusal.get("ErrorCode", ""), refusal.get("Message", "")
        raise ClientError({"Error": {"Code": kind, "Message": said}}, "Decrypt")
    return environment.get("Variables", {})


def explain(error: Exception) -> str:
    """Return what an error of AWS or of the connection to it means, and what to do about it."""
    if isinstance(error, Boto3Error) and isinstance(error.__context__, ClientError):
        error = error.__context__  # a managed transfer wraps AWS's answer
    if isinstance(error, _NO_CREDENTIALS):
        return f"no AWS credentials ({error}): {_LOG_IN}"
    if isinstance(error, EndpointConnectionError):
        return _unreachable(str(error.kwargs.get("endpoint_url", "")))
    if isinstance(error, ClientError):
        return _explain_answer(error)
    return f"AWS cannot be used: {error}"


def code(error: Exception) -> str:
    """Return the code of AWS's error, `NoSuchKey` say, or a status such as `404`; "" for others."""
    if not isinstance(error, ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", ""))


def cannot_connect(error: Exception) -> bool:
    """Return whether no call can succeed: no credentials that AWS accepts, or no connection."""
    if isinstance(error, ClientError):
        return code(error) in _UNKNOWN_CALLER
    return isinstance(error, (*_NO_CREDENTIALS, EndpointConnectionError))


def is_refused_content(error: Exception) -> bool:
    """Return whether AWS refused the content of a call, so that a call with another may succeed."""
    return isinstance(error, ClientError) and code(error) in _REFUSED_CONTENT


def _explain_answer(error: ClientError) -> str:
    kind, said = code(error), str(error.response.get("Error", {}).get("Message", ""))
    operation = error.operation_name
    if kind in _DENIED:
        named = _ACTION.search(said)
        action = named.group(1) if named else ACTIONS.get(operation, operation)
        place = f" on {named.group(2)}" if named and named.group(2) else ""
        role = "query" if action.startswith("athena:") else "operator"
        return (
            f"access denied: {operation} needs the permission {action}{place}; have it added to "
            f"a policy of your role (`python -m ops policy {role}` prints what it should be); "
            "`aws sts get-caller-identity` shows who you are"
        )
    if kind in _UNKNOWN_CALLER:
        return f"AWS does not accept your credentials ({kind}: {said}): {_LOG_IN}"
    if kind in _GONE:
        return (
            f"{operation}: {said or kind}; the stack's outputs name something that does not "
            "exist (deleted, another account, or an old outputs file)"
        )
    if kind == "400":  # to a HEAD, whose answer has no body
        return f"{operation} failed: 400 without a reason, mostly an expired session: {_LOG_IN}"
    return f"{operation} failed: {kind}: {said}"


def _unreachable(url: str) -> str:
    if urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}:
        return f"nothing answers at {url}: is `python -m local serve` running?"
    return f"nothing answers at {url}: check the network, and the stack's region"
