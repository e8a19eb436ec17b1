"""Create a resource of a Pulumi program on an account, by the table of types and creators.

What is not in the table, a property that a type does not have, one of a wrong type, a required one
that is missing and one that no creator looks at are errors, never silence.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from local.program.checks import schema
from local.program.resources import catalog, cloudwatch, iam, lambda_, s3, scheduler, sns, sqs
from local.program.resources.creation import Created, Creation

CREATORS: Final[Mapping[str, Callable[[Creation], Created]]] = {
    "aws:athena/namedQuery:NamedQuery": catalog.named_query,
    "aws:athena/workgroup:Workgroup": catalog.workgroup,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": cloudwatch.composite_alarm,
    "aws:cloudwatch/dashboard:Dashboard": cloudwatch.dashboard,
    "aws:cloudwatch/eventRule:EventRule": cloudwatch.event_rule,
    "aws:cloudwatch/eventTarget:EventTarget": cloudwatch.event_target,
    "aws:cloudwatch/logGroup:LogGroup": cloudwatch.log_group,
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": cloudwatch.log_metric_filter,
    "aws:cloudwatch/metricAlarm:MetricAlarm": cloudwatch.metric_alarm,
    "aws:glue/catalogDatabase:CatalogDatabase": catalog.database,
    "aws:glue/catalogTable:CatalogTable": catalog.table,
    "aws:iam/policy:Policy": iam.policy,
    "aws:iam/role:Role": iam.role,
    "aws:iam/rolePolicy:RolePolicy": iam.role_policy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": iam.role_policy_attachment,
    "aws:lambda/alias:Alias": lambda_.alias,
    "aws:lambda/eventSourceMapping:EventSourceMapping": lambda_.event_source_mapping,
    "aws:lambda/function:Function": lambda_.function,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": lambda_.event_invoke_config,
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": lambda_.recursion_config,
    "aws:lambda/permission:Permission": lambda_.permission,
    "aws:s3/bucket:Bucket": s3.bucket,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": s3.lifecycle,
    "aws:s3/bucketLogging:BucketLogging": s3.logging,
    "aws:s3/bucketNotification:BucketNotification": s3.notification,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": s3.ownership_controls,
    "aws:s3/bucketPolicy:BucketPolicy": s3.policy,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": s3.public_access_block,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        s3.encryption
    ),
    "aws:s3/bucketVersioning:BucketVersioning": s3.versioning,
    "aws:scheduler/schedule:Schedule": scheduler.schedule,
    "aws:scheduler/scheduleGroup:ScheduleGroup": scheduler.group,
    "aws:sns/topic:Topic": sns.topic,
    "aws:sns/topicPolicy:TopicPolicy": sns.topic_policy,
    "aws:sns/topicSubscription:TopicSubscription": sns.topic_subscription,
    "aws:sqs/queue:Queue": sqs.queue,
    "aws:sqs/queuePolicy:QueuePolicy": sqs.queue_policy,
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": sqs.redrive_allow_policy,
    "aws:sqs/redrivePolicy:RedrivePolicy": sqs.redrive_policy,
}


def create(creation: Creation) -> Created:
    """Create a resource.

    Raises ResourceError where its type or a property is unknown, a property is missing, of a wrong
    type or without effect here, and where AWS refuses it.
    """
    creator = CREATORS.get(creation.type)
    if creator is None:
        raise creation.error(f"unknown resource type, allowed: {', '.join(CREATORS)}")
    problems = schema.problems(creation.type, creation.inputs)
    if problems:
        raise creation.error("; ".join(problems))
    creation.take("tags")
    creation.take("region")
    created = creator(creation)
    untaken = creation.untaken()
    if untaken:
        raise creation.error(
            f"without effect on this machine: {', '.join(untaken)}; "
            f"allowed: {', '.join(creation.taken)}"
        )
    return created


def outputs_of(creation: Creation, created: Created) -> dict[str, Any]:
    """Return the outputs of a created resource, as the provider returns them."""
    outputs = {**creation.inputs, **created.outputs}
    if schema.takes(creation.type, "region"):
        outputs["region"] = creation.region
    if schema.takes(creation.type, "tags"):
        outputs["tagsAll"] = dict(creation.tags)
    return outputs
