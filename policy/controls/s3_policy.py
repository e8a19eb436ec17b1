"""Controls: what a bucket's policy allows, and to whom."""

from typing import Final

from policy import statements, tokens
from policy.control import control, unless
from policy.graph import Graph, Resource

_READS: Final = ("s3:GetObject", "s3:ListBucket")
_WRITES: Final = ("s3:PutObject", "s3:DeleteObject", "s3:PutObjectAcl")
# https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-blacklisted-actions-prohibited.html
# with the parameter that Security Hub gives it.
_NOT_FOR_OTHERS: Final = (
    "s3:DeleteBucketPolicy",
    "s3:PutBucketAcl",
    "s3:PutBucketPolicy",
    "s3:PutEncryptionConfiguration",
    "s3:PutObjectAcl",
)

# Tells a bucket's region, and nothing of an object.
_LOCATING: Final = {"s3:GetBucketLocation"}


@control("S3.2", "S3 general purpose buckets should block public read access", tokens.BUCKET_POLICY)
def prohibits_public_reading(policy: Resource) -> list[str]:
    return _allowed_to_anybody(policy, _READS)


@control(
    "S3.3", "S3 general purpose buckets should block public write access", tokens.BUCKET_POLICY
)
def prohibits_public_writing(policy: Resource) -> list[str]:
    return _allowed_to_anybody(policy, _WRITES)


@control(
    "CKV_AWS_70",
    "S3 bucket does not allow an action with any Principal",
    tokens.BUCKET_POLICY,
    also=("CKV_AWS_283",),
)
def allows_nobody_at_large(policy: Resource) -> list[str]:
    public = filter(statements.is_public, statements.statements(policy))
    return [f"{statements.label(it)} allows any principal" for it in public]


@control(
    "S3.6",
    "S3 general purpose bucket policies should restrict access to other AWS accounts",
    tokens.BUCKET_POLICY,
)
def leaves_its_configuration_to_the_account(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} allows {action} to {principal}"
        for it in statements.allowing(policy)
        for principal in statements.principals(it, "AWS")
        for action in statements.covers_any(it, _NOT_FOR_OTHERS)
    ]


@control(
    "S3.5",
    "S3 general purpose buckets should require requests to use SSL",
    tokens.BUCKET,
    also=("CKV_AWS_379", "CIS 2.1.1"),
)
def requires_tls(bucket: Resource, graph: Graph) -> list[str]:
    return unless(
        any(
            statements.denies_plain_transport(it, "s3:GetObject")
            for policy in graph.referring(bucket, tokens.BUCKET_POLICY, "bucket")
            for it in statements.denying(policy)
        ),
        "no statement denies requests without TLS",
    )


@control(
    "CKV_AWS_93",
    "S3 bucket policy does not lockout all but root user",
    tokens.BUCKET_POLICY,
)
def does_not_lock_everybody_out(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} denies everything to everybody, without a condition"
        for it in statements.denying(policy)
        if "*" in statements.principals(it)
        and statements.covers(it, "s3:PutBucketPolicy")
        and not statements.conditions(it)
    ]


@control("PIPE.81", "A bucket refuses TLS older than 1.2", tokens.BUCKET)
def requires_recent_tls(bucket: Resource, graph: Graph) -> list[str]:
    return unless(
        any(
            "*" in statements.principals(it)
            and statements.covers(it, "s3:GetObject")
            and "1.2" in statements.conditions(it).get("s3:tlsversion", [])
            for policy in graph.referring(bucket, tokens.BUCKET_POLICY, "bucket")
            for it in statements.denying(policy)
        ),
        "no statement denies TLS older than 1.2",
    )


@control("PIPE.82", "A service may write to a bucket only for named resources of this account",
         tokens.BUCKET_POLICY)  # fmt: skip
def lets_services_in_for_this_account(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} lets a service in without aws:{key}"
        for it in statements.allowing(policy)
        if statements.principals(it, "Service")
        for key in ("SourceArn", "SourceAccount")
        if not statements.conditions(it).get(f"aws:{key}".lower())
    ]


@control(
    "PIPE.83", "Other accounts may access objects only under a key prefix", tokens.BUCKET_POLICY
)
def lets_others_reach_a_prefix(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} lets {statements.principals(it, 'AWS')} reach {resource}"
        for it in statements.allowing(policy)
        if statements.principals(it, "AWS") and set(statements.actions(it)) != _LOCATING
        for resource in statements.resources(it)
        if not _prefix(resource) and not statements.conditions(it).get("s3:prefix")
    ]


def _allowed_to_anybody(policy: Resource, names: tuple[str, ...]) -> list[str]:
    return [
        f"{statements.label(it)} allows {action} to anybody"
        for it in filter(statements.is_public, statements.statements(policy))
        for action in statements.covers_any(it, names)
    ]


def _prefix(arn: str) -> str:
    """Return the key prefix in an ARN of objects; empty for the ARN of a bucket."""
    return arn.rpartition("/")[0].partition("/")[2]
