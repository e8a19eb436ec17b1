"""Write the IAM policies for deploying a stack, from the calls of the AWS provider. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.calls import CALLS, On
from infra.permissions import Statement, document

Document = dict[str, Any]
Condition = Mapping[str, Mapping[str, str | list[str]]]

# The characters of a managed policy without white space; a role can have ten of them.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_POLICY_CHARACTERS: Final = 6_144
# Each is a managed policy of its own: together they are too long for one.
PURPOSES: Final = {
    "data": (On.NEW_BUCKETS, On.BUCKETS, On.QUEUES),
    "compute": (
        On.FUNCTIONS, On.NEW_MAPPINGS, On.MAPPINGS, On.MAPPING_TAGS, On.ROLES, On.ROLE_GRANTS,
        On.PASSED_ROLES, On.SCHEDULE_GROUPS, On.SCHEDULES,
    ),
    "monitoring": (
        On.LOG_GROUPS, On.LOG_GROUP_LIST, On.TOPICS, On.ALARMS, On.ALARM_LIST, On.DASHBOARDS,
    ),
    "tables": (
        On.DATABASES, On.DATABASE_CONTENTS, On.DATABASE_TAGS, On.TABLES, On.WORKGROUPS,
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Target:
    """A stack to be deployed, and the account and region to deploy it to.

    Attributes:
        name: `PROJECT-STACK`, the beginning of every name that Pulumi generates.
        account: the account's id.
        region: the stack's region.
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        buckets: the names of buckets that are set, in addition to generated ones.
        kms_key_arn: the setting `kmsKeyArn`, if it is set.
        permissions_boundary_arn: the boundary that every role of the stack must have.
        empties_buckets: whether `destroy` may delete the data (a stack without `protectData`).
    """

    name: str
    account: str
    region: str
    partition: str = "aws"
    buckets: Sequence[str] = ()
    kms_key_arn: str | None = None
    permissions_boundary_arn: str | None = None
    empties_buckets: bool = False

    @property
    def bucket_arns(self) -> list[str]:
        """The patterns of the buckets' ARNs."""
        names = (f"{self.name}-*", *self.buckets)
        return [f"arn:{self.partition}:s3:::{name}" for name in names]

    def arns(self, on: On) -> list[str]:
        """Return the patterns of the ARNs that actions are limited to."""
        if on in {On.BUCKETS, On.NEW_BUCKETS}:
            return self.bucket_arns
        # For actions without an ARN, IAM accepts only `*`.
        return [
            pattern.format(
                aws=self.partition,
                here=f"{self.region}:{self.account}",
                account=self.account,
                name=self.name,
                database=self.name.replace("-", "_"),
            )
            for pattern in _ARNS.get(on, ("*",))
        ]


_ARNS: Final[Mapping[On, tuple[str, ...]]] = {
    On.QUEUES: ("arn:{aws}:sqs:{here}:{name}-*",),
    On.FUNCTIONS: ("arn:{aws}:lambda:{here}:function:{name}-*",),
    # Lambda generates the identifier of a mapping.
    On.MAPPINGS: ("arn:{aws}:lambda:{here}:event-source-mapping:*",),
    On.MAPPING_TAGS: ("arn:{aws}:lambda:{here}:event-source-mapping:*",),
    On.LOG_GROUPS: ("arn:{aws}:logs:{here}:log-group:{name}-*",),
    On.ROLES: ("arn:{aws}:iam::{account}:role/{name}-*",),
    On.ROLE_GRANTS: ("arn:{aws}:iam::{account}:role/{name}-*",),
    On.PASSED_ROLES: ("arn:{aws}:iam::{account}:role/{name}-*",),
    # Permissions apply to all schedules of a group, not to single ones.
    On.SCHEDULES: ("arn:{aws}:scheduler:{here}:schedule/{name}-*/*",),
    On.SCHEDULE_GROUPS: ("arn:{aws}:scheduler:{here}:schedule-group/{name}-*",),
    On.TOPICS: ("arn:{aws}:sns:{here}:{name}-*",),
    On.ALARMS: ("arn:{aws}:cloudwatch:{here}:alarm:{name}-*",),
    On.ALARM_LIST: ("arn:{aws}:cloudwatch:{here}:alarm:*",),
    # Dashboards have no region, and the program sets their names.
    On.DASHBOARDS: (
        "arn:{aws}:cloudwatch::{account}:dashboard/{name}",
        "arn:{aws}:cloudwatch::{account}:dashboard/{name}-*",
    ),
    # A call needs the permission on all that is above its resource too.
    # https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    On.DATABASES: (
        "arn:{aws}:glue:{here}:catalog",
        "arn:{aws}:glue:{here}:database/{database}_*",
    ),
    On.DATABASE_CONTENTS: (
        "arn:{aws}:glue:{here}:table/{database}_*/*",
        "arn:{aws}:glue:{here}:userDefinedFunction/{database}_*/*",
    ),
    On.DATABASE_TAGS: ("arn:{aws}:glue:{here}:database/{database}_*",),
    On.TABLES: (
        "arn:{aws}:glue:{here}:catalog",
        "arn:{aws}:glue:{here}:database/{database}_*",
        "arn:{aws}:glue:{here}:table/{database}_*/*",
    ),
    On.WORKGROUPS: ("arn:{aws}:athena:{here}:workgroup/{name}-*",),
}


def deployer(target: Target) -> dict[str, Document]:
    """Return the policies for `pulumi up`, `preview`, `refresh` and `destroy`, by purpose.

    A deployer needs all of them; each fits in a managed policy.
    """
    statements = {
        purpose: [_limited(target, on, "Manage", _actions(on, writes=True)) for on in limits]
        for purpose, limits in PURPOSES.items()
    }
    statements["data"] += _emptying(target)
    statements["compute"] += _keys(target, writes=True)
    return {purpose: document(some) for purpose, some in statements.items()}


def preview(target: Target) -> Document:
    """Return the policy for `pulumi preview` and `refresh`, which only reads."""
    reads = {on: _actions(on, writes=False) for limits in PURPOSES.values() for on in limits}
    statements = [_limited(target, on, "Read", actions) for on, actions in reads.items() if actions]
    return document([*statements, *_keys(target, writes=False)])


def _actions(on: On, *, writes: bool) -> list[str]:
    calls = [it for it in CALLS if it.on is on]
    needed = {action for it in calls for action in (*it.reads, *(it.writes if writes else ()))}
    return sorted(needed)


def _limited(target: Target, on: On, verb: str, actions: list[str]) -> Statement:
    if on is On.ROLE_GRANTS and target.permissions_boundary_arn:
        # There is no permission to delete the boundary, which every role must have.
        actions = [*actions, "iam:PutRolePermissionsBoundary"]
    return _allow(f"{verb}{on}", actions, target.arns(on), _condition(target, on))


def _condition(target: Target, on: On) -> Condition | None:
    match on:
        case On.BUCKETS:
            return _own_buckets(target)
        case On.NEW_MAPPINGS | On.MAPPINGS:
            return {"ArnLike": {"lambda:FunctionArn": target.arns(On.FUNCTIONS)}}
        case On.PASSED_ROLES:
            services = ["lambda.amazonaws.com", "scheduler.amazonaws.com"]
            return {"StringEquals": {"iam:PassedToService": services}}
        case On.ROLE_GRANTS if target.permissions_boundary_arn:
            return {"StringEquals": {"iam:PermissionsBoundary": target.permissions_boundary_arn}}
        case _:
            return None


def _own_buckets(target: Target) -> Condition:
    """Return the condition that a bucket belongs to the account: its ARN names no account."""
    return {"StringEquals": {"aws:ResourceAccount": target.account}}


def _emptying(target: Target) -> list[Statement]:
    """Return the permissions for `forceDestroy` of a bucket that is not empty.

    The provider (s3/delete.go) deletes every version and every delete marker by its id.
    """
    if not target.empties_buckets:
        return []
    objects = [f"{arn}/*" for arn in target.bucket_arns]
    own = _own_buckets(target)
    return [
        _allow("ListDataToDelete", ["s3:ListBucketVersions"], target.bucket_arns, own),
        _allow("DeleteData", ["s3:DeleteObjectVersion"], objects, own),
    ]


def _keys(target: Target, *, writes: bool) -> list[Statement]:
    """Return the permission to use the KMS key through the services that encrypt with it.

    Lambda makes a grant for a function's environment and encrypts it, the scheduler gets a data key
    for a schedule's input. Reading a function or a schedule decrypts it.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/security_iam_id-based-policy-examples.html
    """
    if not target.kms_key_arn:
        return []
    uses = {
        "lambda": ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt"],
        "scheduler": ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
    }
    return [
        _allow(
            f"UseKeyThrough{service.capitalize()}",
            actions if writes else ["kms:Decrypt"],
            [target.kms_key_arn],
            # The end of a service's name depends on the partition.
            {"StringLike": {"kms:ViaService": f"{service}.{target.region}.*"}},
        )
        for service, actions in uses.items()
    ]


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
