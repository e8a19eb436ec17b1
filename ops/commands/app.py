"""The command line with all its commands."""

from typing import Annotated

import typer

from handlers import __version__
from ops.commands import dead_letters, files, pipeline
from ops.commands.group import Commands
from ops.terminal import screen

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's form of a callback
    if wanted:
        screen.say(f"s3-data-pipeline {__version__}")
        raise typer.Exit


@app.callback()
def ops(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Operate an S3 data pipeline: a deployed stack, or the local one.

    Exit codes: 0 all well, 1 something failed or needs a person, 2 wrong usage.
    """


app.command("status")(pipeline.status)
app.command("upload")(files.upload)
app.command("show")(files.show)
app.command("failures")(dead_letters.failures)
app.command("redrive")(dead_letters.redrive)
app.command("discard")(dead_letters.discard)
app.command("replay")(files.replay)
app.command("archive-now")(pipeline.archive_now)
app.command("policy")(pipeline.policy)
