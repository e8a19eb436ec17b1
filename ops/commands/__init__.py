"""The commands, each from its options to its exit code: 0 well, 1 needs a person, 2 usage."""

import typer

from ops.commands import files, letters, pipeline
from ops.commands.group import Commands

app = typer.Typer(
    cls=Commands,
    help=(
        "Operate an S3 data pipeline: a deployed stack, or the local one.\n\n"
        "Exit codes: 0 all well, 1 something failed or needs a person, 2 wrong usage."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

app.command("status")(pipeline.status)
app.command("upload")(files.upload)
app.command("show")(files.show)
app.command("failures")(letters.failures)
app.command("redrive")(letters.redrive)
app.command("discard")(letters.discard)
app.command("replay")(files.replay)
app.command("archive-now")(pipeline.archive_now)
app.command("policy")(pipeline.policy)
