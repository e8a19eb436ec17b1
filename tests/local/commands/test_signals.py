"""SIGINT and SIGTERM, at any moment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Sends itself a signal before the n-th line that Python runs in `wait`, for each n until the end.
EACH_LINE = """
import os, signal, sys
from local.commands.signals import Signals

def hit_at(line):
    seen = 0
    def trace(frame, event, _):
        nonlocal seen
        if event == "line" and frame.f_code.co_name != "_note":
            seen += 1
            if seen == line:
                os.kill(os.getpid(), number)
        return trace
    with Signals() as signals:
        sys.settrace(trace)
        if line > 50:
            os.kill(os.getpid(), number)
        signals.wait()
        sys.settrace(None)
        assert signals.came
    return seen

for number in (signal.SIGINT, signal.SIGTERM):
    lines = hit_at(1000)
    for line in range(1, lines + 1):
        hit_at(line)
    print(lines)
"""
# Two threads: signals at moments that nobody chose.
STORM = """
import os, random, signal, threading, time
from local.commands.signals import Signals

for round in range(1000):
    with Signals() as signals:
        def hit():
            time.sleep(random.random() / 5000)
            os.kill(os.getpid(), signal.SIGINT)
        thread = threading.Thread(target=hit)
        thread.start()
        signals.wait()
        thread.join()
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_signal_before_any_line_of_the_wait_ends_it() -> None:
    done = run(EACH_LINE)
    assert done.returncode == 0, done.stderr
    assert all(int(lines) > 0 for lines in done.stdout.split())


def test_none_of_a_thousand_signals_is_lost() -> None:
    done = run(STORM)
    assert done.returncode == 0, done.stderr


def blocked(folder: Path, module: str) -> dict[str, str]:
    """Return the environment in which the import of a module tells so, and lasts."""
    package = folder / module
    package.mkdir()
    file = str(folder / "importing")
    (package / "__init__.py").write_text(
        f"import pathlib, time\npathlib.Path({file!r}).touch()\ntime.sleep(60)\n"
    )
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("words", "module"),
    [
        (["local", "transform", "-h"], "typer"),
        (["local", "serve", "--port", "0"], "pulumi"),
        (["local", "demo"], "moto"),
        (["ops", "status"], "boto3"),
    ],
    ids=lambda words: words if isinstance(words, str) else " ".join(words[:2]),
)
def test_ctrl_c_during_an_import_prints_nothing(
    tmp_path: Path, words: list[str], module: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=ROOT, env=blocked(tmp_path, module), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        end = time.monotonic() + 60
        while not (tmp_path / "importing").exists() and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        printed = process.communicate(timeout=60)
    assert printed == (b"", b"")
    assert process.returncode == -signal.SIGINT
