"""`replay --batch-operations`: one job, whatever happens to the command, and one upload a task."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto.s3control.models import s3control_backends

from handlers import keys
from handlers.aws.messages import Messenger
from handlers.aws.objects import Storage
from handlers.data_processor import Processor
from handlers.environment import ProcessorEnvironment
from local.account.strict.s3_control import jobs as made
from local.program.checks import api_models
from local.triggers.batch_operations import run_job
from ops.files.replays import jobs, manifests
from tests.ops.conftest import DONE, OLD, RAW, Pipeline, client
from tests.proof.world import Context, QuietTelemetry

ACCOUNT = "123456789012"
NAMES = ("a.json", "b c+ä%41.json", 'sub/d,"e".json')

# Where a command may die: after each call that makes a job, and before the one that ends an upload,
# which is then aborted. Right before any other call there is what is right after the last one.
DEATHS = (
    ("CreateMultipartUpload", "after"),
    ("CompleteMultipartUpload", "before"),
    ("CompleteMultipartUpload", "after"),
    ("CreateJob", "after"),
    ("PutObject", "after"),
)


@pytest.fixture
def able(pipeline: Pipeline) -> Pipeline:
    """A stack with `batchOperations`, and some completed files."""
    service = {"Effect": "Allow", "Principal": {"Service": "batchoperations.s3.amazonaws.com"}}
    trust = {"Version": "2012-10-17", "Statement": [{**service, "Action": "sts:AssumeRole"}]}
    role = client("iam").create_role(
        RoleName="jobs-role", AssumeRolePolicyDocument=json.dumps(trust)
    )
    pipeline.outputs["batch_operations_role_arn"] = role["Role"]["Arn"]
    for name in NAMES:
        pipeline.complete(f"incoming/sales/{name}")
    return pipeline


def the_jobs() -> list[made.Job]:
    return [*s3control_backends[ACCOUNT]["aws"].jobs.values()]


def process(_function: str, event: dict[str, Any]) -> Any:
    """Invoke the processor's handler, as AWS does."""
    environment = ProcessorEnvironment(
        environment="test",
        log_level="INFO",
        processed_bucket=DONE,
        archive_bucket=OLD,
        raw_bucket=RAW,
        dead_letter_queue_url="none",
        processing_queue_url="none",
        unfinished_after_seconds=3600,
        max_attempts=4,
        max_rejected_percent=10,
        compress_output=False,
        max_expansion=500,
        fallback_encoding=None,
    )
    processor = Processor(
        environment,
        Storage(client("s3")),
        Messenger(client),
        QuietTelemetry(),
        now=lambda: datetime.now(UTC),
    )
    return json.loads(json.dumps(processor.handle(json.loads(json.dumps(event)), Context())))


def process_twice(function: str, event: dict[str, Any]) -> Any:
    process(function, event)
    return process(function, event)


def make(able: Pipeline, *words: str, code: int = 0) -> Any:
    result = able.run(
        "replay", "--prefix", "incoming/sales/", "--batch-operations", *words, "--yes"
    )
    assert result.exit_code == code, result.output
    return result


def uploads(able: Pipeline) -> dict[str, int]:
    return {
        name: count for name in NAMES if (count := len(able.versions(f"incoming/sales/{name}")))
    }


def test_a_job_replays_every_file_once_though_each_task_is_delivered_twice(able):
    result = make(able)
    (job,) = the_jobs()
    assert f"see `replay --job {job.id}`" in result.stdout
    run_job(job, able.s3, process_twice)
    assert (job.status, job.total, job.succeeded, job.failed) == ("Complete", 3, 3, 0)
    assert uploads(able) == dict.fromkeys(NAMES, 1)
    shown = able.run("replay", "--job", job.id, "--json")
    assert shown.exit_code == 0
    assert json.loads(shown.stdout) == {
        "id": job.id,
        "status": "Complete",
        "total": 3,
        "succeeded": 3,
        "failed": 0,
        "reasons": [],
        "report": f"s3://{DONE}/batch-operations/reports/job-{job.id}/",
    }


def test_the_request_is_one_that_awss_model_takes(able, monkeypatch):
    requests: list[dict[str, Any]] = []
    original = BaseClient._make_api_call

    def record(self, operation, parameters):
        if operation == "CreateJob":
            requests.append(parameters)
            shape = self.meta.service_model.operation_model(operation).input_shape
            assert list(api_models.problems(shape, parameters)) == []
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", record)
        make(able)
    (request,) = requests
    assert request["ConfirmationRequired"] is False
    assert request["AccountId"] == ACCOUNT
    assert request["RoleArn"] == able.outputs["batch_operations_role_arn"]
    assert request["Operation"] == {
        "LambdaInvoke": {
            "FunctionArn": able.outputs["data_processor_lambda_arn"],
            "InvocationSchemaVersion": "2.0",
            "UserArguments": request["Operation"]["LambdaInvoke"]["UserArguments"],
        }
    }


def test_the_manifest_names_each_current_version_with_its_key_encoded(able):
    old = able.versions("completed/sales/a.json")
    able.complete("incoming/sales/a.json", b"newer")
    make(able)
    (job,) = the_jobs()
    where = job.request["Manifest"]["Location"]
    key = where["ObjectArn"].partition("/")[2]
    stored = able.s3.get_object(Bucket=DONE, Key=key)
    assert stored["ETag"] == f'"{where["ETag"]}"'
    rows = list(csv.reader(io.StringIO(stored["Body"].read().decode())))
    assert {(bucket, unquote(name)) for bucket, name, _ in rows} == {
        (RAW, f"completed/sales/{name}") for name in NAMES
    }
    assert not any(set(name) & set(' +",') for _, name, _ in rows)
    assert not {version for *_, version in rows} & set(old)


def test_with_a_kms_key_the_manifest_is_encrypted_with_s3s_own(able):
    key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:us-east-1:1:key/k"}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": key}]}
    able.s3.put_bucket_encryption(Bucket=DONE, ServerSideEncryptionConfiguration=rules)
    make(able)
    (job,) = the_jobs()
    where = job.request["Manifest"]["Location"]["ObjectArn"].partition("/")[2]
    assert able.s3.head_object(Bucket=DONE, Key=where)["ServerSideEncryption"] == "AES256"


def test_a_large_manifest_goes_in_parts(able, monkeypatch):
    monkeypatch.setattr(manifests, "_PART_BYTES", 5 * 1024**2)
    monkeypatch.setattr(manifests, "quote", lambda key: key + "%20" * 900_000)
    make(able)
    (job,) = the_jobs()
    key = job.request["Manifest"]["Location"]["ObjectArn"].partition("/")[2]
    head = able.s3.head_object(Bucket=DONE, Key=key)
    assert head["ETag"].endswith('-2"')
    assert head["ContentLength"] > 8_000_000


def die(monkeypatch: pytest.MonkeyPatch, operation: str, when: str) -> None:
    """Let the command die right before or right after a call."""
    original = BaseClient._make_api_call

    def dying(self, name, parameters):
        if name == operation and when == "before":
            raise KeyboardInterrupt
        answer = original(self, name, parameters)
        if name == operation:
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", dying)


@pytest.mark.parametrize(("operation", "when"), DEATHS)
def test_a_command_that_dies_at_any_call_makes_one_job_when_it_is_repeated(
    able, monkeypatch, operation, when
):
    with monkeypatch.context() as patch:
        die(patch, operation, when)
        make(able, code=130)
    for job in the_jobs():  # meanwhile its first file is replayed and processed
        run_job(job, able.s3, _once())
        job.status = "Active"
        able.finish("incoming/sales/a.json", able.versions("incoming/sales/a.json")[0])
    result = able.run("replay", "--prefix", "incoming/sales/", "--batch-operations", "--yes")
    (job,) = the_jobs()
    assert job.id in result.stdout
    begun = len(able.s3.list_multipart_uploads(Bucket=DONE).get("Uploads", []))
    # Whose id never came here, the bucket's lifecycle aborts.
    assert begun == ((operation, when) == ("CreateMultipartUpload", "after"))


def test_an_interrupted_command_is_continued_with_the_files_that_it_chose(able, monkeypatch):
    with monkeypatch.context() as patch:
        die(patch, "CreateJob", "before")
        make(able, code=130)
    able.complete("incoming/sales/later.json")
    told = make(able, "--dry-run")
    assert "would make a job of 3 files, 21 B" in told.stdout
    assert "what was completed since is left out" in told.stderr
    make(able)
    (job,) = the_jobs()
    run_job(job, able.s3, process)
    assert (job.total, able.versions("incoming/sales/later.json")) == (3, [])


@pytest.mark.parametrize("status", ["Cancelled", "Complete"])
def test_a_job_that_left_files_out_is_continued_and_copies_none_twice(able, status):
    make(able)
    (first,) = the_jobs()
    run_job(first, able.s3, _once())
    first.status = status
    (copied,) = uploads(able)
    able.finish(f"incoming/sales/{copied}", able.versions(f"incoming/sales/{copied}")[0])
    make(able)
    _, second = the_jobs()
    run_job(second, able.s3, process)
    assert (second.status, second.succeeded) == ("Complete", 3)
    assert uploads(able) == {name: 1 for name in NAMES if name != copied}
    make(able, code=1)
    assert len(the_jobs()) == 2


def test_again_makes_one_job_more_though_the_command_dies(able, monkeypatch):
    make(able)
    with monkeypatch.context() as patch:
        die(patch, "CreateJob", "after")
        make(able, "--again", code=130)
    make(able, "--again")
    first, second = the_jobs()
    run_job(first, able.s3, process)
    run_job(second, able.s3, process)
    assert uploads(able) == dict.fromkeys(NAMES, 2)


def test_two_people_who_make_the_same_job_make_one(able, monkeypatch):
    original = BaseClient._make_api_call
    others: list[str] = ["the other one"]

    def together(self, operation, parameters):
        if operation == "CompleteMultipartUpload" and others:
            others.clear()
            able.complete("incoming/sales/later.json")
            make(able)
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", together)
        make(able)
    (job,) = the_jobs()
    run_job(job, able.s3, process)
    assert (job.status, job.succeeded) == ("Complete", 4)
    assert "Uploads" not in able.s3.list_multipart_uploads(Bucket=DONE)


def _once() -> Any:
    """Return a function that can be invoked once, and then is not there."""
    left = [process]

    def invoke(function: str, event: dict[str, Any]) -> Any:
        return left.pop()(function, event)

    return invoke


def test_the_same_options_make_another_job_only_if_that_is_asked_for(able):
    make(able)
    (first,) = the_jobs()
    run_job(first, able.s3, process)
    again = make(able, code=1)
    assert (first.id in again.stdout, "--again makes another" in again.stderr) == (True, True)
    assert the_jobs() == [first]
    make(able, "--again")
    assert len(the_jobs()) == 2
    make(able, "--until", "2999-01-01")  # other options are another job
    assert len(the_jobs()) == 3


def test_what_fails_is_counted_and_in_the_report(able):
    make(able)
    (job,) = the_jobs()
    completed = able.versions("completed/sales/a.json")[0]
    able.s3.delete_object(Bucket=RAW, Key="completed/sales/a.json", VersionId=completed)
    run_job(job, able.s3, process)
    shown = able.run("replay", "--job", job.id)
    assert shown.exit_code == 1
    assert "copied  2 of 3" in shown.stdout
    assert "failed  1" in shown.stdout
    prefix = f"batch-operations/reports/job-{job.id}/"
    (report,) = able.s3.list_objects_v2(Bucket=DONE, Prefix=prefix)["Contents"]
    body = able.s3.get_object(Bucket=DONE, Key=report["Key"])["Body"].read().decode()
    assert "is gone" in body


def test_a_job_can_be_cancelled_while_it_runs(able):
    make(able)
    (job,) = the_jobs()

    def cancelling(function: str, event: dict[str, Any]) -> Any:
        answer = process(function, event)
        tried = able.run("replay", "--job", job.id, "--cancel", "--dry-run")
        assert (tried.exit_code, job.cancelling) == (0, False)
        assert able.run("replay", "--job", job.id, "--cancel", "--yes").exit_code == 0
        return answer

    run_job(job, able.s3, cancelling)
    assert (job.status, job.succeeded) == ("Cancelled", 1)
    late = able.run("replay", "--job", job.id, "--cancel", "--yes")
    assert (late.exit_code, "nothing to cancel" in late.stdout) == (0, True)


def test_a_cancelled_job_is_shown_as_json_if_that_is_asked_for(able):
    make(able)
    (job,) = the_jobs()
    for words, status in ((["--dry-run"], "New"), (["--yes"], "Cancelled"), (["-y"], "Cancelled")):
        result = able.run("replay", "--job", job.id, "--cancel", "--json", *words)
        shown = json.loads(result.stdout)
        assert (result.exit_code, shown["status"], job.status) == (0, status, status)


def test_a_job_of_somebody_else_is_neither_shown_nor_cancelled(able):
    make(able)
    (job,) = the_jobs()
    job.request["Manifest"]["Location"]["ObjectArn"] = f"arn:aws:s3:::{DONE}-2/manifest.csv"
    for words in ([], ["--cancel", "--yes"]):
        result = able.run("replay", "--job", job.id, *words)
        assert (result.exit_code, "no job of this stack" in result.stderr) == (1, True)
    assert job.status == "New"


def test_a_dry_run_tells_price_and_time_and_makes_nothing(able):
    result = make(able, "--dry-run")
    assert "would make a job of 3 files, 21 B; by list prices about $0.25 to copy" in result.stdout
    assert the_jobs() == []
    assert "Contents" not in able.s3.list_objects_v2(Bucket=DONE, Prefix="batch-operations/")


def test_above_the_limit_a_job_is_made_by_itself(able, monkeypatch):
    monkeypatch.setattr(jobs, "COPIED_FROM_HERE", 2)
    result = able.run("replay", "--prefix", "incoming/sales/", "--yes")
    assert (result.exit_code, "more than 2 files" in result.stderr) == (0, True)
    assert len(the_jobs()) == 1
    assert uploads(able) == {}


def test_above_the_limit_a_record_is_refused(able, monkeypatch):
    monkeypatch.setattr(jobs, "COPIED_FROM_HERE", 2)
    result = able.run("replay", "--prefix", "incoming/", "--record", "r.ndjson", "--yes")
    assert (result.exit_code, "more than 2 files" in result.stderr) == (2, True)
    assert the_jobs() == []


def test_again_is_refused_where_no_job_is_made(able):
    result = able.run("replay", "--prefix", "incoming/", "--again", "--yes")
    assert (result.exit_code, "allowed: with --batch-operations" in result.stderr) == (2, True)
    assert uploads(able) == {}


def test_without_the_option_the_command_says_what_to_set(pipeline):
    pipeline.put("completed/a.json", b"{}")
    result = pipeline.run("replay", "--prefix", "completed/", "--batch-operations", "--yes")
    assert result.exit_code == 1
    assert "set batchOperations to true" in result.stderr
    assert the_jobs() == []


def test_what_a_job_cannot_copy_is_left_out_and_named(able, monkeypatch):
    able.put(keys.completed_key(f"incoming/sales/{'x' * 1010}.json"), b"{}")
    able.put("completed/sales/large.json", b"x" * 100)
    monkeypatch.setattr(manifests, "ONE_COPY_BYTES", 99)
    result = make(able, code=1)
    assert "name is shortened" in result.stderr
    assert "completed/sales/large.json" in result.stderr
    (job,) = the_jobs()
    run_job(job, able.s3, process)
    assert (job.total, job.succeeded) == (3, 3)


def test_files_that_would_wait_longer_than_the_queue_keeps_them_are_warned_of(able, monkeypatch):
    queue = {"QueueUrl": able.outputs["processing_queue_url"]}
    able.sqs.set_queue_attributes(**queue, Attributes={"MessageRetentionPeriod": "60"})
    assert "raise maxConcurrency" not in make(able, "--dry-run").stderr
    monkeypatch.setattr("ops.files.replays.estimates._FILE_SECONDS", 1_000)
    assert "raise maxConcurrency or queueRetentionDays" in make(able, "--dry-run").stderr


def test_a_role_that_is_not_for_jobs_is_refused_as_by_aws(able):
    able.outputs["batch_operations_role_arn"] = f"arn:aws:iam::{ACCOUNT}:role/data-processor"
    result = make(able, code=1)
    assert "BadRequestException" in result.stderr


def test_a_job_that_is_not_there_is_told(pipeline):
    result = pipeline.run("replay", "--job", "job-that-is-none")
    assert (result.exit_code, "there is no job job-that-is-none" in result.stderr) == (1, True)


def test_what_is_no_id_of_a_job_is_refused(pipeline):
    for text in ("nope", "a job"):
        result = pipeline.run("replay", "--job", text)
        assert (result.exit_code, "allowed: 5 to 36 of" in result.stderr) == (2, True)


def test_a_denied_job_names_its_permissions(able, monkeypatch):
    original = BaseClient._make_api_call

    def denied(self, operation, parameters):
        if operation == "CreateJob":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", denied)
        result = make(able, code=1)
    assert "s3:CreateJob, and iam:PassRole" in result.stderr
