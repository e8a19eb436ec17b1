"""Keep the local pipeline running for other programs, until a signal."""

import shlex
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from rich.console import Console

from local.cloudwatch.alarm_states import AlarmWatch
from local.cloudwatch.metrics import Measures
from local.commands import stack_outputs
from local.commands.signals import Signals
from local.pipeline import LocalPipeline
from local.program.configuration import ConfigurationError, stacks
from local.program.deployment import PROGRAM


def serve(
    console: Console, *, stack: str, config: Mapping[str, str], port: int, file: Path | None
) -> None:
    """Run a stack until SIGINT or SIGTERM; once it is ready, `file` holds its outputs.

    The functions' log lines go to standard output, messages for a person to the console.

    Raises:
        local.program.configuration.ConfigurationError: No such stack, or a setting is wrong.
        DeploymentError: The program or the account refused something.
        local.commands.problems.UsageError: The file cannot be made.
        local.commands.stack_outputs.TakenError: The file belongs to a running pipeline.
        OSError: The port is taken, or the file cannot be written.
    """
    known = stacks(PROGRAM.parent)
    if stack not in known:
        msg = f"stack is {stack!r}, allowed: {', '.join(known)}"
        raise ConfigurationError(msg)
    with Signals() as signals, ExitStack() as opened:
        measures = Measures()

        def on_line(line: str) -> None:
            measures.add_line(line)
            _print_line(line)

        pipeline = LocalPipeline(
            stack=stack,
            config=config,
            port=port,
            on_line=on_line,
            on_invocation=measures.add_invocation,
        )
        pipeline.account.check_port()  # first: a running pipeline has both
        if file:
            stack_outputs.clear(file)
        with console.status(f"Deploying the {stack} stack …"):
            opened.enter_context(pipeline)
        opened.enter_context(AlarmWatch(pipeline.account, measures))
        if not signals.came:
            _greet(console, pipeline, file)
            # The file comes last, for programs that wait for it and then read the console.
            if file:
                opened.enter_context(stack_outputs.published(file, pipeline.outputs))
            signals.wait()
        console.print("Stopping …")


def _greet(console: Console, pipeline: LocalPipeline, file: Path | None) -> None:
    where, raw = pipeline.account.endpoint_url, pipeline.outputs["raw_bucket_name"]
    commands = [f"aws --endpoint-url {where} s3 cp FILE s3://{raw}/incoming/"]
    if file:
        commands.append(f".venv/bin/python -m ops status --outputs {shlex.quote(str(file))}")
    console.print(f"Ready on {where}, until Ctrl-C. Try, with any credentials:", highlight=False)
    for command in commands:  # one line each, so that it can be copied
        console.print(f"  {command}", soft_wrap=True, highlight=False, markup=False)


def _print_line(line: str) -> None:
    with suppress(OSError):  # who read the log is gone: the functions go on
        sys.stdout.write(line if line.endswith("\n") else line + "\n")
        sys.stdout.flush()
