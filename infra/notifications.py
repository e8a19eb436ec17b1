"""Send the raw bucket's events to the processor, and those of outputs to consumers."""

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

# Only the prefix is filtered: suffix filters are case sensitive and cannot be combined.
_INCOMING: Final[dict[str, Any]] = {
    "id": "incoming",
    "events": ["s3:ObjectCreated:*"],
    "filter_prefix": keys.INCOMING,
}


class EventDelivery(pulumi.ComponentResource):
    """Both ways to the processor, and the notification of a bucket, which uses one of them.

    Both always exist, so that `processingQueue` only changes the notification, and no event under
    way is lost. For the same reason S3 may always invoke the function by its own ARN, with
    `snapStart` too: it uses a former target for some time. The notification is created last: S3
    accepts a target only if its policy already allows S3, and no file may come in before everything
    in `ready` exists.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        raw: DataBucket,
        processor: PipelineFunction,
        queue: ProcessingQueue,
        account: Input[str],
        ready: Sequence[pulumi.Resource],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("s3-data-pipeline:index:EventDelivery", name, None, opts)
        mapping = self._map(name, settings, queue, processor)
        permissions = [self._permit(f"{name}-permission", raw, processor, account)]
        if alias := processor.alias:
            newest = f"{name}-newest-permission"
            permissions.append(self._permit(newest, raw, processor, account, alias))
        aws.s3.BucketNotification(
            f"{name}-notification",
            bucket=raw.name,
            **_target(settings, queue, processor),
            opts=ResourceOptions(parent=self, depends_on=[*ready, queue, mapping, *permissions]),
        )
        self.register_outputs({})

    def _map(
        self,
        name: str,
        settings: Settings,
        queue: ProcessingQueue,
        processor: PipelineFunction,
    ) -> pulumi.Resource:
        """Make Lambda poll the queue, without a filter: Lambda deletes what does not match one.

        The function is named by its ARN. To the provider a bare name equals the ARN of any of the
        function's aliases (lambda/alias.go, suppressEquivalentFunctionNameOrARN): the mapping would
        stay with the alias if `snapStart` was switched off.
        """
        return aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            event_source_arn=queue.arn,
            function_name=processor.invoked_arn,
            batch_size=settings.batch_size,
            maximum_batching_window_in_seconds=settings.batch_window_seconds,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(
                maximum_concurrency=settings.max_concurrency
            ),
            opts=ResourceOptions(parent=self, depends_on=[processor]),
        )

    def _permit(
        self,
        name: str,
        raw: DataBucket,
        processor: PipelineFunction,
        account: Input[str],
        alias: Input[str] | None = None,
    ) -> pulumi.Resource:
        """Allow S3 to invoke the function, or its alias, for one bucket; its ARN has no account."""
        return aws.lambda_.Permission(
            name,
            action="lambda:InvokeFunction",
            function=processor.name,
            qualifier=alias,
            principal="s3.amazonaws.com",
            source_arn=raw.arn,
            source_account=account,
            opts=ResourceOptions(parent=self, retain_on_delete=alias is not None),
        )


class OutputEvents(pulumi.ComponentResource):
    """Send the events of the bucket of outputs to EventBridge, in the account's default bus.

    Consumers select them by rules of their own. S3 needs no permission for it.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
    """

    def __init__(
        self, name: str, *, processed: DataBucket, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("s3-data-pipeline:index:OutputEvents", name, None, opts)
        aws.s3.BucketNotification(
            f"{name}-notification",
            bucket=processed.name,
            eventbridge=True,
            opts=ResourceOptions(parent=self, depends_on=[processed]),
        )
        self.register_outputs({})


def _target(
    settings: Settings, queue: ProcessingQueue, processor: PipelineFunction
) -> dict[str, Any]:
    """Return the target of the notification."""
    if settings.processing_queue:
        target = aws.s3.BucketNotificationQueueArgs(queue_arn=queue.arn, **_INCOMING)
        return {"queues": [target]}
    target = aws.s3.BucketNotificationLambdaFunctionArgs(
        lambda_function_arn=processor.invoked_arn, **_INCOMING
    )
    return {"lambda_functions": [target]}
