"""Reads and answers the events of an S3 Batch Operations job that invokes the function. Pure.

Both versions of the schema have the same fields, except that a task of 1.0 names its bucket by ARN,
and that a job of 2.0 may have arguments.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote_plus

from handlers import keys

# The report is a CSV with one line a task, so a reason is cut there.
_RESULT_CHARACTERS: Final = 1_000


class ResultCode(StrEnum):
    """How a task ended; after a temporary failure the job invokes the function again."""

    SUCCEEDED = "Succeeded"
    TEMPORARY_FAILURE = "TemporaryFailure"
    PERMANENT_FAILURE = "PermanentFailure"


@dataclass(frozen=True, kw_only=True)
class Task:
    """One line of a job's manifest: an object version.

    `job` is what the jobs of one manifest share: an argument by its name, or else the job's id.
    """

    job: str
    id: str
    bucket: str
    key: str
    version: str | None


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """How a task ended, what the job's report says of it, and whether a permission is missing."""

    task: Task
    code: ResultCode
    text: str
    denied: bool = False


def is_job_event(event: Any) -> bool:
    """Return whether an event comes from a job of S3 Batch Operations."""
    return isinstance(event, dict) and {"invocationSchemaVersion", "tasks"} <= event.keys()


def read_tasks(event: Mapping[str, Any]) -> list[Task]:
    """Return the tasks of a job's event. Their keys are URL-encoded, as in the manifest."""
    job = event["job"]
    return [
        Task(
            job=job.get("userArguments", {}).get(keys.REPLAY_JOB) or job["id"],
            id=task["taskId"],
            bucket=task.get("s3Bucket") or task["s3BucketArn"].rpartition(":")[2],
            key=unquote_plus(task["s3Key"]),
            version=task.get("s3VersionId"),
        )
        for task in event["tasks"]
    ]


def answer(event: Mapping[str, Any], results: Sequence[TaskResult]) -> dict[str, Any]:
    """Return the answer to a job's event. A task without a result counts as failed for good."""
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "invocationId": event["invocationId"],
        "treatMissingKeysAs": ResultCode.PERMANENT_FAILURE,
        "results": [
            {
                "taskId": result.task.id,
                "resultCode": result.code,
                "resultString": result.text[:_RESULT_CHARACTERS],
            }
            for result in results
        ],
    }
