"""The stack's settings, with their defaults and rules; an error lists every problem."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final, Self

import pulumi

from handlers.environment import ENCODING_ALLOWED, VISIBILITY_TIMEOUTS, read_encoding
from infra import provider, rules
from infra.datasets.files import DEFAULT_FOLDER
from infra.rules import Rule

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_RETENTION_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# Larger batches need a window: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
MAX_BATCH_WITHOUT_WINDOW: Final = 10
SECONDS_OF_A_DAY: Final = 86_400
# After the last attempt the function itself sends the message to the dead-letter queue. If all its
# attempts were killed, SQS moves it there two receives later.
EXTRA_RECEIVES: Final = 2
# How long Lambda keeps an asynchronous event at most: its default, and its maximum.
ASYNC_EVENT_SECONDS: Final = 6 * 3600
_LEFT_OVER_SECONDS: Final = 3600
# Keys of an earlier version that stacks may still set, and the keys that replaced them.
_REPLACED: Final = {"maxReceives": "maxAttempts"}
# Each resource's name begins with the stack's, and an IAM role's is the shortest: 64 characters.
_STACK_NAME = re.compile(r"[a-z][a-z0-9-]{0,18}")
_STACK_NAME_ALLOWED: Final = "a letter, then letters, digits or hyphens, lower case, at most 19"

_DAYS = rules.whole(1, 3650, "days")
_ARCHIVE_DAYS = rules.whole(1, 36_500, "days")
_QUEUE_DAYS = rules.whole(1, 14, "days")  # SQS's limit
_MEMORY = rules.whole(128, 10_240, "MB")  # Lambda's limits, as are those below
# Ten files at once, each with up to three chunks of 8 MiB, or with one parsed record of 8 MiB.
_PROCESSOR_MEMORY = rules.whole(512, 10_240, "MB")
_TIMEOUT = rules.whole(1, 900, "seconds")
_PRINCIPALS = rules.listing(
    rules.is_principal,
    "account ids or ARNs of IAM roles, users or account roots, separated by commas, each once, "
    "or empty",
)
_BUCKET_NAME = rules.matching(
    rules.is_bucket_name,
    "3 to 63 lower-case letters, digits or hyphens, no reserved prefix or suffix, or empty",
)


class SettingsError(pulumi.RunError):
    """The stack's configuration is wrong; the message lists every problem.

    For a RunError `pulumi` prints only its message, without a traceback.
    """


def _setting(rule: Rule, *, default: Any = MISSING) -> Any:
    return field(default=default, metadata={"rule": rule})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A stack's settings. A field `archive_days` is the configuration key `archiveDays`."""

    environment: str = _setting(
        rules.matching(
            rules.is_environment, "1 to 64 letters, digits, dots, hyphens or underscores"
        )
    )
    retention_days: int = _setting(_DAYS, default=30)
    archive_days: int = _setting(_ARCHIVE_DAYS, default=90)
    expiration_days: int = _setting(rules.whole_or_never(1, 36_500, "days"), default=365)
    completed_days: int = _setting(_DAYS, default=90)
    rejected_days: int = _setting(_DAYS, default=90)
    # Long enough to work with what was restored; the archive still holds each of them.
    restored_days: int = _setting(_DAYS, default=30)
    noncurrent_days: int = _setting(_DAYS, default=30)
    unfinished_upload_days: int = _setting(_DAYS, default=7)
    raw_bucket_name: str | None = _setting(_BUCKET_NAME, default=None)
    processed_bucket_name: str | None = _setting(_BUCKET_NAME, default=None)
    archive_bucket_name: str | None = _setting(_BUCKET_NAME, default=None)
    processing_queue: bool = _setting(rules.flag(), default=True)
    archive_schedule: str = _setting(rules.recurring_schedule(), default="cron(0 2 * * ? *)")
    # Half an hour after the archiver, so that the two share no limit of the account.
    reconcile_schedule: str | None = _setting(
        rules.recurring_schedule_or_off(), default="cron(30 2 * * ? *)"
    )
    processor_memory_mb: int = _setting(_PROCESSOR_MEMORY, default=1769)
    processor_timeout_seconds: int = _setting(_TIMEOUT, default=300)
    archiver_memory_mb: int = _setting(_MEMORY, default=512)
    archiver_timeout_seconds: int = _setting(_TIMEOUT, default=900)
    archive_bundles: bool = _setting(rules.flag(), default=False)
    # An output is in memory whole before it is in a bundle, several of them at once.
    bundle_below_kb: int = _setting(rules.whole(1, 4096, "KiB"), default=1024)
    # With a whole processor each moves 900 objects a second, and all list all keys: 16 manage 650
    # million a day.
    archive_concurrency: int = _setting(rules.whole(1, 16, "invocations"), default=1)
    max_concurrency: int = _setting(rules.whole(2, 1000, "invocations"), default=10)
    batch_size: int = _setting(rules.whole(1, 10_000, "messages"), default=10)
    batch_window_seconds: int = _setting(rules.whole(0, 300, "seconds"), default=1)
    max_attempts: int = _setting(rules.whole(1, 100, "attempts"), default=4)
    queue_retention_days: int = _setting(_QUEUE_DAYS, default=4)
    dead_letter_retention_days: int = _setting(_QUEUE_DAYS, default=14)
    max_rejected_percent: int = _setting(rules.whole(0, 100, "percent"), default=10)
    max_expansion: int = _setting(rules.whole(1, 100_000, "times the input"), default=500)
    fallback_encoding: str | None = _setting(
        Rule(parse=read_encoding, allowed=f"{ENCODING_ALLOWED}, or empty"), default=None
    )
    datasets_path: str | None = _setting(rules.path_or_off(), default=DEFAULT_FOLDER)
    log_retention_days: int = _setting(rules.one_of(LOG_RETENTION_DAYS), default=30)
    log_level: str = _setting(rules.one_of(LOG_LEVELS), default="INFO")
    alarm_email: str | None = _setting(
        rules.matching(rules.is_email, "an e-mail address or empty"), default=None
    )
    max_lag_minutes: int = _setting(rules.whole(1, 10_080, "minutes"), default=15)
    expect_files_every_hours: int = _setting(
        # CloudWatch evaluates a week at most.
        rules.whole_or_never(1, 168, "hours"),
        default=0,
    )
    daily_gigabytes_alarm: int = _setting(
        rules.whole_or_never(1, 1_000_000, "gigabytes"), default=0
    )
    daily_lambda_seconds_alarm: int = _setting(
        # A thousand invocations at once, all day long.
        rules.whole_or_never(1, 86_400_000, "seconds"),
        default=0,
    )
    kms_key_arn: str | None = _setting(
        rules.matching(rules.is_key_arn, "the ARN of a KMS key (not of an alias) or empty"),
        default=None,
    )
    protect_data: bool = _setting(rules.flag(), default=True)
    compress_output: bool = _setting(rules.flag(), default=False)
    tracing: bool = _setting(rules.flag(), default=False)
    snap_start: bool = _setting(rules.flag(), default=False)
    output_events: bool = _setting(rules.flag(), default=False)
    access_logs: bool = _setting(rules.flag(), default=False)
    batch_operations: bool = _setting(rules.flag(), default=False)
    # A query that would read more is ended, before it costs more than some cents.
    query_limit_gigabytes: int = _setting(rules.whole(1, 1_000_000, "gigabytes"), default=10)
    permissions_boundary_arn: str | None = _setting(
        rules.matching(rules.is_policy_arn, "the ARN of an IAM managed policy or empty"),
        default=None,
    )
    producer_principals: tuple[str, ...] = _setting(_PRINCIPALS, default=())
    consumer_principals: tuple[str, ...] = _setting(_PRINCIPALS, default=())

    @property
    def message_wait_days(self) -> int:
        """The days that a message can wait: in the queue, and then in the dead-letter queue."""
        return self.queue_retention_days + self.dead_letter_retention_days

    @property
    def max_receives(self) -> int:
        """The number of receives after which SQS moves a message to the dead-letter queue."""
        return self.max_attempts + EXTRA_RECEIVES

    @property
    def visibility_timeout_seconds(self) -> int:
        """The seconds that a received message is hidden from other receivers."""
        return VISIBILITY_TIMEOUTS * self.processor_timeout_seconds + self.batch_window_seconds

    @property
    def unfinished_after_seconds(self) -> int:
        """The age in seconds from which on a file in `incoming/` is left over.

        S3's events take seconds, rarely a minute. Without the queue, Lambda itself may hold an
        event, up to its maximum age.
        """
        return _LEFT_OVER_SECONDS + (0 if self.processing_queue else ASYNC_EVENT_SECONDS)

    @property
    def archives_daily(self) -> bool:
        """Return whether the archiver runs on every day."""
        return rules.recurring(self.archive_schedule).is_daily

    @classmethod
    def parse(
        cls,
        values: Mapping[str, str],
        *,
        stack: str,
        region: str | None,
        now: datetime,
        provider_values: Mapping[str, str],
        other_problems: Sequence[str] = (),
    ) -> Self:
        """Return the settings of a stack from its configuration values; an empty one is unset.

        `region` is the stack's. Each schedule must have a run after `now`. `provider_values` are
        the stack's `aws:` keys without their namespace.

        Raises SettingsError with every problem: the key, its value, and what is allowed. It also
        lists `other_problems`, of what else the stack is configured with.
        """
        known = {config_key(setting): setting for setting in fields(cls)}
        given = {"environment": stack} | {key: value for key, value in values.items() if value}
        parsed: dict[str, Any] = {}
        problems = [_unknown(key, known) for key in values if key not in known]
        if not _STACK_NAME.fullmatch(stack):
            problems.append(_problem("the stack's name", repr(stack), _STACK_NAME_ALLOWED))
        for key, setting in known.items():
            if key not in given:
                parsed[setting.name] = setting.default
                continue
            try:
                parsed[setting.name] = rule_of(setting).parse(given[key])
            except ValueError:
                problems.append(_problem(key, repr(given[key]), rule_of(setting).allowed))
        problems += _contradictions(parsed, stack=stack)
        problems += _misplaced_key(parsed.get("kms_key_arn"), region)
        problems += _foreign_arns(parsed, region)
        problems += _past_schedules(parsed, now)
        problems += [*provider.problems(provider_values, region), *other_problems]
        if problems:
            listed = "".join(f"\n  - {problem}" for problem in problems)
            msg = f"the configuration of stack {stack!r} has {len(problems)} problem(s):{listed}"
            raise SettingsError(msg)
        return cls(**parsed)

    @classmethod
    def load(cls, other_problems: Sequence[str] = ()) -> Self:
        """Return the settings of the running program's stack.

        Raises SettingsError as `parse` does.
        """
        return cls.parse(
            configured_values(pulumi.get_project()),
            stack=pulumi.get_stack(),
            region=provider.configured_region(),
            now=datetime.now(UTC),
            provider_values=configured_values(provider.NAMESPACE),
            other_problems=other_problems,
        )


def config_key(setting: Field[Any]) -> str:
    """Return the configuration key of a field: `archiveDays` for `archive_days`."""
    first, *rest = setting.name.split("_")
    return first + "".join(map(str.capitalize, rest))


def rule_of(setting: Field[Any]) -> Rule:
    """Return the rule of a field of `Settings`."""
    return setting.metadata["rule"]


def default_of(setting: Field[Any]) -> str:
    """Return the default of a key as `Pulumi.yaml` writes it: empty for an optional key."""
    default = setting.default
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default in {MISSING, None, ()} else str(default)


@dataclass(frozen=True, kw_only=True)
class _CrossCheck:
    """A rule between settings; `holds` is called only if each of `names` is valid by itself."""

    names: tuple[str, ...]
    holds: Callable[[Settings], bool]
    allowed: str


_CROSS_CHECKS: Final = (
    _CrossCheck(
        names=("expiration_days", "archive_days"),
        holds=lambda it: it.expiration_days == 0 or it.expiration_days > it.archive_days,
        allowed="more than archiveDays, or 0 for never",
    ),
    _CrossCheck(
        names=("noncurrent_days", "queue_retention_days", "dead_letter_retention_days"),
        # The version of an upload that was overwritten is needed until its message is processed.
        holds=lambda it: it.noncurrent_days >= it.message_wait_days,
        allowed="at least queueRetentionDays and deadLetterRetentionDays together",
    ),
    _CrossCheck(
        names=("completed_days", "queue_retention_days", "dead_letter_retention_days"),
        # By the completed copy a repeated message shows that its file is done.
        holds=lambda it: it.completed_days >= it.message_wait_days,
        allowed="at least queueRetentionDays and deadLetterRetentionDays together",
    ),
    _CrossCheck(
        names=("dead_letter_retention_days", "queue_retention_days"),
        # SQS counts a dead letter's age from when it was first sent, to the processing queue.
        holds=lambda it: it.dead_letter_retention_days > it.queue_retention_days,
        allowed="more than queueRetentionDays",
    ),
    _CrossCheck(
        names=("batch_window_seconds", "batch_size"),
        holds=lambda it: it.batch_size <= MAX_BATCH_WITHOUT_WINDOW or it.batch_window_seconds >= 1,
        allowed=f"at least 1 with a batchSize above {MAX_BATCH_WITHOUT_WINDOW}",
    ),
    _CrossCheck(
        names=("max_attempts", "processor_timeout_seconds", "queue_retention_days"),
        holds=lambda it: (
            it.max_receives * VISIBILITY_TIMEOUTS * it.processor_timeout_seconds
            <= it.queue_retention_days * SECONDS_OF_A_DAY
        ),
        allowed=(
            f"so many that {VISIBILITY_TIMEOUTS} x processorTimeoutSeconds for each, and for "
            f"{EXTRA_RECEIVES} more, fit into queueRetentionDays, or a message expires before its "
            "last attempt"
        ),
    ),
    _CrossCheck(
        names=("processed_bucket_name", "raw_bucket_name"),
        holds=lambda it: _distinct(it.processed_bucket_name, it.raw_bucket_name),
        allowed="another name than the raw bucket's",
    ),
    _CrossCheck(
        names=("archive_bucket_name", "raw_bucket_name", "processed_bucket_name"),
        holds=lambda it: (
            _distinct(it.archive_bucket_name, it.raw_bucket_name)
            and _distinct(it.archive_bucket_name, it.processed_bucket_name)
        ),
        allowed="another name than the other buckets'",
    ),
)


def _distinct(one: str | None, other: str | None) -> bool:
    return one is None or one != other


def _contradictions(parsed: Mapping[str, Any], *, stack: str) -> list[str]:
    keys = {setting.name: config_key(setting) for setting in fields(Settings)}
    values: dict[str, Any] = {"environment": stack, **parsed}
    candidate = Settings(**values)
    problems: list[str] = []
    for check in _CROSS_CHECKS:
        if parsed.keys() >= set(check.names) and not check.holds(candidate):
            first, *others = check.names
            beside = ", ".join(f"{keys[name]} is {parsed[name]!r}" for name in others)
            value = f"{parsed[first]!r} where {beside}"
            problems.append(_problem(keys[first], value, check.allowed))
    return problems


def _misplaced_key(kms_key_arn: str | None, region: str | None) -> list[str]:
    """Check the key's region: S3, SQS, Lambda and the others only use a key of their own region."""
    if not kms_key_arn or not region:
        return []
    place = f"arn:{rules.partition_of(region)}:kms:{region}:"
    if kms_key_arn.startswith(place):
        return []
    return [_problem("kmsKeyArn", repr(kms_key_arn), f"a key of the stack's own region, {place}…")]


def _foreign_arns(parsed: Mapping[str, Any], region: str | None) -> list[str]:
    """Check ARNs' partition: IAM accepts no policy and no principal of another partition."""
    if not region:
        return []
    place = f"arn:{rules.partition_of(region)}:"
    boundary: str | None = parsed.get("permissions_boundary_arn")
    given: dict[str, Sequence[str]] = {
        "permissionsBoundaryArn": [boundary] if boundary else [],
        "producerPrincipals": parsed.get("producer_principals", ()),
        "consumerPrincipals": parsed.get("consumer_principals", ()),
    }
    return [
        _problem(key, repr(value), f"ARNs of the stack's own partition, {place}…")
        for key, values in given.items()
        for value in values
        if value.startswith("arn:") and not value.startswith(place)
    ]


def _past_schedules(parsed: Mapping[str, Any], now: datetime) -> list[str]:
    given = {
        "archiveSchedule": parsed.get("archive_schedule"),
        "reconcileSchedule": parsed.get("reconcile_schedule"),
    }
    return [
        _problem(key, repr(schedule), "a schedule that has a next run")
        for key, schedule in given.items()
        if schedule and not rules.recurring(schedule).next_after(now)
    ]


def _problem(key: str, value: str, allowed: str) -> str:
    return f"{key} is {value}, allowed: {allowed}"


def _unknown(key: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    if key in _REPLACED:
        hint = f"{_REPLACED[key]} has taken its place"
    elif close:
        hint = f"did you mean {close[0]}?"
    else:
        hint = f"known keys: {', '.join(known)}"
    return f"{key} is not a setting of this project, {hint}"


def configured_values(namespace: str) -> dict[str, str]:
    """Return the keys of a namespace that the running stack sets, without empty ones.

    `pulumi.Config` cannot list them.
    """
    configured = {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    prefix = f"{namespace}:"
    return {
        key.removeprefix(prefix): value
        for key, value in sorted(configured.items())
        if key.startswith(prefix) and value
    }
