"""Show what happened to one file."""

from typing import Annotated

import typer

from ops.commands.dead_letters import reports as dead_letter_reports
from ops.commands.files import reports
from ops.commands.group import connect
from ops.commands.options import AsJson, OutputsFile, StackName
from ops.dead_letters import listing
from ops.dead_letters.logs import Logs
from ops.files import history
from ops.terminal import screen


def show(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="Of the file in incoming/ or completed/, or of its output in processed/, archive/"
            " or restored/.",
        ),
    ],
    *,
    limit: Annotated[
        int,
        typer.Option("--limit", metavar="N", min=1, help="Show the newest N completed versions."),
    ] = 10,
    stack: StackName = None,
    outputs: OutputsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened to one file.

    Its versions, outputs, rejected records and dead letters, wherever they are now. Exits with 1
    if the file has a dead letter, or if there is no trace of it.
    """
    account = connect(stack, outputs)
    with screen.working("looking"):
        in_flight = listing.in_flight(account)
        found = history.collect(account, key, limit=limit)
    if as_json:
        screen.document(reports.history_document(Logs(account), found))
    else:
        reports.history(Logs(account), found)
    dead_letter_reports.in_flight(in_flight)
    if not found.known:
        screen.warn(f"no trace of {found.key}")
    if found.dead_letters or not found.known:
        raise typer.Exit(1)
