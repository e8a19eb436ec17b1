"""Write the IAM policies for people who use a stack, with the ARNs of the stack. Pure."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from handlers import keys
from ops.dead_letters.listing import queues_of
from ops.pipeline.smoke.traces import RUN_PATTERN
from ops.stack import Stack, function_arn, function_name
from ops.terminal.problems import UsageError

Statement = dict[str, Any]
Condition = Mapping[str, Mapping[str, str | list[str]]]

_JOBS_SERVICE: Final = "batchoperations.s3.amazonaws.com"
# Of a day's folder. An `*` would stand for folders within it as well.
_DAY_PATTERN: Final = "????/??/??/"
# `bundles/` and `bundle-indexes/`: ARNs take most of a policy's characters.
_BUNDLES_AND_INDEXES: Final = "bundle*"
# Lambda decrypts a function's environment for who reads its configuration.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
_READ_THROUGH: Final = ("s3", "sqs", "lambda")
_POLICY_VERSION: Final = "2012-10-17"


class Role(StrEnum):
    """Who a policy is for."""

    OPERATOR = "operator"
    READER = "reader"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    DOCTOR = "doctor"
    SMOKE = "smoke"
    QUERY = "query"


def policy(stack: Stack, role: Role, *, kms_key_arn: str | None = None) -> dict[str, Any]:
    """Return the policy of a role.

    The operator may use every command but three, the reader those of them that change nothing. The
    producer uploads to `incoming/`, the consumer reads `processed/` and `restored/`, and queries
    them, `archive/` and `bundles/` if the stack has datasets. `doctor` and `query` need a policy of
    their own beside one of the first two, and `smoke` beside the operator's: in one policy, all
    would be too long.
    `kms_key_arn` is the stack's setting, if it is set: it is not among the stack's outputs.

    Raises UsageError for the policy of `query` if the stack has no dataset.
    """
    needs = _Needs(stack, kms_key_arn)
    statements: Mapping[Role, Callable[[], list[Statement]]] = {
        Role.OPERATOR: lambda: [*needs.reading(), *needs.changing()],
        Role.READER: lambda: [*needs.reading(), *needs.key(["kms:Decrypt"], *_READ_THROUGH)],
        Role.PRODUCER: needs.producing,
        Role.CONSUMER: needs.consuming,
        Role.DOCTOR: needs.examining,
        Role.SMOKE: needs.smoking,
        Role.QUERY: needs.querying,
    }
    needed = statements[role]()
    if not needed:
        msg = f"the stack has no dataset, so {role} needs no policy: declare one, and deploy"
        raise UsageError(msg)
    return {"Version": _POLICY_VERSION, "Statement": _merged(needed)}


def _merged(statements: Iterable[Statement]) -> list[Statement]:
    """Return the statements, those for the same resources on the same condition as one.

    IAM limits the characters of a policy, and ARNs take most of them.
    """
    merged: dict[str, Statement] = {}
    for one in statements:
        first = merged.setdefault(json.dumps([one["Resource"], one.get("Condition")]), one)
        if first is not one:
            first["Sid"] += f"And{one['Sid']}"
            first["Action"] += one["Action"]
    return list(merged.values())


@dataclass(frozen=True)
class _Needs:
    stack: Stack
    kms_key_arn: str | None

    def reading(self) -> list[Statement]:
        """Return the permissions of the commands that change nothing."""
        stack = self.stack
        raw, processed, archive = self._buckets()
        dead_letters = [self._queue(url) for url in queues_of(stack).values()]
        functions = [stack.data_processor_lambda_arn, stack.data_archiver_lambda_arn]
        return [
            self._s3("ListBuckets", ["s3:ListBucket"], [raw, processed, archive]),
            self._s3("ListVersions", ["s3:ListBucketVersions"], [raw, processed, archive]),
            self._s3("ReadSettings", ["s3:GetLifecycleConfiguration"], [raw, archive]),
            self._s3("ReadEncryption", ["s3:GetEncryptionConfiguration"], [raw]),
            self._s3(
                "ReadOriginals",
                ["s3:GetObjectVersion"],
                [f"{raw}/{keys.INCOMING}*", f"{raw}/{keys.COMPLETED}*"],
            ),
            self._s3(
                "ReadWhatFilesBecame",
                ["s3:GetObject"],
                [
                    f"{raw}/{keys.COMPLETED}*",
                    f"{processed}/{keys.PROCESSED}*",
                    f"{processed}/{keys.REJECTED}*",
                    f"{processed}/{keys.RESTORED}*",
                    f"{archive}/{keys.ARCHIVE}*",
                    f"{archive}/{_BUNDLES_AND_INDEXES}",
                ],
            ),
            # To read a message of SQS is to receive it, and to make it visible again afterwards.
            _allow(
                "SeeDeadLetters",
                ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"],
                dead_letters,
            ),
            _allow(
                "CountMessages",
                ["sqs:GetQueueAttributes"],
                [*dead_letters, self._queue(stack.processing_queue_url)],
            ),
            _allow("FindLogGroups", ["lambda:GetFunctionConfiguration"], functions),
            _allow("ReadLogs", ["logs:FilterLogEvents"], [*map(self._log_groups, functions)]),
            _allow(
                "SeeAlarms", ["cloudwatch:DescribeAlarms"], [self._arn("cloudwatch", "alarm:*")]
            ),
            # IAM knows no ARN for these.
            _allow(
                "SeeMetrics",
                [
                    "cloudwatch:GetMetricStatistics",
                    "cloudwatch:GetMetricData",
                    "lambda:ListEventSourceMappings",
                    "logs:DescribeLogGroups",
                ],
                ["*"],
            ),
        ]

    def changing(self) -> list[Statement]:
        """Return what the commands that change something need in addition to `reading`."""
        stack, processor = self.stack, self.stack.data_processor_lambda_arn
        raw, processed, archive = self._buckets()
        return [
            self._s3(
                "PutFiles",
                ["s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"],
                [f"{raw}/{keys.INCOMING}*", f"{processed}/{keys.RESTORED}*"],
            ),
            self._s3(
                "RetrieveArchived",
                ["s3:RestoreObject"],
                [f"{archive}/{keys.ARCHIVE}*", f"{archive}/{keys.BUNDLES}*"],
            ),
            self._s3("ReadTags", ["s3:GetObjectTagging"], [f"{archive}/{keys.ARCHIVE}*"]),
            # To mark a version as discarded, and keep its other tags.
            self._s3(
                "TagUploads",
                ["s3:GetObjectVersionTagging", "s3:PutObjectVersionTagging"],
                [f"{raw}/{keys.INCOMING}*"],
            ),
            self._s3(
                "ReadTagsOfOriginals",
                ["s3:GetObjectVersionTagging"],
                [f"{raw}/{keys.COMPLETED}*"],
            ),
            _allow(
                "RemoveDeadLetters",
                ["sqs:DeleteMessage"],
                [self._queue(url) for url in queues_of(stack).values()],
            ),
            self._s3("ReadNotification", ["s3:GetBucketNotification"], [raw]),
            _allow(
                "PauseAndResume",
                ["lambda:UpdateEventSourceMapping"],
                [self._arn("lambda", "event-source-mapping:*")],  # Lambda generates its name
                {"ArnLike": {"lambda:FunctionArn": f"{function_arn(processor)}*"}},
            ),
            _allow("SendBack", ["sqs:SendMessage"], [self._queue(stack.processing_queue_url)]),
            _allow(
                "RunFunctions",
                ["lambda:InvokeFunction"],
                [processor, stack.data_archiver_lambda_arn],
            ),
            *self._jobs(),
            # Nothing makes a data key through Lambda; a statement of its own would be too long.
            *self.key(["kms:Decrypt", "kms:GenerateDataKey"], *_READ_THROUGH),
        ]

    def _jobs(self) -> list[Statement]:
        """Return the permissions to make jobs that replay files, if the stack has a role for them.

        IAM knows no ARN for CreateJob: what a job may do is what the role may that is passed to it.
        """
        role = self.stack.batch_operations_role_arn
        if not role:
            return []
        _, processed, _ = self._buckets()
        passed: Condition = {"StringEquals": {"iam:PassedToService": _JOBS_SERVICE}}
        return [
            self._s3(
                "WriteManifests",
                ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"],
                [f"{processed}/{keys.BATCH_JOBS}*"],
            ),
            _allow("MakeJobs", ["s3:CreateJob"], ["*"]),
            _allow(
                "FollowJobs", ["s3:DescribeJob", "s3:UpdateJobStatus"], [self._arn("s3", "job/*")]
            ),
            _allow("PassRoleToJobs", ["iam:PassRole"], [role], passed),
        ]

    def smoking(self) -> list[Statement]:
        """Return what `smoke` needs beside the operator's policy: to remove its own files alone."""
        raw, processed, _ = self._buckets()
        in_raw = [f"{raw}/{prefix}{RUN_PATTERN}/*" for prefix in (keys.INCOMING, keys.COMPLETED)]
        in_processed = [
            f"{processed}/{prefix}{_DAY_PATTERN}{RUN_PATTERN}/*"
            for prefix in (keys.PROCESSED, keys.REJECTED)
        ]
        return [
            self._s3("ListVersionsOfOutputs", ["s3:ListBucketVersions"], [processed]),
            self._s3("RemoveSmoke", ["s3:DeleteObjectVersion"], [*in_raw, *in_processed]),
        ]

    def producing(self) -> list[Statement]:
        """Return the permissions to upload files, large ones in parts, and to read nothing."""
        raw, _, _ = self._buckets()
        return [
            self._s3(
                "PutFiles", ["s3:PutObject", "s3:AbortMultipartUpload"], [f"{raw}/{keys.INCOMING}*"]
            ),
            # An upload in parts decrypts its own data key.
            *self.key(["kms:Decrypt", "kms:GenerateDataKey"], "s3"),
        ]

    def consuming(self) -> list[Statement]:
        """Return the permissions to list and read outputs, and to query them with Athena.

        The archived ones are read only by queries, of a stack with datasets. The tables of rejected
        records are not for consumers.
        """
        _, processed, archive = self._buckets()
        roots = (keys.PROCESSED, keys.RESTORED)
        queries = self.querying()
        return [
            *self._read("Outputs", processed, *roots),
            *(self._read("Archive", archive, keys.ARCHIVE, keys.BUNDLES) if queries else []),
            *queries,
            *self.key(["kms:Decrypt"], "s3"),
        ]

    def _read(self, what: str, bucket: str, *roots: str) -> list[Statement]:
        prefix: Condition = {"StringLike": {"s3:prefix": [f"{root}*" for root in roots]}}
        return [
            self._s3(f"List{what}", ["s3:ListBucket"], [bucket], prefix),
            self._s3(f"Read{what}", ["s3:GetObject"], [f"{bucket}/{root}*" for root in roots]),
        ]

    def querying(self) -> list[Statement]:
        """Return what queries need beside reading the objects, by commands, drivers or the console.

        Without a dataset, nothing.

        https://docs.aws.amazon.com/athena/latest/ug/example-policies-workgroup.html
        https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
        """
        stack, database = self.stack, self.stack.glue_database_name
        if not database or not stack.athena_workgroup_name:
            return []
        workgroup = self._arn("athena", f"workgroup/{stack.athena_workgroup_name}")
        _, processed, archive = self._buckets()
        return [
            # GetQueryResultsStream is what drivers read with; the console lists and gets the rest.
            _allow(
                "Query",
                [
                    "athena:StartQueryExecution",
                    "athena:GetQueryExecution",
                    "athena:GetQueryResults",
                    "athena:GetQueryResultsStream",
                    "athena:StopQueryExecution",
                    "athena:GetWorkGroup",
                    "athena:ListQueryExecutions",
                    "athena:BatchGetQueryExecution",
                    "athena:ListNamedQueries",
                    "athena:GetNamedQuery",
                    "athena:BatchGetNamedQuery",
                ],
                [workgroup],
            ),
            _allow(
                "SeeCatalog",
                [
                    "athena:GetDataCatalog",
                    "athena:ListDatabases",
                    "athena:GetDatabase",
                    "athena:ListTableMetadata",
                    "athena:GetTableMetadata",
                ],
                [self._arn("athena", "datacatalog/AwsDataCatalog")],
            ),
            # IAM knows no ARN for these.
            _allow(
                "ListForConsole",
                ["athena:ListEngineVersions", "athena:ListWorkGroups", "athena:ListDataCatalogs"],
                ["*"],
            ),
            # The console lists databases: of SHOW DATABASES, AWS's example names all of them.
            _allow(
                "ListDatabases",
                ["glue:GetDatabases"],
                [self._arn("glue", "catalog"), self._arn("glue", "database/*")],
            ),
            _allow(
                "SeeTables",
                ["glue:GetTable", "glue:GetTables", "glue:GetPartitions"],
                [
                    self._arn("glue", "catalog"),
                    self._arn("glue", f"database/{database}"),
                    self._arn("glue", f"table/{database}/*"),
                ],
            ),
            _allow(
                "SeeDatabase",
                ["glue:GetDatabase"],
                [self._arn("glue", "catalog"), self._arn("glue", f"database/{database}")],
            ),
            self._s3("LocateBuckets", ["s3:GetBucketLocation"], [processed, archive]),
            *self._results_key(workgroup),
        ]

    def _results_key(self, workgroup: str) -> list[Statement]:
        """Return the permission to use the stack's key for the results of queries.

        https://docs.aws.amazon.com/athena/latest/ug/managed-results.html
        """
        if not self.kms_key_arn:
            return []
        condition: Condition = {"ArnLike": {"kms:EncryptionContext:aws:athena:arn": workgroup}}
        actions = ["kms:Decrypt", "kms:GenerateDataKey"]
        return [_allow("UseKeyForResults", actions, [self.kms_key_arn], condition)]

    def examining(self) -> list[Statement]:
        """Return what `doctor` needs in addition to `reading`: the settings of all resources."""
        stack, (raw, processed, archive) = self.stack, self._buckets()
        prefix, processor = stack.name_prefix, stack.data_processor_lambda_arn
        roles = f"arn:{stack.partition}:iam::{stack.account_id}:role/{prefix}*"
        optional = {
            ("SeeSubscribers", "sns:ListSubscriptionsByTopic"): stack.alarm_topic_arn,
            ("DescribeKey", "kms:DescribeKey"): self.kms_key_arn,
        }
        return [
            self._s3(
                "ReadBucketSettings",
                ["s3:GetBucketVersioning", "s3:GetBucketPublicAccessBlock"],
                [raw, processed, archive],
            ),
            self._s3("ReadEncryptions", ["s3:GetEncryptionConfiguration"], [processed, archive]),
            self._s3("ReadNotification", ["s3:GetBucketNotification"], [raw]),
            _allow(
                "ReadFunctionSettings",
                ["lambda:GetPolicy", "lambda:GetFunctionConcurrency"],
                [f"{function_arn(processor)}*"],
            ),
            _allow("SimulateRoles", ["iam:SimulatePrincipalPolicy"], [roles]),
            _allow("FindSchedules", ["scheduler:ListSchedules"], ["*"]),  # IAM knows no ARN
            _allow(
                "ReadSchedules",
                ["scheduler:GetSchedule"],
                [self._arn("scheduler", f"schedule/{prefix}*/*")],
            ),
            *self.key(["kms:Decrypt"], "scheduler"),  # of a schedule's input
            *self._examining_tables(),
            *(_allow(sid, [action], [arn]) for (sid, action), arn in optional.items() if arn),
        ]

    def _examining_tables(self) -> list[Statement]:
        database, workgroup = self.stack.glue_database_name, self.stack.athena_workgroup_name
        if not database:
            return []
        tables = ["catalog", f"database/{database}", f"table/{database}/*"]
        return [
            _allow("ReadTables", ["glue:GetTables"], [self._arn("glue", it) for it in tables]),
            _allow(
                "ReadWorkgroup",
                ["athena:GetWorkGroup"],
                [self._arn("athena", f"workgroup/{workgroup}")],
            ),
        ]

    def key(self, actions: list[str], *services: str) -> list[Statement]:
        """Return the permission to use the stack's key through services, or none without a key."""
        if not self.kms_key_arn:
            return []
        # The end of a service's name depends on the partition.
        through = [f"{service}.{self.stack.region}.*" for service in services]
        condition = {"StringLike": {"kms:ViaService": through}}
        return [_allow("UseKey", actions, [self.kms_key_arn], condition)]

    def _buckets(self) -> tuple[str, str, str]:
        stack = self.stack
        names = (stack.raw_bucket_name, stack.processed_bucket_name, stack.archive_bucket_name)
        raw, processed, archive = map(stack.bucket_arn, names)
        return raw, processed, archive

    def _queue(self, url: str) -> str:
        return self.stack.queue_arn(url)

    def _log_groups(self, function: str) -> str:
        """Return a pattern for a function's log group, whose name ends in digits from Pulumi."""
        logical_name = function_name(function).rpartition("-")[0]
        return self._arn("logs", f"log-group:{logical_name}-logs-*")

    def _arn(self, service: str, resource: str) -> str:
        return self.stack.arn(service, resource)

    def _s3(
        self,
        sid: str,
        actions: Iterable[str],
        resources: Iterable[str],
        condition: Condition | None = None,
    ) -> Statement:
        """Return a statement limited to the account's own buckets: their ARNs name no account."""
        own = {"StringEquals": {"aws:ResourceAccount": self.stack.account_id}}
        return _allow(sid, actions, resources, {**own, **(condition or {})})


def _allow(
    sid: str, actions: Iterable[str], resources: Iterable[str], condition: Condition | None = None
) -> Statement:
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": list(resources),
    }
    return statement | ({"Condition": condition} if condition else {})
