"""The command line with all its commands."""

from typing import Annotated

import typer

from handlers import __version__
from ops.commands.datasets import group as datasets
from ops.commands.datasets.query import query
from ops.commands.dead_letters.discard import discard
from ops.commands.dead_letters.failures import failures
from ops.commands.dead_letters.redrive import redrive
from ops.commands.files.rejects import rejects
from ops.commands.files.replays.replay import replay
from ops.commands.files.restore import restore
from ops.commands.files.show import show
from ops.commands.files.upload import upload
from ops.commands.group import Commands
from ops.commands.pipeline.archive_now import archive_now
from ops.commands.pipeline.cost import cost
from ops.commands.pipeline.doctor import doctor
from ops.commands.pipeline.pause import pause
from ops.commands.pipeline.policy import policy
from ops.commands.pipeline.reconcile import reconcile
from ops.commands.pipeline.resume import resume
from ops.commands.pipeline.smoke import smoke
from ops.commands.pipeline.status import status
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


app.command("status")(status)
app.command("upload")(upload)
app.command("show")(show)
app.command("rejects")(rejects)
app.command("failures")(failures)
app.command("redrive")(redrive)
app.command("discard")(discard)
app.command("replay")(replay)
app.command("restore")(restore)
app.command("reconcile")(reconcile)
app.command("query")(query)
app.add_typer(datasets.app, name="datasets")
app.command("archive-now")(archive_now)
app.command("cost")(cost)
app.command("pause")(pause)
app.command("resume")(resume)
app.command("doctor")(doctor)
app.command("smoke")(smoke)
app.command("policy")(policy)
