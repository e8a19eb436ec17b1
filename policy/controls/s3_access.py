"""Controls: public access to a bucket, and its ACLs."""

from typing import Final

from policy import tokens
from policy.control import control, unless
from policy.graph import Graph, Resource

_BLOCKS: Final = (
    "blockPublicAcls",
    "blockPublicPolicy",
    "ignorePublicAcls",
    "restrictPublicBuckets",
)
_PUBLIC_ACLS: Final = ("public-read", "public-read-write", "authenticated-read")


@control(
    "S3.8",
    "S3 general purpose buckets should block public access",
    tokens.BUCKET,
    also=("CKV2_AWS_6", "CIS 2.1.4"),
)
def blocks_public_access(bucket: Resource, graph: Graph) -> list[str]:
    blocks = graph.referring(bucket, tokens.BUCKET_PUBLIC_ACCESS, "bucket")
    return unless(
        any(all(block.get(name) for name in _BLOCKS) for block in blocks),
        "has no public access block with all four settings",
    )


@control("CKV_AWS_53", "S3 bucket has block public ACLs enabled", tokens.BUCKET_PUBLIC_ACCESS)
def blocks_public_acls(block: Resource) -> list[str]:
    return unless(bool(block.get("blockPublicAcls")), "blockPublicAcls is not true")


@control("CKV_AWS_54", "S3 bucket has block public policy enabled", tokens.BUCKET_PUBLIC_ACCESS)
def blocks_public_policies(block: Resource) -> list[str]:
    return unless(bool(block.get("blockPublicPolicy")), "blockPublicPolicy is not true")


@control("CKV_AWS_55", "S3 bucket has ignore public ACLs enabled", tokens.BUCKET_PUBLIC_ACCESS)
def ignores_public_acls(block: Resource) -> list[str]:
    return unless(bool(block.get("ignorePublicAcls")), "ignorePublicAcls is not true")


@control("CKV_AWS_56", "S3 bucket has restrict_public_buckets enabled", tokens.BUCKET_PUBLIC_ACCESS)
def restricts_public_buckets(block: Resource) -> list[str]:
    return unless(bool(block.get("restrictPublicBuckets")), "restrictPublicBuckets is not true")


@control(
    "S3.12",
    "ACLs should not be used to manage user access to S3 general purpose buckets",
    tokens.BUCKET,
    also=("CKV2_AWS_65",),
)
def disables_acls(bucket: Resource, graph: Graph) -> list[str]:
    controls = graph.referring(bucket, tokens.BUCKET_OWNERSHIP, "bucket")
    return unless(
        any(it.get("rule.objectOwnership") == "BucketOwnerEnforced" for it in controls),
        "ACLs are not disabled by BucketOwnerEnforced",
    )


@control(
    "CKV_AWS_20",
    "S3 bucket does not have an ACL that allows public READ access",
    tokens.BUCKET,
    also=("CKV_AWS_57", "CKV_AWS_375", "CKV2_AWS_43"),
)
def has_no_public_acl(bucket: Resource, graph: Graph) -> list[str]:
    resources = [bucket, *graph.referring(bucket, tokens.BUCKET_ACL, "bucket")]
    found = [resource.get("acl") for resource in resources]
    return [f"the ACL {acl} is public" for acl in found if acl in _PUBLIC_ACLS]


@control("PIPE.1", "A bucket serves no website", tokens.BUCKET)
def serves_no_website(bucket: Resource, graph: Graph) -> list[str]:
    sites = graph.referring(bucket, tokens.BUCKET_WEBSITE, "bucket")
    return unless(not sites and not bucket.get("website"), "serves a website")
