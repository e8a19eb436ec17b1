"""What a stack costs a month, from what it did and stores; what is not known, and why. Pure."""

from typing import Final

from ops.costs import estimates
from ops.costs.bills import Bill, Line, kind
from ops.costs.bundles import FULL_BUNDLE_REQUESTS
from ops.costs.periods import Period
from ops.costs.prices import Prices
from ops.costs.storage import GB
from ops.pipeline.usage.measures import Usage
from ops.pipeline.usage.settings import StackSettings

_NO_STORAGE: Final = (
    "storage is not in it: S3 writes its metrics once a day, and there are none yet; --count lists "
    "the objects instead"
)
_NO_NONCURRENT: Final = (
    "noncurrent versions are within the storage; --count lists the objects and tells them apart"
)
_NO_QUEUE: Final = "requests to the queue are calculated from the files: it has no metrics here"
_NO_LOGS: Final = "written logs are not in it: the log groups have no metrics here"
_RECKONED: Final = (
    "requests to S3 are calculated from the files and their calls, and as many objects moved to "
    "GLACIER as were archived"
)


def bill(usage: Usage, settings: StackSettings, prices: Prices) -> Bill:
    """Return the bill of a month that is like the measured days."""
    lines = [
        *_stored(usage, prices),
        *_requests(usage, prices),
        *_functions(usage, settings, prices),
        _queue(usage, prices),
        *_monitoring(usage, settings, prices),
    ]
    return Bill(lines=lines, notes=_notes(usage))


def _stored(usage: Usage, prices: Prices) -> list[Line]:
    stored = usage.stored
    if stored is None:
        return []
    noncurrent = stored.noncurrent_bytes
    named = "" if noncurrent is None else f", {noncurrent / GB:,.2f} GB of all classes noncurrent"
    return [
        kind("GB-month STANDARD", prices.standard_gb_month)(
            f"stored{named}", stored.standard_bytes / GB
        ),
        kind("GB-month STANDARD_IA", prices.standard_ia_gb_month)(
            "stored", stored.infrequent_bytes / GB
        ),
        kind("GB-month GLACIER", prices.glacier_gb_month)("stored", stored.glacier_bytes / GB),
    ]


def _requests(usage: Usage, prices: Prices) -> list[Line]:
    files = usage.files * usage.monthly
    bundled, bundles = usage.bundled * usage.monthly, usage.bundles * usage.monthly
    copied = usage.archived * usage.monthly - bundled
    large_writes, large_reads = estimates.large_file_calls(usage.load.size)
    reads = files * (1 + large_reads) + usage.retried * usage.monthly
    writes = kind("requests", prices.writes_1000, 1_000)
    gets = kind("requests", prices.reads_1000, 1_000)
    into = kind("requests", prices.standard_ia_writes_1000, 1_000)
    each = FULL_BUNDLE_REQUESTS * bundles
    return [
        writes("PUT of uploads and outputs, COPY to completed/", files * (3 + large_writes)),
        gets("GET of files, again for attempts", reads),
        into("COPY into STANDARD_IA", copied),
        *([gets("GET of outputs to bundle", bundled)] if bundles else []),
        *([into("PUT of bundles into STANDARD_IA, at most", each)] if bundles else []),
        kind("transitions", prices.glacier_transitions_1000, 1_000)("to GLACIER", copied + bundles),
    ]


def _functions(usage: Usage, settings: StackSettings, prices: Prices) -> list[Line]:
    invocations = sum(usage.invocations.values()) * usage.monthly
    lines = [
        kind("invocations", prices.lambda_requests_million, 10**6)("Lambda requests", invocations)
    ]
    for label, function in (("processor", settings.processor), ("archiver", settings.archiver)):
        time = (
            prices.lambda_x86_64_gb_second
            if function.architecture == "x86_64"
            else prices.lambda_arm64_gb_second
        )
        used = usage.seconds[label] * usage.monthly * function.memory_mb / 1024
        lines.append(kind("GB-seconds", time)(f"{label}, {function.memory_mb} MB", used))
    return lines


def _queue(usage: Usage, prices: Prices) -> Line:
    each = min(usage.load.at_once, estimates.QUEUE_BATCH)
    if usage.queue is None:
        requests = usage.load.files * (1 + 2 / each) + estimates.IDLE_POLLS
    else:
        taken = usage.queue["NumberOfMessagesReceived"] + usage.queue["NumberOfMessagesDeleted"]
        sent = usage.queue["NumberOfMessagesSent"] + usage.queue["NumberOfEmptyReceives"]
        requests = (sent + taken / each) * usage.monthly
    return kind("requests", prices.queue_requests_million, 10**6)("queue", requests)


def _monitoring(usage: Usage, settings: StackSettings, prices: Prices) -> list[Line]:
    plan = settings.plan
    written = (usage.log_bytes or 0) * usage.monthly / GB
    lines = [
        kind("GB", prices.logs_ingested_gb)("logs written", written),
        kind("GB-month", prices.logs_stored_gb_month)("logs kept", settings.stored_log_bytes / GB),
        kind("alarm metrics", prices.alarm_month)("alarms", plan.alarm_metrics),
        kind("metrics", prices.metric_month)("custom metrics", usage.metric_share),
        kind("dashboard", prices.dashboard_month)("dashboard", 1),
    ]
    return [*lines, *estimates.key(plan, usage.load, prices, Period())]


def _notes(usage: Usage) -> tuple[str, ...]:
    notes = [f"from the last {usage.days:.1f} days, for a month of 30 days", _RECKONED]
    if usage.stored is None:
        notes.append(_NO_STORAGE)
    elif usage.stored.noncurrent_bytes is None:
        notes.append(_NO_NONCURRENT)
    if usage.queue is None:
        notes.append(_NO_QUEUE)
    if usage.log_bytes is None:
        notes.append(_NO_LOGS)
    return (*notes, estimates.NOT_COUNTED)
