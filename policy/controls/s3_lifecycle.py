"""Controls: a bucket's versioning and lifecycle rules."""

from typing import Any, Final

from policy import tokens
from policy.control import control, unless
from policy.graph import Graph, Resource, nested

_SECONDS_OF_A_DAY: Final = 86_400
# The prefix of files to be processed, which may not be deleted before they are.
_INCOMING: Final = "incoming/"


def rules(bucket: Resource, graph: Graph) -> list[dict[str, Any]]:
    """Return the lifecycle rules of a bucket that are enabled."""
    return [
        rule
        for lifecycle in graph.referring(bucket, tokens.BUCKET_LIFECYCLE, "bucket")
        for rule in lifecycle.inputs["rules"]
        if rule["status"] == "Enabled"
    ]


@control(
    "S3.14",
    "S3 general purpose buckets should have versioning enabled",
    tokens.BUCKET,
    also=("CKV_AWS_21",),
)
def keeps_versions(bucket: Resource, graph: Graph) -> list[str]:
    return unless(_status(bucket, graph) == "Enabled", "versioning is not enabled")


@control(
    "S3.10",
    "S3 general purpose buckets with versioning enabled should have Lifecycle configurations",
    tokens.BUCKET_VERSIONING,
)
def has_rules_for_its_versions(versioning: Resource, graph: Graph) -> list[str]:
    buckets = graph.referred(versioning, "bucket", tokens.BUCKET)
    return unless(
        all(rules(bucket, graph) for bucket in buckets), "keeps versions without lifecycle rules"
    )


@control(
    "S3.13",
    "S3 general purpose buckets should have Lifecycle configurations",
    tokens.BUCKET,
    also=("CKV2_AWS_61",),
)
def has_lifecycle_rules(bucket: Resource, graph: Graph) -> list[str]:
    return unless(bool(rules(bucket, graph)), "has no lifecycle rule that is enabled")


@control(
    "CKV_AWS_300",
    "S3 lifecycle configuration sets period for aborting failed uploads",
    tokens.BUCKET_LIFECYCLE,
)
def aborts_unfinished_uploads(lifecycle: Resource) -> list[str]:
    return unless(
        any(
            nested(rule, "abortIncompleteMultipartUpload.daysAfterInitiation")
            for rule in _enabled_everywhere(lifecycle)
        ),
        "no rule for the whole bucket aborts unfinished uploads",
    )


@control("PIPE.3", "Noncurrent versions expire", tokens.BUCKET_LIFECYCLE)
def expires_noncurrent_versions(lifecycle: Resource) -> list[str]:
    return unless(
        any(
            nested(rule, "noncurrentVersionExpiration.noncurrentDays")
            for rule in _enabled_everywhere(lifecycle)
        ),
        "no rule for the whole bucket expires noncurrent versions",
    )


@control("PIPE.4", "Delete markers without older versions expire", tokens.BUCKET_LIFECYCLE)
def expires_delete_markers(lifecycle: Resource) -> list[str]:
    return unless(
        any(
            nested(rule, "expiration.expiredObjectDeleteMarker")
            for rule in _enabled_everywhere(lifecycle)
        ),
        "no rule for the whole bucket expires delete markers",
    )


@control("PIPE.5", "Lifecycle rules are created after versioning, which they depend on",
         tokens.BUCKET_LIFECYCLE)  # fmt: skip
def has_versions_before_rules(lifecycle: Resource, graph: Graph) -> list[str]:
    versioning = [
        it
        for bucket in graph.referred(lifecycle, "bucket", tokens.BUCKET)
        for it in graph.referring(bucket, tokens.BUCKET_VERSIONING, "bucket")
    ]
    return unless(
        any(graph.comes_before(it, lifecycle) for it in versioning),
        "does not wait for the bucket's versioning",
    )


@control("PIPE.6", "A waiting file never expires", tokens.BUCKET)
def keeps_what_waits(bucket: Resource, graph: Graph) -> list[str]:
    return [
        f"the rule {rule.get('id')} expires what is under {_INCOMING}"
        for rule in rules(bucket, graph)
        if nested(rule, "expiration.days")
        and _INCOMING.startswith(nested(rule, "filter.prefix") or "")
        and _has_events(bucket, graph)
    ]


@control("PIPE.7", "An overwritten upload is kept longer than any message about it",
         tokens.BUCKET)  # fmt: skip
def keeps_overwritten_uploads(bucket: Resource, graph: Graph) -> list[str]:
    if not _has_events(bucket, graph):
        return []
    queues = graph.of(tokens.QUEUE)
    consumed = [it for it in queues if graph.referring(it, tokens.MAPPING, "eventSourceArn")]
    dead = [it for it in queues if it not in consumed]
    wait = sum(
        max((it.inputs["messageRetentionSeconds"] for it in some), default=0)
        for some in (consumed, dead)
    )
    return [
        f"the rule {rule.get('id')} expires noncurrent versions after {days} days, a message can "
        f"wait {wait / _SECONDS_OF_A_DAY:g}"
        for rule in rules(bucket, graph)
        if (days := nested(rule, "noncurrentVersionExpiration.noncurrentDays"))
        and days * _SECONDS_OF_A_DAY < wait
    ]


@control("PIPE.8", "Objects of any size move to the colder storage class",
         tokens.BUCKET_LIFECYCLE)  # fmt: skip
def moves_small_objects_too(lifecycle: Resource) -> list[str]:
    moves = any(rule.get("transitions") for rule in lifecycle.inputs["rules"])
    return unless(
        not moves
        or lifecycle.get("transitionDefaultMinimumObjectSize") == "varies_by_storage_class",
        "objects under 128 KB stay behind",
    )


def _status(bucket: Resource, graph: Graph) -> str | None:
    found = graph.referring(bucket, tokens.BUCKET_VERSIONING, "bucket")
    return next((it.get("versioningConfiguration.status") for it in found), None)


def _enabled_everywhere(lifecycle: Resource) -> list[dict[str, Any]]:
    return [
        rule
        for rule in lifecycle.inputs["rules"]
        if rule["status"] == "Enabled" and not nested(rule, "filter.prefix")
    ]


def _has_events(bucket: Resource, graph: Graph) -> bool:
    """Return whether the bucket's events start the processor; EventBridge alone does not."""
    found = graph.referring(bucket, tokens.BUCKET_NOTIFICATION, "bucket")
    return any(not it.get("eventbridge") for it in found)
