"""What breaks each control, and for one that is waived what would mend it."""

from collections.abc import Mapping

from policy import tokens as t
from tests.policy.changes import (
    GONE,
    Change,
    allowing,
    beside,
    both,
    changed,
    hasty,
    made_by_default,
    protected,
    shared,
    stated,
    unlinked,
    without,
)

_ANYBODY = {"Principal": "*", "Action": "s3:*", "Resource": "*"}
_OTHER = {"Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Resource": "*"}


def _granted(action: str, resource: str = "*") -> Change:
    return allowing(t.ROLE_POLICY, {"Action": [action], "Resource": [resource]})


_RESULTS = "configuration.managedQueryResultsConfiguration"
_ADDED_RULE = {"id": "added", "status": "Enabled", "filter": {"prefix": ""}}

BROKEN: Mapping[str, Change] = {
    # s3_access, s3_policy
    "S3.8": changed(t.BUCKET_PUBLIC_ACCESS, "blockPublicPolicy", False),
    "CKV_AWS_53": changed(t.BUCKET_PUBLIC_ACCESS, "blockPublicAcls", False),
    "CKV_AWS_54": changed(t.BUCKET_PUBLIC_ACCESS, "blockPublicPolicy", False),
    "CKV_AWS_55": changed(t.BUCKET_PUBLIC_ACCESS, "ignorePublicAcls", False),
    "CKV_AWS_56": changed(t.BUCKET_PUBLIC_ACCESS, "restrictPublicBuckets", GONE),
    "S3.12": changed(t.BUCKET_OWNERSHIP, "rule.objectOwnership", "ObjectWriter"),
    "CKV_AWS_20": beside(t.BUCKET, t.BUCKET_ACL, "bucket", acl="public-read"),
    "S3.2": allowing(t.BUCKET_POLICY, {**_ANYBODY, "Action": "s3:GetObject"}),
    "S3.3": allowing(t.BUCKET_POLICY, {**_ANYBODY, "Action": ["s3:Put*"]}),
    "CKV_AWS_70": allowing(t.BUCKET_POLICY, {**_ANYBODY, "Principal": {"AWS": ["*"]}}),
    "S3.6": allowing(t.BUCKET_POLICY, {**_OTHER, "Action": "s3:PutBucketPolicy"}),
    "S3.5": stated(t.BUCKET_POLICY, Condition={"Bool": {"aws:SecureTransport": "true"}}),
    "CKV_AWS_93": stated(t.BUCKET_POLICY, Condition=GONE),
    "PIPE.81": stated(t.BUCKET_POLICY, Condition={"NumericLessThan": {"s3:TlsVersion": "1.1"}}),
    "PIPE.82": allowing(
        t.BUCKET_POLICY,
        {
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": "arn:of:logs/*",
            "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
        },
    ),
    "PIPE.83": allowing(
        t.BUCKET_POLICY, {**_OTHER, "Action": "s3:GetObject", "Resource": "arn:of:bucket/*"}
    ),
    "PIPE.1": beside(t.BUCKET, t.BUCKET_WEBSITE, "bucket"),
    # s3_encryption, s3_lifecycle, s3_protection
    "CKV_AWS_19": without(t.BUCKET_ENCRYPTION),
    "S3.17": changed(
        t.BUCKET_ENCRYPTION, "rules.0.applyServerSideEncryptionByDefault.sseAlgorithm", "AES256"
    ),
    "PIPE.84": changed(t.BUCKET_ENCRYPTION, "rules.0.blockedEncryptionTypes", ["NONE"]),
    "PIPE.2": both(
        changed(
            t.BUCKET_ENCRYPTION,
            "rules.0.applyServerSideEncryptionByDefault.sseAlgorithm",
            "aws:kms",
        ),
        changed(t.BUCKET_ENCRYPTION, "rules.0.bucketKeyEnabled", False),
    ),
    "S3.14": changed(t.BUCKET_VERSIONING, "versioningConfiguration.status", "Suspended"),
    "S3.10": changed(t.BUCKET_LIFECYCLE, "rules", []),
    "S3.13": unlinked(t.BUCKET_LIFECYCLE, "bucket"),
    "CKV_AWS_300": changed(t.BUCKET_LIFECYCLE, "rules.2.status", "Disabled"),
    "PIPE.3": changed(t.BUCKET_LIFECYCLE, "rules.0.filter.prefix", "completed/"),
    "PIPE.4": changed(t.BUCKET_LIFECYCLE, "rules.1.expiration", GONE),
    "PIPE.5": hasty(t.BUCKET_LIFECYCLE),
    "PIPE.6": changed(t.BUCKET_LIFECYCLE, "rules.0", {**_ADDED_RULE, "expiration": {"days": 9}}),
    "PIPE.7": changed(t.BUCKET_LIFECYCLE, "rules.0.noncurrentVersionExpiration.noncurrentDays", 17),
    "PIPE.8": changed(t.BUCKET_LIFECYCLE, "transitionDefaultMinimumObjectSize", GONE),
    "PIPE.9": both(protected(t.BUCKET, protect=True), changed(t.BUCKET, "forceDestroy", True)),
    "PIPE.10": protected(t.BUCKET, protect=False),
    "PIPE.85": stated(t.BUCKET_POLICY, Principal={"AWS": "123456789012"}),
    # s3_events
    "S3.9": without(t.BUCKET_LOGGING),
    "PIPE.11": changed(t.BUCKET_NOTIFICATION, "queues.0.filterSuffix", ".csv"),
    "PIPE.12": hasty(t.BUCKET_NOTIFICATION),
    "PIPE.13": hasty(t.BUCKET_NOTIFICATION),
    "PIPE.86": without(t.PERMISSION),
    "PIPE.14": changed(t.BUCKET_NOTIFICATION, "topics", [{"events": ["s3:ObjectCreated:*"]}]),
    # sqs
    "SQS.1": both(
        changed(t.QUEUE, "sqsManagedSseEnabled", False), changed(t.QUEUE, "kmsMasterKeyId", GONE)
    ),
    "SQS.2": changed(t.PROVIDER, "defaultTags", GONE),
    "SQS.3": allowing(t.QUEUE_POLICY, {**_ANYBODY, "Action": "sqs:SendMessage"}),
    "CKV_AWS_72": allowing(t.QUEUE_POLICY, {**_OTHER, "Action": "sqs:*"}),
    "CKV2_AWS_73": changed(t.QUEUE, "kmsMasterKeyId", "alias/aws/sqs"),
    "PIPE.15": stated(t.QUEUE_POLICY, Effect="Allow"),
    "PIPE.16": stated(t.QUEUE_POLICY, Condition={"StringEquals": {"aws:SourceAccount": "1"}}),
    "PIPE.17": stated(t.QUEUE_POLICY, Condition={"ArnEquals": {"aws:SourceArn": "arn"}}),
    "PIPE.18": unlinked(t.QUEUE, "redrivePolicy"),
    "PIPE.19": changed(t.FUNCTION, "environment.variables.MAX_ATTEMPTS", "1000"),
    "PIPE.20": changed(t.FUNCTION, "timeout", 900),
    "PIPE.21": changed(t.QUEUE, "messageRetentionSeconds", 345_600),
    "PIPE.22": changed(t.REDRIVE_ALLOW, "redriveAllowPolicy", '{"redrivePermission": "allowAll"}'),
    "PIPE.87": protected(t.QUEUE, protect=False),
    # lambda_
    "Lambda.2": changed(t.FUNCTION, "runtime", "python3.8"),
    "Lambda.6": changed(t.PROVIDER, "defaultTags", '{"tags": {"Project": "a", "Stack": "b"}}'),
    "Lambda.7": changed(t.FUNCTION, "tracingConfig.mode", "PassThrough"),
    "CKV_AWS_45": changed(t.FUNCTION, "environment.variables.KEY", "AKIA" + "ABCDEFGHIJKLMNOP"),
    "CKV_AWS_173": changed(t.FUNCTION, "kmsKeyArn", GONE),
    "CKV_AWS_116": unlinked(t.FUNCTION, "deadLetterConfig"),
    "PIPE.26": stated(t.ROLE_POLICY, Action=["sqs:ReceiveMessage"]),
    "PIPE.27": shared(t.FUNCTION, "role"),
    "PIPE.28": hasty(t.FUNCTION),
    "PIPE.29": shared(t.FUNCTION, "loggingConfig"),
    "PIPE.30": changed(t.FUNCTION, "layers", ["arn:aws:lambda:eu-central-1:9:layer:x:1"]),
    "PIPE.31": changed(t.FUNCTION, "architectures", ["x86_64"]),
    "PIPE.32": changed(t.FUNCTION, "loggingConfig.logFormat", "JSON"),
    # lambda_invocation
    "Lambda.1": changed(t.PERMISSION, "sourceAccount", GONE),
    "PIPE.33": changed(t.PERMISSION, "sourceArn", GONE),
    "CKV_AWS_258": beside(t.FUNCTION, t.FUNCTION_URL, "functionName", authorizationType="NONE"),
    "PIPE.34": changed(t.MAPPING, "scalingConfig", GONE),
    "PIPE.35": changed(t.MAPPING, "functionResponseTypes", []),
    "PIPE.36": changed(t.MAPPING, "filterCriteria", {"filters": [{"pattern": "{}"}]}),
    "PIPE.37": both(
        changed(t.MAPPING, "batchSize", 11),
        changed(t.MAPPING, "maximumBatchingWindowInSeconds", 0),
    ),
    "PIPE.38": changed(t.MAPPING, "enabled", False),
    "PIPE.39": changed(t.FUNCTION_RETRIES, "maximumEventAgeInSeconds", GONE),
    "PIPE.40": changed(t.FUNCTION_RECURSION, "recursiveLoop", "Terminate"),
    # iam_trust
    "IAM.24": made_by_default,
    "CKV_AWS_60": stated(t.ROLE, "assumeRolePolicy", Principal={"Service": "*"}),
    "CKV_AWS_61": stated(t.ROLE, "assumeRolePolicy", Principal={"AWS": "123456789012"}),
    "PIPE.41": stated(t.ROLE, "assumeRolePolicy", Condition=GONE),
    "PIPE.42": stated(
        t.ROLE, "assumeRolePolicy", Condition={"StringEquals": {"aws:SourceAccount": "1"}}
    ),
    "PIPE.43": beside(t.ROLE, t.ROLE_ATTACHMENT, "role"),
    "PIPE.44": changed(t.ROLE, "maxSessionDuration", 43_200),
    "PIPE.45": changed(t.ROLE, "description", ""),
    "PIPE.46": changed(t.ROLE, "permissionsBoundary", GONE),
    # iam_policies, iam_scope
    "IAM.1": _granted("*"),
    "IAM.21": _granted("s3:Get*", "arn:aws:s3:::bucket/key"),
    "CKV_AWS_63": _granted("*", "arn:aws:s3:::bucket/key"),
    "CKV_AWS_355": _granted("sqs:SendMessage"),
    "CKV_AWS_286": _granted("iam:PassRole", "arn:aws:iam::123456789012:role/x"),
    "CKV_AWS_287": _granted("sts:AssumeRole", "arn:aws:iam::123456789012:role/x"),
    "CKV_AWS_288": _granted("s3:Get*"),
    "CKV_AWS_289": _granted("lambda:AddPermission", "arn:aws:lambda:eu-central-1:1:function:x"),
    "CKV_AWS_290": _granted("s3:PutObject"),
    "CKV2_AWS_40": _granted("iam:*", "arn:aws:iam::123456789012:role/x"),
    "KMS.2": _granted("kms:Decrypt", "arn:aws:kms:eu-central-1:123456789012:key/*"),
    "PIPE.47": _granted("s3:DeleteObjectVersion", "arn:of:processed/processed/*"),
    "PIPE.48": _granted("s3:DeleteObject", "arn:of:archive/archive/*"),
    "PIPE.49": _granted("s3:PutLifecycleConfiguration", "arn:of:raw"),
    "PIPE.50": _granted("s3:GetObject", "arn:of:raw/*"),
    "PIPE.51": stated(t.ROLE_POLICY, Sid="Same"),
    "PIPE.52": _granted("kms:Decrypt", "arn:aws:kms:eu-central-1:123456789012:key/1"),
    "PIPE.53": stated(t.ROLE_POLICY, Condition=GONE),
    "PIPE.54": _granted("logs:CreateLogGroup", "arn:aws:logs:eu-central-1:1:*"),
    "PIPE.55": unlinked(t.ROLE_POLICY, "policy"),
    # logs
    "CKV_AWS_66": changed(t.LOG_GROUP, "retentionInDays", GONE),
    "CloudWatch.16": changed(t.LOG_GROUP, "retentionInDays", 180),
    "CKV_AWS_158": changed(t.LOG_GROUP, "kmsKeyId", GONE),
    "PIPE.56": changed(t.PROVIDER, "defaultTags", "{}"),
    # alarm_topic, alarms, alarm_coverage
    "SNS.3": changed(t.PROVIDER, "defaultTags", GONE),
    "SNS.4": allowing(t.TOPIC_POLICY, {**_ANYBODY, "Action": "sns:Publish"}),
    "CKV_AWS_385": allowing(t.TOPIC_POLICY, {**_OTHER, "Action": "sns:Publish"}),
    "PIPE.57": stated(t.TOPIC_POLICY, Condition=GONE),
    "PIPE.58": stated(t.TOPIC_POLICY, Condition={"Bool": {"aws:SecureTransport": "true"}}),
    "PIPE.59": without(t.SUBSCRIPTION),
    "PIPE.60": changed(t.SUBSCRIPTION, "protocol", "http"),
    "CloudWatch.15": unlinked(t.ALARM, "alarmActions"),
    "CloudWatch.17": changed(t.ALARM, "actionsEnabled", False),
    "PIPE.88": hasty(t.ALARM),
    "PIPE.61": unlinked(t.ALARM, "okActions"),
    "PIPE.62": changed(t.ALARM, "alarmDescription", "Something is wrong"),
    "PIPE.63": changed(t.ALARM, "treatMissingData", GONE),
    "PIPE.64": changed(t.ALARM, "metricName", "NumberOfMessagesSent"),
    "PIPE.65": without(t.ALARM),
    "PIPE.66": changed(t.ALARM, "metricName", "Invocations"),
    "PIPE.67": unlinked(t.ALARM, "dimensions"),
    "PIPE.68": changed(t.ALARM, "threshold", 900_001),
    "PIPE.69": without(t.ALARM),
    "PIPE.70": changed(t.ALARM, "metricName", "Errors"),
    "PIPE.71": changed(t.ALARM, "treatMissingData", "notBreaching"),
    "PIPE.72": changed(t.DASHBOARD, "dashboardName", "s3-data-pipeline"),
    "PIPE.73": unlinked(t.DASHBOARD, "dashboardBody"),
    # scheduler
    "CKV_AWS_297": changed(t.SCHEDULE, "kmsKeyArn", GONE),
    "PIPE.74": changed(t.SCHEDULE, "target.deadLetterConfig", GONE),
    "PIPE.75": changed(t.SCHEDULE, "target.retryPolicy", GONE),
    "PIPE.76": unlinked(t.SCHEDULE, "groupName"),
    "PIPE.77": changed(t.SCHEDULE, "scheduleExpressionTimezone", "Europe/Berlin"),
    "PIPE.78": changed(t.SCHEDULE, "state", "DISABLED"),
    "PIPE.79": hasty(t.SCHEDULE),
    "PIPE.89": hasty(t.SCHEDULE),
    "PIPE.80": changed(t.PROVIDER, "defaultTags", GONE),
    # athena
    "Athena.3": changed(t.PROVIDER, "defaultTags", GONE),
    "Athena.4": changed(t.WORKGROUP, "configuration.publishCloudwatchMetricsEnabled", False),
    "CKV_AWS_82": changed(t.WORKGROUP, "configuration.enforceWorkgroupConfiguration", False),
    "CKV_AWS_159": changed(t.WORKGROUP, f"{_RESULTS}.encryptionConfiguration", GONE),
    "PIPE.90": changed(t.WORKGROUP, "configuration.bytesScannedCutoffPerQuery", GONE),
    "PIPE.91": changed(t.WORKGROUP, f"{_RESULTS}.enabled", False),
    "PIPE.92": unlinked(t.TABLE, "storageDescriptor"),
    "PIPE.93": changed(t.TABLE, "parameters", {"classification": "json"}),
    "PIPE.94": unlinked(t.NAMED_QUERY, "workgroup"),
    "PIPE.95": changed(t.PROVIDER, "defaultTags", GONE),
    # tagging
    "PIPE.23": changed(t.PROVIDER, "defaultTags", '{"tags": {"Project": "a", "Stack": ""}}'),
    "PIPE.24": changed(t.PROVIDER, "region", GONE),
    "PIPE.25": made_by_default,
}

_OBJECT_EVENTS = [{"readWriteType": "All", "dataResources": [{"type": "AWS::S3::Object"}]}]
_TRAILED = beside(t.BUCKET, t.TRAIL, "eventSelectors", eventSelectors=_OBJECT_EVENTS)

MENDED: Mapping[str, Change] = {
    "S3.7": beside(t.BUCKET, t.BUCKET_REPLICATION, "bucket"),
    "S3.11": beside(t.BUCKET, t.BUCKET_NOTIFICATION, "bucket"),
    "S3.15": beside(t.BUCKET, t.BUCKET_LOCK, "bucket"),
    "S3.20": changed(t.BUCKET_VERSIONING, "versioningConfiguration.mfaDelete", "Enabled"),
    "S3.22": _TRAILED,
    "S3.23": _TRAILED,
    "Lambda.3": changed(t.FUNCTION, "vpcConfig.subnetIds", ["subnet-1", "subnet-2"]),
    "CKV_AWS_115": changed(t.FUNCTION, "reservedConcurrentExecutions", 10),
    "CKV_AWS_272": changed(t.FUNCTION, "codeSigningConfigArn", "arn:aws:lambda:eu-central-1:1:x"),
    "SNS.1": changed(t.TOPIC, "kmsMasterKeyId", "arn:aws:kms:eu-central-1:1:key/1"),
}
