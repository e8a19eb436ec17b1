"""One process of a function: it handles one event at a time, and is killed at the time-out."""

import contextlib
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final

from local.compute.outcome import Invocation, crashed, failed, timed_out
from local.compute.runtime_api import Answered, Event, Exited, Failed, Ready, Request, RuntimeApi
from local.compute.sandbox import Definition, Sandbox

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html: initialising may
# take 10 seconds; then Lambda begins it anew within the function's own time-out.
INIT_SECONDS: Final = 10

_LINE_BYTES: Final = 1 << 16  # a longer line is logged in parts
_JOIN_SECONDS: Final = 5


class Instance:
    """A process that handles one event at a time.

    `on_line` is called with each line that it writes, in a thread of the instance's own.
    """

    def __init__(
        self,
        definition: Definition,
        sandbox: Sandbox,
        *,
        number: int,
        on_line: Callable[[str], None],
    ) -> None:
        self._definition = definition
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._api = RuntimeApi(self._events)
        self._on_line = on_line
        self._killed = False
        self._closing = Lock()  # acquired once and never released
        self._process, self._lifeline = self._start(sandbox, number)
        self._threads = [
            Thread(target=self._read_log, daemon=True),
            Thread(target=self._await_exit, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        """Whether the process can handle another event."""
        return not self._killed and self._process.poll() is None

    def invoke(self, request_id: str, body: bytes) -> Invocation:
        """Run the process on an event and return the result; kill the process at its deadline."""
        limit = self._definition.timeout_seconds
        event = self._next_event(INIT_SECONDS + limit)
        if not isinstance(event, Ready):
            return self._conclude(request_id, event, 0.0)
        started = time.monotonic()
        self._api.send(self._request(request_id, body))
        event = self._next_event(limit)
        return self._conclude(request_id, event, time.monotonic() - started)

    def kill(self) -> None:
        """Kill the process and its children; an invocation under way is reported as crashed."""
        self._killed = True
        # The group is gone once its last process has ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill the process and free its resources; harmless when repeated."""
        if not self._closing.acquire(blocking=False):
            return
        self.kill()
        os.close(self._lifeline)
        self._api.close()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    def _start(self, sandbox: Sandbox, number: int) -> tuple[subprocess.Popen[bytes], int]:
        home = sandbox.new_home(number)
        reading, lifeline = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - the interpreter itself, no shell
                sandbox.command(reading),
                env=sandbox.variables(
                    runtime_api=self._api.address,
                    home=home,
                    log_stream=f"instance-{number}",
                ),
                cwd=sandbox.task,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(reading,),
                # A group of its own: its children are killed with it, and Ctrl-C does not reach it.
                start_new_session=True,
            )
        finally:
            os.close(reading)
        return process, lifeline

    def _request(self, request_id: str, body: bytes) -> Request:
        now = time.time()
        random = uuid.uuid4().hex
        return Request(
            request_id=request_id,
            body=body,
            deadline_ms=int((now + self._definition.timeout_seconds) * 1000),
            function_arn=self._definition.arn,
            trace_id=f"Root=1-{int(now):08x}-{random[:24]};Parent={random[-16:]};Sampled=0",
        )

    def _next_event(self, seconds: float) -> Event | None:
        with contextlib.suppress(Empty):
            return self._events.get(timeout=seconds)
        return None

    def _conclude(self, request_id: str, event: Event | None, seconds: float) -> Invocation:
        match event:
            case Answered(body):
                return Invocation(request_id=request_id, body=body, seconds=seconds)
            case Failed(document, initialising):
                if initialising:
                    self.kill()
                return failed(request_id, document, seconds)
            case Exited(status):
                invocation = crashed(request_id, status, seconds)
            case Ready() | None:
                self.kill()
                invocation = timed_out(request_id, self._definition.timeout_seconds, seconds)
        if invocation.failure:
            self._on_line(invocation.failure.message)
        return invocation

    def _read_log(self) -> None:
        output = self._process.stdout
        if output is None:  # never: stdout is a pipe
            return
        with output:
            for line in iter(lambda: output.readline(_LINE_BYTES), b""):
                self._on_line(_text(line))

    def _await_exit(self) -> None:
        status = self._process.wait()
        self.kill()  # children that it left behind
        self._events.put(Exited(status))


def _text(line: bytes) -> str:
    # The runtime client writes a traceback as one line, with \r for the line breaks.
    return line.decode(errors="replace").rstrip("\n").replace("\r", "\n")
