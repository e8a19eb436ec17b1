"""What a setting may be: each rule parses a configuration value and says what is allowed. Pure."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One setting's rule: `parse` raises ValueError for a text that is not `allowed`."""

    parse: Callable[[str], Any]
    allowed: str
    schema_type: str = "string"  # in the config schema of Pulumi.yaml


def whole(low: int, high: int, unit: str) -> Rule:
    """Return the rule of a whole number between `low` and `high`, both included."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]+", text) or not low <= (number := int(text)) <= high:
            raise ValueError(text)
        return number

    allowed = f"a whole number of {unit} from {low} to {high}"
    return Rule(parse=parse, allowed=allowed, schema_type="integer")


def one_of(values: Collection[int] | Collection[str]) -> Rule:
    """Return the rule of a value out of a list, whole numbers or texts."""
    listed = {str(value): value for value in values}
    numbers = all(isinstance(value, int) for value in values)

    def parse(text: str) -> int | str:
        if text not in listed:
            raise ValueError(text)
        return listed[text]

    schema_type = "integer" if numbers else "string"
    return Rule(parse=parse, allowed="one of " + ", ".join(listed), schema_type=schema_type)


def flag() -> Rule:
    """Return the rule of true or false."""
    values = {"true": True, "false": False}

    def parse(text: str) -> bool:
        if text not in values:
            raise ValueError(text)
        return values[text]

    return Rule(parse=parse, allowed="true or false", schema_type="boolean")


def matching(check: Callable[[str], bool], allowed: str) -> Rule:
    """Return the rule of a text that passes a check."""

    def parse(text: str) -> str:
        if not check(text):
            raise ValueError(text)
        return text

    return Rule(parse=parse, allowed=allowed)


def is_environment(text: str) -> bool:
    """Tell whether a text can stand in tags, metadata and descriptions."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text) is not None


_RESERVED_PREFIXES: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")


def is_bucket_name(text: str) -> bool:
    """Tell whether S3 takes a name for a general purpose bucket.

    Dots are left out on purpose: with them HTTPS by host name fails, and these buckets take
    nothing else. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    return (
        re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", text) is not None
        and not text.startswith(_RESERVED_PREFIXES)
        and not text.endswith(_RESERVED_SUFFIXES)
    )


def is_email(text: str) -> bool:
    """Tell whether a text has the form of an e-mail address."""
    return (
        re.fullmatch(r"[^@\s\"(),:;<>\[\]\\]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}", text)
        is not None
    )


def is_key_arn(text: str) -> bool:
    """Tell whether a text is the ARN of a KMS key; an alias's will not do in an IAM policy."""
    return (
        re.fullmatch(
            r"arn:aws[a-z-]*:kms:[a-z]{2}(-[a-z]+)+-\d:\d{12}:key/"
            r"(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})",
            text,
        )
        is not None
    )


_MONTHS: Final = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)  # fmt: skip
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# Minutes, hours, day of month, month, day of week, year: the lowest and highest number, the names.
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
_CRON_FIELDS: Final = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, _MONTHS),
    (1, 7, _WEEKDAYS),
    (1970, 2199, ()),
)
_DAY_OF_MONTH: Final = 2
_DAY_OF_WEEK: Final = 4
# The last day, the weekday nearest to a day; the last or n-th of a weekday in the month.
_SPECIAL_DAYS: Final = {
    _DAY_OF_MONTH: re.compile(r"L|LW|([1-9]|[12][0-9]|3[01])W"),
    _DAY_OF_WEEK: re.compile(rf"L|([1-7]|{'|'.join(_WEEKDAYS)})(L|#[1-5])"),
}
_RATE = re.compile(r"rate\(([1-9][0-9]{0,4}) (minute|hour|day)s?\)")
_UNITS_OF_A_DAY: Final = {"minute": 24 * 60, "hour": 24, "day": 1}
_CRON = re.compile(r"cron\(([^()]+)\)")


def is_schedule(text: str) -> bool:
    """Tell whether EventBridge Scheduler takes a text as a recurring schedule."""
    if _RATE.fullmatch(text):
        return True
    match = _CRON.fullmatch(text)
    fields = match.group(1).split() if match else []
    if len(fields) != len(_CRON_FIELDS):
        return False
    # Exactly one of the two days is left open by a question mark.
    if (fields[_DAY_OF_MONTH] == "?") == (fields[_DAY_OF_WEEK] == "?"):
        return False
    return all(_is_cron_field(index, field) for index, field in enumerate(fields))


def runs_daily(schedule: str) -> bool:
    """Tell whether a schedule that `is_schedule` runs on every day of the year."""
    if rate := _RATE.fullmatch(schedule):
        return int(rate.group(1)) <= _UNITS_OF_A_DAY[rate.group(2)]
    match = _CRON.fullmatch(schedule)
    return match is not None and set(match.group(1).split()[_DAY_OF_MONTH:]) <= {"*", "?"}


def _is_cron_field(index: int, field: str) -> bool:
    if field == "?":
        return index in {_DAY_OF_MONTH, _DAY_OF_WEEK}
    if index in _SPECIAL_DAYS and _SPECIAL_DAYS[index].fullmatch(field):
        return True
    return all(_is_cron_range(index, part) for part in field.split(","))


def _is_cron_range(index: int, part: str) -> bool:
    match = re.fullmatch(r"(?:\*|([0-9A-Z]+)(?:-([0-9A-Z]+))?)(?:/([0-9]{1,4}))?", part)
    if not match or (match.group(3) is not None and int(match.group(3)) == 0):
        return False
    bounds = [_cron_number(index, text) for text in match.group(1, 2) if text is not None]
    return None not in bounds and bounds == sorted(bound for bound in bounds if bound is not None)


def _cron_number(index: int, text: str) -> int | None:
    low, high, names = _CRON_FIELDS[index]
    if text in names:
        return low + names.index(text)
    return int(text) if text.isdigit() and low <= int(text) <= high else None
