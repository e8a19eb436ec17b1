"""Check permissions as S3 does: the actions that moto omits, the statements that it misreads.

Actions count where moto enforces IAM (`set_initial_no_auth_action_count`); bucket policies always.
"""

from typing import Any, Final, cast

from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.s3.exceptions import MissingKey
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from local.account.strict.patches import around
from local.account.strict.s3_objects.copy_sources import Source
from local.account.strict.s3_requests import resource_policies
from local.account.strict.s3_requests.exchanges import Exchange, current_exchange

# The condition keys with the same value in every request: a loopback request counts as TLS, and
# there is one account.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_OF_EVERY_REQUEST: Final = {
    "aws:securetransport": "true",
    "s3:tlsversion": "1.3",
    "aws:resourceaccount": DEFAULT_ACCOUNT_ID,
}
# The condition keys that are a parameter of the request:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_PARAMETERS: Final = ("prefix", "delimiter", "max-keys", "versionId")
# Every caller belongs to the account; which role or user it is, is not known to a bucket's policy.
_CALLER: Final = ("*", DEFAULT_ACCOUNT_ID, f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:root")
_SUBRESOURCES: Final = ("tagging", "attributes")
_MISSING: Final = 404

# By method, subresource and whether a version is named: S3's action, where moto checks another.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_ACTIONS: Final[dict[tuple[str, str | None, bool], str]] = {
    ("HEAD", None, True): "GetObjectVersion",
    ("GET", "tagging", True): "GetObjectVersionTagging",
    ("PUT", "tagging", True): "PutObjectVersionTagging",
    ("DELETE", "tagging", False): "DeleteObjectTagging",
    ("DELETE", "tagging", True): "DeleteObjectVersionTagging",
    ("GET", "attributes", False): "GetObjectAttributes",
    ("GET", "attributes", True): "GetObjectVersionAttributes",
}


def enforced() -> bool:
    """Return whether moto checks what callers may do."""
    return ActionAuthenticatorMixin.request_count >= settings.INITIAL_NO_AUTH_ACTION_COUNT


def authorize(response: Any, action: str, bucket_name: str, key_name: str | None = None) -> None:
    """Raise AccessDenied if permissions are checked and the caller lacks `action`."""
    if not enforced():
        return
    asked = response.data.get("Action")
    response.data["Action"] = action
    try:
        response._authenticate_and_authorize_s3_action(  # noqa: SLF001 - moto has no other
            bucket_name=bucket_name, key_name=key_name
        )
    finally:
        response.data["Action"] = asked


@around(IAMPolicyStatement, "is_action_permitted")
def _is_action_permitted(
    original: Any, self: Any, action: str, resource: str = "*", *of_trust: Any
) -> Any:
    """Apply a statement only to its principals, and only if its conditions hold.

    moto makes every statement with a condition a denial, whether it allows or denies: it answers
    every object call with 403 where a bucket's policy denies what is not sent over TLS. The trust
    of a role, for which moto is told the principal and the conditions' values, is left to moto.
    """
    if any(one is not None for one in of_trust):
        return original(self, action, resource, *of_trust)
    statement = self._statement
    if not (_is_for_caller(statement.get("Principal")) and _holds(statement)):
        return PermissionResult.NEUTRAL
    plain = {name: one for name, one in statement.items() if name not in ("Principal", "Condition")}
    return original(IAMPolicyStatement(plain), action, resource)


@around(FakeBucket, "get_permission")
def _get_permission(original: Any, self: Any, action: str, resource: str) -> Any:
    """Check S3's action against a bucket's policy; moto derives one from the request's method."""
    exchange = current_exchange()
    if exchange and action == f"s3:{exchange.method.capitalize()}Object":
        action = f"s3:{_object_action(exchange)}"
    return original(self, action, resource)


def _object_action(exchange: Exchange) -> str:
    """Return S3's action for a request about an object."""
    if "uploadId" in exchange.query and exchange.method == "DELETE":
        return "AbortMultipartUpload"
    if "restore" in exchange.query:
        return "RestoreObject"
    verb = {"HEAD": "Get", "POST": "Put"}.get(exchange.method, exchange.method.capitalize())
    version = "Version" if "versionId" in exchange.query else ""
    subresource = next((name for name in _SUBRESOURCES if name in exchange.query), "")
    return f"{verb}Object{version}{subresource.capitalize()}"


@around(S3Response, "_set_action")
def _set_action(original: Any, self: Any, kind: str, method: str, query: dict[str, Any]) -> None:
    original(self, kind, method, query)
    subresource = next((name for name in _SUBRESOURCES if name in query), None)
    if kind == "KEY" and (action := _ACTIONS.get((method, subresource, "versionId" in query))):
        self.data["Action"] = action


@around(S3Response, "_key_response")
def _key_response(original: Any, self: Any, request: Any, full_url: str) -> Any:
    """Answer 403 instead of 404 if the caller may not list the bucket (API_GetObject.html)."""
    try:
        answer = original(self, request, full_url)
    except MissingKey:
        if request.method == "GET":
            authorize(self, "ListBucket", self.bucket_name)
        raise
    if request.method == "HEAD" and answer[0] == _MISSING:
        authorize(self, "ListBucket", self.bucket_name)
    return answer


@around(S3Response, "put_object")
def _put_object(original: Any, self: Any) -> Any:
    if "x-amz-tagging" in self.headers:
        authorize(self, "PutObjectTagging", self.bucket_name, self.parse_key_name())
    return original(self)


@around(S3Response, "copy_object")
def _copy_object(original: Any, self: Any) -> Any:
    source = _authorize_source(self)
    if enforced() and _copies_tags(self, source):
        action = "GetObjectTagging" if source.version is None else "GetObjectVersionTagging"
        authorize(self, action, source.bucket, source.key)
        authorize(self, "PutObjectTagging", self.bucket_name, self.parse_key_name())
    return original(self)


@around(S3Response, "upload_part_copy")
def _upload_part_copy(original: Any, self: Any) -> Any:
    _authorize_source(self)
    return original(self)


def _authorize_source(response: Any) -> Source:
    source = Source.of(response)
    action = "GetObject" if source.version is None else "GetObjectVersion"
    authorize(response, action, source.bucket, source.key)
    return source


def _copies_tags(response: Any, source: Source) -> bool:
    if response.headers.get("x-amz-tagging-directive") == "REPLACE":
        return bool(response.headers.get("x-amz-tagging"))
    key = response.backend.get_object(source.bucket, source.key, version_id=source.version)
    return key is not None and bool(response.backend.tagger.get_tag_dict_for_resource(key.arn))


def _is_for_caller(principal: Any) -> bool:
    if principal is None or principal == "*":  # the policy of an identity names no principal
        return True
    named = cast("dict[str, Any]", principal) if isinstance(principal, dict) else {}
    return any(one in _CALLER for one in resource_policies.as_list(named.get("AWS", [])))


def _holds(statement: dict[str, Any]) -> bool:
    return resource_policies.holds(
        statement.get("Condition", {}), _OF_EVERY_REQUEST | _of_this_request()
    )


def _of_this_request() -> dict[str, str]:
    """Return the condition keys and values of the request that this thread is answering."""
    exchange = current_exchange()
    if exchange is None:
        return {}
    headers = {
        f"s3:{name.lower()}": value
        for name, value in exchange.headers.items()
        if name.lower().startswith("x-amz-")
    }
    parameters = {name: exchange.query[name] for name in _PARAMETERS if name in exchange.query}
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html
    etag = exchange.headers.get("If-Match", exchange.etag)
    conditions = {} if etag is None else {"s3:if-match": etag}
    return {
        **headers,
        **conditions,
        **{f"s3:{name.lower()}": value for name, value in parameters.items()},
    }
