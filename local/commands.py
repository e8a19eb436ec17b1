"""The command line of the local pipeline: demo, serve and transform."""

import json
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from handlers.failures import PermanentError
from handlers.staging import Counts
from local.configuration import ConfigurationError
from local.demo import run_demo
from local.deployment import DeploymentError
from local.pipeline import LocalPipeline
from local.transform import Rules, transform_file

app = typer.Typer(
    help="The whole pipeline on this machine: no account, no Docker.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_FAILED: Final = 1
_MAX_PERCENT: Final = 100


@app.command()
def demo() -> None:
    """Deploy the prod stack here, send sample files through it and show what becomes of them.

    Then the clock moves on by a month and the archiver runs. Exit code 0 if all went as it has to.
    """
    if not run_demo(Console()):
        raise typer.Exit(_FAILED)


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0: any.")] = 4566,
    outputs: Annotated[
        Path | None,
        typer.Option(help="File that gets the stack's outputs as JSON once all is ready."),
    ] = None,
    stack: Annotated[
        str, typer.Option(help="Stack whose settings are taken: dev or prod.")
    ] = "dev",
    config: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A setting, before the stack's own; repeatable."),
    ] = None,
) -> None:
    """Keep the pipeline running, until SIGINT or SIGTERM, for the AWS CLI, boto3 and `ops`."""
    console = Console(stderr=True)
    settings = _settings(config or [])
    stopping = _stop_on_signals()
    with ExitStack() as opened:
        try:
            with console.status(f"Deploying the {stack} stack …"):
                pipeline = opened.enter_context(
                    LocalPipeline(stack=stack, config=settings, port=port, on_line=_print_line)
                )
        except (ConfigurationError, DeploymentError, OSError) as error:
            _fail(console, str(error))
        _write_outputs(outputs, pipeline.outputs)
        where = pipeline.account.endpoint_url
        console.print(f"Ready on {where}, until Ctrl-C. Try, with any credentials:")
        raw = pipeline.outputs["raw_bucket_name"]
        console.print(f"  aws --endpoint-url {where} s3 cp FILE s3://{raw}/incoming/")
        if outputs:
            console.print(f"  python -m ops status --outputs {outputs}")
        stopping.wait()
        console.print("Stopping …")
    if outputs:
        outputs.unlink(missing_ok=True)


@app.command()
def transform(  # noqa: PLR0917 - typer makes options of them
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Data file.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File for the records. [default: stdout]")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="File for the bad records, one JSON line each.")
    ] = None,
    environment: Annotated[str, typer.Option(help="Name in the records' _metadata.")] = "local",
    max_rejected_percent: Annotated[
        float, typer.Option(min=0, max=_MAX_PERCENT, help="More bad records fail the file.")
    ] = 10,
    compress: Annotated[bool, typer.Option(help="Write gzip, as with compressOutput.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Write what the processor would write for a file: without AWS, streamed.

    Exit code 1, and why, for a file that would be a dead letter.
    """
    console = Console(stderr=True)
    rules = Rules(
        environment=environment, max_rejected_percent=max_rejected_percent, compressed=compress
    )
    columns = (TextColumn(file.name), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=file.stat().st_size)
        try:
            counts = transform_file(
                file,
                output,
                rejects,
                rules,
                now=datetime.now(UTC),
                report=lambda done: progress.update(task, completed=done),
            )
        except PermanentError as error:
            _fail(console, f"{file}: would be dead-lettered: {error}")
        except OSError as error:
            _fail(console, str(error))
    console.print(f"{file}: {_described(counts)}", soft_wrap=True, highlight=False)


def _stop_on_signals() -> threading.Event:
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return stopping


def _described(counts: Counts) -> str:
    parts = {
        "records": counts.records_in,
        "written": counts.written,
        "rejected": counts.rejected,
        "empty": counts.empty,
        "fields renamed": counts.renamed,
    }
    return ", ".join(f"{count} {name}" for name, count in parts.items())


def _settings(given: Sequence[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            msg = f"{text!r}, allowed: KEY=VALUE, retentionDays=7 say"
            raise typer.BadParameter(msg, param_hint="--config")
        settings[key] = value
    return settings


def _write_outputs(path: Path | None, outputs: dict[str, Any]) -> None:
    """Write the outputs so that who sees the file sees all of it."""
    if path:
        part = path.with_name(f".{path.name}.part")
        part.write_text(json.dumps(outputs, indent=2) + "\n")
        part.replace(path)


def _print_line(line: str) -> None:
    sys.stdout.write(line if line.endswith("\n") else line + "\n")
    sys.stdout.flush()


def _fail(console: Console, message: str) -> NoReturn:
    console.print(f"error: {message}", style="red", soft_wrap=True, highlight=False, markup=False)
    raise typer.Exit(_FAILED)
