"""Jobs of S3 Batch Operations are run as AWS runs them: events, redrives, thresholds, reports."""

import csv
import io
import time
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from moto import mock_aws

from local.account.strict.s3_control.jobs import Job
from local.triggers.batch_operations import JobRunner, run_job

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:processor"


@pytest.fixture
def s3() -> Any:
    with mock_aws():
        made = boto3.client("s3", region_name="us-east-1")
        made.create_bucket(Bucket="jobs")
        yield made


def job(s3: Any, *keys: str, **lambda_invoke: Any) -> Job:
    text = io.StringIO()
    csv.writer(text).writerows(("raw", quote(key), f"v-{key}") for key in keys)
    etag = s3.put_object(Bucket="jobs", Key="m.csv", Body=text.getvalue().encode())["ETag"]
    request = {
        "Manifest": {
            "Spec": {"Fields": ["Bucket", "Key", "VersionId"]},
            "Location": {"ObjectArn": "arn:aws:s3:::jobs/m.csv", "ETag": etag.strip('"')},
        },
        "Operation": {"LambdaInvoke": {"FunctionArn": FUNCTION, **lambda_invoke}},
        "Report": {"Enabled": True, "Bucket": "arn:aws:s3:::jobs", "Prefix": "reports"},
    }
    return Job(id="job-1", request=request)


class Function:
    """Answers each task by its key, with one code after the other."""

    def __init__(self, **codes: list[str]) -> None:
        self.codes = codes
        self.events: list[dict[str, Any]] = []

    def __call__(self, function: str, event: dict[str, Any]) -> Any:
        assert function == FUNCTION
        self.events.append(event)
        (task,) = event["tasks"]
        codes = self.codes.get(task["s3Key"], ["Succeeded"])
        code = codes.pop(0) if len(codes) > 1 else codes[0]
        if code == "raises":
            raise RuntimeError("killed")
        result = {"taskId": task["taskId"], "resultCode": code, "resultString": "said"}
        return {"results": [result]}


@pytest.mark.parametrize(
    ("asked", "bucket"),
    [
        ({}, {"s3BucketArn": "arn:aws:s3:::raw"}),
        ({"InvocationSchemaVersion": "2.0", "UserArguments": {"a": "b"}}, {"s3Bucket": "raw"}),
    ],
)
def test_a_task_is_an_event_of_its_schema_with_its_key_encoded(s3, asked, bucket):
    function = Function()
    made = job(s3, 'completed/a b+ä,"x".json', **asked)
    run_job(made, s3, function)
    (event,) = function.events
    (task,) = event["tasks"]
    del task["taskId"]
    assert task == {
        "s3Key": "completed/a%20b%2B%C3%A4%2C%22x%22.json",
        "s3VersionId": 'v-completed/a b+ä,"x".json',
        **bucket,
    }
    arguments = {"userArguments": {"a": "b"}} if asked else {}
    assert event["job"] == {"id": "job-1", **arguments}
    assert (made.status, made.succeeded) == ("Complete", 1)


def test_a_temporary_failure_is_tried_again_as_the_same_task_and_a_permanent_one_is_not(s3):
    function = Function(
        a=["TemporaryFailure", "raises", "Succeeded"],
        b=["PermanentFailure"],
        c=["TemporaryFailure"],
    )
    made = job(s3, "a", "b", "c")
    run_job(made, s3, function)
    tries = [event["tasks"][0]["s3Key"] for event in function.events]
    assert (tries.count("a"), tries.count("b"), tries.count("c")) == (3, 1, 3)
    assert len({e["tasks"][0]["taskId"] for e in function.events}) == 3
    assert (made.status, made.succeeded, made.failed) == ("Complete", 1, 2)
    (report,) = s3.list_objects_v2(Bucket="jobs", Prefix="reports/job-job-1/")["Contents"]
    body = s3.get_object(Bucket="jobs", Key=report["Key"])["Body"].read().decode()
    assert [line.split(",")[1] for line in body.splitlines()] == ["b", "c"]


def test_a_job_most_of_whose_tasks_fail_is_failed_after_a_thousand(s3):
    function = Function(**{f"k{number}": ["PermanentFailure"] for number in range(1_100)})
    made = job(s3, *(f"k{number}" for number in range(1_100)))
    run_job(made, s3, function)
    assert (made.status, made.failed, len(made.reasons)) == ("Failed", 1_000, 1)


def test_a_manifest_that_has_changed_fails_the_job(s3):
    made = job(s3, "a")
    s3.put_object(Bucket="jobs", Key="m.csv", Body=b"raw,b,v\n")
    function = Function()
    run_job(made, s3, function)
    assert (made.status, function.events) == ("Failed", [])


def test_the_runner_runs_what_waits_until_it_is_stopped(s3):
    made, function = job(s3, "a", "b"), Function()
    runner = JobRunner(lambda: [made] if made.status == "New" else [], s3, function)
    runner.start()
    end = time.monotonic() + 20
    while made.status != "Complete" and time.monotonic() < end:
        time.sleep(0.02)
    runner.stop()
    assert (made.status, made.succeeded) == ("Complete", 2)
