"""Jobs of S3 Batch Operations, which moto lacks: made, described and cancelled here.

`local.triggers.batch_operations` runs them. Only jobs that invoke a function are known.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateJob.html
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from botocore.model import OperationModel
from botocore.validate import ParamValidator
from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.s3control import urls
from moto.s3control.exceptions import S3ControlError
from moto.s3control.models import S3ControlBackend
from moto.s3control.responses import S3ControlResponse

from local.account.strict.patches import around

ENDED: Final = frozenset({"Complete", "Failed", "Cancelled"})
_SERVICE: Final = "batchoperations.s3.amazonaws.com"
_PATHS: Final = ("/jobs", "/jobs/{id}", "/jobs/{id}/status")


@dataclass(kw_only=True)
class Job:
    """A job, and how far it is.

    Attributes:
        id: Its id.
        request: The parameters of its CreateJob.
        status: AWS's word for its state.
        total: The lines of its manifest, once they are read.
        reasons: Why it failed.
    """

    id: str
    request: Mapping[str, Any]
    status: str = "New"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    reasons: list[str] = field(default_factory=list[str])

    @property
    def cancelling(self) -> bool:
        """Whether somebody has cancelled it, and it is still under way."""
        return self.status == "Cancelling"

    def document(self, region: str, account: str) -> dict[str, Any]:
        """Return the job as DescribeJob does."""
        asked = ("Operation", "Manifest", "Report", "Priority", "RoleArn", "Description")
        return {
            "JobId": self.id,
            "JobArn": f"arn:aws:s3:{region}:{account}:job/{self.id}",
            "Status": self.status,
            "CreationTime": self.created,
            "ConfirmationRequired": self.request.get("ConfirmationRequired", False),
            "ProgressSummary": {
                "TotalNumberOfTasks": self.total,
                "NumberOfTasksSucceeded": self.succeeded,
                "NumberOfTasksFailed": self.failed,
            },
            "FailureReasons": [{"FailureReason": reason} for reason in self.reasons],
            **{name: self.request[name] for name in asked if name in self.request},
        }


def waiting(backend: Any) -> list[Job]:
    """Return the jobs of a backend that nothing runs yet, oldest first."""
    return [job for job in [*backend.jobs.values()] if job.status == "New"]


@around(S3ControlBackend, "__init__")
def _backend(original: Any, self: Any, *arguments: Any, **named: Any) -> None:
    original(self, *arguments, **named)
    self.jobs = dict[str, Job]()


def _create_job(response: Any) -> ActionResult:
    request = _parameters(response, "CreateJob")
    jobs: dict[str, Job] = response.backend.jobs
    token = request["ClientRequestToken"]
    for job in jobs.values():
        if job.request["ClientRequestToken"] == token:
            if job.request != request:
                raise S3ControlError(
                    "IdempotencyException", "The token was used for another request."
                )
            return ActionResult({"JobId": job.id})
    _check(request, response.current_account)
    job = Job(id=str(uuid.uuid4()), request=request)
    if request.get("ConfirmationRequired"):
        job.status = "Suspended"
    jobs[job.id] = job
    return ActionResult({"JobId": job.id})


def _describe_job(response: Any) -> ActionResult:
    job = _find(response, _parameters(response, "DescribeJob")["JobId"])
    return ActionResult({"Job": job.document(response.region, response.current_account)})


def _update_job_status(response: Any) -> ActionResult:
    request = _parameters(response, "UpdateJobStatus")
    job = _find(response, request["JobId"])
    wanted = request["RequestedJobStatus"]
    if job.status in ENDED or (wanted == "Ready" and job.status != "Suspended"):
        msg = f"The job is {job.status} and cannot be {wanted}."
        raise S3ControlError("JobStatusException", msg)
    if wanted == "Ready":
        job.status = "New"
    else:
        job.status = "Cancelled" if job.status in {"New", "Suspended"} else "Cancelling"
    return ActionResult({"JobId": job.id, "Status": job.status})


def _parameters(response: Any, operation: str) -> dict[str, Any]:
    """Return a request's parameters, as AWS's model names them; refuse what the model does."""
    model: OperationModel = get_service_model("s3control").operation_model(operation)
    given = cast("dict[str, Any]", response.params)
    members = cast("Any", model.input_shape).members
    parameters = {name: given[name] for name in members if name in given}
    report = cast("Any", ParamValidator()).validate(parameters, model.input_shape)
    if report.has_errors():
        raise S3ControlError("BadRequestException", report.generate_report())
    return parameters


def _check(request: Mapping[str, Any], account: str) -> None:
    """Refuse a job whose role is not for it, or that is of another kind than those run here."""
    problems: list[str] = []
    role = request["RoleArn"].rpartition("/")[2]
    trusts = {one.name: one.assume_role_policy_document for one in _roles(account)}
    if _SERVICE not in trusts.get(role, ""):
        problems.append(f"RoleArn {request['RoleArn']} is no role that {_SERVICE} may assume")
    if "LambdaInvoke" not in request["Operation"]:
        problems.append("Operation is none that runs on this machine, allowed: LambdaInvoke")
    if "VersionId" not in request.get("Manifest", {}).get("Spec", {}).get("Fields", []):
        problems.append("Manifest has no VersionId, allowed: Bucket, Key, VersionId")
    if _is_kms_encrypted(request.get("Manifest"), account):
        problems.append("Manifest is encrypted with KMS, which a CSV manifest may not be")
    report = request["Report"]
    needed = {"Bucket", "Format", "Prefix", "ReportScope"} if report["Enabled"] else set[str]()
    if missing := needed - set(report):
        problems.append(f"Report lacks {', '.join(sorted(missing))}")
    if problems:
        raise S3ControlError("BadRequestException", "; ".join(problems))


def _is_kms_encrypted(manifest: Mapping[str, Any] | None, account: str) -> bool:
    """Whether a manifest lies encrypted with a KMS key; one that is not there fails the job later.

    "S3 Batch Operations does not support CSV manifest files that are AWS KMS-encrypted":
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-create-job.html
    """
    arn = manifest["Location"]["ObjectArn"] if manifest else ""
    bucket, _, key = arn.rpartition(":")[2].partition("/")
    buckets: Mapping[str, Any] = cast("Any", s3_backends)[account]["aws"].buckets
    found = buckets[bucket].keys.get(key) if bucket in buckets else None
    return found is not None and str(found.encryption).startswith("aws:kms")


def _roles(account: str) -> list[Any]:
    backends: Any = iam_backends
    return [*backends[account]["aws"].get_roles()]


def _find(response: Any, job_id: str) -> Job:
    try:
        return response.backend.jobs[job_id]
    except KeyError:
        raise S3ControlError("NotFoundException", f"There is no job {job_id}.") from None


def _answer() -> None:
    """Let moto answer the three operations, on AWS's addresses and on its own server."""
    made: Any = S3ControlResponse
    made.create_job = _create_job
    made.describe_job = _describe_job
    made.update_job_status = _update_job_status
    paths: dict[str, Any] = urls.url_paths
    for path in _PATHS:
        pattern = path.replace("{id}", "(?P<job_id>[^/]+)")
        paths[f"{{0}}/v20180820{pattern}$"] = S3ControlResponse.dispatch
        paths[f"/v20180820{path.replace('{id}', '<job_id>')}"] = S3ControlResponse.dispatch


_answer()
