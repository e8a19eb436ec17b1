"""`python -m local serve`: the pipeline as a program, for boto3, the AWS CLI and `ops`."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from handlers import __version__
from local.commands import serving as servers
from local.commands import stack_outputs
from local.commands.parser import app
from ops.commands.app import app as ops
from ops.dead_letters import queue_contents
from tests.local import stored_outputs as stack
from tests.local.served import Served, serving

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[3]
OUTPUTS = stack.OUTPUTS | {"endpoint_url", "region"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    words = ("--stack", "prod", "--config", "batchWindowSeconds=0", "--config", "archiveDays=120")
    with serving(tmp_path_factory.mktemp("served"), *words) as started:
        yield started
        upload(started, tmp_path_factory.mktemp("last"), "last.json", b"{}")
        started.end(signal.SIGTERM)


def upload(served: Served, folder: Path, name: str, body: bytes) -> Result:
    (folder / name).write_bytes(body)
    return served.ops("upload", folder / name, "--prefix", folder.name, "--wait", "--timeout", 60)


def test_the_file_holds_every_output_and_where_to_go(served: Served) -> None:
    assert set(served.outputs) == OUTPUTS
    assert all(served.outputs.values())
    assert served.outputs["endpoint_url"].startswith("http://127.0.0.1:")
    assert served.outputs["data_processor_lambda_arn"].split(":")[3] == served.outputs["region"]
    assert "-prod-" in served.outputs["raw_bucket_name"]
    lines = served.stderr.read_text().splitlines()
    raw = f"s3://{served.outputs['raw_bucket_name']}/incoming/"
    assert f"  aws --endpoint-url {served.outputs['endpoint_url']} s3 cp FILE {raw}" in lines


def test_the_settings_are_the_stacks_and_those_that_are_given(served: Served) -> None:
    functions = served.client("lambda")

    def variables(output: str) -> dict[str, str]:
        name = served.outputs[output]
        return functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    assert variables("data_processor_lambda_arn")["ENVIRONMENT"] == "prod"
    assert variables("data_archiver_lambda_arn")["ARCHIVE_DAYS"] == "120"


def test_boto3_puts_a_file_and_gets_its_records(served: Served) -> None:
    s3, outputs = served.client("s3"), served.outputs
    s3.put_object(Bucket=outputs["raw_bucket_name"], Key="incoming/boto3.json", Body=b'{"A B":1}')
    end = time.monotonic() + 30
    found: list[str] = []
    while not found and time.monotonic() < end:
        time.sleep(0.2)
        page = s3.list_objects_v2(Bucket=outputs["processed_bucket_name"], Prefix="processed/")
        found = [one["Key"] for one in page.get("Contents", []) if "boto3" in one["Key"]]
    body = s3.get_object(Bucket=outputs["processed_bucket_name"], Key=found[0])["Body"].read()
    assert body.startswith(b'{"a_b":1,"_metadata":')


def test_ops_follows_a_file_to_its_output(served: Served, tmp_path: Path) -> None:
    result = upload(served, tmp_path, "größe 1+2.csv", b"A,B\n1,2\n")
    assert result.exit_code == 0, result.output
    assert "1 in, 1 out" in result.stdout
    state = json.loads(served.ops("status", "--json").stdout)
    assert state["processed_today"]["objects"] >= 1


def test_ops_lists_a_failure_and_sends_it_back(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where `discard` keeps a copy
    monkeypatch.setattr(queue_contents, "POLL_SECONDS", 0)
    result = upload(served, tmp_path, "broken.json", b'[{"n":1},')
    assert result.exit_code == 1
    key = f"incoming/{tmp_path.name}/broken.json"
    (before,) = json.loads(served.ops("failures", "--json").stdout)
    assert (before["key"], before["place"]) == (key, "row 2")
    alarms: list[str] = []
    end = time.monotonic() + 30
    # The failed file and its message in the queue are measured one after the other.
    expected = ("-files-failed-", "-dead-letters-")
    while time.monotonic() < end and not all(any(it in name for name in alarms) for it in expected):
        time.sleep(0.5)
        status = served.ops("status", "--json", "--quick")
        alarms = json.loads(status.stdout)["alarms"]
    assert status.exit_code == 1
    assert all(any(it in name for name in alarms) for it in expected), alarms
    assert not [name for name in alarms if "archiver" in name or "oldest" in name]

    sent = served.ops("redrive", "--key", key, "--yes")
    assert sent.exit_code == 0, sent.output
    end = time.monotonic() + 30
    after: list[dict[str, Any]] = []
    while not after and time.monotonic() < end:
        time.sleep(0.5)
        after = json.loads(served.ops("failures", "--json").stdout)
    assert [(one["key"], one["version"]) for one in after] == [(key, before["version"])]
    assert after[0]["message_id"] != before["message_id"]
    assert served.ops("discard", "--all", "--yes").exit_code == 0


def test_ops_runs_as_a_program_and_the_archiver_answers(served: Served) -> None:
    words = ["archive-now", "--wait", "--outputs", str(served.file)]
    done = subprocess.run(
        [sys.executable, "-m", "ops", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert dict(line.split() for line in done.stdout.splitlines())["complete"] == "True"


def test_a_signal_while_it_works_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, "--config", "processingQueue=false") as started:
        for number in range(3):
            started.client("s3").put_object(
                Bucket=started.outputs["raw_bucket_name"], Key=f"incoming/{number}.json", Body=b"{}"
            )
        end = time.monotonic() + 30
        while not started.functions() and time.monotonic() < end:
            time.sleep(0.05)
        started.end(signal.SIGINT)


def serve(*words: str) -> Result:
    return CliRunner().invoke(app, ["serve", "--port", "0", *words])


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = serve("--port", str(port), "--outputs", str(file))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: port {port} of 127.0.0.1 cannot be had")
    assert not file.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--stack", "prodd"], "stack is 'prodd', allowed: dev, prod"),
        (["--config", "retentionDay=7"], "retentionDay is not a setting, allowed: "),
        (
            ["--config", "retentionDays=week"],
            "retentionDays is 'week', allowed: a whole number of days",
        ),
        (["--config", "retentionDays=0"], "retentionDays is '0', allowed: a whole number of days"),
        (["--config", "expirationDays=1"], "expirationDays is 1"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(words: list[str], said: str) -> None:
    result = serve(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_all_wrong_settings_are_told_together() -> None:
    words = ["--config", "maxAttempts=0", "--config", "batchSize=0", "--config", "retentionDays=0"]
    result = serve(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: the configuration of stack 'dev' has 3 problem(s)")
    assert all(word.partition("=")[0] in result.stderr for word in words[1::2])


@pytest.mark.parametrize("word", ["retentionDays", "=7"])
def test_a_setting_without_key_or_value_is_wrong_usage(word: str) -> None:
    result = serve("--config", word)
    assert result.exit_code == 2
    assert "KEY=VALUE" in result.stderr


def test_a_place_that_takes_no_file_is_told_before_anything_is_deployed(tmp_path: Path) -> None:
    file = tmp_path / "missing" / "outputs.json"
    result = serve("--outputs", str(file))
    assert result.exit_code == 2
    assert result.stderr == f"error: {file}: No such file or directory\n"


def test_the_file_of_one_that_runs_stays_whatever_becomes_of_a_second(
    served: Served,
) -> None:
    before = served.file.read_bytes()
    port = served.outputs["endpoint_url"].rpartition(":")[2]
    taken = serve("--port", port, "--outputs", str(served.file))
    assert taken.exit_code == 1
    assert taken.stderr.startswith(f"error: port {port} of 127.0.0.1 cannot be had")
    other = serve("--outputs", str(served.file))
    assert other.exit_code == 1
    where = served.outputs["endpoint_url"]
    assert other.stderr.startswith(f"error: {served.file} is the file of what runs at {where}")
    assert serve("--config", "retentionDays=0", "--outputs", str(served.file)).exit_code == 1
    assert served.file.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "", "of an earlier run", "[" * 100_000, "{}", "7", '{"endpoint_url": 7}',
        '{"endpoint_url": "http://127.0.0.1:x"}', '{"endpoint_url": "http://127.0.0.1:9"}',
    ],
)  # fmt: skip
def test_the_file_of_an_earlier_run_goes(tmp_path: Path, text: str) -> None:
    file = tmp_path / "outputs.json"
    file.write_text(text)
    stack_outputs.clear(file)
    assert not file.exists()


def test_a_file_that_somebody_put_in_its_place_stays(tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    with (
        stack_outputs.published(file, {"endpoint_url": "a"}),
        stack_outputs.published(file, {"b": "c"}),
    ):
        assert json.loads(file.read_text()) == {"b": "c"}
    assert not file.exists()
    with stack_outputs.published(file, {"endpoint_url": "a"}):
        file.write_text("another's")
    assert file.read_text() == "another's"


class Deployed:
    """A stack that is deployed at once."""

    def __init__(self, **_: object) -> None:
        self.account = SimpleNamespace(check_port=lambda: None, endpoint_url="http://127.0.0.1:1")
        self.outputs = {"raw_bucket_name": "raw", "endpoint_url": "http://127.0.0.1:1"}

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


class Screen(io.StringIO):
    """What is printed, and whether the file was there at each line of it."""

    def __init__(self, file: Path, at_line: Callable[[str], None]) -> None:
        super().__init__()
        self.file, self.at_line = file, at_line
        self.seen: dict[str, bool] = {}

    def write(self, text: str) -> int:
        self.seen[text] = self.file.exists()
        self.at_line(text)
        return super().write(text)


def served_at_once(
    file: Path, monkeypatch: pytest.MonkeyPatch, at_line: Callable[[str], None]
) -> Screen:
    monkeypatch.setattr(servers, "LocalPipeline", Deployed)
    monkeypatch.setattr(servers, "AlarmWatch", lambda *_: nullcontext())
    screen = Screen(file, at_line)
    servers.serve(Console(file=screen), stack="dev", config={}, port=0, file=file)
    return screen


def test_who_sees_the_file_finds_all_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "outputs.json"
    end = threading.Thread(target=end_when, args=(file.exists,))
    end.start()
    screen = served_at_once(file, monkeypatch, lambda _: None)
    end.join()
    told = {text: seen for text, seen in screen.seen.items() if "s3 cp" in text or "Ready" in text}
    assert list(told.values()) == [False, False]
    assert not file.exists()


def end_when(ready: Callable[[], bool]) -> None:
    while not ready():
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("moment", ["Ready on", "s3 cp", "ops status"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_the_moment_of_readiness_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, number: signal.Signals
) -> None:
    def signalled(text: str) -> None:
        if moment in text:
            os.kill(os.getpid(), number)

    file = tmp_path / "outputs.json"
    screen = served_at_once(file, monkeypatch, signalled)
    assert screen.getvalue().endswith("Stopping …\n")
    assert not file.exists()


def test_a_signal_while_it_deploys_ends_it_before_anything_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deploy(_self: Deployed) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Deployed, "__enter__", deploy)
    file = tmp_path / "outputs.json"
    screen = served_at_once(file, monkeypatch, lambda _: None)
    assert "Ready" not in screen.getvalue()
    assert not file.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["serve", "--port", "x"],
        ["serve", "--port", "70000"],
        ["serve", "--none"],
        ["serve", "more"],
        ["demo", "more"],
        ["none"],
    ],
)
def test_wrong_usage_is_2(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2


@pytest.mark.parametrize(("program", "package"), [(app, "local"), (ops, "ops")])
def test_both_programs_have_a_version_and_one_look(program: typer.Typer, package: str) -> None:
    told = CliRunner().invoke(program, ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"s3-data-pipeline {__version__}\n")
    name = f"python -m {package}"
    shown = subprocess.run(
        [sys.executable, "-m", package, "-h"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert shown.startswith(f"Usage: {name} [OPTIONS] COMMAND [ARGS]...\n")
    assert "Exit codes: 0 all well" in shown
    assert shown.isascii()  # no boxes
    readme = (ROOT / "README.md").read_text()
    assert f"{name} " in readme
    assert not re.search(rf"(?<!-m )\b{package} (?:status|transform|serve)\b", readme)
