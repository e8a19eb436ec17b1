"""Run a Pulumi program in this process, without Pulumi's command line."""

import asyncio
import contextvars
import os
import runpy
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pulumi
from pulumi.runtime import settings
from pulumi.runtime import stack as pulumi_stack
from pulumi.runtime.proto import engine_pb2

from local.program.engine.monitor import Monitor
from local.program.plan import Plan
from local.program.resources.creation import ResourceError

# The number of resources that can wait at once for one that is held back.
_THREADS: Final = 128
# With it an f-string over an Output is an error, instead of "<Output object at 0x…>" in a policy.
_STRICT_OUTPUTS: Final = "PULUMI_ERROR_OUTPUT_STRING"


class DeploymentError(Exception):
    """A program cannot be deployed; the message names the resource and the reason."""


@dataclass(frozen=True, kw_only=True)
class Log:
    """The messages that a program logs; an error fails the deployment, as in Pulumi."""

    warnings: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])

    def Log(self, request: engine_pb2.LogRequest) -> None:  # noqa: N802 - the engine's own name
        """Keep a message. Pulumi calls this method."""
        if request.severity == engine_pb2.WARNING:
            self.warnings.append(request.message)
        elif request.severity == engine_pb2.ERROR:
            self.errors.append(request.message)


def run_program(plan: Plan, monitor: Monitor, log: Log, *, time_limit_seconds: float) -> None:
    """Run a program until all its resources are made and all its values are known.

    The time limit starts when the program's own code has run. Raises DeploymentError.
    """
    # Pulumi keeps its state in context variables: each run has a context and a loop of its own.
    contextvars.Context().run(_run, plan, monitor, log, time_limit_seconds)
    if log.errors:
        raise DeploymentError("; ".join(log.errors))


def _run(plan: Plan, monitor: Monitor, log: Log, time_limit_seconds: float) -> None:
    settings.configure(
        settings.Settings(
            project=plan.project,
            stack=plan.stack,
            monitor=monitor,
            engine=log,
            dry_run=False,
            organization="local",
            root_directory=str(plan.root),
        )
    )
    pulumi.runtime.set_all_config(dict(plan.config), [])
    try:
        with asyncio.Runner() as runner, _strict_outputs():
            _prepare(runner.get_loop())
            runner.run(_run_in_stack(plan, monitor, log, time_limit_seconds))
    except Exception as error:  # noqa: BLE001 - whatever a program raises
        cause = monitor.failure or error
        # A refusal needs no traceback; that of any other error leads to the cause.
        raise _explain(cause) from (None if isinstance(cause, ResourceError) else cause)


def _prepare(loop: asyncio.AbstractEventLoop) -> None:
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="deploy"))
    # After one failure Pulumi sets an exception on every pending value, and retrieves none of them;
    # asyncio would print each.
    loop.set_exception_handler(lambda _loop, _context: None)


async def _run_in_stack(plan: Plan, monitor: Monitor, log: Log, time_limit_seconds: float) -> None:
    deadline = asyncio.timeout(None)

    def run() -> None:
        with _importable(plan.root), _ending(log):
            runpy.run_path(str(plan.program), run_name="__main__")
        deadline.reschedule(asyncio.get_running_loop().time() + time_limit_seconds)

    try:
        async with deadline:
            await pulumi_stack.run_in_stack(run)
    except Exception as error:
        reason = error
        if deadline.expired():
            made = ", ".join(one.name for one in monitor.made) or "nothing"
            reason = DeploymentError(f"no end after {time_limit_seconds:g} s, made so far: {made}")
        monitor.stop(reason)
        raise reason from error
    if monitor.failure is not None:
        raise monitor.failure


def _explain(error: Exception) -> DeploymentError:
    if isinstance(error, DeploymentError):
        return error
    # A RunError is a message from the program to its user, without a traceback.
    if isinstance(error, ResourceError | pulumi.RunError):
        return DeploymentError(str(error))
    return DeploymentError(f"the program stopped: {type(error).__name__}: {error}")


@contextmanager
def _ending(log: Log) -> Generator[None]:
    """Handle a program's own exit: as its end, or as a failure that it has logged."""
    try:
        yield
    except SystemExit as error:
        if error.code:
            msg = "; ".join(log.errors) or f"the program ended with exit code {error.code}"
            raise DeploymentError(msg) from error


@contextmanager
def _importable(folder: Path) -> Generator[None]:
    """Let a program import the modules beside it, as Pulumi's own runner does."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@contextmanager
def _strict_outputs() -> Generator[None]:
    before = os.environ.get(_STRICT_OUTPUTS)
    os.environ[_STRICT_OUTPUTS] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_STRICT_OUTPUTS]
        else:
            os.environ[_STRICT_OUTPUTS] = before
