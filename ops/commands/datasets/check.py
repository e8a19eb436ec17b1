"""Try a dataset on files of this machine."""

from typing import Annotated, Any

import typer

from ops.commands.datasets.infer import Files
from ops.commands.options import AsJson
from ops.datasets import checking
from ops.datasets.checking import Checked
from ops.terminal import screen


def check(
    files: Files,
    *,
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset", metavar="NAME", help="A dataset of the folder datasets/, or its file."
        ),
    ],
    max_rejected_percent: Annotated[
        float,
        typer.Option(
            metavar="PERCENT", min=0, max=100, help="The stack's, if the dataset sets none."
        ),
    ] = 10,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="Show N bad records of each file.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """Show which records of files a dataset would reject, before it is deployed.

    With the line or row, the field, the rule and the reason of each, and how many break each rule.
    Exits with 1 if a file would fail: it cannot be read, or more of its records are bad than may
    be. It asks no stack.

    Example: `datasets check orders.csv --dataset orders`.
    """
    found = checking.find(dataset)
    results: list[Checked] = []
    with screen.progress("reading", sum(it.stat().st_size for it in files), in_bytes=True) as told:
        results += [
            checking.check(
                file, found, max_rejected_percent=max_rejected_percent, kept=limit, report=told
            )
            for file in files
        ]
    if as_json:
        head = {"dataset": found.name, "version": found.version}
        screen.document({**head, "files": [_document(one) for one in results]})
    else:
        for one in results:
            _show(one)
    if any(one.failure for one in results):
        raise typer.Exit(1)


def _show(one: Checked) -> None:
    counts = f"{one.records} records, {one.written} good, {one.rejected} rejected"
    screen.say(f"{one.file}: {counts}{f', {one.empty} empty' if one.empty else ''}")
    if one.rejects:
        screen.table(
            ("place", "field", "rule", "reason"),
            [(it.place, it.field or None, it.rule or None, it.reason) for it in one.rejects],
        )
    if one.rejected > len(one.rejects):
        screen.say(
            f"{len(one.rejects)} of {one.rejected} bad records are shown: --limit N for more"
        )
    if len(one.rules) > 1:
        screen.table(
            ("records", "field", "rule"),
            [
                (count, field or None, rule or None)
                for (field, rule), count in one.rules.most_common()
            ],
        )
    if one.failure:
        screen.say(f"the file would fail: {one.failure}")


def _document(one: Checked) -> dict[str, Any]:
    return {
        "file": str(one.file),
        "records": one.records,
        "written": one.written,
        "empty": one.empty,
        "rejected": one.rejected,
        "failure": one.failure or None,
        "rules": [
            {"field": field or None, "rule": rule or None, "records": count}
            for (field, rule), count in one.rules.most_common()
        ],
        "rejects": [
            {
                "place": reject.place,
                "field": reject.field or None,
                "rule": reject.rule or None,
                "reason": reject.reason,
            }
            for reject in one.rejects
        ],
    }
