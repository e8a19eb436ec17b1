"""Controls: the encryption of a bucket."""

from policy import tokens
from policy.control import control, unless
from policy.graph import Graph, Resource, nested


def keeps_access_logs(bucket: Resource, graph: Graph) -> bool:
    """Return whether other buckets' access logs are written to a bucket."""
    return bool(graph.referring(bucket, tokens.BUCKET_LOGGING, "targetBucket"))


@control(
    "CKV_AWS_19",
    "All data stored in the S3 bucket is securely encrypted at rest",
    tokens.BUCKET,
)
def is_encrypted(bucket: Resource, graph: Graph) -> list[str]:
    return unless(
        bool(_algorithms(bucket, graph) & {"AES256", "aws:kms", "aws:kms:dsse"}),
        "states no encryption",
    )


@control(
    "S3.17",
    "S3 general purpose buckets should be encrypted at rest with AWS KMS keys",
    tokens.BUCKET,
    also=("CKV_AWS_145",),
    option="kmsKeyArn",
)
def is_encrypted_with_a_kms_key(bucket: Resource, graph: Graph) -> list[str]:
    # S3 delivers no access logs to a bucket whose default is a KMS key.
    if keeps_access_logs(bucket, graph):
        return []
    return unless(
        bool(_algorithms(bucket, graph) & {"aws:kms", "aws:kms:dsse"}), "no KMS key encrypts it"
    )


@control("PIPE.84", "A bucket accepts no object that is encrypted with a client's own key (SSE-C)",
         tokens.BUCKET_ENCRYPTION)  # fmt: skip
def takes_no_client_keys(encryption: Resource) -> list[str]:
    return unless(
        all(
            "SSE-C" in (it.get("blockedEncryptionTypes") or []) for it in encryption.inputs["rules"]
        ),
        "SSE-C is not blocked: nobody but the client could read such an object",
    )


@control("PIPE.2", "A KMS key encrypts objects through a bucket key", tokens.BUCKET_ENCRYPTION)
def uses_a_bucket_key(encryption: Resource) -> list[str]:
    return [
        "the KMS key is used without a bucket key"
        for rule in encryption.inputs["rules"]
        if nested(rule, "applyServerSideEncryptionByDefault.sseAlgorithm") == "aws:kms"
        and not rule.get("bucketKeyEnabled")
    ]


def _algorithms(bucket: Resource, graph: Graph) -> set[str]:
    return {
        nested(rule, "applyServerSideEncryptionByDefault.sseAlgorithm")
        for encryption in graph.referring(bucket, tokens.BUCKET_ENCRYPTION, "bucket")
        for rule in encryption.inputs["rules"]
    }
