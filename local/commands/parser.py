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

from handlers import __version__
from handlers.aws.failures import PermanentError
from handlers.delivery.progress import Progress as Done
from handlers.environment import ENCODING_ALLOWED, read_encoding
from handlers.transform.datasets.dataset import Dataset
from local.commands import jobs
from local.commands.problems import UsageError
from local.commands.signals import ended_at_once
from local.commands.transform import Rules, transform_file
from local.program.configuration import ConfigurationError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
_FAILED: Final = 1
_TERMINATED: Final = 128 + signal.SIGTERM  # as shells tell it
_MAX_PERCENT: Final = 100


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's form of a callback
    if wanted:
        typer.echo(f"s3-data-pipeline {__version__}")
        raise typer.Exit


@app.callback()
def local(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Run the whole pipeline on this machine: no account, no Docker.

    Exit codes: 0 all well, 1 something failed, 2 wrong usage.
    """


@app.command()
def demo() -> None:
    """Send sample files through the prod stack, deployed here.

    It shows how each file ends. Then the clock moves forward by a month and the archiver runs.
    Exit code 0 if all went as expected.
    """
    # `transform` does not need Pulumi and moto, which take seconds to import.
    with ended_at_once():
        from local.commands.demo import run_demo  # noqa: PLC0415

    if not run_demo(Console()):
        raise typer.Exit(_FAILED)


@app.command()
def serve(
    port: Annotated[
        int,
        typer.Option(metavar="PORT", min=0, max=65535, help="Port on 127.0.0.1; 0: any."),
    ] = 4566,
    outputs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File for the stack's outputs as JSON, once all is ready; removed at the end.",
        ),
    ] = None,
    stack: Annotated[
        str, typer.Option(metavar="NAME", help="Stack whose settings are used: dev or prod.")
    ] = "dev",
    config: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A setting that overrides the stack's; repeatable."),
    ] = None,
) -> None:
    """Keep the pipeline running, until Ctrl-C.

    The AWS CLI, boto3 and `python -m ops` work with it; requests from web pages are refused.
    """
    with ended_at_once():
        from infra.settings import SettingsError  # noqa: PLC0415
        from local.commands import serving  # noqa: PLC0415
        from local.commands.stack_outputs import TakenError  # noqa: PLC0415
        from local.program.execution import DeploymentError  # noqa: PLC0415

    console = Console(stderr=True)
    try:
        settings = _settings(config or [])
        serving.serve(console, stack=stack, config=settings, port=port, file=outputs)
    except (ConfigurationError, UsageError) as error:
        _fail(console, str(error), UsageError.exit_code)
    except DeploymentError as error:
        wrong = isinstance(error.__cause__, SettingsError)
        _fail(console, str(error), UsageError.exit_code if wrong else _FAILED)
    except (TakenError, OSError) as error:
        _fail(console, _told(error))


def _encoding(name: str | None) -> str | None:
    try:
        return read_encoding(name) if name else None
    except ValueError:
        msg = f"{name!r}, allowed: {ENCODING_ALLOWED}"
        raise typer.BadParameter(msg) from None


@app.command()
def transform(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", help="Files; folders, with all files in them; - for standard input."
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="Where to write the records: a file; for several files a folder"
            "  [default: standard output].",
        ),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where to write the bad records, one JSON line each: a file; for several files a"
            " folder.",
        ),
    ] = None,
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="The files' format, whatever their names are: json, ndjson, csv or tsv, each also"
            " with .gz. Standard input needs it.",
        ),
    ] = None,
    environment: Annotated[
        str, typer.Option(metavar="NAME", help="Name in the records' _metadata.")
    ] = "local",
    max_rejected_percent: Annotated[
        float,
        typer.Option(
            metavar="PERCENT", min=0, max=_MAX_PERCENT, help="More bad records fail the file."
        ),
    ] = 10,
    max_expansion: Annotated[
        int, typer.Option(min=1, metavar="TIMES", help="A larger output, per byte, fails the file.")
    ] = 500,
    fallback_encoding: Annotated[
        str | None,
        typer.Option(
            metavar="ENCODING",
            callback=_encoding,
            help="The encoding of files that are not UTF-8: cp1252, latin-1, …",
        ),
    ] = None,
    compress: Annotated[
        bool, typer.Option("--compress", help="Write gzip, as with compressOutput.")
    ] = False,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME",
            help="Hold the records to a dataset of the folder datasets/, or to its file.",
        ),
    ] = None,
) -> None:
    """Write what the processor would write for files.

    Works without AWS, and as a stream. If a file would be a dead letter, it says why and exits
    with code 1; the other files are written all the same.
    """
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, _exit)
    declared = _declared(console, dataset) if dataset else None
    rules = Rules(
        environment=environment,
        max_rejected_percent=max_rejected_percent,
        compressed=compress,
        max_expansion=max_expansion,
        fallback_encoding=fallback_encoding,
        dataset=declared,
    )
    try:
        planned = jobs.plan(
            files, output=output, rejects=rejects, format_name=format_name, compressed=compress
        )
    except UsageError as error:
        _fail(console, str(error), UsageError.exit_code)
    good = [_transform(console, job, rules) for job in planned]
    if not all(good):
        raise typer.Exit(_FAILED)


def _declared(console: Console, name: str) -> Dataset:
    """Return the dataset of a name or a file; the command ends with every problem of it."""
    # What reads a declaration takes as long to import as all else here.
    from local.commands.declarations import read_dataset  # noqa: PLC0415

    try:
        return read_dataset(name)
    except UsageError as error:
        _fail(console, str(error), UsageError.exit_code)


def _transform(console: Console, job: jobs.Job, rules: Rules) -> bool:
    """Transform one file, print the result, and return whether it succeeded."""
    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(), DownloadColumn(), TransferSpeedColumn())
    shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    try:
        for place in filter(None, (job.output, job.rejects)):
            place.parent.mkdir(parents=True, exist_ok=True)
        with shown as progress, jobs.opened(job) as source:
            task = progress.add_task(job.name, total=source.stat().st_size)
            done = transform_file(
                source,
                job.output,
                job.rejects,
                rules,
                now=datetime.now(UTC),
                report=lambda done: progress.update(task, completed=done),
                suffix=job.suffix,
            )
    except PermanentError as error:
        _complain(console, f"{job.name}: would be dead-lettered: {error}")
    except BrokenPipeError:
        # The reader has closed the pipe. At exit the interpreter must not try to flush into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(_FAILED) from None
    except OSError as error:
        _complain(console, f"{error.filename or job.name}: {error.strerror or error}")
    else:
        _say(console, f"{job.name}: {_described(done)}")
        return True
    return False


def _exit(_number: int, _frame: FrameType | None) -> NoReturn:
    """Exit by an exception, so that part files are removed."""
    sys.exit(_TERMINATED)


def _described(done: Done) -> str:
    counts = done.counts
    parts = {
        "records": counts.records_in,
        "written": counts.written,
        "rejected": counts.rejected,
        "empty": counts.empty,
        "fields renamed": counts.renamed,
    }
    told = ", ".join(f"{count} {name}" for name, count in parts.items())
    return f"{told}, read as {done.encoding}" if done.encoding else told


def _settings(given: Sequence[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            msg = f"--config is {text!r}, allowed: KEY=VALUE, retentionDays=7 say"
            raise UsageError(msg)
        settings[key] = value
    return settings


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _say(console: Console, message: str) -> None:
    console.print(message, soft_wrap=True, highlight=False, markup=False)


def _complain(console: Console, message: str) -> None:
    _say(console, f"error: {message}")


def _fail(console: Console, message: str, code: int = _FAILED) -> NoReturn:
    _complain(console, message)
    raise typer.Exit(code)
