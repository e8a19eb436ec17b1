"""What code says in README.md and docs/: tables, helps and policies, as Markdown."""

import json
from pathlib import Path

import yaml
from typer.testing import CliRunner

from infra import key_policy
from ops.commands.app import app

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = tuple(command.name for command in app.registered_commands)
# Commands that stand in a group, as `datasets infer`; they ask no stack.
GROUPED = tuple(
    (group.name, command.name)
    for group in app.registered_groups
    for command in group.typer_instance.registered_commands
)
# The settings by purpose; each is in one place.
PURPOSES = {
    "how long data is kept": (
        "retentionDays", "archiveDays", "expirationDays", "completedDays", "rejectedDays",
        "restoredDays", "noncurrentDays", "unfinishedUploadDays", "archiveBundles",
        "bundleBelowKb",
    ),
    "input and output": (
        "maxRejectedPercent", "maxExpansion", "fallbackEncoding", "datasetsPath",
        "queryLimitGigabytes", "compressOutput", "outputEvents",
    ),
    "how files reach the processor": (
        "processingQueue", "maxConcurrency", "batchSize", "batchWindowSeconds", "maxAttempts",
        "queueRetentionDays", "deadLetterRetentionDays",
    ),
    "the functions": (
        "processorMemoryMb", "processorTimeoutSeconds", "archiverMemoryMb",
        "archiverTimeoutSeconds", "archiveSchedule", "archiveConcurrency", "reconcileSchedule",
        "snapStart",
    ),
    "alarms, logs and traces": (
        "alarmEmail", "maxLagMinutes", "expectFilesEveryHours", "dailyGigabytesAlarm",
        "dailyLambdaSecondsAlarm", "logLevel", "logRetentionDays", "tracing", "accessLogs",
    ),
    "protection and access": (
        "protectData", "kmsKeyArn", "producerPrincipals", "consumerPrincipals",
        "permissionsBoundaryArn", "batchOperations",
    ),
    "names": ("environment", "rawBucketName", "processedBucketName", "archiveBucketName"),
}  # fmt: skip
OUTPUTS = {
    "raw_bucket_name": "drop files here, under `incoming/`",
    "raw_bucket_arn": "its ARN, for producers' policies",
    "processed_bucket_name": "outputs and rejected records",
    "processed_bucket_arn": "its ARN, for consumers' policies",
    "archive_bucket_name": "archived outputs",
    "data_processor_lambda_arn": "the data processor",
    "data_archiver_lambda_arn": "the data archiver",
    "processing_queue_url": "queue of files to process",
    "dlq_url": "dead-letter queue of files",
    "archiver_dlq_url": "dead-letter queue of archiver runs",
    "alarm_topic_arn": "SNS topic of the alarms",
    "dashboard_url": "the dashboard",
    "datasets": "declarations of the datasets, as JSON",
    "glue_database_name": "with a dataset: the Glue database of its tables",
    "athena_workgroup_name": "with a dataset: the Athena workgroup for queries",
    "batch_operations_role_arn": "with `batchOperations`: the role of its jobs",
}


def settings_by_purpose() -> str:
    """Return the short table of the settings: what a person wants, then keys and defaults."""
    schema = _schema()
    rows = [
        f"| {purpose} | {', '.join(f'`{key}` {_default(schema[key])}' for key in keys)} |"
        for purpose, keys in PURPOSES.items()
    ]
    return "\n".join(["| to change | set (default) |", "|---|---|", *rows])


def settings() -> str:
    """Return a table of the settings for each purpose."""
    schema = _schema()
    parts: list[str] = []
    for purpose, keys in PURPOSES.items():
        rows = [
            f"| `{key}` | {_default(schema[key])} | {schema[key]['description']} |" for key in keys
        ]
        table = "\n".join(["| key | default | meaning |", "|---|---|---|", *rows])
        parts.append(f"## {purpose[0].upper()}{purpose[1:]}\n\n{table}")
    return "\n\n".join(parts)


def _schema() -> dict[str, dict[str, str]]:
    return yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]


def _default(entry: dict[str, str]) -> str:
    return f"`{entry['default']}`" if entry["default"] else "–"


def outputs() -> str:
    """Return the table of the stack's outputs."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in OUTPUTS.items()]
    return "\n".join(["| output | what it is |", "|---|---|", *rows])


def help_of(*words: str) -> str:
    """Return what a command of the operators says with `--help`."""
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="python -m ops")
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())


def operations_help() -> str:
    """Return the helps of all commands of the operators."""
    parts = [f"```\n{help_of()}\n```"]
    named = [*((name,) for name in COMMANDS), *GROUPED]
    parts += [f"### {' '.join(words)}\n\n```\n{help_of(*words)}\n```" for words in named]
    return "\n\n".join(parts)


def policy_of_the_key() -> str:
    """Return the policy of the KMS key of an example: `prod` in eu-central-1."""
    policy = key_policy.document(
        partition="aws",
        region="eu-central-1",
        account="111122223333",
        pipeline="s3-data-pipeline-prod",
        raw_bucket="arn:aws:s3:::s3-data-pipeline-prod-raw-*",
        producers=["444455556666"],
        consumers=["arn:aws:iam::777788889999:role/warehouse"],
    )
    return f"```json\n{json.dumps(policy, indent=2)}\n```"
