"""The script that starts Lambda's runtime client in a function's process; it is never imported.

Arguments: a file descriptor that closes when the parent process ends, the memory in bytes, the
task's folder, the runtime's folder, the handler. It imports only the standard library.
"""

import os
import resource
import runpy
import signal
import sys
from threading import Thread


def main(parent: int, memory_bytes: int, task: str, runtime: str, handler: str) -> None:
    """Run the runtime client, which calls the handler with one event after another."""
    Thread(target=_end_with, args=(parent,), daemon=True).start()
    _limit(resource.RLIMIT_DATA, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    # Lambda's order: the archive goes before the standard library, and that before boto3.
    sys.path[:] = [task, *sys.path, runtime]
    sys.argv = ["awslambdaric", handler]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


def _end_with(parent: int) -> None:
    """Kill this process and its children once the other end of the pipe is closed."""
    os.read(parent, 1)
    os.killpg(0, signal.SIGKILL)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6])
