"""The commands about the whole pipeline: its state, a run of the archiver, IAM policies."""

from typing import Annotated

import typer

from ops.commands import reports
from ops.commands.group import confirm, connect
from ops.commands.options import AsJson, DryRun, OutputsFile, StackName, Yes
from ops.pipeline import access_policies, archiving
from ops.pipeline import status as states
from ops.pipeline.access_policies import Role
from ops.terminal import instants, screen
from ops.terminal.problems import OperatorError


def status(
    *,
    stack: StackName = None,
    outputs: OutputsFile = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not count completed and archived objects.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is waiting, what failed, what is done, and which alarms are on.

    Exits with 1 if something needs a person: a dead letter or an alarm.
    """
    account = connect(stack, outputs)
    with screen.working("counting"):
        found = states.collect(account, instants.now(), quick=quick)
    if as_json:
        screen.document(reports.status_document(found))
    else:
        reports.status(found)
    if found.attention:
        raise typer.Exit(1)


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
    if summary.failed:
        msg = (
            f"{summary.answer['failed_count']} objects could not be archived: they stay in "
            "processed/, the next run tries them again, and the function's log says why"
        )
        raise OperatorError(msg)


def policy(
    role: Annotated[
        Role, typer.Argument(metavar="ROLE", help="operator, reader, producer or consumer.")
    ],
    *,
    kms_key_arn: Annotated[
        str | None,
        typer.Option("--kms-key-arn", metavar="ARN", help="The stack's kmsKeyArn, if it is set."),
    ] = None,
    stack: StackName = None,
    outputs: OutputsFile = None,
) -> None:
    """Print an IAM policy for people who work with this stack.

    The operator may use every command, the reader those that change nothing. The producer uploads
    files to incoming/, the consumer reads processed/. Makes no call to AWS.
    """
    account = connect(stack, outputs)
    screen.document(access_policies.policy(account.stack, role, kms_key_arn=kms_key_arn))
