"""Ask S3 to retrieve archived outputs from GLACIER, so that they can be read for some days."""

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ops import aws
from ops.aws import Account

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import TierType


class Tier(StrEnum):
    """How fast a retrieval is, and how much it costs."""

    BULK = "bulk"
    STANDARD = "standard"
    EXPEDITED = "expedited"


# For GLACIER, S3 Glacier Flexible Retrieval:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html
EXPECTED: Final = {
    Tier.BULK: "5 to 12 hours",
    Tier.STANDARD: "3 to 5 hours",
    Tier.EXPEDITED: "1 to 5 minutes",
}
# At most a twentieth of the usual time is lost, and a poll is one list call for 1,000 outputs.
POLL_SECONDS: Final = {Tier.BULK: 900.0, Tier.STANDARD: 300.0, Tier.EXPEDITED: 15.0}

_NAMES: Final["dict[Tier, TierType]"] = {
    Tier.BULK: "Bulk", Tier.STANDARD: "Standard", Tier.EXPEDITED: "Expedited",
}  # fmt: skip
_UNDER_WAY: Final = "RestoreAlreadyInProgress"
GONE: Final = "no longer in the archive bucket: it has expired (expirationDays)"
UNREADABLE: Final = (
    "it cannot be read: its temporary copy has expired, or it has moved to GLACIER meanwhile; run "
    "the command again to have it retrieved"
)
UNKNOWN: Final = "what it holds can be read now: run the command again"
# What the answers of AWS mean for an archived output, by their codes.
_MEANINGS: Final = {
    "NoSuchKey": GONE,
    "404": GONE,
    "InvalidObjectState": UNREADABLE,
    "ObjectNotInActiveTierError": UNREADABLE,
    "GlacierExpeditedRetrievalNotAvailable": (
        "AWS has no capacity for expedited retrievals now: run the command again later, or with "
        "--tier standard"
    ),
}


def ask(account: Account, key: str, tier: Tier, days: int) -> None:
    """Have an object retrieved, readable for some days; if it is under way, nothing changes.

    Raises an error of AWS if the retrieval does not start.
    """
    try:
        account.s3.restore_object(
            Bucket=account.stack.archive_bucket_name,
            Key=key,
            RestoreRequest={"Days": days, "GlacierJobParameters": {"Tier": _NAMES[tier]}},
        )
    except aws.AwsError as error:
        if aws.code(error) != _UNDER_WAY:
            raise


def explain(error: Exception) -> str:
    """Return what an error of AWS means for an archived output, and what to do about it."""
    return _MEANINGS.get(aws.code(error)) or aws.explain(error)
