"""Jobs of S3 Batch Operations that copy completed files to `incoming/`.

Batch Operations has a copy of its own, but it cannot take `completed/` off a key. So the job
invokes the data processor for each line of its manifest, which copies that version.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from handlers import keys
from ops.aws import Account
from ops.files import objects
from ops.files.replays import manifests
from ops.files.replays.manifests import Manifest
from ops.files.replays.plans import Range
from ops.terminal.problems import OperatorError

# Above this many files a job is made. From here 100,000 copies take some 20 minutes.
COPIED_FROM_HERE: Final = 100_000
ENDED: Final = ("Complete", "Failed", "Cancelled")
# What the function's answer depends on: 2.0 only adds arguments and directory buckets.
_SCHEMA: Final = "1.0"
_REPORTS: Final = f"{keys.BATCH_JOBS}reports"
_NOTE_BYTES: Final = 64  # an id has at most 36
_PRIORITY: Final = 10  # only matters beside other jobs of the account
_NAME_CHARACTERS: Final = 32
_ACCOUNT_FIELD: Final = 4


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job's state; the counts are 0 until S3 has read the manifest.

    Attributes:
        status: AWS's word, `Active` say.
        reasons: Why it failed, or was cancelled.
    """

    id: str
    status: str
    total: int
    succeeded: int
    failed: int
    reasons: tuple[str, ...]

    @property
    def ended(self) -> bool:
        """Whether it changes no more."""
        return self.status in ENDED


def role_of(account: Account) -> str:
    """Return the role of the stack's jobs; raises OperatorError if it has none."""
    role = account.stack.batch_operations_role_arn
    if not role:
        msg = (
            "the stack has no role for jobs of S3 Batch Operations: set batchOperations to true"
            f" and `pulumi up`, or replay at most {COPIED_FROM_HERE:,} files at a time, by --since"
            " and --until"
        )
        raise OperatorError(msg)
    return role


def name_of(account: Account, chosen: Range) -> str:
    """Return the name of a range's job: the same whenever the same options are given."""
    words = (account.stack.raw_bucket_name, chosen.prefix, str(chosen.since), str(chosen.until))
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:_NAME_CHARACTERS]


def find(account: Account, name: str) -> Job | None:
    """Return the job that was made under a name, or None."""
    bucket, key = account.stack.processed_bucket_name, _note_of(name)
    found = objects.first_bytes(account.s3, bucket, key, _NOTE_BYTES).decode()
    return describe(account, found) if found else None


def create(account: Account, chosen: Range, role: str, *, name: str) -> Job:
    """Make a job that copies the files of a range, and return it.

    The name is the manifest's, and the token of the request. So where an earlier call has died on
    its way, this one makes the same job, or finds it made.
    """
    manifest = manifests.store(account, chosen, name)
    created = account.s3control.create_job(**_request(account, manifest, role, name))
    account.s3.put_object(
        Bucket=account.stack.processed_bucket_name,
        Key=_note_of(name),
        Body=created["JobId"].encode(),
        ContentType="text/plain",
    )
    return describe(account, created["JobId"])


def _request(account: Account, manifest: Manifest, role: str, name: str) -> dict[str, Any]:
    stack = account.stack
    partition = stack.data_processor_lambda_arn.split(":")[1]
    bucket = f"arn:{partition}:s3:::{stack.processed_bucket_name}"
    function = {
        "FunctionArn": stack.data_processor_lambda_arn,
        "InvocationSchemaVersion": _SCHEMA,
    }
    spec = {"Format": "S3BatchOperations_CSV_20180820", "Fields": [*manifests.FIELDS]}
    return {
        "AccountId": _account_id(account),
        "ClientRequestToken": name,
        "ConfirmationRequired": False,
        "Description": f"Replay of completed files of {stack.raw_bucket_name}",
        "Manifest": {
            "Spec": spec,
            "Location": {"ObjectArn": f"{bucket}/{manifest.key}", "ETag": manifest.etag},
        },
        "Operation": {"LambdaInvoke": function},
        "Priority": _PRIORITY,
        "Report": {
            "Bucket": bucket,
            "Enabled": True,
            "Format": "Report_CSV_20180820",
            "Prefix": _REPORTS,
            "ReportScope": "FailedTasksOnly",
        },
        "RoleArn": role,
    }


def describe(account: Account, job: str) -> Job:
    """Return a job's state."""
    found = account.s3control.describe_job(AccountId=_account_id(account), JobId=job)["Job"]
    progress = found.get("ProgressSummary", {})
    failures = [one.get("FailureReason", "") for one in found.get("FailureReasons", [])]
    reasons = [*failures, found.get("StatusUpdateReason", "")]
    return Job(
        id=job,
        status=found.get("Status", "New"),
        total=progress.get("TotalNumberOfTasks", 0),
        succeeded=progress.get("NumberOfTasksSucceeded", 0),
        failed=progress.get("NumberOfTasksFailed", 0),
        reasons=tuple(reason for reason in reasons if reason),
    )


def cancel(account: Account, job: str) -> None:
    """Cancel a job; what it has copied stays, and is processed."""
    account.s3control.update_job_status(
        AccountId=_account_id(account), JobId=job, RequestedJobStatus="Cancelled"
    )


def report_of(account: Account, job: Job) -> str:
    """Return where the report of a job is once it has ended: the tasks that failed, and why."""
    return f"s3://{account.stack.processed_bucket_name}/{_REPORTS}/job-{job.id}/"


def _note_of(name: str) -> str:
    """Return the key of the object that holds the id of the job of a name."""
    return f"{manifests.key_of(name)}.job"


def _account_id(account: Account) -> str:
    return account.stack.data_processor_lambda_arn.split(":")[_ACCOUNT_FIELD]
