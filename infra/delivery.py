"""How the raw bucket's events reach the processor: through the queue, or directly."""

from collections.abc import Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from handlers import keys
from infra.bucket import DataBucket
from infra.function import PipelineFunction
from infra.queues import ProcessingQueue
from infra.settings import Settings

_EVENTS: Final = ["s3:ObjectCreated:*"]
# The prefix alone decides: suffix filters are case sensitive and cannot be combined.
_PREFIX: Final = keys.INCOMING
_ID: Final = "incoming"


class EventDelivery(pulumi.ComponentResource):
    """The notification of a bucket, made last: from then on files come in.

    S3 accepts a target only when its policy already lets S3 in; and no file shall come in before
    everything in `ready` stands.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        raw: DataBucket,
        processor: PipelineFunction,
        queue: ProcessingQueue | None,
        account: Input[str],
        ready: Sequence[pulumi.Resource],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("s3-data-pipeline:index:EventDelivery", name, None, opts)
        if queue:
            mapping = self._map(name, settings, queue, processor)
            opens = [mapping, queue.policy]
            target: dict[str, Any] = {
                "queues": [
                    aws.s3.BucketNotificationQueueArgs(
                        id=_ID, queue_arn=queue.arn, events=_EVENTS, filter_prefix=_PREFIX
                    )
                ]
            }
        else:
            opens = [self._permit(name, raw, processor, account)]
            target = {
                "lambda_functions": [
                    aws.s3.BucketNotificationLambdaFunctionArgs(
                        id=_ID,
                        lambda_function_arn=processor.arn,
                        events=_EVENTS,
                        filter_prefix=_PREFIX,
                    )
                ]
            }
        aws.s3.BucketNotification(
            f"{name}-notification",
            bucket=raw.name,
            **target,
            opts=ResourceOptions(parent=self, depends_on=[*ready, *opens]),
        )
        self.register_outputs({})

    def _map(
        self,
        name: str,
        settings: Settings,
        queue: ProcessingQueue,
        processor: PipelineFunction,
    ) -> pulumi.Resource:
        """Let Lambda read the queue. There is no filter: what does not match would be deleted."""
        return aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            event_source_arn=queue.arn,
            function_name=processor.name,
            batch_size=settings.batch_size,
            maximum_batching_window_in_seconds=settings.batch_window_seconds,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(
                maximum_concurrency=settings.max_concurrency
            ),
            opts=ResourceOptions(parent=self, depends_on=[processor]),
        )

    def _permit(
        self, name: str, raw: DataBucket, processor: PipelineFunction, account: Input[str]
    ) -> pulumi.Resource:
        """Let S3 invoke the function for one bucket, whose ARN alone names no account."""
        return aws.lambda_.Permission(
            f"{name}-permission",
            action="lambda:InvokeFunction",
            function=processor.name,
            principal="s3.amazonaws.com",
            source_arn=raw.arn,
            source_account=account,
            opts=ResourceOptions(parent=self),
        )
