"""The command line of the local pipeline: demo, serve and transform."""

import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from handlers.failures import PermanentError
from handlers.staging import Counts
from local.configuration import ConfigurationError
from local.transform import Rules, transform_file

app = typer.Typer(
    help="The whole pipeline on this machine: no account, no Docker.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_FAILED: Final = 1
_TERMINATED: Final = 128 + signal.SIGTERM  # as shells tell it
_MAX_PERCENT: Final = 100


@app.command()
def demo() -> None:
    """Deploy the prod stack here, send sample files through it and show what becomes of them.

    Then the clock moves on by a month and the archiver runs. Exit code 0 if all went as it has to.
    """
    # Pulumi and moto take seconds to import, which `transform` does without.
    from local.demo import run_demo  # noqa: PLC0415

    if not run_demo(Console()):
        raise typer.Exit(_FAILED)


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0: any.")] = 4566,
    outputs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Gets the stack's outputs as JSON once all is ready; removed in the end.",
        ),
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
    from local import serving  # noqa: PLC0415
    from local.deployment import DeploymentError  # noqa: PLC0415

    console = Console(stderr=True)
    settings = _settings(config or [])
    try:
        serving.serve(console, stack=stack, config=settings, port=port, file=outputs)
    except (ConfigurationError, DeploymentError, OSError) as error:
        _fail(console, _told(error))


@app.command()
def transform(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Gets the records.",
            show_default="standard output",
        ),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Gets the bad records, one JSON line each."),
    ] = None,
    environment: Annotated[str, typer.Option(help="Name in the records' _metadata.")] = "local",
    max_rejected_percent: Annotated[
        float, typer.Option(min=0, max=_MAX_PERCENT, help="More bad records fail the file.")
    ] = 10,
    compress: Annotated[
        bool, typer.Option("--compress", help="Write gzip, as with compressOutput.")
    ] = False,
) -> None:
    """Write what the processor would write for a file: without AWS, streamed.

    Exit code 1, and why, for a file that would be a dead letter.
    """
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, _exit)
    rules = Rules(
        environment=environment, max_rejected_percent=max_rejected_percent, compressed=compress
    )
    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(file.name, total=file.stat().st_size)
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
        except BrokenPipeError:
            # Who read the records has enough. Nothing may be flushed when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(_FAILED) from None
        except (OSError, ValueError) as error:
            _fail(console, _told(error))
    console.print(f"{file}: {_described(counts)}", soft_wrap=True, highlight=False, markup=False)


def _exit(_number: int, _frame: FrameType | None) -> NoReturn:
    """Leave through what removes the part files."""
    sys.exit(_TERMINATED)


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


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _fail(console: Console, message: str) -> NoReturn:
    console.print(f"error: {message}", style="red", soft_wrap=True, highlight=False, markup=False)
    raise typer.Exit(_FAILED)
