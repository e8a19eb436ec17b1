"""Controls: log groups."""

from typing import Final

from policy import tokens
from policy.control import control, unless
from policy.controls.tagging import is_tagged
from policy.graph import Graph, Resource

_YEAR_DAYS: Final = 365


@control("CKV_AWS_66", "CloudWatch Log Group specifies retention days", tokens.LOG_GROUP)
def ends(group: Resource) -> list[str]:
    return unless((group.get("retentionInDays") or 0) > 0, "keeps logs for ever")


@control(
    "CloudWatch.16",
    "CloudWatch log groups should be retained for a specified time period",
    tokens.LOG_GROUP,
    also=("CKV_AWS_338",),
    option="logRetentionDays",
)
def is_kept_for_a_year(group: Resource) -> list[str]:
    days = group.get("retentionInDays") or 0
    return unless(days >= _YEAR_DAYS, f"keeps logs for {days} days, not a year")


@control(
    "CKV_AWS_158",
    "CloudWatch Log Group is encrypted by KMS",
    tokens.LOG_GROUP,
    option="kmsKeyArn",
)
def is_encrypted_with_a_kms_key(group: Resource) -> list[str]:
    return unless(bool(group.get("kmsKeyId")), "no KMS key of the account encrypts it")


@control("PIPE.56", "Log groups are tagged", tokens.LOG_GROUP)
def carries_tags(group: Resource, graph: Graph) -> list[str]:
    return is_tagged(group, graph)
