"""A bucket for data: private, TLS-only, encrypted, versioned, with its lifecycle."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from infra import permissions
from infra.lifecycle import TRANSITION_MINIMUM, Rule

_SSE = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs


class DataBucket(pulumi.ComponentResource):
    """A bucket and all that makes it fit for data. `protect` is inherited by every child.

    Attributes:
        name: the bucket's name.
        arn: the bucket's ARN.
    """

    def __init__(
        self,
        name: str,
        *,
        rules: Sequence[Rule],
        bucket_name: str | None,
        kms_key_arn: str | None,
        protect: bool,
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
        self._keep_private(name)
        self._encrypt(name, kms_key_arn)
        self._keep_versions(name, rules)
        self.register_outputs({"name": self.name, "arn": self.arn})

    def _keep_private(self, name: str) -> None:
        """One after the other: S3 answers 409 to changes of one bucket's access at once."""
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
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=self.name,
            policy=pulumi.Output.json_dumps(self.arn.apply(_tls_only)),
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
                    # One key request for many objects: a KMS key without it costs per object.
                    bucket_key_enabled=kms_key_arn is not None,
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
            # Rules for noncurrent versions mean nothing to a bucket without versions.
            opts=ResourceOptions(parent=self, depends_on=[versioning]),
        )


def _tls_only(arn: str) -> dict[str, object]:
    return permissions.document([permissions.tls_only("s3:*", [arn, f"{arn}/*"])])
