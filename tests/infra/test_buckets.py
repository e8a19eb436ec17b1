import json
from datetime import date

import pytest

from handlers import keys
from tests.infra.recording import (
    ACCOUNT,
    CONSUMER,
    KEY,
    PRODUCERS,
    PROJECT,
    REGION,
    Graph,
    run_program,
)

POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BUCKETS = ["raw", "processed", "archive"]
WHOLE = {"prefix": ""}
HOUSEKEEPING = [
    {
        "id": "expire-noncurrent-versions",
        "status": "Enabled",
        "filter": WHOLE,
        "noncurrentVersionExpiration": {"noncurrentDays": 30},
    },
    {
        "id": "expire-delete-markers",
        "status": "Enabled",
        "filter": WHOLE,
        "expiration": {"expiredObjectDeleteMarker": True},
    },
    {
        "id": "abort-unfinished-uploads",
        "status": "Enabled",
        "filter": WHOLE,
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
    },
]
RULES = {
    "raw": [
        {
            "id": "expire-completed",
            "status": "Enabled",
            "filter": {"prefix": "completed/"},
            "expiration": {"days": 90},
        }
    ],
    "processed": [
        {
            "id": "expire-rejected",
            "status": "Enabled",
            "filter": {"prefix": "rejected/"},
            "expiration": {"days": 90},
        },
        {
            "id": "expire-restored",
            "status": "Enabled",
            "filter": {"prefix": "restored/"},
            "expiration": {"days": 30},
            "noncurrentVersionExpiration": {"noncurrentDays": 1},
        },
        {
            "id": "expire-staging",
            "status": "Enabled",
            "filter": {"prefix": "staging/"},
            "expiration": {"days": 18},
            "noncurrentVersionExpiration": {"noncurrentDays": 1},
        },
        {
            "id": "expire-batch-operations",
            "status": "Enabled",
            "filter": {"prefix": "batch-operations/"},
            "expiration": {"days": 90},
            "noncurrentVersionExpiration": {"noncurrentDays": 1},
        },
    ],
    "archive": [
        {
            "id": "move-to-glacier-then-expire",
            "status": "Enabled",
            "filter": {"prefix": "archive/"},
            "transitions": [{"days": 90, "storageClass": "GLACIER"}],
            "expiration": {"days": 365},
        },
        {
            "id": "move-bundles-to-glacier-then-expire",
            "status": "Enabled",
            "filter": {"prefix": "bundles/"},
            "transitions": [{"days": 90, "storageClass": "GLACIER"}],
            "expiration": {"days": 365},
        },
        {
            "id": "expire-bundle-indexes",
            "status": "Enabled",
            "filter": {"prefix": "bundle-indexes/"},
            "expiration": {"days": 365},
        },
    ],
}


def test_the_archive_never_ends_with_zero_expiration_days():
    graph = run_program({"aws:region": REGION, f"{PROJECT}:expirationDays": "0"}, stack="dev")

    lifecycle = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    rules = graph.get(lifecycle, "archive-lifecycle").inputs["rules"]
    ageing = [rule for rule in rules if rule["filter"] != {"prefix": ""}]
    assert [rule["filter"]["prefix"] for rule in ageing] == ["archive/", "bundles/"]
    for rule in ageing:
        assert rule["transitions"] == [{"days": 90, "storageClass": "GLACIER"}]
        assert "expiration" not in rule


def test_the_layout_of_a_days_bundles_never_ends(graph: Graph):
    """Another one could put an output into a second bundle, while those of the first still live."""
    lifecycle = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    rules = graph.get(lifecycle, "archive-lifecycle").inputs["rules"]
    ending = [rule for rule in rules if "days" in rule.get("expiration", {})]
    layout = keys.bundle_layout_key(date(2024, 1, 15))
    assert len(ending) == 3
    assert not [rule for rule in ending if layout.startswith(rule["filter"]["prefix"])]


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_private(graph: Graph, name: str):
    block = graph.get("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", f"{name}-private")
    ownership = graph.get("aws:s3/bucketOwnershipControls:BucketOwnershipControls",
                          f"{name}-ownership")  # fmt: skip

    assert block.inputs == {
        "bucket": bucket_name(graph, name),
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    assert ownership.inputs == {
        "bucket": bucket_name(graph, name),
        "rule": {"objectOwnership": "BucketOwnerEnforced"},
    }


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_refuses_unencrypted_transport_and_old_tls(graph: Graph, name: str):
    policy = graph.get(POLICY, f"{name}-policy")

    arn = graph.arn(name)
    everything = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
    }
    assert policy.inputs["bucket"] == bucket_name(graph, name)
    assert json.loads(policy.inputs["policy"])["Version"] == "2012-10-17"
    assert statements(graph, name)[:2] == [
        {
            "Sid": "DenyUnencryptedTransport",
            **everything,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "DenyOldTls",
            **everything,
            "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        },
    ]
    # S3 answers 409 to changes of one bucket's access at once.
    assert (
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        f"{name}-private",
    ) in graph.before(policy)


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_keeps_versions_before_it_has_rules_for_them(graph: Graph, name: str):
    versioning = graph.get("aws:s3/bucketVersioning:BucketVersioning", f"{name}-versioning")
    lifecycle = graph.get("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
                          f"{name}-lifecycle")  # fmt: skip

    assert versioning.inputs["versioningConfiguration"] == {"status": "Enabled"}
    assert (versioning.type, versioning.name) in graph.before(lifecycle)
    assert lifecycle.inputs["transitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    assert lifecycle.inputs["rules"] == HOUSEKEEPING + RULES[name]


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_encrypted_with_s3s_own_keys(dev: Graph, name: str):
    encryption = dev.get(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        f"{name}-encryption",
    )

    assert encryption.inputs["rules"] == [
        {
            "applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"},
            "bucketKeyEnabled": False,
            "blockedEncryptionTypes": ["SSE-C"],
        }
    ]


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_encrypted_with_a_kms_key_through_a_bucket_key(full: Graph, name: str):
    encryption = full.get(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        f"{name}-encryption",
    )

    assert encryption.inputs["rules"] == [
        {
            "applyServerSideEncryptionByDefault": {
                "sseAlgorithm": "aws:kms",
                "kmsMasterKeyId": KEY,
            },
            "bucketKeyEnabled": True,
            "blockedEncryptionTypes": ["SSE-C"],
        }
    ]


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_can_be_destroyed_in_dev_and_are_protected_in_prod(
    dev: Graph, prod: Graph, name: str
):
    for graph, protect in ((dev, False), (prod, True)):
        bucket = graph.get("aws:s3/bucket:Bucket", name)
        component = graph.get("s3-data-pipeline:index:DataBucket", name)
        assert bucket.inputs == {"forceDestroy": not protect}
        assert bucket.protect is protect
        # Whatever is lost with a side resource (versions, privacy) is data as well.
        assert {it.protect for it in graph.inside(component)} == {protect}
        assert len(list(graph.inside(component))) == 7


def test_bucket_names_are_the_configured_ones(full: Graph):
    names = {name: full.get("aws:s3/bucket:Bucket", name).inputs["bucket"] for name in BUCKETS}

    assert names == {"raw": "acme-raw", "processed": "acme-processed", "archive": "acme-archive"}


def bucket_name(graph: Graph, name: str) -> str:
    return graph.get("aws:s3/bucket:Bucket", name).inputs.get("bucket", graph.name(name))


def test_nobody_deletes_from_a_protected_archive(dev: Graph, prod: Graph):
    # `pulumi destroy` empties an unprotected bucket itself.
    assert statements(dev, "archive")[2:] == []
    archive, denied = prod.arn("archive"), {"Effect": "Deny", "Principal": "*"}
    assert statements(prod, "archive")[2:] == [
        {
            "Sid": "DenyDeletionsOfVersions",
            **denied,
            "Action": ["s3:DeleteObjectVersion"],
            "Resource": f"{archive}/*",
        },
        {
            "Sid": "DenyDeletionsOfBundles",
            **denied,
            "Action": ["s3:DeleteObject"],
            "Resource": [
                f"{archive}/bundles/*",
                f"{archive}/bundle-indexes/*",
                f"{archive}/bundle-layouts/*",
            ],
        },
        {
            "Sid": "DenyDeletions",
            **denied,
            "Action": ["s3:DeleteObject"],
            "Resource": f"{archive}/*",
            "Condition": {"Null": {"s3:if-match": "true"}},
        },
    ]
    # The processor and the archiver delete in these.
    assert statements(prod, "raw")[2:] == statements(prod, "processed")[2:] == []


def test_producers_upload_and_consumers_read(full: Graph):
    raw, processed = full.arn("raw"), full.arn("processed")

    assert statements(full, "raw")[2:] == [
        {
            "Sid": "AcceptFilesOfProducers",
            "Effect": "Allow",
            "Principal": {"AWS": list(PRODUCERS)},
            "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
            "Resource": f"{raw}/incoming/*",
        }
    ]
    assert statements(full, "processed")[2:] == [
        {
            "Sid": "ReadOutputsForConsumers",
            "Effect": "Allow",
            "Principal": {"AWS": [CONSUMER]},
            "Action": ["s3:GetObject"],
            "Resource": [f"{processed}/processed/*", f"{processed}/restored/*"],
        },
        {
            "Sid": "ListOutputsForConsumers",
            "Effect": "Allow",
            "Principal": {"AWS": [CONSUMER]},
            "Action": ["s3:ListBucket"],
            "Resource": processed,
            "Condition": {"StringLike": {"s3:prefix": ["processed/*", "restored/*"]}},
        },
        {
            "Sid": "LocateForConsumers",
            "Effect": "Allow",
            "Principal": {"AWS": [CONSUMER]},
            "Action": ["s3:GetBucketLocation"],
            "Resource": processed,
        },
    ]


def test_consumers_read_what_the_tables_are_over(full: Graph):
    archive = full.arn("archive")
    by_sid = {it["Sid"]: it for it in statements(full, "archive")}

    consumers = {"Effect": "Allow", "Principal": {"AWS": [CONSUMER]}}
    assert by_sid["ReadArchiveForConsumers"] == {
        "Sid": "ReadArchiveForConsumers",
        **consumers,
        "Action": ["s3:GetObject"],
        "Resource": [f"{archive}/archive/*", f"{archive}/bundles/*"],
    }
    assert by_sid["ListArchiveForConsumers"] == {
        "Sid": "ListArchiveForConsumers",
        **consumers,
        "Action": ["s3:ListBucket"],
        "Resource": archive,
        "Condition": {"StringLike": {"s3:prefix": ["archive/*", "bundles/*"]}},
    }
    assert "DenyDeletions" in by_sid
    # The rejected records are not theirs.
    assert "rejected" not in json.dumps(statements(full, "processed"))


def test_access_logs_go_to_a_bucket_of_their_own(full: Graph, prod: Graph):
    logging = "aws:s3/bucketLogging:BucketLogging"

    assert prod.of(logging) == []
    assert {it.name for it in prod.of("aws:s3/bucket:Bucket")} == set(BUCKETS)
    for name in BUCKETS:
        made = full.get(logging, f"access-logs-{name}")
        assert made.inputs == {
            "bucket": bucket_name(full, name),
            "targetBucket": full.name("access-logs"),
            "targetPrefix": f"{name}/",
        }
        assert (POLICY, "access-logs-policy") in full.before(made)


def test_the_bucket_of_access_logs_takes_them_of_these_buckets_alone(full: Graph):
    arn = full.arn("access-logs")

    assert statements(full, "access-logs")[2:] == [
        {
            "Sid": "AcceptAccessLogs",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"{arn}/*",
            "Condition": {
                "ArnEquals": {"aws:SourceArn": [full.arn(name) for name in BUCKETS]},
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
            },
        }
    ]


def test_the_bucket_of_access_logs_is_a_bucket_like_the_others(full: Graph):
    encryption = full.get(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "access-logs-encryption",
    )
    lifecycle = full.get("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
                         "access-logs-lifecycle")  # fmt: skip

    # S3 delivers no logs to a bucket whose default is a KMS key.
    (rule,) = encryption.inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}
    assert lifecycle.inputs["rules"] == [
        *HOUSEKEEPING,
        {"id": "expire-logs", "status": "Enabled", "filter": WHOLE, "expiration": {"days": 90}},
    ]
    assert full.get("aws:s3/bucket:Bucket", "access-logs").protect is True
    for kind in ("PublicAccessBlock", "Versioning", "OwnershipControls"):
        made = full.of(f"aws:s3/bucket{kind}:Bucket{kind}")
        assert full.name("access-logs") in {it.inputs["bucket"] for it in made}


def statements(graph: Graph, name: str) -> list[dict[str, object]]:
    return json.loads(graph.get(POLICY, f"{name}-policy").inputs["policy"])["Statement"]
