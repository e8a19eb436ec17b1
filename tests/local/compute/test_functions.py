import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

import local.compute.sandbox
from local.compute import runtime_client
from local.compute.functions import LocalFunction
from local.compute.runtime_api import Answered, Failed, Ready, Request, RuntimeApi
from local.compute.sandbox import Credentials

PROBE = """
    import importlib.util, json, os, signal, subprocess, sys, threading, time
    from pathlib import Path

    calls = 0
    threads = sorted(thread.name for thread in threading.enumerate())

    def echo(event, context):
        global calls
        calls += 1
        print("echo", json.dumps(event))
        return {"event": event, "calls": calls, "pid": os.getpid(), "id": context.aws_request_id}

    def surroundings(event, context):
        return {
            "environment": dict(os.environ),
            "cwd": os.getcwd(),
            "path": sys.path,
            "found": {
                name: getattr(importlib.util.find_spec(name), "origin", None)
                for name in event["modules"]
            },
            "context": {
                "name": context.function_name,
                "version": context.function_version,
                "arn": context.invoked_function_arn,
                "memory": context.memory_limit_in_mb,
                "remaining": context.get_remaining_time_in_millis(),
            },
        }

    def misbehave(event, context):
        match event["how"]:
            case "raise": raise LookupError("no such thing: Grün")
            case "sleep": time.sleep(60)
            case "spin":
                while True: pass
            case "exit": os._exit(event["status"])
            case "kill": os.kill(os.getpid(), signal.SIGKILL)
            case "unserialisable": return object()
            case "large": return "x" * 7_000_000
            case "allocate": return len(bytearray(event["bytes"]))
            case "child":
                child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
                Path(event["file"]).write_text(str(child.pid))
                time.sleep(60)
        return "well"

    def rest(event, context):
        time.sleep(event)
        return os.getpid()

    def endpoint(event, context):
        import boto3
        return boto3.client("sqs").meta.endpoint_url
"""
BROKEN = "import a_module_that_nobody_has\n"
EXITS = "import os\nos._exit(3)\n"
SLOW = "import time\ntime.sleep(30)\n"


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "probe.py").write_text(textwrap.dedent(PROBE))
    (folder / "broken.py").write_text(BROKEN)
    (folder / "exits.py").write_text(EXITS)
    (folder / "slow.py").write_text(SLOW)
    return folder


@pytest.fixture
def function(archive):
    functions = []

    def make(handler="probe.echo", **changes):
        settings = {
            "name": "probe",
            "archive": archive,
            "handler": handler,
            "timeout_seconds": 20,
            "memory_mb": 512,
            "environment": {},
            "endpoint_url": "http://127.0.0.1:9",
        }
        functions.append(LocalFunction(**settings | changes))
        return functions[-1]

    yield make
    for each in functions:
        each.close()


def test_an_answer_comes_back_and_a_warm_process_serves_on(function):
    echo = function()
    first = echo.invoke({"n": 1, "text": "Grün"}, request_id="id-1")
    second = echo.invoke([None, 1.5])
    assert first.payload == {
        "event": {"n": 1, "text": "Grün"},
        "calls": 1,
        "pid": second.payload["pid"],
        "id": "id-1",
    }
    assert second.payload["event"] == [None, 1.5]
    assert second.payload["calls"] == 2
    assert second.payload["id"] == second.request_id != "id-1"
    assert (first.failure, first.timed_out, first.crashed) == (None, False, False)
    assert echo.processes_started == 1


def test_a_zip_file_runs_as_its_folder_does(function, archive, tmp_path):
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.write(archive / "probe.py", "inner/probe.py")
    assert function("inner.probe.echo", archive=path).invoke(7).payload["event"] == 7


def test_a_folder_stays_as_it_was(function, archive):
    before = {path: path.read_bytes() for path in archive.rglob("*")}
    function().invoke(1)
    assert {path: path.read_bytes() for path in archive.rglob("*")} == before


@pytest.mark.parametrize("content", [None, "not a zip"])
def test_another_archive_is_refused(function, tmp_path, content):
    wrong = tmp_path / "wrong"
    if content:
        wrong.write_text(content)
    with pytest.raises(ValueError, match=r"wrong, allowed: a zip file or a folder"):
        function(archive=wrong)


def test_the_process_has_what_lambda_has_and_nothing_else(function, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    modules = ["probe", "boto3", "awslambdaric", "orjson", "moto", "handlers", "local", "pulumi"]
    made = function(
        "probe.surroundings",
        environment={"STAGE": "dev"},
        region="eu-west-1",
        memory_mb=640,
        credentials=Credentials(access_key_id="AKIA"),
    )
    seen = made.invoke({"modules": modules}).payload
    environment = seen["environment"]
    assert environment["STAGE"] == "dev"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "probe"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "640"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert environment["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/probe"
    assert environment["LAMBDA_TASK_ROOT"] == seen["cwd"] == seen["path"][0]
    assert environment["AWS_ACCESS_KEY_ID"] == "AKIA"
    assert environment["AWS_SESSION_TOKEN"] == "testing"
    assert environment["_HANDLER"] == "probe.surroundings"
    assert Path(environment["HOME"]).parent == Path(seen["cwd"]).parent
    assert not {"SECRET_OF_THE_HOST", "AWS_PROFILE", "PYTHONPATH", "VIRTUAL_ENV"} & set(environment)
    missing = {name for name, origin in seen["found"].items() if origin is None}
    assert missing == {"orjson", "moto", "handlers", "local", "pulumi"}
    assert seen["found"]["probe"] == str(Path(seen["cwd"]) / "probe.py")
    assert not [folder for folder in seen["path"] if "site-packages" in folder]
    context = seen["context"]
    assert (context["name"], context["version"], context["memory"]) == ("probe", "$LATEST", "640")
    assert context["arn"] == "arn:aws:lambda:eu-west-1:123456789012:function:probe"
    assert 15_000 < context["remaining"] <= 20_000


def test_the_archive_hides_what_the_runtime_brings(function, archive):
    (archive / "six.py").write_text("")
    seen = function("probe.surroundings").invoke({"modules": ["six"]}).payload
    assert seen["found"]["six"] == str(Path(seen["cwd"]) / "six.py")


def test_boto3_goes_to_the_endpoint_and_not_to_the_hosts_settings(function, tmp_path, monkeypatch):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[default]\nendpoint_url = http://elsewhere\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert function("probe.endpoint").invoke({}).payload == "http://127.0.0.1:9"


def test_a_reserved_variable_is_refused(function):
    with pytest.raises(ValueError, match="environment of probe sets AWS_REGION, which"):
        function(environment={"AWS_REGION": "x", "MINE": "y"})


def test_an_exception_is_reported_and_the_process_serves_on(function):
    made = function("probe.misbehave")
    failed = made.invoke({"how": "raise"}, request_id="id-9")
    assert failed.payload is None
    assert (failed.failure.type, failed.failure.message) == ("LookupError", "no such thing: Grün")
    assert "in misbehave" in failed.failure.trace[-1]
    assert (failed.timed_out, failed.crashed) == (False, False)
    document = json.loads(failed.body)
    assert document["errorType"] == "LookupError"
    assert document["requestId"] == "id-9"
    assert made.invoke({"how": "well"}).payload == "well"
    assert made.processes_started == 1


@pytest.mark.parametrize("how", ["sleep", "spin"])
def test_the_time_out_kills_the_process_and_the_next_event_gets_a_fresh_one(function, how):
    made = function("probe.misbehave", timeout_seconds=1)
    begun = time.monotonic()
    late = made.invoke({"how": how}, request_id="id-2")
    assert 0.9 < time.monotonic() - begun < 10
    assert late.timed_out
    assert late.failure.type == "Sandbox.Timedout"
    assert late.failure.message == "RequestId: id-2 Error: Task timed out after 1.00 seconds"
    assert made.invoke({"how": "well"}).payload == "well"
    assert made.processes_started == 2


def test_the_time_out_kills_what_the_process_started(function, tmp_path):
    file = tmp_path / "child"
    made = function("probe.misbehave", timeout_seconds=1)
    assert made.invoke({"how": "child", "file": str(file)}).timed_out
    made.close()
    assert gone(int(file.read_text()))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"how": "exit", "status": 0}, "exit status 0"),
        ({"how": "exit", "status": 7}, "exit status 7"),
        ({"how": "kill"}, "signal: killed"),
    ],
)
def test_a_crash_is_reported_and_the_next_event_gets_a_fresh_process(function, event, reason):
    made = function("probe.misbehave")
    crashed = made.invoke(event, request_id="id-3")
    assert crashed.crashed
    assert crashed.failure.type == "Runtime.ExitError"
    assert crashed.failure.message == f"RequestId: id-3 Error: Runtime exited with error: {reason}"
    assert made.invoke({"how": "well"}).payload == "well"
    assert made.processes_started == 2


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("broken.handler", "Runtime.ImportModuleError", "a_module_that_nobody_has"),
        ("probe.absent", "Runtime.HandlerNotFound", "Handler 'absent' missing on module 'probe'"),
        ("exits.handler", "Runtime.ExitError", "exit status 3"),
    ],
)
def test_a_failure_to_initialise_is_reported_each_time(function, handler, kind, message):
    made = function(handler)
    for _ in range(2):
        failed = made.invoke({})
        assert failed.failure.type == kind
        assert message in failed.failure.message
    assert made.processes_started == 2


def test_initialising_for_ever_times_out(function, monkeypatch):
    monkeypatch.setattr("local.compute.instance.INIT_SECONDS", 0.2)
    assert function("slow.handler", timeout_seconds=0.3).invoke({}).timed_out


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"how": "unserialisable"}, "Runtime.MarshalError"),
        ({"how": "large"}, "Function.ResponseSizeTooLarge"),
    ],
)
def test_an_answer_that_lambda_cannot_take_is_a_failure(function, event, kind):
    made = function("probe.misbehave")
    assert made.invoke(event).failure.type == kind
    assert made.invoke({"how": "well"}).payload == "well"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not keep RLIMIT_DATA")
def test_memory_is_limited(function):
    made = function("probe.misbehave", memory_mb=256)
    fits, beyond = (made.invoke({"how": "allocate", "bytes": n << 20}) for n in (128, 256))
    assert fits.payload == 128 << 20
    assert beyond.failure.type == "MemoryError"


def test_calls_at_once_share_no_process_and_keep_the_concurrency(function):
    made = function("probe.rest", concurrency=2)
    with ThreadPoolExecutor(6) as pool:
        pids = list(pool.map(lambda seconds: made.invoke(seconds).payload, [0.3] * 6))
    assert len(set(pids)) == 2
    assert made.processes_started == 2


def test_output_is_kept_and_passed_on(function):
    lines = []
    made = function("probe.echo", on_line=lines.append)
    made.invoke("said")
    made.close()
    assert lines == ['echo "said"']
    assert made.logs == 'echo "said"\n'


def test_only_the_newest_output_is_kept(function, monkeypatch):
    monkeypatch.setattr("local.compute.functions.LOG_CHARACTERS", 30)
    made = function("probe.echo")
    for number in range(5):
        made.invoke(number)
    made.close()
    assert made.logs == "echo 1\necho 2\necho 3\necho 4\n"


def test_close_kills_busy_processes_and_deletes_the_files(function):
    made = function("probe.misbehave")
    results = []
    call = threading.Thread(target=lambda: results.append(made.invoke({"how": "sleep"})))
    call.start()
    wait_until(lambda: made._busy)
    [instance] = made._busy
    folder = Path(made._folder.name)
    time.sleep(0.3)
    made.close()
    made.close()
    call.join(10)
    assert results[0].crashed
    assert gone(instance._process.pid)
    assert not folder.exists()
    with pytest.raises(RuntimeError, match="the function probe is closed"):
        made.invoke({})


def test_kill_ends_what_is_at_work(function):
    made = function("probe.misbehave")
    assert made.invoke({"how": "well"}).payload == "well"
    timer = threading.Timer(0.3, made.kill)
    timer.start()
    assert made.invoke({"how": "sleep"}).failure.message.endswith("signal: killed")
    assert made.invoke({"how": "well"}).payload == "well"


def test_no_process_outlives_its_parent(archive, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent("""
        import sys
        from pathlib import Path
        from local.compute.functions import LocalFunction
        made = LocalFunction(
            name="probe", archive=Path(sys.argv[1]), handler="probe.echo", timeout_seconds=20,
            memory_mb=512, environment={}, endpoint_url="http://127.0.0.1:9",
        )
        print(made.invoke({}).payload["pid"], made._folder.name, flush=True)
        sys.stdin.read()
        """)
    )
    with subprocess.Popen(
        [sys.executable, script, archive],
        env=os.environ | {"PYTHONPATH": str(Path(local.compute.sandbox.__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        pid, folder = parent.stdout.readline().split()
        assert not gone(int(pid), seconds=0)
        parent.send_signal(signal.SIGKILL)
    assert gone(int(pid))
    shutil.rmtree(folder)


def test_the_client_in_python_does_what_the_compiled_one_does(function, monkeypatch):
    link = local.compute.sandbox._link_runtime

    def without_the_extension(folder):
        link(folder)
        for path in folder.glob("runtime_client*"):
            path.unlink()
        (folder / "runtime_client.py").symlink_to(
            Path(local.compute.sandbox.__file__).parent / "runtime_client.py"
        )

    monkeypatch.setattr("local.compute.sandbox._link_runtime", without_the_extension)
    seen = function("probe.surroundings").invoke({"modules": ["runtime_client"]}).payload
    assert seen["found"]["runtime_client"].endswith(".py")
    assert 15_000 < seen["context"]["remaining"] <= 20_000
    made = function("probe.misbehave")
    assert made.invoke({"how": "raise"}).failure.message == "no such thing: Grün"
    assert made.invoke({"how": "well"}).payload == "well"


def test_the_client_in_python_speaks_as_the_api_wants(monkeypatch):
    events = SimpleQueue()
    api = RuntimeApi(events)
    try:
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", api.address)
        api.send(
            Request(request_id="r", body=b"{}", deadline_ms=5, function_arn="arn", trace_id="t")
        )
        body, headers = runtime_client.next()
        runtime_client.post_invocation_result("r", b"[1]", "application/json")
        runtime_client.post_error("r", '{"errorType": "E"}', "")
        assert body == b"{}"
        assert headers["Lambda-Runtime-Aws-Request-Id"] == "r"
        assert headers["Lambda-Runtime-Deadline-Ms"] == 5
        assert headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn"
        assert [events.get(timeout=5) for _ in range(3)] == [
            Ready(),
            Answered(b"[1]"),
            Failed({"errorType": "E"}, initialising=False),
        ]
        with pytest.raises(RuntimeError, match="answered with 404, allowed: 200 and 202"):
            runtime_client.post_invocation_result("r/elsewhere", b"")
    finally:
        api.close()


def gone(pid, seconds=5):
    def absent():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # A killed orphan stays in the table until somebody reaps it.
        stat = Path(f"/proc/{pid}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"

    return wait_until(absent, seconds)


def wait_until(condition, seconds=5):
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True
