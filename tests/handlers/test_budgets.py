"""What the pipeline may cost, where that can be told without a clock: see bench/ for the rest."""

import json
import os
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import SimpleNamespace

import pytest

from handlers.archive.retention import Archiver
from handlers.aws.messages import Messenger
from handlers.aws.objects import Storage
from handlers.data_processor import Processor
from handlers.delivery.protocol import Delivery
from handlers.environment import ArchiverEnvironment, ProcessorEnvironment
from handlers.invocation.deadline import Deadline
from handlers.reconciliation.reconciler import Reconciler
from handlers.reconciliation.request import Request
from handlers.transform.datasets.dataset import Datasets
from handlers.transform.files import transform
from handlers.transform.formats.batch import BLOCK_BYTES
from handlers.transform.records.encoder import RecordEncoder

NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
OLD = NOW - timedelta(days=400)
COMMON = {
    "environment": "test",
    "log_level": "ERROR",
    "processed_bucket": "processed",
    "archive_bucket": "archive",
}
ARCHIVER = {
    "retention_days": 30,
    "archive_days": 90,
    "bundle_below_kb": 1024,
    "archive_concurrency": 1,
}
SILENT = SimpleNamespace(**dict.fromkeys(("info", "warning", "error"), lambda *_, **__: None))


# ---------------------------------------------------------------- cold start

# These are what a cold start loads, with the S3 client made. Each more needs a reason and a look at
# `make bench`. boto3 is not among them: botocore alone makes the clients.
ALLOWED = {
    "handlers",
    "orjson",
    "aws_lambda_powertools",
    "botocore",
    "jmespath",
    "dateutil",
    "six",
    "urllib3",
    "certifi",
    "typing_extensions",
}
# Of Powertools the logger and the metrics; batch, data classes, parser and tracer cost too much.
POWERTOOLS_UTILITIES = {"", ".jmespath_utils"}
SLOW_STANDARD_MODULES = {"asyncio", "multiprocessing", "unittest", "sqlite3", "pdb"}


def modules_after(statement, **variables):
    code = (
        "import sys, json; before = set(sys.modules); "
        f"{statement}; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, **variables},
    )
    return set(json.loads(run.stdout))


@pytest.mark.parametrize("handler", ["handlers.data_processor", "handlers.data_archiver"])
def test_a_handler_loads_only_what_it_may(handler):
    ready = "from handlers.aws.clients import client; client('s3')"
    ready += "; from handlers.transform.files import record_encoder; record_encoder(b'')"
    loaded = modules_after(f"import {handler}; {ready}", AWS_DEFAULT_REGION="eu-central-1")
    roots = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert handler in loaded
    assert {root for root in roots if not root.startswith("__")} <= ALLOWED
    utilities = "aws_lambda_powertools.utilities"
    used = {name.removeprefix(utilities) for name in loaded if name.startswith(utilities)}
    assert used <= POWERTOOLS_UTILITIES
    assert not SLOW_STANDARD_MODULES & loaded
    # What checks records is for the files of datasets alone.
    datasets = "handlers.transform.datasets"
    checks = {name for name in loaded if name.startswith(datasets)}
    assert checks <= {datasets, f"{datasets}.dataset"}


def test_the_archiver_does_without_the_formats():
    assert "handlers.transform.delimited.row_reader" not in modules_after(
        "import handlers.data_archiver"
    )


# ---------------------------------------------------------------- small files


class TenAtOnce:
    """An S3 client that answers a GET only when ten of them wait."""

    def __init__(self):
        self.gate = threading.Barrier(10, timeout=20)
        self.stored = {}

    def get_object(self, *, Bucket, Key, **_):  # noqa: N803 - boto3's names
        self.gate.wait()
        body = json.dumps({"file": Key}).encode()
        head = {"ETag": '"e"', "ContentLength": len(body), "LastModified": NOW}
        return {**head, "VersionId": f"v-{Bucket}", "Body": BytesIO(body)}

    def put_object(self, *, Key, Body, **_):  # noqa: N803
        self.stored[Key] = Body

    def copy_object(self, **_):
        return {"CopyObjectResult": {"ETag": '"e"'}}

    def delete_object(self, **_):
        pass


def test_ten_small_files_are_worked_on_at_once():
    s3 = TenAtOnce()
    environment = ProcessorEnvironment(
        **COMMON,
        raw_bucket="raw",
        dead_letter_queue_url="dead",
        processing_queue_url="queue",
        max_attempts=3,
        max_rejected_percent=10,
        max_expansion=500,
        unfinished_after_seconds=3600,
        fallback_encoding=None,
        compress_output=False,
    )
    quiet = {"emit": lambda *_, **__: None, "begin": lambda _: None}
    telemetry = SimpleNamespace(logger=SILENT, **quiet)
    nothing = Messenger(lambda service: pytest.fail(f"nothing to tell {service}"))
    processor = Processor(environment, Storage(s3), nothing, telemetry, now=lambda: NOW)
    keys = [f"incoming/{number}.json" for number in range(10)]
    records = [
        {
            "eventSource": "aws:sqs",
            "messageId": key,
            "receiptHandle": key,
            "attributes": {"ApproximateReceiveCount": "1"},
            "body": json.dumps({"key": key}),
        }
        for key in keys
    ]
    context = SimpleNamespace(
        get_remaining_time_in_millis=lambda: 300_000,
        function_name="f",
        invoked_function_arn="f",
        aws_request_id="r",
    )
    assert processor.handle({"Records": records}, context) == {"batchItemFailures": []}
    files = {json.loads(body)["file"] for body in s3.stored.values()}
    assert files == set(keys)


# ---------------------------------------------------------------- archiver


class SimulatedBuckets:
    """An S3 client that makes each page of a listing when it is asked for, and holds nothing."""

    def __init__(self, objects, modified, key=str):
        self.calls = Counter()
        self.deleted = 0
        self._objects = objects
        self._modified = modified
        self._key = key

    def list_objects_v2(self, **request):
        self.calls["list"] += 1
        if request["Prefix"].startswith("bundle"):
            return {"IsTruncated": False}
        folder = request["Prefix"] + "2022/12/01/"
        after = request.get("ContinuationToken", request.get("StartAfter", ""))
        name = after.removeprefix(folder)
        first = int(name.ljust(8, "0")) + (len(name) == 8) if name.isdigit() else 0
        numbers = range(first, min(first + 1_000, self._objects))
        contents = [
            {
                "Key": self._key(f"{folder}{number:08d}"),
                "ETag": f'"{number}"',
                "Size": number,
                "LastModified": self._modified,
            }
            for number in numbers
        ]
        if numbers.stop == self._objects:
            return {"Contents": contents, "IsTruncated": False}
        token = str(contents[-1]["Key"])
        return {"Contents": contents, "IsTruncated": True, "NextContinuationToken": token}

    def copy_object(self, **request):
        self.calls["copy"] += 1
        return {"CopyObjectResult": {"ETag": request["CopySourceIfMatch"]}}

    def delete_objects(self, **request):
        self.calls["delete"] += 1
        self.deleted += len(request["Delete"]["Objects"])
        return {}


def archive(s3, *, bundles=False):
    environment = ArchiverEnvironment(**COMMON, **ARCHIVER, archive_bundles=bundles)
    archiver = Archiver(Storage(s3), environment, (), SILENT)
    return archiver.run(NOW, Deadline(lambda: 900))


def test_the_archiver_makes_few_calls_an_object():
    s3 = SimulatedBuckets(5_000, OLD)
    summary = archive(s3)
    assert (summary.counts.moved, summary.complete, s3.deleted) == (5_000, True, 5_000)
    assert s3.calls.total() * 1_000 <= 1_004 * 5_000 + 2_000  # and two for bundles


class Key(str):
    """A key of a listing; how many are alive at once is how much of it is held."""

    __slots__ = ()
    alive = most = 0

    def __new__(cls, text):
        Key.alive += 1
        Key.most = max(Key.most, Key.alive)
        return super().__new__(cls, text)

    def __del__(self):
        Key.alive -= 1


@pytest.mark.bombs
def test_of_a_million_listed_keys_the_archiver_holds_no_more_than_two_pages(monkeypatch):
    monkeypatch.setattr(Key, "most", 0)
    s3 = SimulatedBuckets(1_000_000, NOW, Key)
    summary = archive(s3)
    assert (summary.counts.moved, summary.counts.skipped, summary.complete) == (0, 1_000_000, True)
    assert s3.calls == {"list": 1_001}  # and one for bundles
    assert 1_000 <= Key.most <= 2_000


def peak_bytes(objects):
    tracemalloc.start()
    try:
        assert archive(SimulatedBuckets(objects, OLD)).counts.moved == objects
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_archiver_needs_no_more_memory_for_more_objects():
    peak_bytes(1_000)  # what is made once
    assert peak_bytes(8_000) < peak_bytes(2_000) + 200_000


# ---------------------------------------------------------------- reconciliation


class SimulatedVersions:
    """An S3 client that lists versions, made when they are asked for, and has nothing else."""

    def __init__(self, versions, modified):
        self.calls = Counter()
        self._versions = versions
        self._modified = modified

    def list_object_versions(self, **request):
        self.calls["list"] += 1
        first = int(request.get("VersionIdMarker", "-1")) + 1
        numbers = range(first, min(first + 1_000, self._versions))
        shown = [
            {
                "Key": Key(f"incoming/{number:08d}.json"),
                "VersionId": str(number),
                "ETag": '"e"',
                "Size": number,
                "LastModified": self._modified,
            }
            for number in numbers
        ]
        if numbers.stop == self._versions:
            return {"Versions": shown, "IsTruncated": False}
        last = shown[-1]
        return {
            "Versions": shown,
            "IsTruncated": True,
            "NextKeyMarker": str(last["Key"]),
            "NextVersionIdMarker": last["VersionId"],
        }

    def get_object_tagging(self, **_):
        self.calls["tags"] += 1
        return {"TagSet": []}


class EmptyQueues:
    """A client of SQS whose queues are empty."""

    def __init__(self, calls):
        self._calls = calls

    def get_queue_attributes(self, **_):
        self._calls["queue"] += 1
        return {"Attributes": {"MessageRetentionPeriod": "345600", "VisibilityTimeout": "1801"}}

    def receive_message(self, **_):
        return {}

    def send_message(self, **_):
        self._calls["sent"] += 1


def reconcile(s3, client):
    environment = ProcessorEnvironment(
        **COMMON,
        raw_bucket="raw",
        dead_letter_queue_url="dead",
        processing_queue_url="queue",
        max_attempts=3,
        max_rejected_percent=10,
        max_expansion=500,
        unfinished_after_seconds=3600,
        fallback_encoding=None,
        compress_output=False,
    )
    storage, messenger = Storage(s3), Messenger(client)
    delivery = Delivery(storage, environment, lambda: NOW, Datasets())
    reconciler = Reconciler(storage, messenger, delivery, environment, SILENT)
    asked = Request(started=NOW, by_schedule=True)
    return reconciler.run(asked, Deadline(lambda: 900))


def test_where_nothing_is_left_over_a_thousand_versions_take_one_call_and_no_other_client():
    s3 = SimulatedVersions(50_000, NOW)
    Key.most = Key.alive
    summary = reconcile(s3, lambda service: pytest.fail(f"nothing to ask {service}"))
    assert (summary.looked_at, summary.under_way) == (50_000, 50_000)
    assert s3.calls == {"list": 50}
    assert 1_000 <= Key.most <= 2_100


def test_what_is_sent_takes_two_calls_a_version_and_no_memory():
    s3 = SimulatedVersions(3_000, OLD)
    Key.most = Key.alive
    summary = reconcile(s3, lambda _: EmptyQueues(s3.calls))
    assert (summary.looked_at, summary.sent) == (3_000, 3_000)
    assert s3.calls == {"list": 3, "queue": 2, "tags": 3_000, "sent": 3_000}
    assert Key.most <= 2_100


# ---------------------------------------------------------------- first output

LINE = b'{"orderId":1,"address":{"street":"x"},"note":"' + b"n" * 80 + b'"}'
ROWS = BLOCK_BYTES * 4 // len(LINE)


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".ndjson", (LINE + b"\n") * ROWS),
        (".json", b"[" + (LINE + b",") * ROWS + LINE + b"]"),
        (".csv", b"orderId,note\n" + (b"1," + b"n" * 100 + b"\n") * ROWS),
    ],
)
def test_the_first_output_comes_before_the_second_block(suffix, data):
    read = []

    def source(offset):
        for start in range(offset, len(data), BLOCK_BYTES):
            read.append(start)
            yield data[start : start + BLOCK_BYTES]

    batch = next(transform(source, suffix, RecordEncoder(b"}\n")))
    assert batch.written > 100
    assert b"".join(batch.lines).count(b"\n") == batch.written
    assert read == [0]
