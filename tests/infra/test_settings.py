from dataclasses import fields

import pulumi
import pytest

from infra.settings import Settings, SettingsError, config_key
from tests.infra.recording import KEY, PROJECT, REGION, parse_settings, run_program

DAYS = "a whole number of days from 1 to 3650"
QUEUE_DAYS = "a whole number of days from 1 to 14"
MEMORY = "a whole number of MB from 128 to 10240"
PROCESSOR_MEMORY = "a whole number of MB from 512 to 10240"
TIMEOUT = "a whole number of seconds from 1 to 900"
BUCKET = "3 to 63 lower-case letters, digits or hyphens"
SCHEDULE = "cron(minutes hours day month weekday year) or rate(n unit)"
WINDOW = "a whole number of seconds from 0 to 300"
PERCENT = "a whole number of percent from 0 to 100"
BOUND = "the ARN of an IAM managed policy or empty"
PRINCIPALS = "account ids or ARNs of IAM roles, users or account roots, separated by commas"
WAIT = "at least queueRetentionDays and deadLetterRetentionDays together"

FIELDS = {config_key(setting): setting.name for setting in fields(Settings)}

# The one wrong configuration, the key that the message names, and what it says is allowed.
SHARED = "a whole number of invocations from 1 to 16"
WRONG = [
    ({"environment": "my env"}, "environment", "1 to 64 letters, digits, dots"),
    ({"environment": "e" * 65}, "environment", "1 to 64 letters, digits, dots"),
    ({"retentionDays": "0"}, "retentionDays", DAYS),
    ({"retentionDays": "-1"}, "retentionDays", DAYS),
    ({"retentionDays": "thirty"}, "retentionDays", DAYS),
    ({"retentionDays": "30.5"}, "retentionDays", DAYS),
    ({"retentionDays": "1_0"}, "retentionDays", DAYS),
    ({"retentionDays": "٣٠"}, "retentionDays", DAYS),
    ({"retentionDays": "3651"}, "retentionDays", DAYS),
    ({"archiveDays": "0"}, "archiveDays", "a whole number of days from 1 to 36500"),
    ({"expirationDays": "36501"}, "expirationDays", "a whole number of days from 1 to 36500, or 0"),
    ({"expirationDays": "-1"}, "expirationDays", "a whole number of days from 1 to 36500, or 0"),
    ({"expirationDays": "00"}, "expirationDays", "a whole number of days from 1 to 36500, or 0"),
    ({"expirationDays": "90"}, "expirationDays", "more than archiveDays"),
    ({"archiveDays": "400"}, "expirationDays", "more than archiveDays"),
    ({"completedDays": "0"}, "completedDays", DAYS),
    ({"completedDays": "17"}, "completedDays", WAIT),
    ({"rejectedDays": "0"}, "rejectedDays", DAYS),
    ({"restoredDays": "0"}, "restoredDays", DAYS),
    ({"noncurrentDays": "0"}, "noncurrentDays", DAYS),
    ({"noncurrentDays": "17"}, "noncurrentDays", WAIT),
    ({"unfinishedUploadDays": "0"}, "unfinishedUploadDays", DAYS),
    ({"rawBucketName": "ab"}, "rawBucketName", BUCKET),
    ({"rawBucketName": "Raw"}, "rawBucketName", BUCKET),
    ({"rawBucketName": "raw_files"}, "rawBucketName", BUCKET),
    ({"rawBucketName": "raw.files"}, "rawBucketName", BUCKET),
    ({"processedBucketName": "-processed"}, "processedBucketName", BUCKET),
    ({"processedBucketName": "xn--processed"}, "processedBucketName", BUCKET),
    ({"archiveBucketName": "archive-s3alias"}, "archiveBucketName", BUCKET),
    ({"archiveBucketName": "a" * 64}, "archiveBucketName", BUCKET),
    (
        {"rawBucketName": "acme-data", "processedBucketName": "acme-data"},
        "processedBucketName",
        "another name than the raw bucket's",
    ),
    (
        {"rawBucketName": "acme-data", "archiveBucketName": "acme-data"},
        "archiveBucketName",
        "another name than the other buckets'",
    ),
    (
        {"processedBucketName": "acme-data", "archiveBucketName": "acme-data"},
        "archiveBucketName",
        "another name than the other buckets'",
    ),
    ({"processingQueue": "yes"}, "processingQueue", "true or false"),
    ({"processingQueue": "1"}, "processingQueue", "true or false"),
    ({"archiveSchedule": "0 2 * * *"}, "archiveSchedule", SCHEDULE),
    ({"archiveSchedule": "cron(0 2 * * * *)"}, "archiveSchedule", SCHEDULE),
    ({"archiveSchedule": "cron(60 2 * * ? *)"}, "archiveSchedule", SCHEDULE),
    ({"archiveSchedule": "cron(0 2 * * ?)"}, "archiveSchedule", SCHEDULE),
    ({"archiveSchedule": "rate(0 days)"}, "archiveSchedule", SCHEDULE),
    ({"archiveSchedule": "rate(1 week)"}, "archiveSchedule", SCHEDULE),
    ({"archiveSchedule": "at(2026-01-01T00:00:00)"}, "archiveSchedule", SCHEDULE),
    ({"reconcileSchedule": "never"}, "reconcileSchedule", f"{SCHEDULE}, or off"),
    ({"reconcileSchedule": "cron(0 2 * * ? 2020)"}, "reconcileSchedule", "a schedule that has a"),
    ({"archiveSchedule": "cron(0 2 31 2 ? *)"}, "archiveSchedule", "a schedule that has a next"),
    ({"archiveSchedule": "cron(0 2 ? FEB 2#5 2025)"}, "archiveSchedule", "a schedule that has"),
    ({"archiveSchedule": "cron(0 2 * * ? 2020)"}, "archiveSchedule", "a schedule that has a next"),
    ({"processorMemoryMb": "511"}, "processorMemoryMb", PROCESSOR_MEMORY),
    ({"processorMemoryMb": "10241"}, "processorMemoryMb", PROCESSOR_MEMORY),
    ({"archiverMemoryMb": "64"}, "archiverMemoryMb", MEMORY),
    ({"processorTimeoutSeconds": "0"}, "processorTimeoutSeconds", TIMEOUT),
    ({"processorTimeoutSeconds": "901"}, "processorTimeoutSeconds", TIMEOUT),
    ({"archiverTimeoutSeconds": "901"}, "archiverTimeoutSeconds", TIMEOUT),
    ({"archiveBundles": "yes"}, "archiveBundles", "true or false"),
    ({"bundleBelowKb": "0"}, "bundleBelowKb", "a whole number of KiB from 1 to 4096"),
    ({"bundleBelowKb": "4097"}, "bundleBelowKb", "a whole number of KiB from 1 to 4096"),
    ({"archiveConcurrency": "0"}, "archiveConcurrency", SHARED),
    ({"archiveConcurrency": "17"}, "archiveConcurrency", SHARED),
    ({"maxConcurrency": "1"}, "maxConcurrency", "a whole number of invocations from 2 to 1000"),
    ({"maxConcurrency": "1001"}, "maxConcurrency", "a whole number of invocations from 2 to 1000"),
    ({"batchSize": "0"}, "batchSize", "a whole number of messages from 1 to 10000"),
    ({"batchSize": "10001"}, "batchSize", "a whole number of messages from 1 to 10000"),
    (
        {"batchWindowSeconds": "301"},
        "batchWindowSeconds",
        WINDOW,
    ),
    (
        {"batchSize": "11", "batchWindowSeconds": "0"},
        "batchWindowSeconds",
        "at least 1 with a batchSize above 10",
    ),
    ({"maxAttempts": "0"}, "maxAttempts", "a whole number of attempts from 1 to 100"),
    (
        {"maxAttempts": "15", "processorTimeoutSeconds": "900", "queueRetentionDays": "1"},
        "maxAttempts",
        "so many that 6 x processorTimeoutSeconds for each, and for 2 more, fit into queueRetent",
    ),
    ({"queueRetentionDays": "15"}, "queueRetentionDays", QUEUE_DAYS),
    ({"deadLetterRetentionDays": "0"}, "deadLetterRetentionDays", QUEUE_DAYS),
    ({"deadLetterRetentionDays": "4"}, "deadLetterRetentionDays", "more than queueRetentionDays"),
    (
        {"maxRejectedPercent": "101"},
        "maxRejectedPercent",
        PERCENT,
    ),
    ({"maxExpansion": "0"}, "maxExpansion", "a whole number of times the input from 1 to 100000"),
    ({"fallbackEncoding": "utf-16"}, "fallbackEncoding", "an encoding that Python knows"),
    ({"fallbackEncoding": "ansi"}, "fallbackEncoding", "an encoding that Python knows"),
    ({"maxRejectedPercent": "-1"}, "maxRejectedPercent", PERCENT),
    ({"logRetentionDays": "31"}, "logRetentionDays", "one of 1, 3, 5, 7, 14, 30, 60"),
    ({"logRetentionDays": "0"}, "logRetentionDays", "one of 1, 3, 5, 7, 14, 30, 60"),
    ({"logLevel": "info"}, "logLevel", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ({"alarmEmail": "ops"}, "alarmEmail", "an e-mail address or empty"),
    ({"alarmEmail": "ops@example"}, "alarmEmail", "an e-mail address or empty"),
    ({"kmsKeyArn": "alias/data"}, "kmsKeyArn", "the ARN of a KMS key"),
    ({"kmsKeyArn": KEY.replace("key/", "alias/")}, "kmsKeyArn", "the ARN of a KMS key"),
    (
        {"kmsKeyArn": KEY.replace(REGION, "eu-west-1")},
        "kmsKeyArn",
        f"a key of the stack's own region, arn:aws:kms:{REGION}:…",
    ),
    (
        {"kmsKeyArn": KEY.replace("arn:aws:", "arn:aws-cn:")},
        "kmsKeyArn",
        f"a key of the stack's own region, arn:aws:kms:{REGION}:…",
    ),
    ({"maxLagMinutes": "0"}, "maxLagMinutes", "a whole number of minutes from 1 to 10080"),
    (
        {"expectFilesEveryHours": "169"},
        "expectFilesEveryHours",
        "a whole number of hours from 1 to 168, or 0 for never",
    ),
    ({"protectData": "True"}, "protectData", "true or false"),
    ({"compressOutput": "gzip"}, "compressOutput", "true or false"),
    ({"tracing": "Active"}, "tracing", "true or false"),
    ({"accessLogs": "on"}, "accessLogs", "true or false"),
    ({"outputEvents": "on"}, "outputEvents", "true or false"),
    ({"permissionsBoundaryArn": "policy/bounds"}, "permissionsBoundaryArn", BOUND),
    ({"permissionsBoundaryArn": "arn:aws:iam::1:policy/x"}, "permissionsBoundaryArn", BOUND),
    (
        {"permissionsBoundaryArn": "arn:aws-cn:iam::111122223333:policy/x"},
        "permissionsBoundaryArn",
        "ARNs of the stack's own partition, arn:aws:…",
    ),
    ({"producerPrincipals": "*"}, "producerPrincipals", PRINCIPALS),
    ({"producerPrincipals": "11112222333"}, "producerPrincipals", PRINCIPALS),
    ({"producerPrincipals": "111122223333,"}, "producerPrincipals", PRINCIPALS),
    ({"producerPrincipals": "111122223333,111122223333"}, "producerPrincipals", PRINCIPALS),
    ({"consumerPrincipals": "arn:aws:iam::111122223333:role/*"}, "consumerPrincipals", PRINCIPALS),
    ({"consumerPrincipals": "arn:aws:iam::111122223333:group/x"}, "consumerPrincipals", PRINCIPALS),
    ({"consumerPrincipals": '["111122223333"]'}, "consumerPrincipals", PRINCIPALS),
    (
        {"consumerPrincipals": "arn:aws-us-gov:iam::111122223333:root"},
        "consumerPrincipals",
        "ARNs of the stack's own partition, arn:aws:…",
    ),
]

# The principals' forms that IAM takes.
TAKEN = [
    ("111122223333", ("111122223333",)),
    (
        "arn:aws:iam::111122223333:role/teams/crm+export , 444455556666",
        ("arn:aws:iam::111122223333:role/teams/crm+export", "444455556666"),
    ),
    ("arn:aws:iam::111122223333:user/me@example.com", None),
    ("arn:aws:iam::111122223333:root", None),
]

UNKNOWN = [
    ("retentionDay", "did you mean retentionDays?"),
    ("RetentionDays", "did you mean retentionDays?"),
    ("retention_days", "did you mean retentionDays?"),
    ("maxReceives", "maxAttempts has taken its place"),
    ("colour", "known keys: environment, retentionDays, archiveDays"),
]


@pytest.mark.parametrize(("values", "key", "allowed"), WRONG, ids=str)
def test_a_wrong_value_is_refused_with_key_value_and_what_is_allowed(
    values: dict[str, str], key: str, allowed: str
):
    with pytest.raises(SettingsError) as caught:
        parse_settings(values, stack="dev")

    heading, problem = str(caught.value).split("\n")
    assert heading == "the configuration of stack 'dev' has 1 problem(s):"
    value = values.get(key, getattr(Settings(environment="dev"), FIELDS[key]))
    stated, rule = problem.split(", allowed: ")
    assert stated.startswith(f"  - {key} is ")
    assert str(value) in stated
    assert rule.startswith(allowed)


@pytest.mark.parametrize(("key", "hint"), UNKNOWN)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(key: str, hint: str):
    with pytest.raises(SettingsError) as caught:
        parse_settings({key: "3"}, stack="dev")

    _, problem = str(caught.value).split("\n")
    assert problem.startswith(f"  - {key} is not a setting of this project, {hint}")


def test_every_problem_is_in_one_message():
    values = {
        "retentionDays": "0",
        "archiveDays": "500",
        "logLevel": "loud",
        "kmsKeyArn": "x",
        "batchWindowSeconds": "0",
        "batchSize": "100",
        "unknown": "1",
    }

    with pytest.raises(SettingsError) as caught:
        parse_settings(
            values, stack="Dev", region=None, provider_values={"allowedAccountIds": "123456789012"}
        )

    heading, *problems = str(caught.value).split("\n  - ")
    assert heading == "the configuration of stack 'Dev' has 9 problem(s):"
    assert [problem.split(" is ")[0] for problem in problems] == [
        "unknown",
        "the stack's name",
        "retentionDays",
        "logLevel",
        "kmsKeyArn",
        "expirationDays",
        "batchWindowSeconds",
        "aws:allowedAccountIds",
        "aws:region",
    ]


def test_a_wrong_value_is_not_reported_again_as_a_contradiction():
    with pytest.raises(SettingsError) as caught:
        parse_settings({"archiveDays": "x", "expirationDays": "1"}, stack="dev")

    assert str(caught.value).count("\n") == 1


def test_defaults():
    settings = parse_settings({}, stack="dev")

    assert settings == Settings(environment="dev")
    assert (settings.retention_days, settings.archive_days, settings.expiration_days) == (
        30,
        90,
        365,
    )
    assert settings.message_wait_days == 18
    assert settings.visibility_timeout_seconds == 6 * 300 + 1


@pytest.mark.parametrize(
    "values",
    [
        {"noncurrentDays": "18"},
        {"completedDays": "18"},
        {"deadLetterRetentionDays": "5"},
        {"expirationDays": "91"},
        {"batchSize": "10", "batchWindowSeconds": "0"},
        # 16 receives, of which the queue's own two are the last, of 6 x 15 minutes: one day.
        {"maxAttempts": "14", "processorTimeoutSeconds": "900", "queueRetentionDays": "1"},
    ],
)
def test_as_much_as_the_other_settings_leave_is_taken(values: dict[str, str]):
    settings = parse_settings(values)

    assert {key: str(getattr(settings, FIELDS[key])) for key in values} == values


def test_zero_and_false_are_values():
    values = {"maxRejectedPercent": "0", "batchWindowSeconds": "0", "processingQueue": "false"}

    settings = parse_settings(values, stack="dev")

    assert settings.max_rejected_percent == 0
    assert settings.batch_window_seconds == 0
    assert settings.processing_queue is False


def test_zero_expiration_days_are_never_whatever_the_archive_days():
    assert parse_settings({"expirationDays": "0", "archiveDays": "400"}).expiration_days == 0


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-east-1", "aws"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_a_key_of_the_stacks_region_is_taken_in_each_partition(region: str, partition: str):
    key = f"arn:{partition}:kms:{region}:123456789012:key/mrk-" + "0" * 32

    assert parse_settings({"kmsKeyArn": key}, region=region).kms_key_arn == key


@pytest.mark.parametrize(
    ("schedule", "daily"), [("cron(0 2 * * ? *)", True), ("rate(2 days)", False)]
)
def test_whether_the_archiver_runs_daily(schedule: str, daily: bool):
    assert parse_settings({"archiveSchedule": schedule}).archives_daily is daily


@pytest.mark.parametrize(("text", "principals"), TAKEN)
def test_principals_that_iam_takes(text: str, principals: tuple[str, ...] | None):
    settings = parse_settings({"producerPrincipals": text, "consumerPrincipals": text})

    assert settings.producer_principals == (principals or (text,))
    assert settings.consumer_principals == settings.producer_principals


@pytest.mark.parametrize(
    "arn",
    ["arn:aws:iam::111122223333:policy/teams/bounds", "arn:aws:iam::aws:policy/PowerUserAccess"],
)
def test_boundaries_that_iam_takes(arn: str):
    assert parse_settings({"permissionsBoundaryArn": arn}).permissions_boundary_arn == arn


def test_an_empty_value_is_unset():
    values = {config_key(setting): "" for setting in fields(Settings)}

    assert parse_settings(values, stack="dev") == Settings(environment="dev")


def test_a_wrong_configuration_stops_the_program_before_any_resource():
    with pytest.raises(SettingsError, match="retentionDays is '0'") as caught:
        run_program({f"{PROJECT}:retentionDays": "0"}, stack="dev")

    # The engine shows such an error's message alone, without the program's trace.
    assert isinstance(caught.value, pulumi.RunError)


@pytest.mark.parametrize(
    ("text", "path"), [("", "datasets"), ("shop/datasets", "shop/datasets"), ("off", None)]
)
def test_the_folder_of_the_datasets(text: str, path: str | None):
    assert parse_settings({"datasetsPath": text}).datasets_path == path


def test_a_misspelt_key_stops_the_program():
    with pytest.raises(SettingsError, match="did you mean archiveDays"):
        run_program({f"{PROJECT}:archiveDay": "10"}, stack="dev")


def test_the_engines_own_way_of_passing_the_configuration_is_read(monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG", f'{{"{PROJECT}:archiveDay": "10", "aws:region": "x"}}')

    with pytest.raises(SettingsError, match="did you mean archiveDays"):
        run_program({}, stack="dev")


@pytest.mark.parametrize("stack", ["dev", "prod", "a", "team-1-preview", "s" * 19])
def test_a_stack_whose_name_fits_into_every_resource_is_taken(stack: str):
    assert parse_settings({}, stack=stack).environment == stack


@pytest.mark.parametrize("stack", ["Dev", "1dev", "dev_1", "dev.1", "s" * 20])
def test_a_stack_whose_name_some_resource_cannot_carry_is_refused(stack: str):
    with pytest.raises(SettingsError, match="the stack's name is"):
        parse_settings({}, stack=stack)
