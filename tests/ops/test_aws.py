"""Clients for a deployed stack and a local one, and AWS's errors in plain words."""

import ast
from functools import cached_property
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import ClientError, NoCredentialsError

import ops
from ops import aws
from ops.stack import Stack


def stack(**more: str) -> Stack:
    arn = "arn:aws:lambda:eu-west-3:123456789012:function:name"
    return Stack(
        raw_bucket_name="raw",
        processed_bucket_name="processed",
        archive_bucket_name="archive",
        data_processor_lambda_arn=arn,
        data_archiver_lambda_arn=arn,
        processing_queue_url="https://files",
        dlq_url="https://dlq",
        region="eu-west-3",
        **more,
    )


def refused(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def call(*_: object) -> None:
        raise error

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


def answer(code: str, message: str = "", operation: str = "ReceiveMessage") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def test_a_local_stack_has_its_endpoint_and_stand_in_credentials(monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    account = aws.connect(stack(endpoint_url="http://127.0.0.1:5000"))
    for client in (account.s3, account.sqs, account.functions, account.cloudwatch, account.logs):
        assert client.meta.endpoint_url == "http://127.0.0.1:5000"
        assert client.meta.region_name == "eu-west-3"
    assert account.session.get_credentials().access_key == "local"
    assert account.s3.meta.config.s3["addressing_style"] == "path"


def test_a_deployed_stack_has_its_region_and_the_operators_credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "operator")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    account = aws.connect(stack())
    assert account.sqs.meta.endpoint_url == "https://sqs.eu-west-3.amazonaws.com"
    assert account.session.get_credentials().access_key == "operator"


def test_a_direct_call_waits_as_long_as_lambda_does_and_is_made_once():
    config = aws.connect(stack()).functions.meta.config
    assert config.read_timeout > 900
    assert config.retries["total_max_attempts"] == 1


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Access Denied", "sqs:ReceiveMessage"),
        (
            (
                "User: arn:aws:iam::1:user/x is not authorized to perform: sqs:receivemessage on"
                " resource: arn:aws:sqs:eu-west-3:1:dlq because no identity-based policy allows it"
            ),
            "sqs:receivemessage on arn:aws:sqs:eu-west-3:1:dlq",
        ),
    ],
)
def test_a_denied_call_names_the_permission(pipeline, monkeypatch, message, said):
    refused(monkeypatch, answer("AccessDenied", message))
    result = pipeline.run("failures")
    assert result.exit_code == 1
    assert f"needs the permission {said};" in result.stderr
    assert "aws sts get-caller-identity" in result.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoCredentialsError(), "no AWS credentials"),
        (answer("ExpiredToken", "expired"), "aws sso login"),
        (answer("QueueDoesNotExist", "no such queue"), "old outputs file"),
        (answer("InternalError", "try later"), "ReceiveMessage failed: InternalError: try later"),
        (answer("400", "Bad Request", "HeadObject"), "400 without a reason, mostly an expired"),
    ],
)
def test_every_error_is_one_sentence_and_exit_code_1(pipeline, monkeypatch, error, said):
    refused(monkeypatch, error)
    result = pipeline.run("failures")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_local_pipeline_that_does_not_run_is_named():
    account = aws.connect(stack(endpoint_url="http://127.0.0.1:9"))
    with pytest.raises(aws.AwsError) as caught:
        account.functions.get_function(FunctionName="x")
    assert "python -m local serve" in aws.explain(caught.value)


def test_a_refused_upload_is_explained_by_its_cause(pipeline, monkeypatch, tmp_path):
    (tmp_path / "a.json").write_text("{}")
    refused(monkeypatch, answer("AccessDenied", "Access Denied", "PutObject"))
    result = pipeline.run("upload", "a.json")
    assert result.exit_code == 1
    assert "PutObject needs the permission s3:PutObject;" in result.stderr


def test_wrong_usage_and_outputs_that_are_not_there_exit_with_2(pipeline, tmp_path):
    assert pipeline.run("status", "--nonsense").exit_code == 2
    assert pipeline.run("nonsense").exit_code == 2
    result = pipeline.run("status", "--outputs", str(tmp_path / "gone.json"))
    assert result.exit_code == 2
    assert "gone.json" in result.stderr


def test_the_permission_of_every_operation_is_known():
    """Each method that ops calls on a client is in the table from which denials are explained."""
    called = {method for module in modules() for method in client_calls(ast.parse(module))}
    assert {"receive_message", "copy_object", "invoke", "list_objects_v2"} <= called
    known = {xform_name(operation) for operation in aws.ACTIONS}
    managed = {"upload_file", "download_file"}  # they call put_object or upload_part, or get_object
    free = {"get_caller_identity"}  # it needs no permission
    lambdas_own = {"decrypt"}  # for the caller, of a function's environment
    assert called - managed - free == known - lambdas_own


def modules() -> list[str]:
    return [file.read_text() for file in Path(ops.__file__).parent.rglob("*.py")]


def client_calls(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    names = [name for name, it in vars(aws.Account).items() if isinstance(it, cached_property)]
    clients = [[owner, name] for owner in ("account", "_account") for name in names]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = ast.unparse(node.func.value)
        # `functions` and `logs` alone are modules of ops, not clients.
        if (
            owner in {"s3", "scheduler", "cloudwatch", "self._sqs"}
            or owner.split(".")[-2:] in clients
        ):
            paged = node.func.attr == "get_paginator"
            found.add(ast.literal_eval(node.args[0]) if paged else node.func.attr)
    return found
