"""Rules of S3 Batch Operations, which moto does not have."""

import json

from .table import ACCOUNT, refused, semantic

CREATE = "botocore s3control CreateJob, API_control_CreateJob.html"
STATUS = "botocore s3control UpdateJobStatus, batch-ops-job-status.html"
ROLE = "batch-ops-iam-role-policies.html"
MANIFEST = "batch-ops-create-job.html#specify-batchjob-manifest"


def _without_account(request, **_):
    scheme, _, rest = request.url.partition("://")
    request.url = f"{scheme}://{rest.partition('.')[2]}"


def control(aws):
    made = aws.client("s3control")
    if aws.endpoint:  # an account's id before an IP address leads nowhere
        made.meta.events.register("before-sign.s3-control", _without_account)
    return made


def role(aws, service="batchoperations.s3.amazonaws.com"):
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": service}}]}
    name = f"role-of-{service}"
    made = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return made["Role"]["Arn"]


def request(role_arn, **changes):
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:processor"
    where = {"ObjectArn": "arn:aws:s3:::bucket/manifest.csv", "ETag": "0" * 32}
    spec = {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key", "VersionId"]}
    usual = {
        "AccountId": ACCOUNT,
        "ConfirmationRequired": False,
        "Operation": {"LambdaInvoke": {"FunctionArn": function}},
        "Report": {"Enabled": False},
        "ClientRequestToken": "token",
        "Manifest": {"Spec": spec, "Location": where},
        "Priority": 1,
        "RoleArn": role_arn,
    }
    return {**usual, **changes}


@semantic("one-job-for-a-token", f"{CREATE} ClientRequestToken")
def _(aws):
    client, arn = control(aws), role(aws)
    first = client.create_job(**request(arn))["JobId"]
    assert client.create_job(**request(arn))["JobId"] == first
    assert client.create_job(**request(arn, ClientRequestToken="other"))["JobId"] != first
    with refused("IdempotencyException"):
        client.create_job(**request(arn, Priority=2))


@semantic("a-jobs-role-is-for-the-service", ROLE)
def _(aws):
    client = control(aws)
    with refused("BadRequestException"):
        client.create_job(**request(role(aws, "lambda.amazonaws.com")))
    with refused("BadRequestException"):
        client.create_job(**request(f"arn:aws:iam::{ACCOUNT}:role/none"))


@semantic("a-jobs-manifest-is-not-encrypted-with-kms", MANIFEST)
def _(aws):
    client, s3, arn = control(aws), aws.client("s3"), role(aws)
    s3.create_bucket(Bucket="bucket")
    where = {"Bucket": "bucket", "Key": "manifest.csv"}
    s3.put_object(**where, Body=b"bucket,key,version", ServerSideEncryption="aws:kms")
    with refused("BadRequestException"):
        client.create_job(**request(arn))
    s3.put_object(**where, Body=b"bucket,key,version", ServerSideEncryption="AES256")
    assert client.create_job(**request(arn))["JobId"]


@semantic("a-report-that-is-wanted-has-a-place", f"{CREATE} Report, API_control_JobReport.html")
def _(aws):
    with refused("BadRequestException"):
        control(aws).create_job(**request(role(aws), Report={"Enabled": True}))


@semantic("a-job-waits-for-its-confirmation", STATUS)
def _(aws):
    client = control(aws)
    job = client.create_job(**request(role(aws), ConfirmationRequired=True))["JobId"]
    named = {"AccountId": ACCOUNT, "JobId": job}
    assert client.describe_job(**named)["Job"]["Status"] == "Suspended"
    client.update_job_status(**named, RequestedJobStatus="Ready")
    assert client.describe_job(**named)["Job"]["Status"] != "Suspended"


@semantic("a-job-that-has-ended-stays-as-it-is", STATUS)
def _(aws):
    client = control(aws)
    job = client.create_job(**request(role(aws)))["JobId"]
    named = {"AccountId": ACCOUNT, "JobId": job}
    client.update_job_status(**named, RequestedJobStatus="Cancelled")
    assert client.describe_job(**named)["Job"]["Status"] == "Cancelled"
    with refused("JobStatusException"):
        client.update_job_status(**named, RequestedJobStatus="Cancelled")
    with refused("NotFoundException"):
        client.update_job_status(**{**named, "JobId": "none-of-it"}, RequestedJobStatus="Ready")
