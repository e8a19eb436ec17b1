"""Show the bad records of a file, and send corrected ones."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from ops import aws
from ops.commands.files import corrections
from ops.commands.group import connect
from ops.commands.options import AsJson, DryRun, OutputsFile, StackName, Yes
from ops.files.rejects import records
from ops.files.rejects.records import RejectedObject
from ops.terminal import screen
from ops.terminal.problems import OperatorError, UsageError

_TABLE_ROWS = 50
_RAW_CHARACTERS = 200
_WAIT_SECONDS = 300
_COLUMNS = ("line", "row", "reason", "raw", "raw_bytes", "field", "rule")


def rejects(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="Of the file in incoming/ or completed/, of its output, or of the object in"
            " rejected/.",
        ),
    ],
    *,
    version: Annotated[
        str | None,
        typer.Option(
            "--version",
            metavar="V",
            help="Source version; without it, the newest that has bad records.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            help=f"Show the first N [default: {_TABLE_ROWS} in the table, else all].",
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: AsJson = False,
    fix: Annotated[
        Path | None,
        typer.Option(
            "--fix",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Send the corrected rows in this file: NDJSON, JSON, or CSV with its header.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="With --fix: wait until it is processed or failed.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            min=1,
            help=f"With --wait: how long [default: {_WAIT_SECONDS}].",
        ),
    ] = None,
    stack: StackName = None,
    outputs: OutputsFile = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Show the bad records of a file, or send corrected rows.

    Each record with its line or row, the reason and its text. With --fix, the rows are sent as a
    file of their own beside the first, incoming/…/NAME.fix-<8 hex>.ndjson, which names the first
    in its metadata. The same fix sent twice takes effect once: the second time, the command says
    what became of the first. Exits with 1 if the fix failed.
    """
    if as_csv and as_json:
        msg = "--csv and --json exclude each other: give one"
        raise UsageError(msg)
    if fix and (as_csv or as_json or limit):
        msg = "--fix sends rows and shows none, allowed: without --csv, --json and --limit"
        raise UsageError(msg)
    if not fix and (wait or dry_run or yes):
        msg = "--wait, --dry-run and --yes are of --fix, allowed: with --fix FILE"
        raise UsageError(msg)
    if timeout and not wait:
        msg = "--timeout is of --wait, allowed: with --fix FILE --wait"
        raise UsageError(msg)
    account = connect(stack, outputs)
    with screen.working("looking"):
        found = records.find(account, key, version)
    if fix:
        if not found:
            raise OperatorError(_none(key, version))
        seconds = timeout or _WAIT_SECONDS
        wanted = corrections.Options(dry_run=dry_run, yes=yes, wait_seconds=seconds if wait else 0)
        corrections.send(account, found[0], fix, wanted)
        return
    if not found:
        screen.warn(_none(key, version))
    _show(account, found, limit, as_csv=as_csv, as_json=as_json)


def _none(key: str, version: str | None) -> str:
    of = f" version {version}" if version else ""
    return (
        f"{key}{of} has no rejected records, or they are older than rejectedDays, or its completed "
        "copy is gone: then give its output's key; `show` tells what happened to it. A file that "
        "failed as a whole is fixed and uploaded again"
    )


def _show(
    account: aws.Account,
    found: list[RejectedObject],
    limit: int | None,
    *,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Print the records of the newest object, none without one, and name the other versions."""
    newest = found[0] if found else None
    bad = records.read(account, newest) if newest else iter(())
    if as_csv:
        documents = (one.document() for one in islice(bad, limit))
        screen.csv_rows(_COLUMNS, (tuple(map(one.get, _COLUMNS)) for one in documents))
    elif as_json:
        documents = (one.document() for one in islice(bad, limit))
        screen.documents(_head(newest), "records", documents)
    elif newest:
        _table(newest, list(islice(bad, limit or _TABLE_ROWS)))
    for other in found[1:]:
        version = other.source_version
        screen.warn(f"version {version} has rejected records too: --version {version}")


def _table(newest: RejectedObject, shown: list[records.BadRecord]) -> None:
    screen.say(f"{newest.source_key} version {newest.source_version}: {newest.key}")
    screen.table(
        ("place", "reason", "raw"),
        ((one.place, one.reason, screen.shortened(one.raw, _RAW_CHARACTERS)) for one in shown),
    )
    if newest.count is not None and newest.count > len(shown):
        screen.warn(
            f"{len(shown)} of {newest.count} bad records are shown: --limit N for more, --csv or "
            "--json for all"
        )


def _head(newest: RejectedObject | None) -> dict[str, object]:
    return {
        "key": newest and newest.source_key,
        "version": newest and newest.source_version,
        "rejected_key": newest and newest.key,
        "count": newest and newest.count,
    }
