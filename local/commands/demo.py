"""The demo: send sample files through the pipeline, archive them a month later, and ask them."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import orjson
from rich.box import SIMPLE
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from handlers import keys
from local.commands.tracking import Outcome, Upload, Uploads
from local.pipeline import LocalPipeline
from local.program.deployment import PROGRAM

SAMPLES: Final = Path(__file__).parent / "samples"
# What each sample shows, in the order of the tour, and the status that it has to end with.
TOUR: Final = {
    "crm/user.json": ("JSON object", "processed"),
    "shop/orders.json": ("JSON array", "processed"),
    "web/events.ndjson": ("NDJSON", "processed"),
    "web/visits.csv": ("CSV", "processed"),
    "meters/readings.ndjson.gz": ("gzip", "processed"),
    "plant/sensors.csv": ("CSV, a bad row", "processed"),
    "plant/empty.csv": ("CSV, no rows", "processed"),
    "examples/orders/orders.csv": ("CSV, a dataset", "processed"),
    "shop/broken.json": ("array, cut off", "failed"),
    "mail/report.pdf": ("not data", "failed"),
}
_SHOWN: Final = "crm/user.json"
_WAIT_SECONDS: Final = 60.0
# Asked of the example's orders, datasets/orders.yaml; the archiver has moved them.
_QUERY: Final = "select status, sum(total) as total from orders_archive group by 1 order by 2 desc"
_QUERY_SECONDS: Final = 60
_COLORS: Final = {"processed": "green", "failed": "red", "pending": "yellow"}


def run_demo(console: Console) -> bool:
    """Run the tour, and return whether everything went as expected."""
    console.rule("[bold]s3-data-pipeline: the whole pipeline on this machine")
    with ExitStack() as opened:
        with console.status("Deploying the prod stack: the real Pulumi program, on moto …"):
            began = time.monotonic()
            pipeline = opened.enter_context(LocalPipeline(stack="prod"))
        made = len(pipeline.deployment.resources)
        console.print(f"Deployed {made} resources in {time.monotonic() - began:.0f} s.\n")
        uploads = Uploads(
            pipeline.account.client("s3"), pipeline.account.client("sqs"), pipeline.outputs
        )
        outcomes = _process(console, pipeline, uploads)
        _show_files(console, outcomes)
        _show_record(console, outcomes)
        _show_rejects(console, uploads, outcomes)
        archived = _archive(console, pipeline, uploads)
        _show_dead_letters(console, outcomes)
        answered = _ask(console, pipeline)
    expected = {name: status for name, (_, status) in TOUR.items()}
    good = {one.upload.name: one.status for one in outcomes} == expected and archived and answered
    _say_what_next(console, good=good)
    return good


def _process(console: Console, pipeline: LocalPipeline, uploads: Uploads) -> list[Outcome]:
    with console.status(f"Uploading {len(TOUR)} files to incoming/ …"):
        sent = [uploads.put(name, (SAMPLES / Path(name).name).read_bytes()) for name in TOUR]
    with console.status("S3 → queue → data processor …"):
        began = time.monotonic()
        outcomes = _wait(pipeline, uploads, sent)
    console.print(f"{len(sent)} files handled in {time.monotonic() - began:.1f} s:\n")
    return outcomes


def _wait(pipeline: LocalPipeline, uploads: Uploads, sent: Sequence[Upload]) -> list[Outcome]:
    pipeline.drain(_WAIT_SECONDS)
    dead_letters = uploads.dead_letters()
    return [uploads.outcome(upload, dead_letters) for upload in sent]


def _show_files(console: Console, outcomes: Sequence[Outcome]) -> None:
    table = Table(
        title="How each file ended", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0)
    )
    for column in ("what it is", "from → to", "status, records"):
        table.add_column(column, no_wrap=True)
    for one in outcomes:
        table.add_row(
            TOUR[one.upload.name][0],
            f"{one.upload.key}\n→ {one.where}",
            f"[{_COLORS[one.status]}]{one.status}[/]\n{_records(one)}",
        )
    console.print(table)


def _records(one: Outcome) -> str:
    if not one.counts:
        return ""
    rejected = one.counts[keys.RECORDS_REJECTED]
    moved = f"{one.counts[keys.RECORDS_IN]} → {one.counts[keys.RECORDS_OUT]}"
    return f"{moved}, {rejected} bad" if rejected else moved


def _show_record(console: Console, outcomes: Sequence[Outcome]) -> None:
    (one,) = (one for one in outcomes if one.upload.name == _SHOWN)
    panels = [
        Panel(Syntax(_indented(text), "json", word_wrap=True), title=title, width=39)
        for title, text in (("before", one.upload.body), ("after", one.output))
    ]
    console.print(f"One record of {_SHOWN}:", Columns(panels), "")


def _indented(text: bytes) -> str:
    return orjson.dumps(orjson.loads(text or b"{}"), option=orjson.OPT_INDENT_2).decode()


def _show_rejects(console: Console, uploads: Uploads, outcomes: Sequence[Outcome]) -> None:
    for one in outcomes:
        if one.rejected_key:
            text = uploads.text("processed_bucket_name", one.rejected_key).strip()
            console.print(f"The bad record of {one.upload.name} is in {one.rejected_key}:")
            console.print(Syntax(text, "json", word_wrap=True), "")


def _archive(console: Console, pipeline: LocalPipeline, uploads: Uploads) -> bool:
    later = datetime.now(UTC) + timedelta(days=31)
    before = uploads.keys("processed_bucket_name", keys.PROCESSED)
    with console.status("A month later, at 02:00 UTC …"):
        pipeline.run_schedule(later.replace(hour=2, minute=0, second=0, microsecond=0))
    kept = uploads.keys("processed_bucket_name", keys.PROCESSED)
    table = Table(title="The archive bucket", title_justify="left", box=SIMPLE)
    table.add_column("archived a month later, as STANDARD_IA", overflow="fold")
    archive = uploads.keys("archive_bucket_name", keys.ARCHIVE)
    for key in archive:
        table.add_row(key)
    console.print(table)
    console.print(f"{len(archive)} outputs moved, {len(kept)} left in processed/.\n")
    return [keys.archive_key(key) for key in before] == archive and not kept


def _show_dead_letters(console: Console, outcomes: Sequence[Outcome]) -> None:
    table = Table(title="The dead-letter queue", title_justify="left", box=SIMPLE)
    table.add_column("incoming/")
    table.add_column("reason", overflow="fold")
    for one in outcomes:
        if one.status == "failed":
            table.add_row(one.upload.name, one.reason)
    console.print(table, "")


def _ask(console: Console, pipeline: LocalPipeline) -> bool:
    """Ask the tables, as a person would: by the operator's command. Return whether it answered."""
    console.print("The dataset of datasets/orders.yaml is tables too, which answer SQL:\n")
    console.print(f'$ python -m ops query "{_QUERY}"', highlight=False)
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        outputs = Path(folder, "outputs.json")
        outputs.write_text(json.dumps(dict(pipeline.outputs)), encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - this project's own command
            [sys.executable, "-m", "ops", "query", _QUERY, "--outputs", str(outputs)],
            cwd=PROGRAM.parent,
            env={**os.environ, "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            timeout=_QUERY_SECONDS,
            check=False,
        )
    console.print(Text(done.stdout + done.stderr))
    return done.returncode == 0


def _say_what_next(console: Console, *, good: bool) -> None:
    if good:
        console.print("[green]Everything went where it has to.[/] Next:")
    else:
        console.print("[red]Something did not go where it has to; see the tables above.[/]")
    console.print("  make serve             keep the pipeline running on this machine, and then")
    console.print("  .venv/bin/python -m ops status --outputs outputs.json   look after it")
    console.print("  make up STACK=dev      deploy it to your AWS account")
