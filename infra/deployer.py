"""What deploying a stack needs on AWS: IAM policies, made of what the provider calls. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.calls import CALLS, On
from infra.permissions import Statement, document

Document = dict[str, Any]
Condition = Mapping[str, Mapping[str, str | list[str]]]

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: of a managed policy,
# without its white space. A role takes ten of them.
MAX_POLICY_CHARACTERS: Final = 6_144
# Each is a managed policy of its own: together they are longer than one may be.
PURPOSES: Final = {
    "data": (On.NEW_BUCKETS, On.BUCKETS, On.QUEUES),
    "compute": (
        On.FUNCTIONS, On.NEW_MAPPINGS, On.MAPPINGS, On.MAPPING_TAGS, On.ROLES, On.ROLE_GRANTS,
        On.PASSED_ROLES, On.SCHEDULE_GROUPS, On.SCHEDULES,
    ),
    "monitoring": (
        On.LOG_GROUPS, On.LOG_GROUP_LIST, On.TOPICS, On.ALARMS, On.ALARM_LIST, On.DASHBOARDS,
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Target:
    """A stack to be deployed, and where.

    Attributes:
        name: `PROJECT-STACK`, with which Pulumi begins every name that it makes.
        account: the account's id.
        region: the stack's region.
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        buckets: names that settings give to buckets, beside those that Pulumi makes.
        kms_key_arn: the setting `kmsKeyArn`, where it is set.
        permissions_boundary_arn: the boundary that every role of the stack must carry.
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
        # IAM takes `*` alone for what has no ARN.
        return [
            pattern.format(
                aws=self.partition,
                here=f"{self.region}:{self.account}",
                account=self.account,
                name=self.name,
            )
            for pattern in _ARNS.get(on, ("*",))
        ]


_ARNS: Final[Mapping[On, tuple[str, ...]]] = {
    On.QUEUES: ("arn:{aws}:sqs:{here}:{name}-*",),
    On.FUNCTIONS: ("arn:{aws}:lambda:{here}:function:{name}-*",),
    # A mapping's name is an identifier that Lambda makes up.
    On.MAPPINGS: ("arn:{aws}:lambda:{here}:event-source-mapping:*",),
    On.MAPPING_TAGS: ("arn:{aws}:lambda:{here}:event-source-mapping:*",),
    On.LOG_GROUPS: ("arn:{aws}:logs:{here}:log-group:{name}-*",),
    On.ROLES: ("arn:{aws}:iam::{account}:role/{name}-*",),
    On.ROLE_GRANTS: ("arn:{aws}:iam::{account}:role/{name}-*",),
    On.PASSED_ROLES: ("arn:{aws}:iam::{account}:role/{name}-*",),
    # Permissions are for all schedules of a group, not for single ones.
    On.SCHEDULES: ("arn:{aws}:scheduler:{here}:schedule/{name}-*/*",),
    On.SCHEDULE_GROUPS: ("arn:{aws}:scheduler:{here}:schedule-group/{name}-*",),
    On.TOPICS: ("arn:{aws}:sns:{here}:{name}-*",),
    On.ALARMS: ("arn:{aws}:cloudwatch:{here}:alarm:{name}-*",),
    On.ALARM_LIST: ("arn:{aws}:cloudwatch:{here}:alarm:*",),
    # Dashboards belong to no region, and their names to the program.
    On.DASHBOARDS: (
        "arn:{aws}:cloudwatch::{account}:dashboard/{name}",
        "arn:{aws}:cloudwatch::{account}:dashboard/{name}-*",
    ),
}


def deployer(target: Target) -> dict[str, Document]:
    """Return what `pulumi up`, `preview`, `refresh` and `destroy` need: a document for a purpose.

    A deployer has all of them; each fits a managed policy.
    """
    statements = {
        purpose: [_limited(target, on, "Manage", _actions(on, writes=True)) for on in limits]
        for purpose, limits in PURPOSES.items()
    }
    statements["data"] += _emptying(target)
    statements["compute"] += _keys(target, writes=True)
    return {purpose: document(some) for purpose, some in statements.items()}


def preview(target: Target) -> Document:
    """Return what `pulumi preview` and `refresh` need: to read, and nothing else."""
    reads = {on: _actions(on, writes=False) for limits in PURPOSES.values() for on in limits}
    statements = [_limited(target, on, "Read", actions) for on, actions in reads.items() if actions]
    return document([*statements, *_keys(target, writes=False)])


def _actions(on: On, *, writes: bool) -> list[str]:
    calls = [it for it in CALLS if it.on is on]
    needed = {action for it in calls for action in (*it.reads, *(it.writes if writes else ()))}
    return sorted(needed)


def _limited(target: Target, on: On, verb: str, actions: list[str]) -> Statement:
    if on is On.ROLE_GRANTS and target.permissions_boundary_arn:
        # Nobody whose roles must carry a boundary may take it away: there is no Delete….
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
    """Return the condition that a bucket is the account's: its ARN names none."""
    return {"StringEquals": {"aws:ResourceAccount": target.account}}


def _emptying(target: Target) -> list[Statement]:
    """Return what `forceDestroy` does to a bucket that is not empty (the provider's s3/delete.go).

    Every version is deleted by its id, and so is every delete marker.
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
    """Return the use of the KMS key, through the services that encrypt what they are given.

    Lambda makes a grant for a function's environment and encrypts it, the scheduler takes a data
    key for a schedule's input; whoever reads the function or the schedule decrypts it.
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
            # A service's name ends otherwise in another partition.
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
