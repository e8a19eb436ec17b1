"""What S3 asks IAM for: actions that moto does not ask for, and conditions that it misreads.

Actions count where moto enforces IAM (`set_initial_no_auth_action_count`); bucket policies always.
"""

from typing import Any, Final

from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.s3.exceptions import MissingKey
from moto.s3.responses import S3Response

from local.strict import policies
from local.strict.patches import around
from local.strict.sources import Source

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html: what is
# true of every request here, since a loopback request counts as TLS.
_OF_EVERY_REQUEST: Final = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}
_MISSING: Final = 404

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html: method,
# subresource and whether a version is named, where moto asks for another action.
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
    """Raise AccessDenied where IAM is enforced and the caller may not do `action`."""
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
def _is_action_permitted(original: Any, self: Any, *arguments: Any, **options: Any) -> Any:
    """Decide by the transport's conditions; every other condition is left to moto.

    A statement whose condition does not hold says nothing, whether it allows or denies: moto
    answers every object call with 403 where a bucket's policy denies what is not sent over TLS.
    """
    conditions = self._statement.get("Condition")
    if conditions and not policies.holds(_of_transport(conditions), _OF_EVERY_REQUEST):
        return PermissionResult.NEUTRAL
    return original(self, *arguments, **options)


@around(S3Response, "_set_action")
def _set_action(original: Any, self: Any, kind: str, method: str, query: dict[str, Any]) -> None:
    original(self, kind, method, query)
    subresource = next((name for name in ("tagging", "attributes") if name in query), None)
    if kind == "KEY" and (action := _ACTIONS.get((method, subresource, "versionId" in query))):
        self.data["Action"] = action


@around(S3Response, "_key_response")
def _key_response(original: Any, self: Any, request: Any, full_url: str) -> Any:
    """Answer 403 instead of 404 to who may not list the bucket (API_GetObject.html)."""
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


def _of_transport(conditions: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        operator: {key: one for key, one in block.items() if key.lower() in _OF_EVERY_REQUEST}
        for operator, block in conditions.items()
    }
