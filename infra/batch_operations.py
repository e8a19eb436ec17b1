"""The role with which S3 Batch Operations runs jobs that invoke a function."""

import json

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra import permissions
from infra.bucket import DataBucket
from infra.function import PipelineFunction
from infra.permissions import Statement

SERVICE = "batchoperations.s3.amazonaws.com"


class BatchOperations(pulumi.ComponentResource):
    """A role that reads manifests, invokes one function for each line, and writes reports.

    Whoever makes a job passes the role to it.

    Attributes:
        role_arn: the role's ARN.
    """

    def __init__(
        self,
        name: str,
        *,
        function: PipelineFunction,
        processed: DataBucket,
        account: Input[str],
        region: Input[str],
        kms_key_arn: str | None,
        permissions_boundary_arn: str | None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("s3-data-pipeline:index:BatchOperations", name, None, opts)
        role = aws.iam.Role(
            f"{name}-role",
            description=f"What the jobs of {name} may do",
            # Without a condition, as AWS writes it: nothing says that this service sends the
            # account, and if it does not, every job fails. Only who may pass the role makes a job
            # with it, and only a principal of its own account can pass a role.
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-iam-role-policies.html
            assume_role_policy=json.dumps(permissions.document([permissions.assume_role(SERVICE)])),
            permissions_boundary=permissions_boundary_arn,
            opts=ResourceOptions(parent=self),
        )
        statements = Output.all(
            processed=processed.arn, function=function.arn, account=account, region=region
        ).apply(
            lambda it: [
                *permissions.run_jobs(
                    processed=it["processed"], function=it["function"], account=it["account"]
                ),
                *_use_key(kms_key_arn, region=it["region"]),
            ]
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=Output.json_dumps(statements.apply(permissions.document)),
            opts=ResourceOptions(parent=self),
        )
        # Made of both, so that nobody passes the role before it may do anything.
        self.role_arn = Output.all(role.arn, policy.id).apply(lambda both: both[0])
        self.register_outputs({"role_arn": self.role_arn})


def _use_key(key: str | None, *, region: str) -> list[Statement]:
    return [permissions.use_key(key, region=region, services=["s3"])] if key else []
