"""Starts the official runtime client in a function's own process; a script, never imported.

Arguments: a file descriptor that closes when the parent is gone, the memory in bytes, the task's
folder, the runtime's folder, the handler. It imports the standard library alone.
"""

import os
import resource
import runpy
import signal
import sys
from threading import Thread


def main(parent: int, memory_bytes: int, task: str, runtime: str, handler: str) -> None:
    """Run the handler's loop; return only where the runtime client does."""
    Thread(target=_end_with, args=(parent,), daemon=True).start()
    _limit(resource.RLIMIT_DATA, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    # Lambda's order: the archive hides the standard library, and that the runtime's boto3.
    sys.path[:] = [task, *sys.path, runtime]
    sys.argv = ["awslambdaric", handler]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


def _end_with(parent: int) -> None:
    """End this process and its children once nobody holds the other end of the pipe."""
    os.read(parent, 1)
    os.killpg(0, signal.SIGKILL)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6])
