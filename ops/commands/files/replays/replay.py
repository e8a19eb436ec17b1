"""Process completed files again."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from ops.aws import Account
from ops.commands.files.replays import copies, datasets
from ops.commands.files.replays import jobs as job_commands
from ops.commands.group import connect
from ops.commands.options import AsJson, DryRun, OutputsFile, StackName, Yes
from ops.dead_letters.pace import DEFAULT_RATE, Pace
from ops.files.replays import jobs, plans
from ops.files.replays.plans import Range
from ops.terminal import instants, screen
from ops.terminal.problems import UsageError


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
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME",
            help="Every file of this dataset (with --prefix: those under it), its old output"
            " replaced.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="DATE",
            help="With --prefix or --dataset: completed at this time or later.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="DATE",
            help="With --prefix or --dataset: completed before this time.",
        ),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(
            "--rate",
            metavar="N",
            min=0,
            help="With --dataset: send at most N a second, so that new files are not held up; 0"
            f" for no limit [default: {DEFAULT_RATE}].",
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
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="FILE",
            help="With --prefix: where to note what is chosen and done, a new file"
            " [default: replay-<time>.ndjson].",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", metavar="FILE", help="Continue what this record says."),
    ] = None,
    batch_operations: Annotated[
        bool,
        typer.Option(
            "--batch-operations",
            help="With --prefix: by a job of S3 Batch Operations, however few they are.",
        ),
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Make a job although the same files had one."),
    ] = False,
    job: Annotated[
        str | None, typer.Option("--job", metavar="ID", help="Show this job's progress.")
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="With --job: cancel it.")] = False,
    stack: StackName = None,
    outputs: OutputsFile = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Process completed files again: as new uploads, or by a dataset that has changed.

    Copies the original from completed/ to incoming/ as a new version, with its content type,
    metadata and tags. Its output is a new object in today's partition; the old output stays.

    With --dataset, nothing is copied: the output of each completed version is made anew by the
    dataset as it is deployed, and replaces the old one at the same key, archived or not. Those that
    are of this version already are left out, so the same command continues and counts.

    With --prefix, a record notes what is done; after Ctrl-C, --resume continues, and copies no
    file twice. Above 100,000 files S3 Batch Operations does it instead (setting batchOperations).
    --json is for --job and --dataset.
    """
    all_of = dataset if dataset is not None else prefix
    ways = [way for way in (key, all_of, resume, job) if way is not None]
    of_prefix = record or batch_operations or again
    if (
        len(ways) != 1
        or ((since or until) and all_of is None)
        or (of_prefix and (prefix is None or dataset is not None))
        or (version and key is None)
        or (cancel and job is None)
        or (as_json and job is None and dataset is None)
        or (rate is not None and dataset is None)
        or (record and batch_operations)
    ):
        msg = (
            "allowed: KEY [--version V], or --prefix PATH [--since DATE] [--until DATE]"
            " [--record FILE | --batch-operations [--again]], or --resume FILE,"
            " or --job ID [--cancel | --json],"
            " or --dataset NAME [--prefix PATH] [--since DATE] [--until DATE] [--rate N] [--json]"
        )
        raise UsageError(msg)
    chosen = Range(
        prefix=prefix or "",
        since=instants.parse(since, "--since") if since else None,
        until=instants.parse(until, "--until") if until else None,
    )
    account = connect(stack, outputs)
    if dataset is not None:
        pace = Pace((DEFAULT_RATE if rate is None else rate) or None)
        datasets.run(account, dataset, chosen, pace=pace, as_json=as_json, dry_run=dry_run, yes=yes)
    elif job is not None:
        job_commands.show(account, job, cancel=cancel, as_json=as_json, dry_run=dry_run, yes=yes)
    elif resume is not None:
        copies.resume(account, resume, dry_run=dry_run, yes=yes)
    elif key is not None:
        with screen.working("looking"):
            planned = [plans.plan_key(account, key, version)]
        copies.run(account, planned, record=None, dry_run=dry_run, yes=yes)
    else:
        _replay_range(
            account,
            chosen,
            record,
            by_job=batch_operations,
            again=again,
            dry_run=dry_run,
            yes=yes,
        )


def _replay_range(
    account: Account,
    chosen: Range,
    record: Path | None,
    *,
    by_job: bool,
    again: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    if not by_job:
        with screen.working("listing completed files"):
            most = jobs.COPIED_FROM_HERE
            planned = list(islice(plans.plan_range(account, chosen), most + 1))
        by_job = len(planned) > most
        if by_job and record:
            msg = f"more than {most:,} files go by a job, allowed: --record for fewer"
            raise UsageError(msg)
        if not by_job and again:
            msg = (
                f"--again is about jobs, allowed: with --batch-operations, or above {most:,} files"
            )
            raise UsageError(msg)
        if not by_job:
            file = record or Path(f"replay-{instants.now():%Y%m%dT%H%M%SZ}.ndjson")
            copies.run(account, planned, record=file, dry_run=dry_run, yes=yes)
            return
        screen.warn(f"more than {most:,} files: by a job of S3 Batch Operations")
    job_commands.make(account, chosen, again=again, dry_run=dry_run, yes=yes)
