"""The figures of docs/limits.md, docs/data.md and the runbook, from the code and the bench."""

import re
from dataclasses import fields

from handlers import data_processor, keys
from handlers.aws import copies
from handlers.delivery import outcomes, progress, protocol, staging
from handlers.environment import (
    ARCHIVER_SERVICE,
    PROCESSOR_SERVICE,
    VISIBILITY_TIMEOUTS,
    Metric,
)
from handlers.invocation import telemetry
from handlers.invocation.attempts import BACK_OFF_SECONDS
from handlers.transform import expansion
from handlers.transform.formats import batch
from handlers.transform.records import encoder, json_text
from infra import lifecycle
from infra.settings import Settings, config_key
from tests.contracts.locks import ROOT
from tests.policy import graphs

DEFAULTS = Settings(environment="prod")
# A batch of ten small files: their four calls each, ten files at a time, and the CPU for them. An
# estimate, not a measure: docs/limits.md says so.
BATCH_SECONDS = 0.3
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
WRITES_A_SECOND = 3_500
# An upload and the delete of its version, both under incoming/.
WRITES_OF_A_FILE = 2
_MIB = 1024 * 1024
_MINUTE = 60
_HOUR = 3600
_ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"

METRICS: dict[Metric, tuple[str, str]] = {
    Metric.FILES_PROCESSED: (
        PROCESSOR_SERVICE,
        "files that have their output, a replayed one again",
    ),
    Metric.FILES_FAILED: (PROCESSOR_SERVICE, "files that failed for good, each with a dead letter"),
    Metric.FILES_RETRIED: (PROCESSOR_SERVICE, "attempts that failed and are made again"),
    Metric.FILES_RECONCILED: (PROCESSOR_SERVICE, "files that a reconcile run sent once more"),
    Metric.LOOPS_STOPPED: (PROCESSOR_SERVICE, "of the failed: content that kept coming back"),
    Metric.RECORDS_IN: (PROCESSOR_SERVICE, "records read"),
    Metric.RECORDS_OUT: (PROCESSOR_SERVICE, "records written to outputs"),
    Metric.RECORDS_REJECTED: (PROCESSOR_SERVICE, "bad records"),
    Metric.RECORDS_EMPTY: (PROCESSOR_SERVICE, "records of which nothing was left"),
    Metric.BYTES_IN: (PROCESSOR_SERVICE, "size of the files processed, as stored"),
    Metric.BYTES_WRITTEN: ("both", "bytes written to S3, with copies and failed attempts"),
    Metric.ACCESS_DENIED: ("both", "calls that AWS denied"),
    Metric.OBJECTS_ARCHIVED: (ARCHIVER_SERVICE, "outputs moved to the archive"),
    Metric.ARCHIVE_FAILURES: (ARCHIVER_SERVICE, "outputs that could not be moved"),
    Metric.BYTES_ARCHIVED: (ARCHIVER_SERVICE, "size of what was moved"),
    Metric.OBJECTS_BUNDLED: (ARCHIVER_SERVICE, "of the moved: outputs that are in bundles"),
    Metric.BUNDLES_WRITTEN: (ARCHIVER_SERVICE, "bundles written"),
    Metric.ARCHIVER_CALLS: (ARCHIVER_SERVICE, "calls of S3"),
    Metric.DOLLARS_SAVED: (
        ARCHIVER_SERVICE,
        "dollars by list price, beside what archiving one by one would have cost",
    ),
    Metric.BUNDLES_WITHOUT_INDEX: (
        ARCHIVER_SERVICE,
        "bundles older than a day whose index could not be written",
    ),
}


def table(head: str, rows: list[tuple[object, ...]]) -> str:
    """Return a Markdown table; `head` names its columns, separated by bars."""
    columns = head.count("|") + 1
    lines = [f"| {head} |", f"|{'---|' * columns}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def metrics() -> str:
    """Return the table of the metrics, with the alarms that use each."""
    alarms = {it.name: str(it.inputs) for it in graphs.graph("every option").of(_ALARM)}
    prefix = "s3-data-pipeline-prod-"
    rows = [
        (
            f"`{metric}`",
            service,
            "bytes" if metric in telemetry._BYTES else "count",
            meaning,
            ", ".join(
                f"[{name.removeprefix(prefix)}](#{_section(name.removeprefix(prefix))})"
                for name, inputs in sorted(alarms.items())
                if f"'{metric}'" in inputs
            )
            or "–",
        )
        for metric, (service, meaning) in METRICS.items()
    ]
    return table("metric | from | unit | counts | alarms", rows)


def limits() -> str:
    """Return the table of what a file, a record and a name may be."""
    return f"""\
| what | at most | beyond |
|---|---|---|
| a key | {keys.MAX_KEY_BYTES:,} bytes, S3's limit | a longer output key is cut and gets a hash |
| a file | what S3 holds | it continues in further invocations, {outcomes._MAX_CONTINUATIONS:,} at most |
| a record | {encoder.MAX_RECORD_BYTES // _MIB} MiB, {json_text.MAX_DEPTH} levels, {encoder.MAX_RECORD_PARTS:,} fields | it is rejected |
| bad records of a file | {DEFAULTS.max_rejected_percent} % (`maxRejectedPercent`) | the file fails |
| an output | {DEFAULTS.max_expansion} times its file (`maxExpansion`), and at least {expansion._ALWAYS_ALLOWED_BYTES // _MIB} MiB | the file fails |
| the text of a bad record in `rejected/` | its first {batch.RAW_BYTES // 1024} KiB | the rest is left out, its length is kept |
| files at once in one invocation | {data_processor._MAX_THREADS} | the others of the batch wait |
| an output in one piece | {staging.CHUNK_BYTES // _MIB} MiB | it is staged in chunks of about that size |
| a copy in one call | {copies.MAX_COPY_BYTES // 1024**3} GiB | the original is copied in parts |
| returns of one content to `incoming/` | {protocol._MAX_PASSES} | the file fails, so that a loop ends |"""


def throughput() -> str:
    """Return small files a second by `maxConcurrency`: batches of ten at the same time."""
    rows = [
        (
            concurrency,
            f"{files_a_second(concurrency):,.0f}",
            f"{files_a_second(concurrency) * _HOUR / 1e6:,.1f} million",
            "yes" if files_a_second(concurrency) * WRITES_OF_A_FILE > WRITES_A_SECOND else "no",
        )
        for concurrency in (2, DEFAULTS.max_concurrency, 50, 100, 500, 1000)
    ]
    return table("`maxConcurrency` | files a second | an hour | more than one S3 prefix", rows)


def files_a_second(concurrency: int) -> float:
    """Return how many small files so many invocations process in a second."""
    return concurrency * DEFAULTS.batch_size / BATCH_SECONDS


def speed() -> str:
    """Return the speed of one file, from the overlap table of bench/results.md."""
    results = (ROOT / "bench" / "results.md").read_text()
    part = results.partition("## Overlap\n")[2].partition("\n## ")[0]
    row = re.compile(r"^\| (\w+) \| [\d.]+ \| [\d.]+ \| [\d.]+ \| ([\d.]+) \|", re.MULTILINE)
    found = row.findall(part)
    rows = [
        (
            kind,
            f"{(rate := 100 / float(whole)):.0f} MB/s",
            f"{1000 / rate:.0f} s",
            f"{100_000 / rate / _MINUTE:.0f} min",
        )
        for kind, whole in found
    ]
    return table("file | speed | 1 GB | 100 GB", rows)


def latency() -> str:
    """Return how long a file may wait for its output."""
    it, hidden = DEFAULTS, DEFAULTS.visibility_timeout_seconds
    waits = " + ".join(str(seconds // _MINUTE) for seconds in BACK_OFF_SECONDS)
    return f"""\
| what | how long |
|---|---|
| a batch fills | at most {it.batch_window_seconds} s (`batchWindowSeconds`) |
| the waits between four attempts | {waits} = {sum(BACK_OFF_SECONDS) // _MINUTE} min |
| an attempt that kills its function | {hidden:,} s until the next: {VISIBILITY_TIMEOUTS} × `processorTimeoutSeconds`, and the batch window |
| a file that kills each attempt, until its dead letter | {it.max_receives} × {hidden:,} s = {it.max_receives * hidden / _HOUR:.0f} h |
| a message, if nothing works | {it.queue_retention_days} days (`queueRetentionDays`), then it is lost; its file is not: the daily reconcile run sends it |
| a file that waits, until an alarm | {it.max_lag_minutes} min (`maxLagMinutes`) |"""


def retention() -> str:
    """Return where a record can be, and for how long with the default settings."""
    it = DEFAULTS
    gone = f"then {it.noncurrent_days} days as a noncurrent version"
    return f"""\
| where | what of a record | how long by default |
|---|---|---|
| raw bucket, `incoming/` | its file | until it is processed; if it fails, until somebody deletes it |
| raw bucket, overwritten and deleted versions | its file | {it.noncurrent_days} days (`noncurrentDays`) |
| raw bucket, `completed/` | its file | {it.completed_days} days (`completedDays`), {gone} |
| processed bucket, `processed/` | the clean record | {it.retention_days} days (`retentionDays`), {gone} |
| processed bucket, `rejected/` | if it is bad: the first {batch.RAW_BYTES // 1024} KiB of its text | {it.rejected_days} days (`rejectedDays`), {gone} |
| processed bucket, `staging/` | the clean or the bad record, of a large file | until the output stands; at most {it.message_wait_days} days, then 1 day as a noncurrent version |
| processed bucket, unfinished uploads | the clean record, of a large file | {it.unfinished_upload_days} days (`unfinishedUploadDays`) |
| archive bucket, `archive/` | the clean record | {it.expiration_days} days (`expirationDays`), {gone} |
| archive bucket, `bundles/` (`archiveBundles`) | the clean record, of small files | {it.expiration_days} days (`expirationDays`), {gone} |
| archive bucket, `bundle-indexes/` (`archiveBundles`) | the file's key and version | {it.expiration_days} days (`expirationDays`), {gone} |
| processed bucket, `restored/` | the clean record, if an operator restored it | {it.restored_days} days (`restoredDays`), then 1 day as a noncurrent version |
| processed bucket, `batch-operations/` (`batchOperations`) | the file's key and version | {lifecycle.JOB_DAYS} days, then 1 day as a noncurrent version |
| metadata of an output | the file's key and version; the first {progress._REASON_CHARACTERS} characters of why the first bad record is bad | as long as the object |
| processing queue | the file's key and version | {it.queue_retention_days} days (`queueRetentionDays`) |
| dead-letter queues | the file's key and version; the reason, which may quote some characters of a bad record | {it.dead_letter_retention_days} days (`deadLetterRetentionDays`), counted from its first message |
| log groups | as in the dead-letter queues | {it.log_retention_days} days (`logRetentionDays`) |
| bucket of access logs (`accessLogs`) | the file's key | {it.log_retention_days} days (`logRetentionDays`), {gone} |
| files that `discard`, `rejects` and `restore` wrote | as in the dead-letter queues; the bad record; the clean record | on the operator's disk, until somebody deletes them |"""


def default_of(key: str) -> object:
    """Return the default of a configuration key. Raises KeyError if there is no such key."""
    return {config_key(it): getattr(DEFAULTS, it.name) for it in fields(Settings)}[key]


def _section(alarm: str) -> str:
    """Return the anchor of an alarm's section in the runbook."""
    text = (ROOT / "docs" / "runbook.md").read_text()
    for title in re.findall(r"^## (.+)$", text, re.MULTILINE):
        if alarm in re.split(r"[ ,]+", title):
            return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
    raise KeyError(alarm)
