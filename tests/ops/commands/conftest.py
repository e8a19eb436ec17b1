"""A stack on a server of its own, for programs that run in a process of their own."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        stand_in = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        s3 = boto3.client("s3", endpoint_url=url, region_name=REGION, **stand_in)
        sqs = boto3.client("sqs", endpoint_url=url, region_name=REGION, **stand_in)
        names = {name: f"ops-program-{name}" for name in ("raw", "processed", "archive")}
        for bucket in names.values():
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        s3.put_bucket_versioning(Bucket=names["raw"], VersioningConfiguration={"Status": "Enabled"})
        arn = f"arn:aws:lambda:{REGION}:123456789012:function"
        found = {
            **{f"{name}_bucket_name": bucket for name, bucket in names.items()},
            "data_processor_lambda_arn": f"{arn}:processor",
            "data_archiver_lambda_arn": f"{arn}:archiver",
            "processing_queue_url": sqs.create_queue(QueueName="ops-program-files")["QueueUrl"],
            "dlq_url": sqs.create_queue(QueueName="ops-program-dlq")["QueueUrl"],
            "endpoint_url": url,
            "region": REGION,
        }
        file = tmp_path_factory.mktemp("stack") / "outputs.json"
        file.write_text(json.dumps(found))
        yield file
    finally:
        server.stop()
