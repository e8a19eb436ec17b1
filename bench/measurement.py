"""One measure, one process: a fresh interpreter runs a function and reports what it took.

Peak memory is the high-water mark of the process's own memory, above that of an interpreter that
has imported nothing; libraries count. CPU time is that of all threads.
"""

import contextlib
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

_ROOT: Final = Path(__file__).parent.parent
_STATUS: Final = Path("/proc/self/status")
_CODE: Final = "from bench.measurement import main; main()"
_TIMEOUT_SECONDS: Final = 3_600
_ERROR = re.compile(r"[\w.]*(Error|Exception)\b")


class MeasureError(Exception):
    """The process that measured failed; the message is the last it said."""


@dataclass(kw_only=True)
class Span:
    """Seconds of CPU and of the clock."""

    cpu: float = 0
    wall: float = 0


@contextlib.contextmanager
def span() -> Generator[Span]:
    """Measure what is done inside."""
    taken = Span()
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        yield taken
    finally:
        taken.cpu, taken.wall = time.process_time() - cpu, time.perf_counter() - wall


def measured(
    function: Callable[..., dict[str, Any]],
    *,
    variables: Mapping[str, str] = MappingProxyType({}),
    timeout_seconds: float = _TIMEOUT_SECONDS,
    **arguments: Any,
) -> dict[str, Any]:
    """Run a function of this package in a fresh process; return its answer and `peak_mb`.

    Arguments and answer are what JSON can hold; `variables` are of its environment, besides those
    there are. Raises MeasureError.
    """
    order = [function.__module__, function.__name__, arguments]
    process = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-P", "-c", _CODE],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*_PATHS, str(_ROOT)]), **variables},
        timeout=timeout_seconds,
        check=False,
    )
    if process.returncode:
        lines = [f"Error: ended with {process.returncode}", *process.stderr.strip().splitlines()]
        raise MeasureError(next(filter(_ERROR.match, reversed(lines))))
    return json.loads(process.stdout.splitlines()[-1])


_PATHS: Final = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def main() -> None:
    """Run what standard input asks for; the last line of standard output is the answer."""
    module, name, arguments = json.load(sys.stdin)
    before = peak_mb()
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # where the handlers' log lines go
        answer = getattr(import_module(module), name)(**arguments)
    print(json.dumps({"peak_mb": peak_mb() - before, **answer}), file=out)


def peak_mb() -> float:
    """Return the most memory that this process ever had, in MB.

    Linux's ru_maxrss is inherited from the process that started this one, so it is not used there.
    """
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
