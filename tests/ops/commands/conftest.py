"""A stack on a server of its own, for programs that run in a process of their own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"


def client(service: str, url: str) -> Any:
    make: Any = boto3.client
    return make(
        service, endpoint_url=url, region_name=REGION,
        aws_access_key_id="x", aws_secret_access_key="x",
    )  # fmt: skip


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    # The names hold the port, since what moto stores outlives its server: a worker may run the
    # module's tests in two parts, and sets up a second stack.
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url, prefix = f"http://{host}:{port}", f"ops-program-{port}"
        s3, sqs = client("s3", url), client("sqs", url)
        names = {name: f"{prefix}-{name}" for name in ("raw", "processed", "archive")}
        for bucket in names.values():
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        s3.put_bucket_versioning(Bucket=names["raw"], VersioningConfiguration={"Status": "Enabled"})
        work = sqs.create_queue(QueueName=f"{prefix}-files")["QueueUrl"]
        function = f"arn:aws:lambda:{REGION}:123456789012:function:{prefix}"
        _poll(url, f"{prefix}-processor", f"arn:aws:sqs:{REGION}:123456789012:{prefix}-files")
        found = {
            **{f"{name}_bucket_name": bucket for name, bucket in names.items()},
            "data_processor_lambda_arn": f"{function}-processor",
            "data_archiver_lambda_arn": f"{function}-archiver",
            "processing_queue_url": work,
            "dlq_url": sqs.create_queue(QueueName=f"{prefix}-dlq")["QueueUrl"],
            "endpoint_url": url,
            "region": REGION,
        }
        file = tmp_path_factory.mktemp("stack") / "outputs.json"
        file.write_text(json.dumps(found))
        yield file
    finally:
        server.stop()


def _poll(url: str, name: str, queue: str) -> None:
    """Make a function, and the mapping that has it poll a queue: `status` asks for it."""
    role = client("iam", url).create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]
    functions = client("lambda", url)
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="handlers.data_processor.handler",
        Role=role["Arn"],
        Code={"ZipFile": b"PK\x05\x06" + bytes(18)},
    )
    functions.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
