"""The commands about files: upload them, show what happened to one, process them again."""

from pathlib import Path
from typing import Annotated

import typer

from ops import aws
from ops.commands import reports
from ops.commands.group import confirm, connect
from ops.commands.options import AsJson, DryRun, OutputsFile, StackName, Yes
from ops.dead_letters import listing
from ops.dead_letters.logs import Logs
from ops.files import following, replays, uploads
from ops.files import history as traces
from ops.files.replays import Replay
from ops.terminal import instants, screen
from ops.terminal.problems import OperatorError, UsageError


def upload(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True),
    ],
    *,
    prefix: Annotated[
        str, typer.Option("--prefix", metavar="PATH", help="Folder below incoming/, as sales/.")
    ] = "",
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until each file is processed or failed.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="How long to wait.")
    ] = 300,
    stack: StackName = None,
    outputs: OutputsFile = None,
    dry_run: DryRun = False,
) -> None:
    """Upload files to incoming/.

    Prints the key and version of each. With --wait, exits with 1 if a file fails or is not done
    in time.
    """
    planned = uploads.plan(files, prefix)
    account = connect(stack, outputs)
    if dry_run:
        for one in planned:
            bucket = account.stack.raw_bucket_name
            screen.say(f"would upload {one.path} to s3://{bucket}/{one.key} as {one.content_type}")
        return
    sent: list[uploads.Uploaded] = []
    with screen.progress("uploading", sum(one.size for one in planned), in_bytes=True) as progress:
        for one in uploads.send(account, planned, progress=progress):
            screen.say(f"uploaded  {one.key}  {one.version}")
            sent.append(one)
    if wait:
        _wait(account, sent, timeout)


def show(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="Of the file in incoming/ or completed/, or of its output in processed/ or"
            " archive/.",
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
        found = traces.collect(account, key, limit=limit)
    if as_json:
        screen.document(reports.history_document(Logs(account), found))
    else:
        reports.history(Logs(account), found)
    reports.in_flight(in_flight)
    if not found.known:
        screen.warn(f"no trace of {found.key}")
    if found.dead_letters or not found.known:
        raise typer.Exit(1)


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


def _wait(account: aws.Account, sent: list[uploads.Uploaded], seconds: float) -> None:
    failed = False
    with screen.progress("processing", len(sent)) as progress:
        for one in following.follow(account, sent, seconds=seconds):
            reports.followed(one)
            progress(1)
            failed = failed or not one.output
    if failed:
        raise typer.Exit(1)


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
