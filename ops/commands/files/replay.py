"""Process completed files again."""

from typing import Annotated

import typer

from ops import aws
from ops.commands.group import confirm, connect
from ops.commands.options import DryRun, OutputsFile, StackName, Yes
from ops.files import replays
from ops.files.replays import Replay
from ops.terminal import instants, screen
from ops.terminal.problems import OperatorError, UsageError


def replay(
    key: Annotated[
        str | None,
        typer.Argument(metavar="KEY", help="Of one file, in incoming/ or completed/."),
    ] = None,
    *,
    prefix: Annotated[
        str | None,
        typer.Option("--prefix", metavar="PATH", help="Every file under this, as incoming/sales/."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="DATE", help="With --prefix: completed at this time or later."
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            "--version",
            metavar="V",
            help="With KEY: the version of the completed copy, or of the source; without it, the"
            " current copy.",
        ),
    ] = None,
    stack: StackName = None,
    outputs: OutputsFile = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Process completed files again, as new uploads.

    Copies the original from completed/ to incoming/ as a new version, with its content type,
    metadata and tags. Its output is a new object in today's partition; the old output stays.
    """
    if (key is None) == (prefix is None) or (key and since) or (prefix and version):
        msg = "allowed: KEY [--version V], or --prefix PATH [--since DATE]"
        raise UsageError(msg)
    after = instants.parse(since, "--since") if since else None
    account = connect(stack, outputs)
    with screen.working("listing completed files"):
        if key is not None:
            planned = [replays.plan_key(account, key, version)]
        else:
            planned = list(replays.plan_prefix(account, prefix or "", after))
    if dry_run:
        for one in planned:
            screen.say(
                f"would copy {_source(one)} to {one.target or 'nowhere: its name is shortened'}"
            )
        return
    if not planned:
        screen.say("no completed file is selected")
        return
    total = screen.size(sum(one.source.size for one in planned))
    confirm(f"Process {len(planned)} files ({total}) once more?", yes=yes)
    _replay(account, planned)


def _replay(account: aws.Account, planned: list[Replay]) -> None:
    failed = 0
    with screen.progress("copying", len(planned)) as progress:
        for done in replays.run(account, planned, progress=progress):
            if done.problem is None:
                screen.say(f"replayed  {done.replay.target}  {done.version}")
            else:
                failed += 1
                screen.warn(f"not replayed  {_source(done.replay)}: {done.problem}")
    if failed:
        msg = f"{failed} of {len(planned)} files were not replayed"
        raise OperatorError(msg)


def _source(replay: Replay) -> str:
    return f"{replay.source.key} version {replay.source.version}"
