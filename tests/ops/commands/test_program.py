"""`python -m ops` as a program, over HTTP, against a local pipeline and without credentials."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

import ops
from tests.ops.commands.conftest import REGION

ROOT = Path(ops.__file__).parents[1]


def run(*words: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    variables = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    variables |= {"PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true", **more}
    return subprocess.run(
        [sys.executable, "-m", "ops", *words],
        cwd=folder,
        env=variables,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_a_file_is_uploaded_and_counted(outputs, tmp_path):
    (tmp_path / "a.json").write_text("{}")
    uploaded = run("upload", "a.json", "--outputs", str(outputs), folder=tmp_path)
    assert (uploaded.returncode, uploaded.stderr) == (0, "")
    assert uploaded.stdout.split()[1] == "incoming/a.json"
    status = run("status", "--outputs", str(outputs), "--json", folder=tmp_path)
    assert status.returncode == 0, status.stderr
    assert json.loads(status.stdout)["incoming"]["objects"] == 1


def test_wrong_usage_is_2_and_says_what_is_allowed(outputs, tmp_path):
    result = run("redrive", "--outputs", str(outputs), folder=tmp_path)
    assert result.returncode == 2
    assert "--all alone" in result.stderr


@pytest.mark.parametrize(
    "locale", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}]
)
def test_json_is_utf_8_and_tables_are_printable_in_any_locale(outputs, tmp_path, locale):
    stack = json.loads(outputs.read_text())
    sqs = boto3.client(
        "sqs", endpoint_url=stack["endpoint_url"], region_name=REGION,
        aws_access_key_id="x", aws_secret_access_key="x",
    )  # fmt: skip
    url = sqs.create_queue(QueueName=f"locale-{len(locale)}")["QueueUrl"]
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({**stack, "dlq_url": url}))
    key = "incoming/größe 日本\u202e\u0085.csv"
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"key": key}))
    sqs.send_message(QueueUrl=url, MessageBody="schön \u202e", MessageAttributes={
        "reason": {"DataType": "String", "StringValue": "\u2066 ü"},
    })  # fmt: skip

    told = run("failures", "--json", "--outputs", str(file), folder=tmp_path, **locale)
    assert told.returncode == 0, told.stderr
    assert [one["key"] for one in json.loads(told.stdout)] == [key, None]
    assert "größe 日本\\u202e\\u0085.csv" in told.stdout
    assert all(char.isprintable() or char == "\n" for char in told.stdout)

    shown = run("failures", "--outputs", str(file), folder=tmp_path, **locale)
    assert shown.returncode == 0, shown.stderr
    assert "\\u202e" in shown.stdout
    assert all(char.isprintable() or char == "\n" for char in shown.stdout)
    assert shown.stdout.isascii() == ("PYTHONIOENCODING" in locale)
