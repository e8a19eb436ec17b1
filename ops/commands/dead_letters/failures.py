"""List the dead letters."""

from typing import Annotated

import typer

from ops.commands.dead_letters import reports
from ops.commands.dead_letters.selection import choose
from ops.commands.group import connect
from ops.commands.options import (
    AsJson,
    KeyGlobs,
    Kinds,
    Messages,
    NewerThan,
    OlderThan,
    OutputsFile,
    Reasons,
    StackName,
    Versions,
)
from ops.dead_letters import listing
from ops.dead_letters.logs import Logs
from ops.dead_letters.messages import distinct
from ops.terminal import screen


def failures(
    *,
    stack: StackName = None,
    outputs: OutputsFile = None,
    key: KeyGlobs = None,
    version: Versions = None,
    message: Messages = None,
    reason: Reasons = None,
    kind: Kinds = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Show at most N.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the dead letters; they stay in their queues.

    One line for each file version; with options, those that fit all of them. Reading hides them
    from other readers for some seconds. Dead letters that another reader has in flight are counted
    on standard error.
    """
    wanted = choose(
        keys=key,
        versions=version,
        messages=message,
        reasons=reason,
        kinds=kind,
        older_than=older_than,
        newer_than=newer_than,
    )
    account = connect(stack, outputs)
    with screen.working("reading dead letters"):
        in_flight = listing.in_flight(account)
        found = distinct(listing.peek(account, wanted=wanted, limit=limit))[:limit]
    if as_json:
        screen.document(reports.dead_letter_documents(Logs(account), found))
    elif found:
        reports.dead_letters(Logs(account), found)
    elif not any(in_flight.values()):
        screen.say("no dead letters" if wanted.every else "no dead letter fits the options")
    reports.in_flight(in_flight)
