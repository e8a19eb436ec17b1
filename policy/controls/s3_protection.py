"""Controls: the protection of a bucket's objects from loss."""

from typing import Final

from policy import statements, tokens
from policy.control import control, unless
from policy.controls.s3_lifecycle import rules
from policy.graph import Graph, Resource

_DELETES: Final = ("s3:DeleteObject", "s3:DeleteObjectVersion")
# The condition with which one may be denied: only where the request names no ETag.
_ALLOWED_BY_ETAG: Final = {"s3:DeleteObject": {"s3:if-match": ["true"]}}


@control("PIPE.9", "A protected bucket is never emptied to be deleted", tokens.BUCKET)
def is_emptied_only_unprotected(bucket: Resource) -> list[str]:
    return unless(
        not (bucket.protect and bucket.get("forceDestroy")),
        "is protected, and forceDestroy is true",
    )


@control("PIPE.10", "Data cannot be deleted with the stack", tokens.BUCKET, option="protectData")
def is_protected(bucket: Resource) -> list[str]:
    return unless(bucket.protect, "the engine may delete it")


@control("PIPE.85", "Archived objects are deleted by lifecycle rules, or as copies named by ETag",
         tokens.BUCKET, option="protectData")  # fmt: skip
def denies_deleting_from_the_archive(bucket: Resource, graph: Graph) -> list[str]:
    if not any(rule.get("transitions") for rule in rules(bucket, graph)):
        return []
    denied = {
        action
        for policy in graph.referring(bucket, tokens.BUCKET_POLICY, "bucket")
        for it in statements.denying(policy)
        if "*" in statements.principals(it) and any(map(_is_whole, statements.resources(it)))
        for action in statements.covers_any(it, _DELETES)
        if statements.conditions(it) in ({}, _ALLOWED_BY_ETAG.get(action))
    }
    return [f"{action} is not denied" for action in _DELETES if action not in denied]


def _is_whole(resource: str) -> bool:
    """Return whether an ARN stands for every object of a bucket."""
    return resource.endswith("/*") and resource.count("/") == 1


@control(
    "S3.15",
    "S3 general purpose buckets should have Object Lock enabled",
    tokens.BUCKET,
    also=("CKV_AWS_143",),
    waiver="A lock's term is a promise to an auditor that only you can give, and it cannot be "
    "taken back. Set it on the archive bucket beside the stack with "
    "`aws s3api put-object-lock-configuration`; the archiver deletes no version there.",
)
def is_locked(bucket: Resource, graph: Graph) -> list[str]:
    return unless(bool(graph.referring(bucket, tokens.BUCKET_LOCK, "bucket")), "has no Object Lock")


@control(
    "S3.7",
    "S3 general purpose buckets should use cross-Region replication",
    tokens.BUCKET,
    also=("CKV_AWS_144",),
    waiver="It doubles the cost of storage, and needs a bucket of yours in another region. Every "
    "bucket is versioned, so `aws s3api put-bucket-replication` is all that it takes.",
)
def is_replicated(bucket: Resource, graph: Graph) -> list[str]:
    return unless(
        bool(graph.referring(bucket, tokens.BUCKET_REPLICATION, "bucket")), "is not replicated"
    )


@control(
    "S3.20",
    "S3 general purpose buckets should have MFA delete enabled",
    tokens.BUCKET,
    also=("CIS 2.1.2",),
    waiver="S3 allows MFA delete on no bucket with lifecycle rules, on which the retention rests. "
    "Instead no role can delete a version of an output or of the archive (PIPE.47).",
)
def asks_for_mfa_to_delete(bucket: Resource, graph: Graph) -> list[str]:
    found = graph.referring(bucket, tokens.BUCKET_VERSIONING, "bucket")
    return unless(
        any(it.get("versioningConfiguration.mfaDelete") == "Enabled" for it in found),
        "MFA delete is not enabled",
    )
