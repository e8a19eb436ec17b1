"""A Lambda function of the pipeline, with its role, policy and log group."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra import permissions
from infra.permissions import Statement
from infra.settings import ASYNC_EVENT_SECONDS

RUNTIME: Final = "python3.13"
ARCHITECTURE: Final = "arm64"
# Lambda's default for asynchronous invocations, and its maximum.
_ASYNC_RETRIES: Final = 2
_SNAPSHOTS: Final = aws.lambda_.FunctionSnapStartArgs(apply_on="PublishedVersions")


@dataclass(frozen=True, kw_only=True)
class Definition:
    """The definition of one function of the pipeline.

    Attributes:
        handler: the callable, as `package.module.name`.
        description: one line.
        code: the archive.
        environment: its environment variables.
        statements: its permissions, except for logs, traces, failures and invoking itself.
        memory_mb: its memory, which also determines its share of a processor.
        timeout_seconds: the longest that one invocation may take.
        log_retention_days: the days that its logs are kept.
        tracing: whether it sends traces to X-Ray.
        kms_key_arn: the key that encrypts its logs, its environment and the data it works on.
        permissions_boundary_arn: the policy that limits what its role may do.
        account: its account.
        region: its region.
        invokes_itself: whether it may invoke itself to continue its work.
        reserved_concurrency: the number of concurrent invocations, reserved and at most.
        dead_letters: the ARN of the queue for events whose attempts all failed.
        failures: the ARN of the queue for reports of invocations whose attempts all failed.
        snap_start: whether each version is published and starts from a snapshot.
    """

    handler: str
    description: str
    code: pulumi.Archive
    environment: Mapping[str, Input[str]]
    statements: Output[list[Statement]]
    memory_mb: int
    timeout_seconds: int
    log_retention_days: int
    tracing: bool
    kms_key_arn: str | None
    permissions_boundary_arn: str | None
    account: Input[str]
    region: Output[str]
    invokes_itself: bool
    reserved_concurrency: int | None = None
    dead_letters: Output[str] | None = None
    failures: Output[str] | None = None
    snap_start: bool = False


class PipelineFunction(pulumi.ComponentResource):
    """A function that can be invoked once the component is created.

    Attributes:
        arn: the function's ARN.
        name: the function's name.
        alias: the name of its newest version's alias; None without snapshots.
        invoked_arn: the ARN to invoke: the alias's if there is one, else the function's.
        log_group: the name of its log group.
    """

    def __init__(
        self, name: str, definition: Definition, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("s3-data-pipeline:index:PipelineFunction", name, None, opts)
        self._name = name
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            retention_in_days=definition.log_retention_days,
            kms_key_id=definition.kms_key_arn,
            opts=ResourceOptions(parent=self),
        )
        self.log_group = logs.name
        trust = Output.from_input(definition.account).apply(
            lambda account: permissions.assume_role_here("lambda.amazonaws.com", account=account)
        )
        self._role = aws.iam.Role(
            f"{name}-role",
            description=f"What the function {name} may do",
            assume_role_policy=Output.json_dumps(
                trust.apply(lambda statement: permissions.document([statement]))
            ),
            permissions_boundary=definition.permissions_boundary_arn,
            opts=ResourceOptions(parent=self),
        )
        policy = self._allow("policy", _statements(definition, logs.arn))
        self._function = self._create(definition, policy)
        self.arn = self._function.arn
        self.name = self._function.name
        self.alias = self._publish() if definition.snap_start else None
        # Made of both outputs, so that a resource that uses it waits for both.
        self.invoked_arn = Output.concat(self.arn, ":", self.alias) if self.alias else self.arn
        self._limit_retries("retries", definition)
        if self.alias:
            self._limit_retries("newest-retries", definition, self.alias)
        # A large file or backlog takes as many invocations as it needs; by default Lambda ends such
        # a chain after about 16. The handlers only continue if they made progress.
        aws.lambda_.FunctionRecursionConfig(
            f"{name}-recursion",
            function_name=self.name,
            recursive_loop="Allow",
            opts=ResourceOptions(parent=self),
        )
        if definition.invokes_itself:
            # By the ARN by which it was invoked: with snapshots, and for a while after they were
            # switched off, an alias's.
            own = self.arn.apply(lambda arn: [permissions.invoke(arn, f"{arn}:*")])
            self._allow("invoke-itself", own)
        self.register_outputs({"arn": self.arn, "name": self.name})

    def _create(self, definition: Definition, policy: aws.iam.RolePolicy) -> aws.lambda_.Function:
        return aws.lambda_.Function(
            self._name,
            description=definition.description,
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=definition.handler,
            code=definition.code,
            role=self._role.arn,
            memory_size=definition.memory_mb,
            timeout=definition.timeout_seconds,
            reserved_concurrent_executions=definition.reserved_concurrency,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=definition.environment),
            kms_key_arn=definition.kms_key_arn,
            # With Text, Lambda does not touch the handlers' JSON lines. With JSON, it would drop
            # those with metrics below a log level.
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(
                log_format="Text", log_group=self.log_group
            ),
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(
                mode="Active" if definition.tracing else "PassThrough"
            ),
            dead_letter_config=aws.lambda_.FunctionDeadLetterConfigArgs(
                target_arn=definition.dead_letters
            )
            if definition.dead_letters
            else None,
            publish=True if definition.snap_start else None,
            snap_start=_SNAPSHOTS if definition.snap_start else None,
            # Lambda checks the permission for the dead-letter queue when it creates the function.
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _publish(self) -> Output[str]:
        """Create the alias of the newest version, and return its name.

        Only a published version has a snapshot, and only an alias keeps its ARN from one version to
        the next. An update waits for the new version's snapshot before it moves the alias (the
        provider's lambda/function.go, waitFunctionConfigurationUpdated). If snapshots are switched
        off, the alias and what belongs to it stay, for events that were sent to its ARN.
        https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
        """
        alias = aws.lambda_.Alias(
            f"{self._name}-newest",
            description="The newest version, which starts from a snapshot",
            function_name=self.name,
            function_version=self._function.version,
            opts=ResourceOptions(parent=self, retain_on_delete=True),
        )
        return alias.name

    def _limit_retries(
        self, purpose: str, definition: Definition, alias: Output[str] | None = None
    ) -> None:
        """Set how often a failed asynchronous invocation is retried, and its destination.

        Lambda keeps this for the function's own ARN and for each alias apart.
        """
        destination = (
            aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
                on_failure=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(
                    destination=definition.failures
                )
            )
            if definition.failures
            else None
        )
        aws.lambda_.FunctionEventInvokeConfig(
            f"{self._name}-{purpose}",
            function_name=self.name,
            qualifier=alias,
            maximum_retry_attempts=_ASYNC_RETRIES,
            maximum_event_age_in_seconds=ASYNC_EVENT_SECONDS,
            destination_config=destination,
            opts=ResourceOptions(parent=self, retain_on_delete=alias is not None),
        )

    def _allow(self, purpose: str, statements: Output[list[Statement]]) -> aws.iam.RolePolicy:
        return aws.iam.RolePolicy(
            f"{self._name}-{purpose}",
            role=self._role.name,
            policy=pulumi.Output.json_dumps(statements.apply(permissions.document)),
            opts=ResourceOptions(parent=self),
        )


def _statements(definition: Definition, log_group: Output[str]) -> Output[list[Statement]]:
    own = log_group.apply(lambda arn: [permissions.write_logs(arn)])
    if definition.tracing:
        own = own.apply(lambda statements: [*statements, permissions.send_traces()])
    if definition.failures is not None:
        own = Output.all(own, definition.failures).apply(
            lambda both: [*both[0], permissions.send_failures(both[1])]
        )
    if key := definition.kms_key_arn:
        own = Output.all(own, definition.region).apply(
            lambda both: [*both[0], *_use_key(key, region=both[1])]
        )
    return Output.all(definition.statements, own).apply(lambda both: [*both[0], *both[1]])


def _use_key(key: str, *, region: str) -> list[Statement]:
    return [
        permissions.use_key(key, region=region, services=["s3", "sqs"]),
        permissions.decrypt_environment(key, region=region),
    ]
