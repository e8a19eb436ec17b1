"""The queues: the processing queue, and dead-letter queues for what failed."""

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from infra import permissions
from infra.permissions import Statement
from infra.settings import SECONDS_OF_A_DAY


class DeadLetterQueue(pulumi.ComponentResource):
    """A queue that keeps what failed until an operator looks at it. Children inherit `protect`.

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
        opts: ResourceOptions | None = None,
    ) -> None:
        opts = ResourceOptions.merge(opts, ResourceOptions(protect=protect))
        super().__init__("s3-data-pipeline:index:DeadLetterQueue", name, None, opts)
        self._queue = aws.sqs.Queue(
            name,
            message_retention_seconds=retention_days * SECONDS_OF_A_DAY,
            sqs_managed_sse_enabled=True,
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

    It stands, and is read, wherever the bucket's events go: what is left of a large file and what
    is sent back by an operator goes through it, and so does what waits when events are moved.

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
        opts: ResourceOptions | None = None,
    ) -> None:
        opts = ResourceOptions.merge(opts, ResourceOptions(protect=protect))
        super().__init__("s3-data-pipeline:index:ProcessingQueue", name, None, opts)
        self._queue = aws.sqs.Queue(
            name,
            message_retention_seconds=retention_days * SECONDS_OF_A_DAY,
            visibility_timeout_seconds=visibility_timeout_seconds,
            sqs_managed_sse_enabled=True,
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


def _statements(queue: str, bucket: str, account: str) -> list[Statement]:
    return [
        permissions.receive_events(queue=queue, bucket=bucket, account=account),
        permissions.tls_only("sqs:*", [queue]),
    ]
