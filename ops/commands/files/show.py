"""Show what happened to one file."""

from typing import Annotated

import typer

from handlers import keys
from ops.commands.dead_letters import reports as dead_letter_reports
from ops.commands.files import bundles, reports, traces
from ops.commands.group import connect
from ops.commands.options import AsJson, OutputsFile, StackName
from ops.dead_letters import listing
from ops.dead_letters.logs import Logs
from ops.files import history
from ops.files.rejects import links
from ops.files.timeline.assembly import assemble
from ops.terminal import screen
from ops.terminal.instants import now


def show(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="Of the file in incoming/ or completed/, of its output in processed/, archive/"
            " or restored/, or of its bad records in rejected/. Or of a bundle in bundles/: lists"
            " the outputs in it.",
        ),
    ],
    *,
    limit: Annotated[
        int,
        typer.Option("--limit", metavar="N", min=1, help="Show the newest N completed versions."),
    ] = 10,
    no_logs: Annotated[
        bool,
        typer.Option("--no-logs", help="Do not search the functions' logs: faster."),
    ] = False,
    stack: StackName = None,
    outputs: OutputsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened to one file, and when.

    Its versions, outputs, rejected records, corrections and dead letters, wherever they are now,
    and a timeline with each attempt at it, from the functions' logs while they are kept. Exits
    with 1 if the file has a dead letter, or if there is no trace of it.
    """
    account = connect(stack, outputs)
    if key.startswith(keys.BUNDLES):
        bundles.show(account, key, as_json=as_json)
        return
    logs = Logs(account)
    with screen.working("looking"):
        in_flight = listing.in_flight(account)
        found = history.collect(account, key, limit=limit)
        fixes, fixed_by = (
            links.fixes(account, found.stored),
            links.fixed_by(account, found.key, limit=limit),
        )
        when = assemble(account, None if no_logs else logs, found, fixed_by, now=now())
    if as_json:
        screen.document(
            reports.history_document(logs, found)
            | traces.links_document(fixes, fixed_by)
            | traces.timeline_document(when)
        )
    else:
        reports.history(logs, found)
        traces.links(fixes, fixed_by)
        traces.timeline(when)
    dead_letter_reports.in_flight(in_flight)
    if not found.known:
        screen.warn(f"no trace of {found.key}")
    if found.dead_letters or not found.known:
        raise typer.Exit(1)
