"""Run a function of the stack on this machine: the archive that Lambda gets, in processes.

The processes use Lambda's runtime client (awslambdaric). They see only the archive, what Lambda's
runtime contains, and the environment variables of the function and of Lambda.
"""

import json
import tempfile
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Final, Protocol, Self

from local.compute.instance import Instance
from local.compute.outcome import Invocation
from local.compute.sandbox import Credentials, Definition, Sandbox

LOG_CHARACTERS: Final = 1 << 20  # how much of a function's log is kept


class Invokable(Protocol):
    """Anything that can be invoked: a `LocalFunction`, or a stand-in for one."""

    def invoke(self, payload: object, *, request_id: str | None = None) -> Invocation:
        """Run the function on a JSON value."""
        ...


class LocalFunction:
    """A function whose processes start when needed and handle one event after another.

    As in Lambda, a process is killed at the time-out, and handles no further event after that or
    after a crash; one whose handler raised goes on. If all `concurrency` processes are busy, a call
    waits: Lambda would throttle it, and its caller would try again.

    RLIMIT_DATA limits the memory: an allocation beyond it raises MemoryError in the handler, while
    Lambda kills the process. Threads count with their whole stacks (8 MiB). macOS accepts the limit
    but does not enforce it.
    """

    def __init__(
        self,
        *,
        name: str,
        archive: Path,
        handler: str,
        timeout_seconds: float,
        memory_mb: int,
        environment: Mapping[str, str],
        endpoint_url: str,
        region: str = "us-east-1",
        account_id: str = "123456789012",
        credentials: Credentials | None = None,
        concurrency: int = 10,
        on_line: Callable[[str], None] | None = None,
        on_invocation: Callable[[str, Invocation], None] | None = None,
    ) -> None:
        """Unpack the archive; the first invocation starts the first process.

        `on_line` is called with each line of the log, `on_invocation` with the function's name and
        the result of each invocation, both in other threads.

        Raises ValueError if the archive is neither a zip file nor a folder, or if `environment`
        sets a variable that Lambda reserves.
        """
        self.definition = Definition(
            name=name,
            archive=archive,
            handler=handler,
            timeout_seconds=timeout_seconds,
            memory_mb=memory_mb,
            environment=dict(environment),
            endpoint_url=endpoint_url,
            region=region,
            account_id=account_id,
            credentials=credentials or Credentials(),
        )
        self._folder = tempfile.TemporaryDirectory(prefix=f"{name[:40]}-")
        self._on_line = on_line
        self._on_invocation = on_invocation
        self._log = _Log()
        self._lock = Lock()
        self._free_slots = BoundedSemaphore(concurrency)
        self._idle: list[Instance] = []
        self._busy: set[Instance] = set()
        self._started = 0
        self._closed = False
        try:
            self._sandbox = Sandbox(self.definition, Path(self._folder.name))
        except BaseException:
            self._folder.cleanup()
            raise

    @property
    def logs(self) -> str:
        """The last 1 MiB of all processes' log lines; complete once the function is closed."""
        return self._log.text()

    @property
    def processes_started(self) -> int:
        """How many processes have been started so far: the cold starts."""
        return self._started

    def invoke(self, payload: object, *, request_id: str | None = None) -> Invocation:
        """Run the handler with `payload`, a JSON value, and return the result.

        Raises RuntimeError if the function is closed.
        """
        body = json.dumps(payload).encode()
        with self._free_slots:
            instance = self._take()
            try:
                invocation = instance.invoke(request_id or str(uuid.uuid4()), body)
            finally:
                self._give_back(instance)
        if self._on_invocation:
            self._on_invocation(self.definition.name, invocation)
        return invocation

    def kill(self) -> None:
        """Kill the busy processes; their invocations are reported as crashed."""
        with self._lock:
            busy = tuple(self._busy)
        for instance in busy:
            instance.kill()

    def close(self) -> None:
        """Kill every process and delete their files; harmless when repeated."""
        with self._lock:
            self._closed = True
            instances = (*self._idle, *self._busy)
            self._idle.clear()
        for instance in instances:
            instance.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self) -> Instance:
        with self._lock:
            if self._closed:
                msg = f"the function {self.definition.name} is closed"
                raise RuntimeError(msg)
            # The last one used, whose caches are the warmest.
            instance = self._idle.pop() if self._idle else self._start()
            self._busy.add(instance)
        return instance

    def _start(self) -> Instance:
        self._started += 1
        return Instance(
            self.definition, self._sandbox, number=self._started, on_line=self._write_line
        )

    def _give_back(self, instance: Instance) -> None:
        with self._lock:
            self._busy.discard(instance)
            keep = instance.alive and not self._closed
            if keep:
                self._idle.append(instance)
        if not keep:
            instance.close()

    def _write_line(self, line: str) -> None:
        self._log.append(line)
        if self._on_line:
            self._on_line(line)


class _Log:
    """The newest lines, at most LOG_CHARACTERS of them."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._size = 0
        self._lock = Lock()

    def append(self, line: str) -> None:
        with self._lock:
            self._lines.append(line)
            self._size += len(line) + 1
            while self._size > LOG_CHARACTERS and len(self._lines) > 1:
                self._size -= len(self._lines.popleft()) + 1

    def text(self) -> str:
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines)
