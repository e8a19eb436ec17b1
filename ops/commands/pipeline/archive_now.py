"""Run the archiver now."""

from typing import Annotated

import typer

from ops.commands.group import confirm, connect
from ops.commands.options import DryRun, OutputsFile, StackName, Yes
from ops.pipeline import archiving
from ops.terminal import instants, screen
from ops.terminal.problems import OperatorError


def archive_now(
    *,
    stack: StackName = None,
    outputs: OutputsFile = None,
    time: Annotated[
        str | None,
        typer.Option(
            "--time",
            metavar="ISO",
            help="Archive as of this time instead of now, as 2024-01-15T02:00:00Z.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the summary, at most 15 minutes.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Run the archiver now, in addition to its schedule.

    It archives objects that are older than the retention days at the given time; running it twice
    does no harm. A time in the future archives objects early, so the command asks first.
    """
    account = connect(stack, outputs)
    now = instants.now()
    moment = instants.parse(time, "--time") if time else now
    function = account.stack.data_archiver_lambda_arn
    if dry_run:
        screen.say(f"would call {function} with {archiving.payload(moment)}")
        return
    if moment > now:
        ahead = f"{instants.shown(moment)} is to come: objects are archived before their time"
        confirm(f"{ahead}. Go on?", yes=yes)
    if not wait:
        archiving.start(account, moment)
        screen.say("the archiver runs; --wait would show its summary")
        return
    with screen.working("the archiver runs"):
        summary = archiving.run(account, moment)
    screen.table(("what", "value"), summary.answer.items())
    if summary.answer.get("complete") is False:
        screen.say("not complete: the archiver goes on by itself")
    chains = summary.answer.get("chains", 1)
    if chains != 1:
        screen.say(f"this is the first of {chains} chains: the others work by themselves")
    if summary.failed:
        msg = (
            f"{summary.answer['failed_count']} objects could not be archived: they stay in "
            "processed/, the next run tries them again, and the function's log says why"
        )
        raise OperatorError(msg)
