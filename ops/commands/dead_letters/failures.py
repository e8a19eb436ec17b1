"""List the dead letters."""

from typing import Annotated

import typer

from ops.commands.dead_letters import reports
from ops.commands.group import connect
from ops.commands.options import AsJson, OutputsFile, StackName
from ops.dead_letters import listing
from ops.dead_letters.logs import Logs
from ops.dead_letters.messages import distinct
from ops.terminal import screen


def failures(
    *,
    stack: StackName = None,
    outputs: OutputsFile = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Show at most N.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the dead letters; they stay in their queues.

    One line for each file version. Reading hides them from other readers for some seconds. Dead
    letters that another reader has in flight are counted on standard error.
    """
    account = connect(stack, outputs)
    with screen.working("reading dead letters"):
        in_flight = listing.in_flight(account)
        found = distinct(listing.peek(account, limit=limit))[:limit]
    if as_json:
        screen.document(reports.dead_letter_documents(Logs(account), found))
    elif found:
        reports.dead_letters(Logs(account), found)
    elif not any(in_flight.values()):
        screen.say("no dead letters")
    reports.in_flight(in_flight)
