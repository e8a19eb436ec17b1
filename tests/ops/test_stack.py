"""Where the outputs of a stack come from, and what is said when they do not."""

import json
import sys
from pathlib import Path

import pytest

from ops import stack
from ops.stack import Stack
from ops.terminal.problems import UsageError

OUTPUTS = {
    "raw_bucket_name": "raw",
    "processed_bucket_name": "processed",
    "archive_bucket_name": "archive",
    "data_processor_lambda_arn": "arn:aws:lambda:eu-west-3:123456789012:function:processor-1",
    "data_archiver_lambda_arn": "arn:aws:lambda:eu-west-3:123456789012:function:archiver-1",
    "processing_queue_url": "https://sqs.eu-west-3.amazonaws.com/123456789012/files",
    "dlq_url": "https://sqs.eu-west-3.amazonaws.com/123456789012/dlq",
}


def written(folder: Path, name: str = "outputs.json", **changes: object) -> Path:
    file = folder / name
    file.write_text(json.dumps({**OUTPUTS, **changes}))
    return file


def test_the_region_is_that_of_the_functions(tmp_path):
    found = stack.find(None, written(tmp_path), {})
    assert found.region == "eu-west-3"
    assert stack.function_name(found.data_processor_lambda_arn) == "processor-1"
    assert found.endpoint_url is None


def test_a_functions_name_is_in_the_arn_of_its_alias_too(tmp_path):
    arn = f"{OUTPUTS['data_processor_lambda_arn']}:newest-1a2b3c4"
    found = stack.find(None, written(tmp_path, data_processor_lambda_arn=arn), {})
    assert found.region == "eu-west-3"
    assert stack.function_name(found.data_processor_lambda_arn) == "processor-1"


def test_the_local_pipelines_file_brings_endpoint_and_region(tmp_path):
    file = written(tmp_path, endpoint_url="http://127.0.0.1:5000", region="us-east-1")
    found = stack.find(None, file, {})
    assert (found.endpoint_url, found.region) == ("http://127.0.0.1:5000", "us-east-1")


def test_the_environment_names_the_file_and_an_option_goes_before_it(tmp_path):
    variables = {"S3_DATA_PIPELINE_OUTPUTS": str(written(tmp_path, raw_bucket_name="variable"))}
    assert stack.find(None, None, variables).raw_bucket_name == "variable"
    option = written(tmp_path, "option.json", raw_bucket_name="option")
    assert stack.find(None, option, variables).raw_bucket_name == "option"


def test_every_missing_output_is_named():
    outputs = {name: text for name, text in OUTPUTS.items() if "bucket" not in name}
    urls = ("processing_queue_url", "dlq_url")
    with pytest.raises(UsageError) as caught:
        Stack.from_outputs({**outputs, **dict.fromkeys(urls)}, origin="stack dev")
    for name in ("raw_bucket_name", "processed_bucket_name", "archive_bucket_name", *urls):
        assert name in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "null"])
def test_what_is_no_object_of_outputs_is_refused(tmp_path, text):
    file = tmp_path / "outputs.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="JSON"):
        stack.find(None, file, {})


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"gone\.json"):
        stack.find(None, tmp_path / "gone.json", {})


def test_a_function_that_is_no_arn_is_refused(tmp_path):
    with pytest.raises(UsageError, match="processor-1"):
        stack.find(None, written(tmp_path, data_processor_lambda_arn="processor-1"), {})


def test_both_options_are_refused(tmp_path):
    with pytest.raises(UsageError, match="exclude each other"):
        stack.find("dev", written(tmp_path), {})


def pulumi(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Put a `pulumi` that runs a Python program first on the path."""
    file = folder / "pulumi"
    file.write_text(f"#!{sys.executable}\nimport json, os, sys\n{program}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_names_and_arns_are_derived_from_the_outputs():
    function = "arn:aws-cn:lambda:cn-north-1:111122223333:function:p-dev-data-processor-1a2b3c4"
    found = Stack.from_outputs(
        {**OUTPUTS, "data_processor_lambda_arn": f"{function}:newest-7654321"}, origin="test"
    )
    assert (found.partition, found.account_id, found.name_prefix) == (
        "aws-cn",
        "111122223333",
        "p-dev-",
    )
    assert stack.function_arn(found.data_processor_lambda_arn) == function
    assert found.bucket_arn("b") == "arn:aws-cn:s3:::b"
    assert found.queue_arn("https://sqs/1/q") == f"arn:aws-cn:sqs:{found.region}:111122223333:q"


def test_pulumi_is_asked_for_the_named_stack_in_the_projects_folder(tmp_path, monkeypatch):
    answer = {**OUTPUTS, "processing_queue_url": "https://queue"}
    record = tmp_path / "asked.json"
    pulumi(
        tmp_path,
        monkeypatch,
        f"json.dump([sys.argv[1:], os.getcwd()], open({str(record)!r}, 'w'))\n"
        f"print({json.dumps(answer)!r})",
    )
    assert stack.find("prod", None, {}).processing_queue_url == "https://queue"
    words, folder = json.loads(record.read_text())
    assert words == ["stack", "output", "--json", "--stack", "prod"]
    assert Path(folder) == Path(stack.__file__).parents[1]
    stack.find(None, None, {})
    assert json.loads(record.read_text())[0] == ["stack", "output", "--json"]


def test_the_installed_program_asks_pulumi_in_the_current_folder(tmp_path, monkeypatch):
    record = tmp_path / "asked"
    pulumi(
        tmp_path,
        monkeypatch,
        f"open({str(record)!r}, 'w').write(os.getcwd())\nprint({json.dumps(OUTPUTS)!r})",
    )
    monkeypatch.setattr(stack, "_CHECKOUT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    assert stack.find("prod", None, {}).raw_bucket_name == "raw"
    assert Path(record.read_text()) == tmp_path.resolve()


def test_what_pulumi_complains_of_is_passed_on(tmp_path, monkeypatch):
    pulumi(tmp_path, monkeypatch, "sys.exit(\"error: no stack named 'prod' found\")")
    with pytest.raises(UsageError, match="no stack named 'prod' found"):
        stack.find("prod", None, {})


def test_without_pulumi_the_other_ways_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="--outputs FILE"):
        stack.find(None, None, {})
