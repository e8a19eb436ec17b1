"""Delete as S3 does: under a condition, many keys at once, and keys without an object.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
"""

from types import SimpleNamespace
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict
from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import MalformedXML, S3AccessDeniedError, S3ClientError
from moto.s3.models import FakeDeleteMarker, S3Backend
from moto.s3.responses import S3Response

from local.account.strict import limits
from local.account.strict.patches import around
from local.account.strict.s3_objects.conditions import check_etag
from local.account.strict.s3_requests.authorization import authorize
from local.account.strict.s3_requests.exchanges import current_exchange


@around(S3Response, "delete_object")
def _delete_object(original: Any, self: Any) -> Any:
    if self.headers.get("If-Match") != "*":
        return original(self)
    # moto takes "*" for an ETag: check here that there is an object, and delete unconditionally.
    check_etag(self.backend.get_object(self.bucket_name, self.parse_key_name()), "*")
    _, outcome = self.backend.delete_object(
        self.bucket_name, self.parse_key_name(), version_id=self._get_param("versionId")
    )
    return 204, {f"x-amz-{name}": value for name, value in outcome.items()}, ""


@around(S3Response, "_bucket_response_delete_keys")
def _delete_objects(_original: Any, self: Any, bucket_name: str, **_options: Any) -> Any:
    """Delete each key on its own, with its own permission, condition and entry in the answer."""
    try:
        body = xmltodict.parse(self.body, strip_whitespace=False, force_list=("Object",))["Delete"]
    except ExpatError as error:  # of a key with a character that XML cannot carry, say
        raise MalformedXML from error
    entries = body.get("Object", [])
    if not 1 <= len(entries) <= limits.max_deletes:
        raise MalformedXML
    deleted: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for entry in entries:
        named = {name: entry[name] for name in ("Key", "VersionId") if name in entry}
        try:
            deleted.append(named | _delete(self, bucket_name, entry))
        except S3ClientError as error:
            errors.append(named | {"Code": error.code, "Message": error.message})
    self.data["Action"] = "DeleteObjects"
    quiet = body.get("Quiet", "").strip() == "true"
    return self.serialized(ActionResult({"Deleted": [] if quiet else deleted, "Errors": errors}))


@around(S3Backend, "_set_delete_marker")
def _set_delete_marker(original: Any, self: Any, bucket_name: str, key_name: str) -> Any:
    """Write a delete marker, even for a key that never had an object.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
    """
    keys = self.get_bucket(bucket_name).keys
    if key_name in keys:
        return original(self, bucket_name, key_name)
    keys[key_name] = FakeDeleteMarker(key=SimpleNamespace(name=key_name))  # pyright: ignore[reportArgumentType]
    return keys[key_name]


def _delete(response: Any, bucket_name: str, entry: dict[str, str]) -> dict[str, Any]:
    key, version = entry["Key"], entry.get("VersionId")
    if exchange := current_exchange():
        exchange.etag = entry.get("ETag")
    action = "DeleteObject" if version is None else "DeleteObjectVersion"
    bucket = response.backend.get_bucket(bucket_name)
    permission = bucket.get_permission(f"s3:{action}", f"{bucket.arn}/{key}")
    if permission == PermissionResult.DENIED:
        raise S3AccessDeniedError
    authorize(response, action, bucket_name, key)
    if "ETag" in entry:
        # The condition is on the current version, whichever version is deleted. A missing key is
        # NoSuchKey, as in DeleteObject: AWS documents only "an Error element".
        check_etag(response.backend.get_object(bucket_name, key), entry["ETag"])
    marker = _is_marker(bucket, key, version)
    bypass = response.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"
    _, outcome = response.backend.delete_object(bucket_name, key, version_id=version, bypass=bypass)
    if version is None and "version-id" in outcome:
        return {"DeleteMarker": True, "DeleteMarkerVersionId": outcome["version-id"]}
    return {"DeleteMarker": True, "DeleteMarkerVersionId": version} if marker else {}


def _is_marker(bucket: Any, key: str, version: str | None) -> bool:
    return any(
        isinstance(one, FakeDeleteMarker) and one.version_id == version
        for one in bucket.keys.getlist(key, [])
    )
