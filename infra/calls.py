"""The IAM actions that the AWS provider needs for each type of resource that the program makes.

Source: the provider's code (github.com/hashicorp/terraform-provider-aws, version 6, on which
pulumi_aws 7 is built); each row names its file under `internal/service/`. IAM's names are not
always the API's: HeadBucket asks for `s3:ListBucket`, DeleteBucketEncryption for
`s3:PutEncryptionConfiguration`.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class On(StrEnum):
    """The resources that actions are limited to; a value is the end of the statement's Sid."""

    BUCKETS = "Buckets"
    NEW_BUCKETS = "NewBuckets"
    QUEUES = "Queues"
    FUNCTIONS = "Functions"
    NEW_MAPPINGS = "NewEventSourceMappings"
    MAPPINGS = "EventSourceMappings"
    MAPPING_TAGS = "TagsOfEventSourceMappings"
    LOG_GROUPS = "LogGroups"
    LOG_GROUP_LIST = "LogGroupList"
    ROLES = "Roles"
    ROLE_GRANTS = "RoleGrants"
    PASSED_ROLES = "PassedRoles"
    SCHEDULES = "Schedules"
    SCHEDULE_GROUPS = "ScheduleGroups"
    TOPICS = "Topics"
    ALARMS = "Alarms"
    ALARM_LIST = "AlarmList"
    DASHBOARDS = "Dashboards"
    DATABASES = "Databases"
    DATABASE_CONTENTS = "ContentsOfDatabases"
    DATABASE_TAGS = "TagsOfDatabases"
    TABLES = "Tables"
    WORKGROUPS = "Workgroups"


@dataclass(frozen=True)
class Calls:
    """The actions that one type of resource needs on one kind of ARN.

    Attributes:
        type: Pulumi's type token.
        on: the resources that the actions are limited to.
        source: the file of the provider that makes the calls.
        reads: the actions at preview and refresh, and after every change.
        writes: the actions only at up and destroy.
    """

    type: str
    on: On
    source: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


CALLS: Final = (
    Calls(
        "aws:s3/bucket:Bucket",
        On.BUCKETS,
        "s3/bucket.go, s3/tags.go",
        # The provider reads every setting of a bucket, set here or not.
        reads=(
            "s3:ListBucket", "s3:GetBucketPolicy", "s3:GetBucketAcl", "s3:GetBucketCORS",
            "s3:GetBucketWebsite", "s3:GetBucketVersioning", "s3:GetAccelerateConfiguration",
            "s3:GetBucketRequestPayment", "s3:GetBucketLogging", "s3:GetLifecycleConfiguration",
            "s3:GetReplicationConfiguration", "s3:GetEncryptionConfiguration",
            "s3:GetBucketObjectLockConfiguration", "s3:ListTagsForResource",
            "s3:GetBucketTagging",
        ),
        # The provider sets tags by TagResource, or if that is denied by PutBucketTagging.
        writes=(
            "s3:DeleteBucket", "s3:TagResource", "s3:UntagResource", "s3:PutBucketTagging",
        ),
    ),
    Calls("aws:s3/bucket:Bucket", On.NEW_BUCKETS, "s3/bucket.go", writes=("s3:CreateBucket",)),
    Calls(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        On.BUCKETS,
        "s3/bucket_public_access_block.go",
        reads=("s3:GetBucketPublicAccessBlock",),
        writes=("s3:PutBucketPublicAccessBlock",),
    ),
    Calls(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        On.BUCKETS,
        "s3/bucket_ownership_controls.go",
        reads=("s3:GetBucketOwnershipControls",),
        writes=("s3:PutBucketOwnershipControls",),
    ),
    Calls(
        "aws:s3/bucketPolicy:BucketPolicy",
        On.BUCKETS,
        "s3/bucket_policy.go",
        reads=("s3:GetBucketPolicy",),
        writes=("s3:PutBucketPolicy", "s3:DeleteBucketPolicy"),
    ),
    Calls(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        On.BUCKETS,
        "s3/bucket_server_side_encryption_configuration.go",
        reads=("s3:GetEncryptionConfiguration",),
        writes=("s3:PutEncryptionConfiguration",),
    ),
    Calls(
        "aws:s3/bucketVersioning:BucketVersioning",
        On.BUCKETS,
        "s3/bucket_versioning.go",
        reads=("s3:GetBucketVersioning",),
        writes=("s3:PutBucketVersioning",),
    ),
    Calls(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        On.BUCKETS,
        "s3/bucket_lifecycle_configuration.go",
        reads=("s3:GetLifecycleConfiguration",),
        writes=("s3:PutLifecycleConfiguration",),
    ),
    Calls(
        "aws:s3/bucketLogging:BucketLogging",
        On.BUCKETS,
        "s3/bucket_logging.go",
        reads=("s3:GetBucketLogging",),
        writes=("s3:PutBucketLogging",),
    ),
    Calls(
        "aws:s3/bucketNotification:BucketNotification",
        On.BUCKETS,
        "s3/bucket_notification.go",
        reads=("s3:GetBucketNotification",),
        writes=("s3:PutBucketNotification",),
    ),
    Calls(
        "aws:sqs/queue:Queue",
        On.QUEUES,
        "sqs/queue.go",
        reads=("sqs:GetQueueAttributes", "sqs:ListQueueTags"),
        writes=(
            "sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:DeleteQueue", "sqs:TagQueue",
            "sqs:UntagQueue",
        ),
    ),
    Calls(
        "aws:sqs/queuePolicy:QueuePolicy",
        On.QUEUES,
        "sqs/queue_policy.go",
        reads=("sqs:GetQueueAttributes",),
        writes=("sqs:SetQueueAttributes",),
    ),
    Calls(
        "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
        On.QUEUES,
        "sqs/queue_redrive_allow_policy.go",
        reads=("sqs:GetQueueAttributes",),
        writes=("sqs:SetQueueAttributes",),
    ),
    Calls(
        "aws:lambda/function:Function",
        On.FUNCTIONS,
        "lambda/function.go",
        # GetFunction returns tags only to a caller who may list them.
        reads=(
            "lambda:GetFunction", "lambda:GetFunctionConfiguration",
            "lambda:ListVersionsByFunction", "lambda:GetFunctionCodeSigningConfig",
            "lambda:ListTags",
        ),
        writes=(
            "lambda:CreateFunction", "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration", "lambda:PutFunctionConcurrency",
            "lambda:DeleteFunctionConcurrency", "lambda:DeleteFunction", "lambda:TagResource",
            "lambda:UntagResource", "lambda:PublishVersion",
        ),
    ),
    Calls(
        "aws:lambda/function:Function",
        On.PASSED_ROLES,
        "lambda/function.go",
        writes=("iam:PassRole",),
    ),
    Calls(
        "aws:lambda/alias:Alias",
        On.FUNCTIONS,
        "lambda/alias.go",
        reads=("lambda:GetAlias",),
        # Deleted by hand, with the versions that are left behind.
        writes=("lambda:CreateAlias", "lambda:UpdateAlias", "lambda:DeleteAlias"),
    ),
    Calls(
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        On.FUNCTIONS,
        "lambda/function_event_invoke_config.go",
        reads=("lambda:GetFunctionEventInvokeConfig",),
        writes=("lambda:PutFunctionEventInvokeConfig", "lambda:DeleteFunctionEventInvokeConfig"),
    ),
    Calls(
        "aws:lambda/functionRecursionConfig:FunctionRecursionConfig",
        On.FUNCTIONS,
        "lambda/function_recursion_config.go",
        reads=("lambda:GetFunctionRecursionConfig",),
        writes=("lambda:PutFunctionRecursionConfig",),
    ),
    Calls(
        "aws:lambda/permission:Permission",
        On.FUNCTIONS,
        "lambda/permission.go",
        reads=("lambda:GetPolicy",),
        writes=("lambda:AddPermission", "lambda:RemovePermission"),
    ),
    Calls(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        On.NEW_MAPPINGS,
        "lambda/event_source_mapping.go",
        writes=("lambda:CreateEventSourceMapping",),
    ),
    Calls(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        On.MAPPINGS,
        "lambda/event_source_mapping.go",
        reads=("lambda:GetEventSourceMapping",),
        writes=("lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping"),
    ),
    Calls(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        On.MAPPING_TAGS,
        "lambda/tags_gen.go",
        reads=("lambda:ListTags",),
        writes=("lambda:TagResource", "lambda:UntagResource"),
    ),
    Calls(
        "aws:cloudwatch/logGroup:LogGroup",
        On.LOG_GROUPS,
        "logs/group.go",
        reads=("logs:ListTagsForResource",),
        writes=(
            "logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DeleteRetentionPolicy",
            "logs:AssociateKmsKey", "logs:DisassociateKmsKey", "logs:DeleteLogGroup",
            "logs:TagResource", "logs:UntagResource",
        ),
    ),
    Calls(
        "aws:cloudwatch/logGroup:LogGroup",
        On.LOG_GROUP_LIST,
        "logs/group.go",
        reads=("logs:DescribeLogGroups",),
    ),
    Calls(
        "aws:iam/role:Role",
        On.ROLES,
        "iam/role.go",
        reads=(
            "iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
        ),
        # Before it deletes a role, the provider checks that no instance profile uses it.
        writes=(
            "iam:UpdateRole", "iam:UpdateRoleDescription", "iam:UpdateAssumeRolePolicy",
            "iam:ListInstanceProfilesForRole", "iam:DeleteRole", "iam:TagRole", "iam:UntagRole",
        ),
    ),
    Calls("aws:iam/role:Role", On.ROLE_GRANTS, "iam/role.go", writes=("iam:CreateRole",)),
    Calls(
        "aws:iam/rolePolicy:RolePolicy",
        On.ROLES,
        "iam/role_policy.go",
        reads=("iam:GetRolePolicy",),
        writes=("iam:DeleteRolePolicy",),
    ),
    Calls(
        "aws:iam/rolePolicy:RolePolicy",
        On.ROLE_GRANTS,
        "iam/role_policy.go",
        writes=("iam:PutRolePolicy",),
    ),
    Calls(
        "aws:scheduler/scheduleGroup:ScheduleGroup",
        On.SCHEDULE_GROUPS,
        "scheduler/schedule_group.go",
        reads=("scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"),
        writes=(
            "scheduler:CreateScheduleGroup", "scheduler:DeleteScheduleGroup",
            "scheduler:TagResource", "scheduler:UntagResource",
        ),
    ),
    Calls(
        "aws:scheduler/schedule:Schedule",
        On.SCHEDULES,
        "scheduler/schedule.go",
        reads=("scheduler:GetSchedule",),
        writes=("scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"),
    ),
    Calls(
        "aws:scheduler/schedule:Schedule",
        On.PASSED_ROLES,
        "scheduler/schedule.go",
        writes=("iam:PassRole",),
    ),
    Calls(
        "aws:sns/topic:Topic",
        On.TOPICS,
        "sns/topic.go",
        reads=("sns:GetTopicAttributes", "sns:ListTagsForResource"),
        writes=(
            "sns:CreateTopic", "sns:SetTopicAttributes", "sns:DeleteTopic", "sns:TagResource",
            "sns:UntagResource",
        ),
    ),
    Calls(
        "aws:sns/topicPolicy:TopicPolicy",
        On.TOPICS,
        "sns/topic_policy.go",
        reads=("sns:GetTopicAttributes",),
        writes=("sns:SetTopicAttributes",),
    ),
    Calls(
        "aws:sns/topicSubscription:TopicSubscription",
        On.TOPICS,
        "sns/topic_subscription.go",
        reads=("sns:GetSubscriptionAttributes",),
        writes=("sns:Subscribe", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"),
    ),
    Calls(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        On.ALARMS,
        "cloudwatch/metric_alarm.go",
        reads=("cloudwatch:ListTagsForResource",),
        writes=(
            "cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:TagResource",
            "cloudwatch:UntagResource",
        ),
    ),
    Calls(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        On.ALARM_LIST,
        "cloudwatch/metric_alarm.go",
        reads=("cloudwatch:DescribeAlarms",),
    ),
    Calls(
        "aws:cloudwatch/dashboard:Dashboard",
        On.DASHBOARDS,
        "cloudwatch/dashboard.go",
        reads=("cloudwatch:GetDashboard",),
        writes=("cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards"),
    ),
    Calls(
        "aws:glue/catalogDatabase:CatalogDatabase",
        On.DATABASES,
        "glue/catalog_database.go",
        reads=("glue:GetDatabase",),
        writes=("glue:CreateDatabase", "glue:UpdateDatabase", "glue:DeleteDatabase"),
    ),
    Calls(
        "aws:glue/catalogDatabase:CatalogDatabase",
        On.DATABASE_CONTENTS,
        "glue/catalog_database.go",
        # Glue asks for it on everything that could be in the database.
        writes=("glue:DeleteDatabase",),
    ),
    Calls(
        "aws:glue/catalogDatabase:CatalogDatabase",
        On.DATABASE_TAGS,
        "glue/tags_gen.go",
        reads=("glue:GetTags",),
        writes=("glue:TagResource", "glue:UntagResource"),
    ),
    Calls(
        "aws:glue/catalogTable:CatalogTable",
        On.TABLES,
        "glue/catalog_table.go",
        reads=("glue:GetTable", "glue:GetPartitionIndexes"),
        writes=("glue:CreateTable", "glue:UpdateTable", "glue:DeleteTable"),
    ),
    Calls(
        "aws:athena/workgroup:Workgroup",
        On.WORKGROUPS,
        "athena/workgroup.go",
        reads=("athena:GetWorkGroup", "athena:ListTagsForResource"),
        writes=(
            "athena:CreateWorkGroup", "athena:UpdateWorkGroup", "athena:DeleteWorkGroup",
            "athena:TagResource", "athena:UntagResource",
        ),
    ),
    Calls(
        "aws:athena/namedQuery:NamedQuery",
        On.WORKGROUPS,
        "athena/named_query.go",
        reads=("athena:GetNamedQuery",),
        writes=("athena:CreateNamedQuery", "athena:DeleteNamedQuery"),
    ),
)  # fmt: skip
