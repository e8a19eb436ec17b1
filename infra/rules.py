"""Parse settings: each rule reads a configuration value, and says what is allowed. Pure."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from infra.cron import Cron
from infra.schedule_expression import At, Rate, parse_expression


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The rule for a setting: `parse` raises ValueError for text that is not `allowed`."""

    parse: Callable[[str], Any]
    allowed: str


def whole(low: int, high: int, unit: str) -> Rule:
    """Return the rule for a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]+", text) or not low <= (number := int(text)) <= high:
            raise ValueError(text)
        return number

    return Rule(parse=parse, allowed=f"a whole number of {unit} from {low} to {high}")


def whole_or_never(low: int, high: int, unit: str) -> Rule:
    """Return the rule for a whole number from `low` to `high`, or 0 for never."""
    number = whole(low, high, unit)
    return Rule(
        parse=lambda text: 0 if text == "0" else number.parse(text),
        allowed=f"{number.allowed}, or 0 for never",
    )


def one_of(values: Collection[int] | Collection[str]) -> Rule:
    """Return the rule for one of a list of values, whole numbers or texts."""
    listed = {str(value): value for value in values}

    def parse(text: str) -> int | str:
        if text not in listed:
            raise ValueError(text)
        return listed[text]

    return Rule(parse=parse, allowed="one of " + ", ".join(listed))


def flag() -> Rule:
    """Return the rule for true or false."""
    values = {"true": True, "false": False}

    def parse(text: str) -> bool:
        if text not in values:
            raise ValueError(text)
        return values[text]

    return Rule(parse=parse, allowed="true or false")


def matching(check: Callable[[str], bool], allowed: str) -> Rule:
    """Return the rule for a text that passes a check."""

    def parse(text: str) -> str:
        if not check(text):
            raise ValueError(text)
        return text

    return Rule(parse=parse, allowed=allowed)


def recurring_schedule() -> Rule:
    """Return the rule for a schedule that `recurring` accepts."""

    def parse(text: str) -> str:
        recurring(text)
        return text

    return Rule(parse=parse, allowed="cron(minutes hours day month weekday year) or rate(n unit)")


def recurring_schedule_or_off() -> Rule:
    """Return the rule for a schedule that `recurring` accepts, or `off`, which is read as None."""
    rule = recurring_schedule()
    return Rule(
        parse=lambda text: None if text == "off" else rule.parse(text),
        allowed=f"{rule.allowed}, or off",
    )


def path_or_off() -> Rule:
    """Return the rule for a path, or `off`, which is read as None."""
    return Rule(
        parse=lambda text: None if text == "off" else text,
        allowed="a folder, which begins at the program's, or off",
    )


def recurring(schedule: str) -> Cron | Rate:
    """Return the expression of a recurring schedule.

    Raises ValueError for one that EventBridge Scheduler would refuse, or that runs only once.
    """
    match parse_expression(schedule, start=_EPOCH):
        case Cron() | Rate() as expression:
            return expression
        case At():
            raise ValueError(schedule)


def partition_of(region: str) -> str:
    """Return the partition of a region: `aws`, `aws-cn`, `aws-us-gov` and so on.

    https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
    """
    return next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")


def listing(check: Callable[[str], bool], allowed: str) -> Rule:
    """Return the rule for a comma-separated list of different texts that each pass a check."""

    def parse(text: str) -> tuple[str, ...]:
        parts = tuple(part.strip() for part in text.split(","))
        if len(set(parts)) != len(parts) or not all(check(part) for part in parts):
            raise ValueError(text)
        return parts

    return Rule(parse=parse, allowed=allowed)


def is_environment(text: str) -> bool:
    """Return whether a text can be used in tags, metadata and descriptions."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text) is not None


# The beginnings of regions outside of the partition `aws`, from botocore's endpoint rules.
_PARTITIONS: Final = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RESERVED_PREFIXES: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")


def is_bucket_name(text: str) -> bool:
    """Return whether S3 accepts a name for a general purpose bucket.

    Dots are refused on purpose: with them HTTPS by host name fails, and these buckets accept only
    HTTPS. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    return (
        re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", text) is not None
        and not text.startswith(_RESERVED_PREFIXES)
        and not text.endswith(_RESERVED_SUFFIXES)
    )


def is_email(text: str) -> bool:
    """Return whether a text has the form of an e-mail address."""
    return (
        re.fullmatch(r"[^@\s\"(),:;<>\[\]\\]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}", text)
        is not None
    )


def is_key_arn(text: str) -> bool:
    """Return whether a text is the ARN of a KMS key; an IAM policy accepts no alias."""
    return (
        re.fullmatch(
            r"arn:aws[a-z-]*:kms:[a-z]{2,4}(-[a-z]+)+-\d:\d{12}:key/"
            r"(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})",
            text,
        )
        is not None
    )


# What IAM accepts in names and paths, except for the comma, which separates principals here.
_IAM_NAME: Final = r"[A-Za-z0-9+=.@_/-]+"


def is_policy_arn(text: str) -> bool:
    """Return whether a text is the ARN of a managed policy, of an account or of AWS."""
    arn = rf"arn:aws[a-z-]*:iam::([0-9]{{12}}|aws):policy/{_IAM_NAME}"
    return re.fullmatch(arn, text) is not None


def is_principal(text: str) -> bool:
    """Return whether a text names an account, a role or a user for a resource's policy.

    A wildcard is refused: it would mean everyone.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    arn = rf"arn:aws[a-z-]*:iam::[0-9]{{12}}:(root|(role|user)/{_IAM_NAME})"
    return re.fullmatch(rf"[0-9]{{12}}|{arn}", text) is not None
