"""The bucket for S3's access logs: its records of the requests to the other buckets."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra import bucket_policy, lifecycle
from infra.bucket import DataBucket
from infra.permissions import Statement
from infra.settings import Settings


class AccessLogs(pulumi.ComponentResource):
    """A bucket for access logs, and the setting of each of `buckets` that S3 writes its logs there.

    The logs of a bucket are under its key in `buckets`. The log bucket is encrypted with S3's own
    keys: S3 delivers no logs to a bucket whose default is a KMS key.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html

    Attributes:
        bucket: the bucket for the logs.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        buckets: Mapping[str, DataBucket],
        account: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("s3-data-pipeline:index:AccessLogs", name, None, opts)
        sources = Output.all(*(bucket.arn for bucket in buckets.values()))

        def statements(arn: Output[str]) -> Output[list[Statement]]:
            return Output.all(arn=arn, sources=sources, account=account).apply(
                lambda it: bucket_policy.accept_access_logs(
                    it["arn"], sources=it["sources"], account=it["account"]
                )
            )

        self.bucket = DataBucket(
            name,
            rules=lifecycle.access_logs(settings),
            bucket_name=None,
            kms_key_arn=None,
            protect=settings.protect_data,
            statements=statements,
            opts=ResourceOptions(parent=self),
        )
        for purpose, bucket in buckets.items():
            aws.s3.BucketLogging(
                f"{name}-{purpose}",
                bucket=bucket.name,
                target_bucket=self.bucket.name,
                target_prefix=f"{purpose}/",
                opts=ResourceOptions(parent=self, depends_on=[self.bucket.policy]),
            )
        self.register_outputs({"bucket": self.bucket.name})
