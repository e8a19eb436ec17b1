"""Run the jobs of S3 Batch Operations: invoke a function for each line of a manifest.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-completion-report-examples.html
"""

import csv
import io
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote_plus

from local.account.strict.s3_control.jobs import Job
from local.triggers.background import BackgroundThread

# Invokes a function, given by ARN, with an event, and returns its answer.
Invoke = Callable[[str, dict[str, Any]], Any]

_ATTEMPTS: Final = 3  # AWS does not say how often it redrives a temporary failure
# "If more than 50 percent of the tasks fail after 1,000 have been tried, the job fails":
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-job-status.html
_TRIED: Final = 1_000
_LOOK_SECONDS: Final = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A line of a manifest; the key is URL-encoded."""

    bucket: str
    key: str
    version: str


def run_job(job: Job, s3: Any, invoke: Invoke) -> None:
    """Run a job to its end, and write its report."""
    job.status = "Preparing"
    try:
        lines = _read_manifest(job, s3)
    except Exception as error:  # noqa: BLE001 - whatever it is, AWS calls it the manifest's fault
        job.status, job.reasons = "Failed", [f"The manifest cannot be read: {error}"]
        return
    job.total, job.status = len(lines), "Active"
    failures = [*_run_lines(job, lines, invoke)]
    _write_report(job, s3, failures)
    if job.cancelling:
        job.status = "Cancelled"
    elif job.reasons:
        job.status = "Failed"
    else:
        job.status = "Complete"


class JobRunner:
    """Runs the waiting jobs of an account, one after the other, from `start` to `stop`.

    `waiting` returns them, `s3` is a client of the account.
    """

    def __init__(self, waiting: Callable[[], Sequence[Job]], s3: Any, invoke: Invoke) -> None:
        self._waiting = waiting
        self._s3 = s3
        self._invoke = invoke
        self._background = BackgroundThread("the runner of jobs", self._run)

    def start(self) -> None:
        """Run the jobs in a thread of its own; raises RuntimeError if it is running."""
        self._background.start()

    def stop(self) -> None:
        """Stop, and cancel the job under way; harmless if not running."""
        self._background.stop()

    def _run(self) -> None:
        while not self._background.stopping.wait(_LOOK_SECONDS):
            for job in self._waiting():
                self._run_one(job)

    def _run_one(self, job: Job) -> None:
        def invoke(function: str, event: dict[str, Any]) -> Any:
            if self._background.stopping.is_set():
                job.status = "Cancelling"
            return self._invoke(function, event)

        try:
            run_job(job, self._s3, invoke)
        except Exception as error:  # noqa: BLE001 - other jobs go on
            _log.exception("job %s", job.id)
            job.status, job.reasons = "Failed", [str(error)]


def _read_manifest(job: Job, s3: Any) -> list[_Line]:
    manifest = job.request["Manifest"]
    bucket, _, key = manifest["Location"]["ObjectArn"].rpartition(":::")[2].partition("/")
    found = s3.get_object(Bucket=bucket, Key=key, IfMatch=f'"{manifest["Location"]["ETag"]}"')
    rows = csv.DictReader(
        io.StringIO(found["Body"].read().decode()), fieldnames=manifest["Spec"]["Fields"]
    )
    return [_Line(bucket=row["Bucket"], key=row["Key"], version=row["VersionId"]) for row in rows]


def _run_lines(
    job: Job, lines: Sequence[_Line], invoke: Invoke
) -> Iterator[tuple[_Line, str, str]]:
    """Run each line; yield those that failed, with the result's code and text."""
    for line in lines:
        if job.cancelling:
            return
        code, text = _run_line(job, line, invoke)
        if code == "Succeeded":
            job.succeeded += 1
            continue
        job.failed += 1
        yield line, code, text
        if job.succeeded + job.failed >= _TRIED and job.failed > job.succeeded:
            job.reasons = ["Job failed with a high failure rate."]
            return


def _run_line(job: Job, line: _Line, invoke: Invoke) -> tuple[str, str]:
    asked = job.request["Operation"]["LambdaInvoke"]
    task = str(uuid.uuid4())
    code, text = "TemporaryFailure", ""
    for _ in range(_ATTEMPTS):
        event = _event(job.id, task, line, asked)
        try:
            (answered,) = invoke(asked["FunctionArn"], event)["results"]
        except Exception as error:  # noqa: BLE001 - the function failed, or its answer is none
            text = str(error)
            continue
        code, text = answered["resultCode"], answered["resultString"]
        if code != "TemporaryFailure":
            break
    return code, text


def _event(job: str, task: str, line: _Line, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the event of a task; the key is encoded in the event, as it is in the manifest."""
    schema = asked.get("InvocationSchemaVersion", "1.0")
    named = {"s3BucketArn": f"arn:aws:s3:::{line.bucket}"}
    about: dict[str, Any] = {"id": job}
    if schema == "2.0":
        named = {"s3Bucket": line.bucket}
        about["userArguments"] = asked.get("UserArguments", {})
    key = quote(unquote_plus(line.key))
    return {
        "invocationSchemaVersion": schema,
        "invocationId": str(uuid.uuid4()),
        "job": about,
        "tasks": [{"taskId": task, "s3Key": key, "s3VersionId": line.version, **named}],
    }


def _write_report(job: Job, s3: Any, failures: Sequence[tuple[_Line, str, str]]) -> None:
    report = job.request["Report"]
    if not report["Enabled"] or not failures:
        return
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        (line.bucket, line.key, line.version, "failed", "200", code, reason)
        for line, code, reason in failures
    )
    s3.put_object(
        Bucket=report["Bucket"].rpartition(":::")[2],
        Key=f"{report['Prefix']}/job-{job.id}/results/{uuid.uuid4().hex}.csv",
        Body=text.getvalue().encode(),
    )
