"""Keep archived objects unreadable until they are retrieved, for as long as S3 would.

RestoreObject starts a retrieval. When it is done, the object can be read for some days; then its
temporary copy expires, and it has to be retrieved again.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

import xmltodict
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.s3.exceptions import (
    InvalidObjectState,
    MalformedXML,
    MissingKey,
    MissingVersion,
    S3ClientError,
)
from moto.s3.models import FakeKey, S3Backend
from moto.s3.responses import S3Response
from moto.s3.utils import ARCHIVE_STORAGE_CLASSES

from local.account.strict import limits
from local.account.strict.patches import around
from local.account.strict.s3_objects.copy_sources import Source
from local.account.strict.s3_requests.authorization import authorize

_STARTED: Final = 202
_EXTENDED: Final = 200
_READABLE: Final = "RESTORED"  # moto's word
_ASKED_FOR: Final = "x-amz-optional-object-attributes"


@dataclass(frozen=True)
class _Retrieval:
    """When a temporary copy is there, and when it is gone again."""

    ready: datetime
    gone: datetime


class _Refused(Exception):  # noqa: N818 - it is no error of this program
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.answer = S3ClientError(code, message)


@around(S3Response, "_key_response_post")
def _key_response_post(original: Any, self: Any, *arguments: Any) -> Any:
    _, body, bucket, query, key_name = arguments
    if "restore" not in query:
        return original(self, *arguments)
    authorize(self, "RestoreObject", bucket, key_name)
    key = _object(self.backend, bucket, key_name, query.get("versionId"))
    try:
        return _retrieve(key, body), {}, ""
    except _Refused as refusal:
        self.data["Action"] = "RestoreObject"
        _, headers, text = self.serialized(ActionResult(refusal.answer))
        return refusal.status, headers, text


@around(S3Backend, "get_object")
def _get_object(original: Any, self: Any, *arguments: Any, **options: Any) -> Any:
    """Bring an object's state up to date before anything is decided by it."""
    found = original(self, *arguments, **options)
    if isinstance(found, FakeKey):
        _age(found)
    return found


@around(S3Response, "upload_part_copy")
def _upload_part_copy(original: Any, self: Any) -> Any:
    """Copy no part of an object that is not retrieved; moto checks that for whole objects only."""
    source = Source.of(self)
    key = self.backend.get_object(source.bucket, source.key, version_id=source.version)
    if isinstance(key, FakeKey) and _is_archived(key) and not _is_readable(key):
        raise InvalidObjectState(storage_class=key.storage_class)
    return original(self)


@around(S3Response, "list_objects_v2")
def _list_objects_v2(original: Any, self: Any) -> Any:
    self.with_restore_status = "RestoreStatus" in self.headers.get(_ASKED_FOR, "")
    return original(self)


@around(S3Response, "serialized")
def _serialized(original: Any, self: Any, answer: ActionResult) -> Any:
    """Add the state of a retrieval to each listed object, where a listing asks for it."""
    if getattr(self, "with_restore_status", False) and not isinstance(answer.result, Exception):
        entries: list[Any] = cast("dict[str, Any]", answer.result)["Contents"]
        for entry, key in zip(entries, self.listed, strict=True):
            if status := _restore_status(key):
                entry["RestoreStatus"] = status
    return original(self, answer)


@around(S3Response, "_split_truncated_keys")
def _split_truncated_keys(original: Any, self: Any, truncated_keys: Any) -> Any:
    objects, folders = original(truncated_keys)  # a static method
    for key in objects:
        _age(key)
    self.listed = objects
    return objects, folders


def _object(backend: Any, bucket: str, name: str, version: str | None) -> FakeKey:
    key = backend.get_object(bucket, name, version_id=version)
    if key is None:
        raise MissingKey(name) if version is None else MissingVersion
    if not _is_archived(key):
        raise InvalidObjectState(storage_class=key.storage_class)
    return key


def _retrieve(key: Any, body: bytes) -> int:
    """Start a retrieval, or let a temporary copy live longer; return the answer's status."""
    asked = xmltodict.parse(body)["RestoreRequest"]
    if "Days" not in asked:
        raise MalformedXML
    tier = asked.get("GlacierJobParameters", {}).get("Tier") or asked.get("Tier") or "Standard"
    life = timedelta(seconds=int(asked["Days"]) * limits.temporary_copy_day_seconds)
    now = utcnow()
    known: _Retrieval | None = getattr(key, "retrieval", None)
    if known and now >= known.ready:
        _note(key, _Retrieval(known.ready, now + life))
        return _EXTENDED
    if known:
        message = "Object restore is already in progress"
        raise _Refused(409, "RestoreAlreadyInProgress", message)
    if tier == "Expedited" and not limits.expedited_capacity:
        message = "Glacier expedited retrievals are currently not available, please try again later"
        raise _Refused(503, "GlacierExpeditedRetrievalNotAvailable", message)
    ready = now + timedelta(seconds=limits.retrieval_seconds[tier])
    _note(key, _Retrieval(ready, ready + life))
    return _STARTED


def _note(key: Any, retrieval: _Retrieval) -> None:
    key.retrieval = retrieval
    key._transitions = []  # noqa: SLF001 - or moto ends the retrieval at the first look
    key.set_expiry(retrieval.gone)
    _age(key)


def _age(key: Any) -> None:
    retrieval: _Retrieval | None = getattr(key, "retrieval", None)
    if retrieval is None:
        return
    now = utcnow()
    key.status = "IN_PROGRESS" if now < retrieval.ready else _READABLE
    if now >= retrieval.gone:
        key.retrieval = key.status = None
        key.set_expiry(None)


def _is_archived(key: Any) -> bool:
    return key.storage_class in ARCHIVE_STORAGE_CLASSES


def _is_readable(key: Any) -> bool:
    """Return whether an archived object has a temporary copy; `get_object` keeps that current."""
    return getattr(key, "retrieval", None) is not None and key.status == _READABLE


def _restore_status(key: Any) -> dict[str, Any] | None:
    """Return the element RestoreStatus of a listing, None for what was never retrieved."""
    retrieval: _Retrieval | None = getattr(key, "retrieval", None)
    if retrieval is None:
        return None
    if not _is_readable(key):
        return {"IsRestoreInProgress": True}
    return {"IsRestoreInProgress": False, "RestoreExpiryDate": retrieval.gone}
