"""`python -m local serve` in a process of its own, for tests that work on it as a user does."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from typer.testing import CliRunner, Result

from ops.commands.app import app as ops

ROOT = Path(__file__).parents[2]
READY_SECONDS = 180  # on a machine with much else to do


class Served:
    """A serving program, ready, and the outputs that it wrote."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.file = folder / "outputs.json"
        self.file.write_text("of an earlier run")
        self.stderr = folder / "stderr"
        command = [sys.executable, "-m", "local", "serve", "--port", "0", "--outputs", self.file]
        with self.stderr.open("wb") as stderr, (folder / "stdout").open("wb") as stdout:
            self.process = subprocess.Popen(
                [*command, *words], cwd=ROOT, stdout=stdout, stderr=stderr
            )
        self.outputs: dict[str, Any] = self._await_outputs()

    def _await_outputs(self) -> dict[str, Any]:
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                text = self.file.read_text()
            except FileNotFoundError:
                text = "of an earlier run"
            if text != "of an earlier run":
                return json.loads(text)  # at once the whole
            time.sleep(0.01)
        self.process.kill()
        self.process.wait(20)
        raise AssertionError(self.stderr.read_text())

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.outputs["endpoint_url"],
            region_name=self.outputs["region"],
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )

    def ops(self, *words: object) -> Result:
        return CliRunner().invoke(ops, [*map(str, words), "--outputs", str(self.file)])

    def functions(self) -> set[int]:
        """Return its children's process ids: the functions run in them."""
        command = ["ps", "-A", "-o", "ppid=", "-o", "pid="]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        pairs = [map(int, line.split()) for line in listed.splitlines()]
        return {child for parent, child in pairs if parent == self.process.pid}

    def end(self, number: signal.Signals) -> None:
        """End it as a person does; whatever it started is gone then, and so is its file."""
        functions = self.functions()
        assert functions
        began = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(20) == 0
        assert time.monotonic() - began < 10
        assert not any(map(is_alive, functions))
        assert not self.file.exists()


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Served]:
    served = Served(folder, *words)
    try:
        yield served
    finally:
        served.process.kill()
        served.process.wait(20)
