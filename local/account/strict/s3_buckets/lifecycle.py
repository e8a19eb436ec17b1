"""Refuse lifecycle configurations as S3 does, and keep the parts of them that moto forgets.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from collections.abc import Iterator
from copy import deepcopy
from itertools import pairwise
from typing import Any, Final
from uuid import uuid4

import xmltodict
from moto.s3.exceptions import MalformedXML, S3ClientError
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from local.account.strict.errors import invalid_argument, invalid_request
from local.account.strict.patches import around
from local.account.strict.s3_requests.resource_policies import as_list

_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_MAX_RULES: Final = 1000
_MAX_ID_CHARACTERS: Final = 255
# The least days before a class, and in it: lifecycle-transition-general-considerations.html.
_MIN_DAYS: Final = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
# From warm to cold; an object never moves back.
_WATERFALL: Final = (
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
# The header of TransitionDefaultMinimumObjectSize, and its values, the default first.
_MINIMUM: Final = "x-amz-transition-default-minimum-object-size"
_MINIMA: Final = ("all_storage_classes_128K", "varies_by_storage_class")
_ACTIONS: Final = (
    "Expiration",
    "Transition",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransition",
    "AbortIncompleteMultipartUpload",
)


@around(FakeBucket, "set_lifecycle")
def _set_lifecycle(original: Any, self: Any, rules: list[dict[str, Any]]) -> None:
    if not 1 <= len(rules) <= _MAX_RULES:
        raise MalformedXML
    _check_names([rule["ID"] for rule in rules if rule.get("ID")])
    for rule in rules:
        _check(rule)
    stated = [{"ID": rule.get("ID") or uuid4().hex} | deepcopy(rule) for rule in rules]
    kept = self.rules
    try:
        original(self, rules)
    except S3ClientError:
        self.rules = kept
        raise
    self.stated_rules = stated


@around(S3Response, "get_bucket_lifecycle")
def _get_bucket_lifecycle(original: Any, self: Any) -> Any:
    """Return the rules as they were set: moto forgets sizes and NewerNoncurrentVersions."""
    bucket = self.backend.get_bucket(self.bucket_name)
    if not bucket.rules:
        return original(self)
    document = {"@xmlns": _NAMESPACE, "Rule": bucket.stated_rules}
    headers = {_MINIMUM: bucket.transition_minimum}
    return 200, headers, xmltodict.unparse({"LifecycleConfiguration": document})


@around(S3Response, "_bucket_response_put")
def _put(
    original: Any, self: Any, request: Any, bucket_name: str, querystring: dict[str, Any]
) -> Any:
    """Keep the minimum size of objects that transition by default, and return it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
    """
    if "lifecycle" not in querystring:
        return original(self, request, bucket_name, querystring)
    minimum = self.headers.get(_MINIMUM, _MINIMA[0])
    if minimum not in _MINIMA:
        raise invalid_argument(f"{_MINIMUM} is {minimum}, allowed: {', '.join(_MINIMA)}")
    original(self, request, bucket_name, querystring)
    self.backend.get_bucket(bucket_name).transition_minimum = minimum
    return 200, {_MINIMUM: minimum}, ""


def _check_names(names: list[str]) -> None:
    if len(names) != len(set(names)):
        raise invalid_argument("Rule ID must be unique. Found same ID for more than one rule")
    if any(len(name) > _MAX_ID_CHARACTERS for name in names):
        raise invalid_argument(f"ID length should not exceed allowed limit of {_MAX_ID_CHARACTERS}")


def _check(rule: dict[str, Any]) -> None:
    if not any(rule.get(action) for action in _ACTIONS):
        raise invalid_request("At least one action needs to be specified in a rule")
    if rule.get("Status") not in ("Enabled", "Disabled"):
        raise MalformedXML
    for action, days in _days(rule):
        if days <= 0:
            raise invalid_argument(f"'Days' for {action} action must be a positive integer")
    _check_transitions(rule, "Transition", "Days")
    _check_transitions(rule, "NoncurrentVersionTransition", "NoncurrentDays")
    _check_expiration(rule, "Expiration", "Transition", "Days")
    _check_expiration(
        rule, "NoncurrentVersionExpiration", "NoncurrentVersionTransition", "NoncurrentDays"
    )
    _check_filter(rule)


def _days(rule: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the days that must be positive, with the action; a transition may be on day 0."""
    for action, name in (
        ("Expiration", "Days"),
        ("NoncurrentVersionExpiration", "NoncurrentDays"),
        ("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
    ):
        value = _part(rule, action).get(name)
        if value is not None:
            yield action, int(value)


def _check_transitions(rule: dict[str, Any], action: str, name: str) -> None:
    transitions = _transitions(rule, action)
    steps = sorted(
        (int(one[name]), _WATERFALL.index(one["StorageClass"]), one["StorageClass"])
        for one in transitions
        if name in one and one.get("StorageClass") in _WATERFALL
    )
    if any(one.get("StorageClass") not in _WATERFALL for one in transitions):
        raise MalformedXML
    for days, _, storage in steps:
        if days < _MIN_DAYS.get(storage, 0):
            raise invalid_argument(
                f"'Days' in {action} action must be greater than or equal to "
                f"{_MIN_DAYS[storage]} for storageClass '{storage}'"
            )
    for (days, rank, storage), (later, next_rank, following) in pairwise(steps):
        apart = _MIN_DAYS.get(storage, 1)
        if next_rank <= rank or later - days < apart:
            raise invalid_argument(
                f"'{name}' in the {action} action for StorageClass '{following}' must be {apart} "
                f"days more than '{name}' for StorageClass '{storage}'"
            )


def _check_expiration(rule: dict[str, Any], action: str, transition: str, name: str) -> None:
    expiration = _part(rule, action).get(name)
    days = [int(one[name]) for one in _transitions(rule, transition) if name in one]
    if expiration is not None and days and int(expiration) <= max(days):
        raise invalid_argument(
            f"'{name}' in the {action} action must be greater than '{name}' in the "
            f"{transition} action"
        )


def _check_filter(rule: dict[str, Any]) -> None:
    chosen = _part(rule, "Filter")
    tags = "Tag" in chosen or "Tag" in _part(chosen, "And")
    if tags and rule.get("AbortIncompleteMultipartUpload"):
        raise invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags.")
    marker = _part(rule, "Expiration").get("ExpiredObjectDeleteMarker")
    if tags and marker is not None:
        raise invalid_request("ExpiredObjectDeleteMarker cannot be specified with Tags.")


def _part(of: dict[str, Any], name: str) -> dict[str, Any]:
    return of.get(name) or {}


def _transitions(rule: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return transitions, which XML gives as one or as a list."""
    return as_list(rule[name]) if rule.get(name) else []
