"""A bucket for data: private, TLS-only, encrypted and versioned, with lifecycle rules."""

from collections.abc import Callable, Sequence

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from infra import bucket_policy
from infra.lifecycle import TRANSITION_MINIMUM, Rule
from infra.permissions import Statement

_SSE = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs


class DataBucket(pulumi.ComponentResource):
    """A bucket with all its settings. Every child inherits `protect`.

    Attributes:
        name: the bucket's name.
        arn: the bucket's ARN.
        policy: the bucket's policy, with its own `statements` and those of every bucket.
    """

    def __init__(
        self,
        name: str,
        *,
        rules: Sequence[Rule],
        bucket_name: str | None,
        kms_key_arn: str | None,
        protect: bool,
        statements: Callable[[Output[str]], Output[list[Statement]]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        opts = ResourceOptions.merge(opts, ResourceOptions(protect=protect))
        super().__init__("s3-data-pipeline:index:DataBucket", name, None, opts)
        self._bucket = aws.s3.Bucket(
            name,
            bucket=bucket_name,
            force_destroy=not protect,
            opts=ResourceOptions(parent=self),
        )
        self.name = self._bucket.bucket
        self.arn = self._bucket.arn
        own = statements(self.arn) if statements else Output.from_input(list[Statement]())
        self.policy = self._keep_private(name, own)
        self._encrypt(name, kms_key_arn)
        self._keep_versions(name, rules)
        self.register_outputs({"name": self.name, "arn": self.arn})

    def _keep_private(self, name: str, statements: Output[list[Statement]]) -> aws.s3.BucketPolicy:
        """Set the access one step after the other: S3 answers 409 to concurrent changes."""
        block = aws.s3.BucketPublicAccessBlock(
            f"{name}-private",
            bucket=self.name,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=ResourceOptions(parent=self),
        )
        ownership = aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=self.name,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=ResourceOptions(parent=self, depends_on=[block]),
        )
        policy = Output.all(self.arn, statements).apply(
            lambda both: bucket_policy.document(both[0], both[1])
        )
        return aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=self.name,
            policy=Output.json_dumps(policy),
            opts=ResourceOptions(parent=self, depends_on=[ownership]),
        )

    def _encrypt(self, name: str, kms_key_arn: str | None) -> None:
        default = (
            _SSE(sse_algorithm="aws:kms", kms_master_key_id=kms_key_arn)
            if kms_key_arn
            else _SSE(sse_algorithm="AES256")
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=self.name,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=default,
                    # One request to KMS for many objects: without it each object costs one.
                    bucket_key_enabled=kms_key_arn is not None,
                    # Nobody else could read an object encrypted with a client's own key (SSE-C).
                    blocked_encryption_types=["SSE-C"],
                )
            ],
            opts=ResourceOptions(parent=self),
        )

    def _keep_versions(self, name: str, rules: Sequence[Rule]) -> None:
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=self.name,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(
                status="Enabled"
            ),
            opts=ResourceOptions(parent=self),
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=self.name,
            rules=list(rules),
            transition_default_minimum_object_size=TRANSITION_MINIMUM,
            # Rules for noncurrent versions need a bucket with versioning.
            opts=ResourceOptions(parent=self, depends_on=[versioning]),
        )
