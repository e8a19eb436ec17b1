"""Upload files to `incoming/`, and follow them to their outputs if asked."""

from pathlib import Path
from typing import Annotated

import typer

from ops import aws
from ops.commands.files import reports
from ops.commands.group import connect
from ops.commands.options import DryRun, OutputsFile, StackName, Timeout
from ops.files import following, uploads
from ops.terminal import screen


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
    timeout: Timeout = 300,
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


def _wait(account: aws.Account, sent: list[uploads.Uploaded], seconds: float) -> None:
    failed = False
    with screen.progress("processing", len(sent)) as progress:
        for one in following.follow(account, sent, seconds=seconds):
            reports.followed(one)
            progress(1)
            failed = failed or not one.output
    if failed:
        raise typer.Exit(1)
