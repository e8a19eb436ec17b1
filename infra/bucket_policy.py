"""Write the policy of a bucket: whom it allows what, and what it denies to everyone. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from handlers import keys
from infra import permissions
from infra.permissions import Statement

# S3 itself has required this since 2024; it is stated for audits of the policy.
_TLS_VERSION: Final = "1.2"


def document(bucket: str, statements: Sequence[Statement]) -> dict[str, Any]:
    """Return the policy of the bucket with an ARN: what every bucket denies, and its statements."""
    both = [bucket, f"{bucket}/*"]
    old_tls = {
        "Sid": "DenyOldTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": both,
        "Condition": {"NumericLessThan": {"s3:TlsVersion": _TLS_VERSION}},
    }
    return permissions.document([permissions.tls_only("s3:*", both), old_tls, *statements])


def accept_files(bucket: str, producers: Sequence[str]) -> list[Statement]:
    """Return the permission of principals to upload files, and to abort a multipart upload."""
    actions = ["s3:PutObject", "s3:AbortMultipartUpload"]
    where = f"{bucket}/{keys.INCOMING}*"
    return [_let("AcceptFilesOfProducers", producers, actions, where)] if producers else []


def read_outputs(
    bucket: str, consumers: Sequence[str], *, queried: bool = False
) -> list[Statement]:
    """Return the permission of principals to list and read outputs, restored ones too.

    `queried` is whether they may query them with Athena, which asks for the bucket's region.
    """
    roots = (keys.PROCESSED, keys.RESTORED)
    return [
        *_read("Outputs", bucket, consumers, roots),
        *(_locate(bucket, consumers) if queried else []),
    ]


def read_archive(bucket: str, consumers: Sequence[str]) -> list[Statement]:
    """Return the permission of principals to query archived outputs with Athena, bundled ones too.

    Not the indexes of bundles, which no query reads.
    """
    archived = _read("Archive", bucket, consumers, (keys.ARCHIVE, keys.BUNDLES))
    return [*archived, *_locate(bucket, consumers)]


def _read(
    what: str, bucket: str, consumers: Sequence[str], roots: Sequence[str]
) -> list[Statement]:
    if not consumers:
        return []
    lists = _let(f"List{what}ForConsumers", consumers, ["s3:ListBucket"], bucket)
    return [
        _let(
            f"Read{what}ForConsumers",
            consumers,
            ["s3:GetObject"],
            *(f"{bucket}/{root}*" for root in roots),
        ),
        {**lists, "Condition": {"StringLike": {"s3:prefix": [f"{root}*" for root in roots]}}},
    ]


def _locate(bucket: str, consumers: Sequence[str]) -> list[Statement]:
    """Return what Athena needs of a bucket in another account, beside listing and reading.

    https://docs.aws.amazon.com/athena/latest/ug/cross-account-permissions.html
    """
    actions = ["s3:GetBucketLocation"]
    return [_let("LocateForConsumers", consumers, actions, bucket)] if consumers else []


def keep_objects(bucket: str) -> list[Statement]:
    """Return the denial of every deletion, for everyone, but of copies that a request means.

    The archiver deletes a copy in `archive/` that a bundle holds as well, and names its ETag:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html
    No version is ever deleted, and no bundle. It does not stop lifecycle rules: "even if your
    bucket policy denies all actions for all principals, your S3 Lifecycle configuration still
    functions as normal".
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html
    """
    return [
        _deny("DenyDeletionsOfVersions", ["s3:DeleteObjectVersion"], f"{bucket}/*"),
        _deny(
            "DenyDeletionsOfBundles",
            ["s3:DeleteObject"],
            *(
                f"{bucket}/{root}*"
                for root in (keys.BUNDLES, keys.BUNDLE_INDEXES, keys.BUNDLE_LAYOUTS)
            ),
        ),
        {
            **_deny("DenyDeletions", ["s3:DeleteObject"], f"{bucket}/*"),
            "Condition": {"Null": {"s3:if-match": "true"}},
        },
    ]


def accept_access_logs(bucket: str, *, sources: Sequence[str], account: str) -> list[Statement]:
    """Return the permission of S3 to write the access logs of buckets of this account.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    return [
        {
            "Sid": "AcceptAccessLogs",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"{bucket}/*",
            "Condition": {
                "ArnEquals": {"aws:SourceArn": list(sources)},
                "StringEquals": {"aws:SourceAccount": account},
            },
        }
    ]


def _let(sid: str, principals: Sequence[str], actions: Sequence[str], *resources: str) -> Statement:
    return _state(sid, "Allow", {"AWS": list(principals)}, actions, resources)


def _deny(sid: str, actions: Sequence[str], *resources: str) -> Statement:
    return _state(sid, "Deny", "*", actions, resources)


def _state(
    sid: str, effect: str, principal: Any, actions: Sequence[str], resources: Sequence[str]
) -> Statement:
    return {
        "Sid": sid,
        "Effect": effect,
        "Principal": principal,
        "Action": list(actions),
        "Resource": resources[0] if len(resources) == 1 else list(resources),
    }
