"""What a stack costs a month at a load: storage, requests, functions, queue, monitoring. Pure."""

import math
from typing import Final

from handlers.environment import Metric
from ops.costs import bundles, fan_out, storage
from ops.costs.bills import Bill, Line, kind
from ops.costs.periods import Period
from ops.costs.plans import DAYS_OF_MONTH, Load, Plan, slower
from ops.costs.prices import Prices

# Lambda polls an idle queue with five pollers, each for 20 s:
# https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
IDLE_POLLS: Final = 5 * DAYS_OF_MONTH * 86_400 // 20
# An output above 8 MiB: two calls for each chunk, and these once (docs/design.md): create and
# complete the upload, list three times; two reads.
_LARGE_WRITES: Final = 5
_LARGE_READS: Final = 2
# SQS takes and gives up to ten messages a request.
QUEUE_BATCH: Final = 10
# Four calls to S3 one after the other, of ten files at once. Assumed, not measured on AWS.
_CALLS_SECONDS: Final = 0.3
_FILES_AT_ONCE: Final = 10
# Nested NDJSON, the slowest of bench/results.md, on one processor.
_CPU_SECONDS_PER_BYTE: Final = 20 / 10**9
# 32 copies at once, of 30 ms each, are what one processor can request.
_CPU_SECONDS_PER_COPY: Final = 0.001
_RUN_SECONDS: Final = 2
_LISTED: Final = 1_000
LISTING: Final = "LIST by the archiver"
# Of the day's bundles, of their indexes, and of copies of what a bundle holds.
_LISTINGS_A_BUNDLE: Final = 3
_LOG_BYTES_PER_FILE: Final = 600
_LOG_BYTES_PER_INVOCATION: Final = 1_000  # START, END, REPORT, and the metrics
_HOURS_OF_MONTH: Final = DAYS_OF_MONTH * 24
# CloudWatch bills a custom metric for each hour in which there is a value of it.
PROCESSOR_METRICS: Final = (
    Metric.FILES_PROCESSED, Metric.RECORDS_IN, Metric.RECORDS_OUT, Metric.RECORDS_REJECTED,
    Metric.RECORDS_EMPTY, Metric.BYTES_IN, Metric.BYTES_WRITTEN,
)  # fmt: skip
ARCHIVER_METRICS: Final = (
    Metric.OBJECTS_ARCHIVED, Metric.ARCHIVE_FAILURES, Metric.BYTES_ARCHIVED, Metric.ACCESS_DENIED,
    Metric.BYTES_WRITTEN, Metric.OBJECTS_BUNDLED, Metric.BUNDLES_WRITTEN, Metric.ARCHIVER_CALLS,
    Metric.DOLLARS_SAVED, Metric.BUNDLES_WITHOUT_INDEX,
)  # fmt: skip
RECONCILE_METRICS: Final = (Metric.FILES_RECONCILED,)
# With bucket keys S3 asks KMS for one object in a hundred, at most: "up to 99 percent" less, says
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html. SQS asks once in
# `QUEUE_DATA_KEY_SECONDS` for each of the two that use the queue.
_KEY_REQUESTS_PER_CALL: Final = 0.01
QUEUE_DATA_KEY_SECONDS: Final = 3600
_QUEUE_KEY_REQUESTS: Final = 2 * DAYS_OF_MONTH * 86_400 // QUEUE_DATA_KEY_SECONDS
NOT_COUNTED: Final = (
    "not counted: the schedule and the alarms' e-mails (below a cent), snapStart, tracing, "
    "accessLogs, outputEvents, who reads outputs, data that leaves the region"
)
ASSUMED: Final = (
    "assumed: outputs as large as their files, 0.3 s for the S3 calls of ten files, 20 s of one "
    "processor a GB, logs kept uncompressed"
)


def estimate(plan: Plan, load: Load, prices: Prices, period: Period) -> Bill:
    """Return the bill of a month at a load; without files it is the idle stack's."""
    return Bill(
        lines=[
            *storage.lines(plan, load, prices, period),
            *requests(plan, load, prices, period),
            *compute(plan, load, prices, period),
            *_queue(plan, load, prices),
            *monitoring(plan, load, prices),
            *key(plan, load, prices, period),
        ],
        notes=(NOT_COUNTED, ASSUMED),
    )


def requests(plan: Plan, load: Load, prices: Prices, period: Period) -> list[Line]:
    """Return the requests to S3: a file's four calls and its upload, and those of its archiving."""
    writes = kind("requests", prices.writes_1000, 1_000)
    large_writes, large_reads = large_file_calls(load.output_size(plan))
    return [
        writes("PUT of uploads", load.files),
        kind("requests", prices.reads_1000, 1_000)("GET of files", load.files * (1 + large_reads)),
        writes("PUT of outputs", load.files),
        writes("chunks of outputs above 8 MiB", load.files * large_writes),
        writes("COPY to completed/", load.files),
        *archiving(plan, load, prices, period),
    ]


def archiving(plan: Plan, load: Load, prices: Prices, period: Period) -> list[Line]:
    """Return the requests of the archiver, and of the lifecycle's transitions."""
    made = bundles.archived(plan, load)
    outputs, _ = _archived(plan, load.files / DAYS_OF_MONTH, period)
    archived, moved = _archived(plan, made.objects, period)
    writes = kind("requests", prices.writes_1000, 1_000)
    into = kind("requests", prices.standard_ia_writes_1000, 1_000)
    transitions = kind("transitions", prices.glacier_transitions_1000, 1_000)("to GLACIER", moved)
    if not bundles.is_bundling(plan, load):
        return [
            writes(LISTING, DAYS_OF_MONTH + 2 * outputs / _LISTED),
            into("COPY into STANDARD_IA", archived),
            transitions,
        ]
    chains = plan.archive_concurrency
    return [
        writes(
            LISTING, chains * (DAYS_OF_MONTH + outputs / _LISTED) + _LISTINGS_A_BUNDLE * archived
        ),
        kind("requests", prices.reads_1000, 1_000)("GET of outputs to bundle", outputs),
        into("PUT of bundles into STANDARD_IA", archived * made.requests),
        writes("PUT of indexes", archived),
        transitions,
    ]


def large_file_calls(output: float) -> tuple[int, int]:
    """Return the more writes and reads that an output above 8 MiB costs."""
    if output <= storage.CHUNK_BYTES:
        return 0, 0
    return 2 * math.ceil(output / storage.CHUNK_BYTES) + _LARGE_WRITES, _LARGE_READS


def compute(plan: Plan, load: Load, prices: Prices, period: Period) -> list[Line]:
    """Return what the functions cost: their invocations, and the time that they take."""
    each = load.files_per_invocation(plan)
    invocations = load.files / each
    waiting = invocations * _CALLS_SECONDS * max(1, each / _FILES_AT_ONCE)
    working = load.files * load.size * _CPU_SECONDS_PER_BYTE * slower(plan.processor_memory_mb)
    archived, _ = _archived(plan, load.files / DAYS_OF_MONTH, period)
    if bundles.is_bundling(plan, load):
        moving = archived / fan_out.OBJECTS_A_SECOND
    else:
        moving = archived * _CPU_SECONDS_PER_COPY
    moving *= slower(plan.archiver_memory_mb)
    runs = DAYS_OF_MONTH
    time = kind("GB-seconds", prices.lambda_arm64_gb_second)
    return [
        kind("invocations", prices.lambda_requests_million, 10**6)(
            "Lambda requests", invocations + runs
        ),
        time("processor", (waiting + working) * plan.processor_memory_mb / 1024),
        time("archiver", (runs * _RUN_SECONDS + moving) * plan.archiver_memory_mb / 1024),
    ]


def _archived(plan: Plan, per_day: float, period: Period) -> tuple[float, float]:
    """Return how many objects are archived in the month, and how many move to GLACIER."""
    moved = plan.retention_days + plan.archive_days
    return period.flow(per_day, plan.retention_days), period.flow(per_day, moved)


def _queue(plan: Plan, load: Load, prices: Prices) -> list[Line]:
    each = min(load.files_per_invocation(plan), QUEUE_BATCH)
    requests = kind("requests", prices.queue_requests_million, 10**6)
    return [
        requests("queue: send, receive, delete", load.files * (1 + 2 / each)),
        requests("queue: polls while it is empty", IDLE_POLLS),
    ]


def monitoring(plan: Plan, load: Load, prices: Prices) -> list[Line]:
    """Return what logs, alarms, metrics and the dashboard cost."""
    invocations = load.files / load.files_per_invocation(plan)
    written = load.files * _LOG_BYTES_PER_FILE + invocations * _LOG_BYTES_PER_INVOCATION
    logged = written / storage.GB
    share = min(1.0, invocations / _HOURS_OF_MONTH)
    metrics = len(PROCESSOR_METRICS) * share + (len(ARCHIVER_METRICS) + len(RECONCILE_METRICS)) / 24
    return [
        kind("GB", prices.logs_ingested_gb)("logs written", logged),
        kind("GB-month", prices.logs_stored_gb_month)(
            "logs kept", logged * plan.log_retention_days / DAYS_OF_MONTH
        ),
        kind("alarm metrics", prices.alarm_month)("alarms", plan.alarm_metrics),
        kind("metrics", prices.metric_month)("custom metrics", metrics),
        kind("dashboard", prices.dashboard_month)("dashboard", 1),
    ]


def key(plan: Plan, load: Load, prices: Prices, period: Period) -> list[Line]:
    """Return what a KMS key costs, if the stack has one: itself, and the requests to it."""
    if not plan.kms_key:
        return []
    archived, _ = _archived(plan, load.files / DAYS_OF_MONTH, period)
    calls = 4 * load.files + archived
    return [
        kind("key", prices.key_month)("KMS key", 1),
        kind("requests", prices.key_requests_10000, 10_000)(
            "KMS requests", _QUEUE_KEY_REQUESTS + calls * _KEY_REQUESTS_PER_CALL
        ),
    ]
