"""Jobs of S3 Batch Operations that copy completed files to `incoming/`.

Batch Operations has a copy of its own, but it cannot take `completed/` off a key. So the job
invokes the data processor for each line of its manifest, which copies that version.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

from handlers import keys
from ops import aws
from ops.aws import Account
from ops.files import objects
from ops.files.replays import manifests
from ops.files.replays.manifests import Manifest
from ops.files.replays.plans import Range
from ops.terminal.problems import OperatorError, UsageError

# Above this many files a job is made. From here 100,000 copies take some 20 minutes.
COPIED_FROM_HERE: Final = 100_000
ENDED: Final = ("Complete", "Failed", "Cancelled")
_SCHEMA: Final = "2.0"  # the one that has arguments
_ID = re.compile(r"[A-Za-z0-9_-]{5,36}")  # as the model of DescribeJob has it
_ABSENT: Final = frozenset({"NotFoundException"})
_REPORTS: Final = f"{keys.BATCH_JOBS}reports"
_NOTE_BYTES: Final = 64  # an id has at most 36
_PRIORITY: Final = 10  # only matters beside other jobs of the account
_DIGEST_CHARACTERS: Final = 32
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

    @property
    def has_left_files(self) -> bool:
        """Whether it has ended, and not every file of its manifest was copied."""
        return self.ended and (self.status != "Complete" or self.failed > 0)


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


def last(account: Account, chosen: Range, *, again: bool) -> tuple[str, Job | None]:
    """Return the name of a range's manifest, and the last job that was made of it, if any.

    The name is the same whenever the same options are given, as long as `again` is not: it then
    asks for a name that no job has yet, and gets the same one until a job is made of it.
    """
    made: list[str] = []
    while noted := _noted(account, _name(account, chosen, len(made) + 1)):
        made.append(noted)
    if again or not made:
        return _name(account, chosen, len(made) + 1), None
    return _name(account, chosen, len(made)), describe(account, made[-1])


def create(account: Account, manifest: Manifest, role: str, *, name: str, after: Job | None) -> Job:
    """Make a job of a manifest, and return it; `after` is the last job of the same manifest.

    Where an earlier call has died on its way, this one makes the same job, or finds it made. The
    jobs of one manifest share a mark, so a later one copies nothing that an earlier one has copied.
    """
    request = _request(account, manifest, role, mark=_mark(name, manifest))
    token = _digest(_mark(name, manifest), after.id if after else "")
    created = account.s3control.create_job(ClientRequestToken=token, **request)
    account.s3.put_object(
        Bucket=account.stack.processed_bucket_name,
        Key=_note_of(name),
        Body=created["JobId"].encode(),
        ContentType="text/plain",
    )
    return describe(account, created["JobId"])


def _request(account: Account, manifest: Manifest, role: str, *, mark: str) -> dict[str, Any]:
    stack = account.stack
    bucket = _bucket_arn(account)
    function = {
        "FunctionArn": stack.data_processor_lambda_arn,
        "InvocationSchemaVersion": _SCHEMA,
        "UserArguments": {keys.REPLAY_JOB: mark},
    }
    spec = {"Format": "S3BatchOperations_CSV_20180820", "Fields": [*manifests.FIELDS]}
    return {
        "AccountId": _account_id(account),
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
    """Return the state of a job of the stack.

    Raises UsageError for what is no job's id, OperatorError for a job that is not there or whose
    manifest is not one of the stack.
    """
    if not _ID.fullmatch(job):
        msg = f"--job is {job!r}, allowed: 5 to 36 of A-Z, a-z, 0-9, - and _"
        raise UsageError(msg)
    try:
        found = account.s3control.describe_job(AccountId=_account_id(account), JobId=job)["Job"]
    except account.s3control.exceptions.ClientError as error:
        if aws.code(error) not in _ABSENT:
            raise
        msg = f"there is no job {job} in the stack's account and region; S3 forgets one in 90 days"
        raise OperatorError(msg) from None
    manifest = found.get("Manifest", {}).get("Location", {}).get("ObjectArn", "none")
    if not manifest.startswith(f"{_bucket_arn(account)}/{keys.BATCH_JOBS}"):
        msg = f"{job} is no job of this stack: its manifest is {manifest}"
        raise OperatorError(msg)
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


def _name(account: Account, chosen: Range, number: int) -> str:
    """Return the name of the manifest of a range's first job, of its second, and so on."""
    words = (account.stack.raw_bucket_name, chosen.prefix, str(chosen.since), str(chosen.until))
    return _digest(*words) + (f"-{number}" if number > 1 else "")


def _noted(account: Account, name: str) -> str | None:
    """Return the id of the last job of a manifest's name, or None if there is none."""
    bucket, key = account.stack.processed_bucket_name, _note_of(name)
    return objects.first_bytes(account.s3, bucket, key, _NOTE_BYTES).decode() or None


def _note_of(name: str) -> str:
    """Return the key of the object that holds the id of the last job of a name."""
    return f"{manifests.key_of(name)}.job"


def _mark(name: str, manifest: Manifest) -> str:
    """Return what the copies of a manifest's jobs bear; a manifest stored anew has another."""
    return f"{name}-{manifest.created:%Y%m%dT%H%M%SZ}"


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:_DIGEST_CHARACTERS]


def _bucket_arn(account: Account) -> str:
    partition = account.stack.data_processor_lambda_arn.split(":")[1]
    return f"arn:{partition}:s3:::{account.stack.processed_bucket_name}"


def _account_id(account: Account) -> str:
    return account.stack.data_processor_lambda_arn.split(":")[_ACCOUNT_FIELD]
