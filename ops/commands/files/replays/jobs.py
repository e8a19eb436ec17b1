"""Replay files by a job of S3 Batch Operations; show a job, and cancel it."""

from dataclasses import asdict, replace

import typer

from ops.aws import Account
from ops.commands.files.replays.copies import expect, source_of, told
from ops.commands.group import confirm
from ops.dead_letters.queue_contents import retention_seconds
from ops.files.replays import jobs, manifests
from ops.files.replays.jobs import Job
from ops.files.replays.manifests import Manifest, Survey
from ops.files.replays.plans import Range
from ops.terminal import instants, screen
from ops.terminal.problems import OperatorError


def make(account: Account, chosen: Range, *, again: bool, dry_run: bool, yes: bool) -> None:
    """Make a job for a range of files, after a question.

    What is completed from now on is left out, so that the job's own work is not part of it. Where a
    command has died on its way, or a job has left files, this continues with the same manifest.
    """
    role = jobs.role_of(account)
    name, earlier = jobs.last(account, chosen, again=again)
    if earlier and not earlier.has_left_files:
        _print(earlier, jobs.report_of(account, earlier))
        msg = "these options have made this job already; --again makes another"
        raise OperatorError(msg)
    chosen = replace(chosen, until=chosen.until or instants.now())
    manifest = manifests.find(account, name)
    surveyed = _continued(manifest) if manifest else _survey(account, chosen)
    if not surveyed.files:
        screen.say("no completed file is selected")
    elif dry_run:
        screen.say(f"would make a job of {_told(account, surveyed)}")
    else:
        confirm(f"Make a job that processes {_told(account, surveyed)}. Once more?", yes=yes)
        with screen.working("making the job"):
            manifest = manifest or manifests.store(account, chosen, surveyed, name)
            job = jobs.create(account, manifest, role, name=name, after=earlier)
        screen.say(f"job  {job.id}  {job.status}")
        screen.say(f"see `replay --job {job.id}`")
    if surveyed.left_out:
        raise typer.Exit(1)


def show(
    account: Account, job_id: str, *, cancel: bool, as_json: bool, dry_run: bool, yes: bool
) -> None:
    """Show a job, or cancel it; the exit code is 1 if it, or a task of it, has failed."""
    job = jobs.describe(account, job_id)
    if cancel:
        job = _cancel(account, job, dry_run=dry_run, yes=yes, told=not as_json)
    report = jobs.report_of(account, job)
    if as_json:
        screen.document({**asdict(job), "report": report})
    elif not cancel:
        _print(job, report)
    if not cancel and (job.failed or job.status == "Failed"):
        raise typer.Exit(1)


def _cancel(account: Account, job: Job, *, dry_run: bool, yes: bool, told: bool) -> Job:
    """Cancel a job that is under way, after a question, and return what it is then."""
    text = f"job  {job.id}  {job.status}: nothing to cancel"
    if not job.ended and dry_run:
        text = f"would cancel job {job.id}, which has done {job.succeeded:,} of {job.total:,}"
    elif not job.ended:
        confirm(f"Cancel job {job.id}? What it has copied stays, and is processed.", yes=yes)
        jobs.cancel(account, job.id)
        job = jobs.describe(account, job.id)
        text = f"job  {job.id}  {job.status}"
    if told:
        screen.say(text)
    return job


def _continued(manifest: Manifest) -> Survey:
    """Return what a manifest holds, after saying from when it is."""
    screen.warn(
        "continues with what was chosen of the files completed before"
        f" {instants.shown(manifest.until)}: what was completed since is left out"
    )
    return manifest.survey


def _survey(account: Account, chosen: Range) -> Survey:
    """Count the files of a range, and say which of them no job can copy."""
    with screen.working("counting completed files"):
        surveyed = manifests.survey(account, chosen)
    for replay, reason in surveyed.left_out:
        screen.warn(f"not in the job  {source_of(replay)}: {reason}")
    return surveyed


def _print(job: Job, report: str) -> None:
    screen.say(f"job  {job.id}  {job.status}")
    screen.say(f"copied  {job.succeeded:,} of {job.total:,}")
    if job.failed:
        screen.say(f"failed  {job.failed:,}")
    for reason in job.reasons:
        screen.say(f"reason  {reason}")
    if job.ended:
        screen.say(f"report  {report}")


def _told(account: Account, surveyed: Survey) -> str:
    expected = expect(account, surveyed.files, surveyed.size_bytes, by_job=True)
    if expected.seconds > retention_seconds(account.sqs, account.stack.processing_queue_url):
        screen.warn(
            "the processing queue keeps messages for less time than that takes with a"
            " maxConcurrency of 10: raise maxConcurrency or queueRetentionDays first, or replay"
            " parts of it by --since and --until"
        )
    return told(account, surveyed.files, surveyed.size_bytes, expected)
