"""The processing queue, and the dead-letter queues."""

from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from infra import permissions
from infra.permissions import Statement
from infra.settings import SECONDS_OF_A_DAY

# How long each sender and receiver reuses a data key, instead of a call to KMS that costs money; S3
# counts as many senders.
_DATA_KEY_SECONDS: Final = 3600


class DeadLetterQueue(pulumi.ComponentResource):
    """A queue that keeps failed messages for an operator. Children inherit `protect`.

    Attributes:
        arn: the queue's ARN.
        url: the queue's URL.
        name: the queue's name.
    """

    def __init__(
        self,
        name: str,
        *,
        retention_days: int,
        protect: bool,
        kms_key_arn: str | None,
        opts: ResourceOptions | None = None,
    ) -> None:
        opts = ResourceOptions.merge(opts, ResourceOptions(protect=protect))
        super().__init__("s3-data-pipeline:index:DeadLetterQueue", name, None, opts)
        self._queue = aws.sqs.Queue(
            name,
            message_retention_seconds=retention_days * SECONDS_OF_A_DAY,
            **_encryption(kms_key_arn),
            opts=ResourceOptions(parent=self),
        )
        self.arn = self._queue.arn
        self.url = self._queue.url
        self.name = self._queue.name
        aws.sqs.QueuePolicy(
            f"{name}-policy",
            queue_url=self.url,
            policy=pulumi.Output.json_dumps(
                self.arn.apply(
                    lambda arn: permissions.document([permissions.tls_only("sqs:*", [arn])])
                )
            ),
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({"arn": self.arn, "url": self.url})


class ProcessingQueue(pulumi.ComponentResource):
    """The queue between a bucket's events and the processor. Children inherit `protect`.

    It exists and is polled even if the bucket's events do not go through it: the remaining work on
    a large file does, messages that an operator sends back, and those left at a change of mode.

    Attributes:
        arn: the queue's ARN.
        url: the queue's URL.
        name: the queue's name.
    """

    def __init__(
        self,
        name: str,
        *,
        bucket_arn: Input[str],
        account: Input[str],
        dead_letters: DeadLetterQueue,
        max_receives: int,
        retention_days: int,
        visibility_timeout_seconds: int,
        protect: bool,
        kms_key_arn: str | None,
        opts: ResourceOptions | None = None,
    ) -> None:
        opts = ResourceOptions.merge(opts, ResourceOptions(protect=protect))
        super().__init__("s3-data-pipeline:index:ProcessingQueue", name, None, opts)
        self._queue = aws.sqs.Queue(
            name,
            message_retention_seconds=retention_days * SECONDS_OF_A_DAY,
            visibility_timeout_seconds=visibility_timeout_seconds,
            **_encryption(kms_key_arn),
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": max_receives}
            ),
            opts=ResourceOptions(parent=self),
        )
        self.arn = self._queue.arn
        self.url = self._queue.url
        self.name = self._queue.name
        statements = pulumi.Output.all(self.arn, bucket_arn, account).apply(
            lambda values: _statements(*values)
        )
        aws.sqs.QueuePolicy(
            f"{name}-policy",
            queue_url=self.url,
            policy=pulumi.Output.json_dumps(statements.apply(permissions.document)),
            opts=ResourceOptions(parent=self),
        )
        aws.sqs.RedriveAllowPolicy(
            f"{name}-redrive-allow",
            queue_url=dead_letters.url,
            redrive_allow_policy=pulumi.Output.json_dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [self.arn]}
            ),
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({"arn": self.arn, "url": self.url})


def _encryption(kms_key_arn: str | None) -> dict[str, Any]:
    """Return a queue's encryption: with the KMS key, or else with SQS's own; never both."""
    if kms_key_arn is None:
        return {"sqs_managed_sse_enabled": True}
    return {
        "kms_master_key_id": kms_key_arn,
        "kms_data_key_reuse_period_seconds": _DATA_KEY_SECONDS,
    }


def _statements(queue: str, bucket: str, account: str) -> list[Statement]:
    return [
        permissions.receive_events(queue=queue, bucket=bucket, account=account),
        permissions.tls_only("sqs:*", [queue]),
    ]
