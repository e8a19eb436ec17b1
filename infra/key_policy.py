"""Write the policy that the user's KMS key needs, as `docs/security.md` shows it. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from infra import permissions
from infra.permissions import Statement

_ADMINISTRATION: Final = [
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:Describe*",
    "kms:Disable*",
    "kms:Enable*",
    "kms:Get*",
    "kms:List*",
    "kms:Put*",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:Update*",
]
# The end of a regional service principal, in partitions where it differs.
_DOMAINS: Final = {"aws-cn": "amazonaws.com.cn"}
_USE: Final = ["kms:Decrypt", "kms:GenerateDataKey"]


def document(
    *,
    partition: str,
    region: str,
    account: str,
    pipeline: str,
    raw_bucket: str,
    producers: Sequence[str] = (),
    consumers: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the key's policy.

    `pipeline` is the beginning of the names of all resources of the stack, `raw_bucket` the raw
    bucket's ARN or a pattern for it. `producers` and `consumers` are from the settings.
    """
    root = f"arn:{partition}:iam::{account}:root"
    here = f"{region}:{account}"
    return permissions.document(
        [
            _for("AdministerKey", {"AWS": root}, _ADMINISTRATION),
            # For each of these, the account's IAM policies say who may do it.
            _for("UseKeyThroughS3AndSqs", {"AWS": root}, _USE, _via(region, ["s3", "sqs"])),
            _for(
                "EncryptEnvironments",
                {"AWS": root},
                ["kms:Encrypt", "kms:Decrypt", "kms:CreateGrant"],
                _via(region, ["lambda"]),
            ),
            _for(
                "EncryptSchedules",
                {"AWS": root},
                _USE,
                _context(
                    permissions.SCHEDULE_CONTEXT,
                    f"arn:{partition}:scheduler:{here}:schedule/{pipeline}-*",
                ),
            ),
            _send_events(account, raw_bucket),
            *_encrypt_results(partition, here, account, pipeline),
            _for(
                "EncryptLogs",
                {"Service": f"logs.{region}.{_DOMAINS.get(partition, 'amazonaws.com')}"},
                # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
                ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*",
                 "kms:DescribeKey"],
                _context(
                    "kms:EncryptionContext:aws:logs:arn",
                    f"arn:{partition}:logs:{here}:log-group:{pipeline}-*",
                ),
            ),
            *_of_others("EncryptFilesOfProducers", producers, _USE, region),
            *_of_others("DecryptOutputsForConsumers", consumers, ["kms:Decrypt"], region),
        ]
    )  # fmt: skip


def _send_events(account: str, raw_bucket: str) -> Statement:
    """Return the permission of S3 to send a bucket's events to an encrypted queue.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    lists S3 among the services that name their source to KMS.
    """
    conditions = {
        "ArnLike": {"aws:SourceArn": raw_bucket},
        "StringEquals": {"aws:SourceAccount": account},
    }
    return _for("SendBucketEvents", {"Service": "s3.amazonaws.com"}, _USE, conditions)


def _encrypt_results(partition: str, here: str, account: str, pipeline: str) -> list[Statement]:
    """Return the permissions to encrypt the results of queries, in the stack's workgroup alone.

    Athena uses the key as itself, and "the user running queries needs permission to access" it.
    Both calls name the workgroup in the encryption context.
    https://docs.aws.amazon.com/athena/latest/ug/managed-results.html
    """
    workgroups = f"arn:{partition}:athena:{here}:workgroup/{pipeline}-*"
    in_workgroup = {permissions.WORKGROUP_CONTEXT: workgroups}
    athena = {
        "ArnLike": {**in_workgroup, "aws:SourceArn": workgroups},
        "StringEquals": {"aws:SourceAccount": account},
    }
    root = {"AWS": f"arn:{partition}:iam::{account}:root"}
    service = {"Service": "encryption.athena.amazonaws.com"}
    return [
        _for("EncryptResults", service, [*_USE, "kms:DescribeKey"], athena),
        _for("QueryEncrypted", root, _USE, {"ArnLike": in_workgroup}),
    ]


def _of_others(
    sid: str, principals: Sequence[str], actions: Sequence[str], region: str
) -> list[Statement]:
    if not principals:
        return []
    return [_for(sid, {"AWS": list(principals)}, actions, _via(region, ["s3"]))]


def _via(region: str, services: Sequence[str]) -> dict[str, Any]:
    return {"StringLike": {"kms:ViaService": permissions.via(region, services)}}


def _context(key: str, arn: str) -> dict[str, Any]:
    return {"ArnLike": {key: arn}}


def _for(
    sid: str,
    principal: dict[str, Any],
    actions: Sequence[str],
    conditions: dict[str, Any] | None = None,
) -> Statement:
    """Return a statement of a key's policy, in which `*` is the key itself."""
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": list(actions),
        "Resource": "*",
    }
    return {**statement, "Condition": conditions} if conditions else statement
