"""Send a small file of each format through the pipeline, and see that all is well."""

from dataclasses import asdict
from typing import Annotated, Final

import typer

from ops.aws import Account
from ops.commands.group import connect
from ops.commands.options import AsJson, DryRun, OutputsFile, StackName, Timeout
from ops.pipeline import polling
from ops.pipeline.smoke import traces, trial
from ops.pipeline.smoke.samples import samples
from ops.pipeline.smoke.traces import Left
from ops.pipeline.smoke.trial import Result
from ops.terminal import instants, screen
from ops.terminal.problems import OperatorError, UsageError

# A small file takes seconds: after Ctrl-C most are through by then, and can be removed.
_GRACE_SECONDS: Final = 20


def smoke(
    *,
    timeout: Timeout = 300,
    keep: Annotated[bool, typer.Option("--keep", help="Do not remove the files.")] = False,
    remove: Annotated[
        str | None,
        typer.Option("--remove", metavar="RUN", help="Only remove what an earlier run has left."),
    ] = None,
    stack: StackName = None,
    outputs: OutputsFile = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Send a small file of each format through the pipeline: a deployment's last step.

    JSON object, array, NDJSON, CSV and TSV, each plain and gzip, under incoming/RUN/. Checks each
    output's bytes and counts and the completed copy, then removes every version of all of them.
    What was not removed is named. Exits with 1 if a file did not pass or something is left.
    """
    if remove is not None:
        _check_run(remove, keep=keep)
    account = connect(stack, outputs)
    run = remove or traces.new_run(instants.now())
    if dry_run:
        _plan(account, run, sends=remove is None, removes=not keep, as_json=as_json)
    elif remove:
        left = _removed(account, run, seconds=0)
        _name(left, run)
        _end([], left, run, as_json=as_json)
    else:
        _try(account, run, timeout=timeout, keep=keep, as_json=as_json)


def _check_run(run: str, *, keep: bool) -> None:
    if keep:
        msg = "--keep with --remove, allowed: one of them"
        raise UsageError(msg)
    try:
        traces.days_of(run)
    except ValueError:
        msg = f"--remove is {run!r}, allowed: the name of a run, as {traces.RUN_EXAMPLE}"
        raise UsageError(msg) from None


def _try(account: Account, run: str, *, timeout: float, keep: bool, as_json: bool) -> None:
    """Send the files, judge them, and remove them whatever happens."""
    _require_polling(account)
    files, results = trial.planned(run, [*samples()]), list[Result]()
    left, ended = list[Left](), False
    screen.warn(f"run {run}")
    try:
        with screen.progress("processing", len(files)) as progress:
            sent = [*trial.send(account, files)]
            for result in trial.judge(account, files, sent, seconds=timeout):
                results.append(result)
                progress(1)
                if not as_json:
                    _report(result)
        ended = True
    finally:
        if not keep:
            left = _removed(account, run, seconds=0 if ended else _GRACE_SECONDS)
            _name(left, run)
    _end(results, left, run, as_json=as_json)


def _require_polling(account: Account) -> None:
    found = polling.read(account)
    if found and found.paused and not polling.is_direct(account):
        msg = f"the pipeline is paused since {instants.shown(found.changed)}: `resume` it first"
        raise OperatorError(msg)


def _plan(account: Account, run: str, *, sends: bool, removes: bool, as_json: bool) -> None:
    raw = account.stack.raw_bucket_name
    uploads = [
        {"place": f"s3://{raw}/{key}", "bytes": len(sample.body)}
        for key, sample in trial.planned(run, [*samples()] if sends else []).items()
    ]
    folders = [f"s3://{bucket}/{prefix}" for bucket, prefix in traces.folders(account, run)]
    removed = folders if removes else []
    if as_json:
        screen.document({"run": run, "uploads": uploads, "removes": removed})
        return
    for one in uploads:
        screen.say(f"would upload {one['bytes']} bytes to {one['place']}")
    for folder in removed:
        screen.say(f"would remove every version under {folder}")


def _removed(account: Account, run: str, *, seconds: float) -> list[Left]:
    """Remove the traces of a run; if a second Ctrl-C stops that, say how to go on."""
    try:
        with screen.working("removing the files"):
            rest = trial.under_way(account, run, seconds=seconds)
            return traces.remove(account, run, under_way=rest)
    except BaseException:
        screen.warn(f"not all is removed: `python -m ops smoke --remove {run}` goes on")
        raise


def _report(result: Result) -> None:
    verdict = "passed" if not result.problems else "FAILED"
    said = "; ".join(result.problems) or result.output
    screen.say(f"{verdict}  {result.key}  {said}")


def _name(left: list[Left], run: str) -> None:
    for one in left:
        screen.warn(f"not removed: {one.place}: {one.why}")
    if left:
        screen.warn(f"`python -m ops smoke --remove {run}` removes later what is not archived")


def _end(results: list[Result], left: list[Left], run: str, *, as_json: bool) -> None:
    if as_json:
        screen.document(
            {"run": run, "files": [asdict(one) for one in results], "left": [*map(asdict, left)]}
        )
    if left or any(one.problems for one in results):
        raise typer.Exit(1)
