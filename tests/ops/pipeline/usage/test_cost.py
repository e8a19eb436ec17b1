"""`cost` and `status` on a stack: what CloudWatch and the resources say becomes a bill."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from handlers.environment import METRICS_NAMESPACE
from ops.costs.prices import REGIONS
from tests.ops.conftest import DONE, OLD, RAW, REGION, Pipeline, client

GB = 2**30
TOPIC = f"arn:aws:sns:{REGION}:123456789012:alarms"


def measured(
    namespace: str, name: str, value: float, *, days: float = 0, **dimensions: str
) -> None:
    datum = {
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
        "Timestamp": datetime.now(UTC) - timedelta(days=days, seconds=30),
        "Value": value,
    }
    client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


def own(function: str, name: str, value: float, *, days: float = 0) -> None:
    names = {"service": f"data-{function}", "function_name": f"data-{function}"}
    measured(METRICS_NAMESPACE, name, value, days=days, **names)


def log_group() -> str:
    found = client("lambda").get_function_configuration(FunctionName="data-processor")
    return found["LoggingConfig"]["LogGroup"]


def told(pipeline: Pipeline, *words: str) -> dict[str, Any]:
    result = pipeline.run("cost", "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def units(found: dict[str, Any]) -> dict[str, float]:
    return {f"{line['item']} {line['unit']}": line["units"] for line in found["lines"]}


@pytest.fixture
def busy(pipeline: Pipeline) -> Pipeline:
    """A stack that has run for some ten days: 1,000 files a day of 2,000 bytes."""
    for days in (9.0, 5.0, 0.0):
        own("processor", "FilesProcessed", 10_000 / 3, days=days)
        own("processor", "BytesIn", 20_000_000 / 3, days=days)
    own("processor", "FilesRetried", 50)
    own("archiver", "ObjectsArchived", 700)
    own("archiver", "BytesArchived", 1_400_000)
    measured("AWS/Lambda", "Invocations", 5_000, FunctionName="data-processor")
    measured("AWS/Lambda", "Duration", 900_000, FunctionName="data-processor")
    measured("AWS/Lambda", "Duration", 30_000, FunctionName="data-archiver")
    queue = {
        "NumberOfMessagesSent": 10_000, "NumberOfMessagesReceived": 10_050,
        "NumberOfMessagesDeleted": 9_950, "NumberOfEmptyReceives": 200_000,
    }  # fmt: skip
    for name, value in queue.items():
        measured("AWS/SQS", name, value, QueueName="pipeline-work")
    measured("AWS/Logs", "IncomingBytes", 3 * GB, LogGroupName=log_group())
    return pipeline


def test_what_a_stack_did_is_priced_for_a_month(busy: Pipeline):
    found = told(busy)
    assert found["prices"]["from"] == REGION
    [note] = [note for note in found["notes"] if note.startswith("from the last")]
    days = float(note.split()[3])
    assert 9 <= days <= 10.1  # 9.0 just after midnight
    monthly = 30 / days
    near = {key: pytest.approx(value * monthly, rel=0.02) for key, value in {
        "PUT of uploads and outputs, COPY to completed/ requests": 30_000,
        "GET of files, again for attempts requests": 10_050,
        "COPY into STANDARD_IA requests": 700,
        "to GLACIER transitions": 700,
        "Lambda requests invocations": 5_000,
        "queue requests": 210_000 + 20_000 / 2,  # two files an invocation, so two a receive
        "logs written GB": 3,
    }.items()}  # fmt: skip
    got = units(found)
    assert {key: got[key] for key in near} == near
    memory = client("lambda").get_function_configuration(FunctionName="data-processor")[
        "MemorySize"
    ]
    seconds = got[f"processor, {memory} MB GB-seconds"]
    assert seconds == pytest.approx(900 * memory / 1024 * monthly, rel=0.02)
    assert (found["load"]["size"], found["load"]["at_once"]) == (2_000, 2)
    assert Decimal(found["total"]) == sum(Decimal(line["dollars"]) for line in found["lines"])


def test_bundles_are_priced_as_what_they_are(busy: Pipeline):
    own("archiver", "ObjectsBundled", 600)
    own("archiver", "BundlesWritten", 2)
    found = told(busy)
    [note] = [note for note in found["notes"] if note.startswith("from the last")]
    monthly, got = 30 / float(note.split()[3]), units(found)
    near = {
        "COPY into STANDARD_IA requests": 100,
        "GET of outputs to bundle requests": 600,
        "PUT of bundles into STANDARD_IA, at most requests": 2 * 34,
        "to GLACIER transitions": 102,
    }
    assert {key: got[key] for key in near} == {
        key: pytest.approx(value * monthly, rel=0.02) for key, value in near.items()
    }


def test_a_custom_metric_costs_for_each_hour_in_which_it_has_a_value(busy: Pipeline):
    found = told(busy)
    [days] = [float(it.split()[3]) for it in found["notes"] if it.startswith("from the last")]
    # Two metrics on three days, three on one, all in one hour of each; not nine whole days.
    assert units(found)["custom metrics metrics"] == pytest.approx(9 / (24 * days), rel=0.02)


def test_storage_is_what_s3_measures_with_the_overheads_that_it_bills(pipeline: Pipeline):
    # moto itself writes the StandardStorage of each bucket: nothing here.
    stored = {
        "GlacierStagingStorage": 5, "GlacierS3ObjectOverhead": 1, "StandardIAStorage": 2,
        "StandardIASizeOverhead": 3, "GlacierStorage": 7, "GlacierObjectOverhead": 4,
    }  # fmt: skip
    for kind, size in stored.items():
        for days in (1.0, 0.0):  # each day's is the whole
            measured(
                "AWS/S3", "BucketSizeBytes", size * GB, days=days, StorageType=kind, BucketName=OLD
            )
    got = units(told(pipeline))
    assert got["stored GB-month STANDARD_IA"] == 5
    assert got["stored GB-month GLACIER"] == 11
    assert got["stored GB-month STANDARD"] == pytest.approx(6, abs=0.01)


def test_objects_are_counted_by_class_and_noncurrent_ones_told_apart(pipeline: Pipeline):
    pipeline.put("completed/a", b"1" * 1000)
    pipeline.put("completed/a", b"2" * 3000)
    pipeline.put("archive/b", b"3", OLD, StorageClass="STANDARD_IA")
    pipeline.put("archive/c", b"4" * 100, OLD, StorageClass="GLACIER")
    got = units(told(pipeline, "--count"))
    [(noncurrent, standard)] = [(k, v) for k, v in got.items() if k.endswith("GB-month STANDARD")]
    assert standard * GB == pytest.approx(4000 + 8 * 1024)
    assert "noncurrent" in noncurrent
    assert got["stored GB-month STANDARD_IA"] * GB == pytest.approx(128 * 1024)
    assert got["stored GB-month GLACIER"] * GB == pytest.approx(100 + 32 * 1024)


def test_what_is_not_known_is_said_and_why(pipeline: Pipeline):
    notes = " ".join(told(pipeline)["notes"])
    assert "calculated from the files: it has no metrics here" in notes
    assert "written logs are not in it" in notes
    assert "the schedule and the alarms' e-mails" in notes


def test_the_settings_are_those_of_the_resources(pipeline: Pipeline):
    functions = client("lambda")
    functions.update_function_configuration(
        FunctionName="data-archiver", MemorySize=256,
        Environment={
            "Variables": {
                "RETENTION_DAYS": "45", "ARCHIVE_BUNDLES": "true", "BUNDLE_BELOW_KB": "512",
                "ARCHIVE_CONCURRENCY": "4",
            },
        },
    )  # fmt: skip
    functions.update_function_configuration(
        FunctionName="data-processor", MemorySize=3538,
        Environment={"Variables": {"COMPRESS_OUTPUT": "true"}},
    )  # fmt: skip
    [mapping] = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=4)
    whole = {"Status": "Enabled", "Filter": {"Prefix": ""}}
    rules = {
        RAW: [
            {**whole, "ID": "expire-completed", "Expiration": {"Days": 60}},
            {
                **whole, "ID": "expire-noncurrent-versions",
                "NoncurrentVersionExpiration": {"NoncurrentDays": 20},
            },
        ],
        OLD: [
            {
                **whole, "ID": "move-to-glacier-then-expire",
                "Transitions": [{"Days": 120, "StorageClass": "GLACIER"}],
            }
        ],
    }  # fmt: skip
    for bucket, given in rules.items():
        pipeline.s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": given}
        )
    key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:x"}
    pipeline.s3.put_bucket_encryption(
        Bucket=RAW,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": key}]},
    )
    logs = client("logs")
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=log_group())
    logs.put_retention_policy(logGroupName=log_group(), retentionInDays=7)
    plan = told(pipeline, "--files", "10", "--size", "1KB")["plan"]
    assert plan == {
        "retention_days": 45, "archive_days": 120, "expiration_days": 0, "completed_days": 60,
        "noncurrent_days": 20, "batch_size": 4, "batch_window_seconds": 0,
        "processor_memory_mb": 3538, "archiver_memory_mb": 256, "log_retention_days": 7,
        "compress_output": True, "archive_bundles": True, "bundle_below_kb": 512,
        "archive_concurrency": 4, "kms_key": True, "alarm_metrics": 0,
    }  # fmt: skip


def test_settings_that_cannot_be_decrypted_are_not_taken_for_the_defaults(undecrypted: Pipeline):
    result = undecrypted.run("cost", "--files", "10", "--size", "1KB")
    assert result.exit_code == 1
    assert "the permission kms:Decrypt" in result.stderr
    [note] = json.loads(undecrypted.run("status", "--json").stdout)["notes"]
    assert "the permission kms:Decrypt" in note


def test_alarms_are_counted_by_the_metrics_that_they_look_at(pipeline: Pipeline):
    common = {
        "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1,
    }  # fmt: skip
    one = {"Namespace": "N", "MetricName": "M", "Period": 60, "Statistic": "Sum"}
    several = [
        {
            "Id": name, "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": "N", "MetricName": name}, "Period": 60, "Stat": "Sum",
            },
        }
        for name in ("a", "b")
    ]  # fmt: skip
    result = {"Id": "c", "Expression": "a / b", "ReturnData": True}
    put = pipeline.cloudwatch.put_metric_alarm
    put(AlarmName="one", AlarmActions=[TOPIC], **common, **one)
    put(AlarmName="ratio", AlarmActions=[TOPIC], Metrics=[*several, result], **common)
    put(AlarmName="another stack's", AlarmActions=[f"{TOPIC}-other"], **common, **one)
    assert units(told(pipeline))["alarms alarm metrics"] == 3


def test_an_estimate_needs_no_stack(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch):
    pipeline.outputs["endpoint_url"] = "http://127.0.0.1:9"  # nothing answers there
    words = ("cost", "--files", "10000", "--size", "1MB", "--json")
    assert pipeline.run(*words).exit_code == 1
    # As where neither an option nor the environment names a stack.
    monkeypatch.setattr("ops.commands.pipeline.cost.OUTPUTS_VARIABLE", "NO_SUCH_VARIABLE")
    result = pipeline.run(*words)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["prices"]["from"] == "us-east-1"
    assert found["total"] == "10.33"
    assert found["first_12_months"] == {"plain_design": "146.29", "this_design": "116.42"}
    load = ("cost", "--files", "10000000", "--size", "1KB", "--json")
    alone, together = (
        json.loads(pipeline.run(*load, it).stdout)
        for it in ("--no-archive-bundles", "--archive-bundles")
    )
    saved = Decimal(alone["total"]) - Decimal(together["total"])
    [loss] = [it for it in alone["losses"] if it["setting"] == "archiveBundles"]
    assert Decimal(loss["dollars"]) == saved > 450
    assert not [it for it in together["losses"] if it["setting"] == "archiveBundles"]
    dearer = json.loads(pipeline.run(*words, "--region", "eu-central-1").stdout)
    assert Decimal(dearer["total"]) > Decimal(found["total"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--files", "1"], "--files and --size go together"),
        (["--retention-days", "1"], "--retention-days changes an estimate"),
        (["--month", "3"], "--month changes an estimate"),
        (["--files", "1", "--size", "1", "--expiration-days", "90"], "allowed: more, or 0"),
        (["--files", "1", "--size", "1", "--batch-size", "0"], "--batch-size is 0"),
        (["--region", "eu-west-3"], "--prices FILE"),
    ],
)
def test_wrong_usage_says_what_is_allowed(pipeline: Pipeline, words: list[str], said: str):
    result = pipeline.run("cost", *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_table_shows_what_costs_and_what_loses(busy: Pipeline):
    shown = busy.run("cost", "--files", "10000000", "--size", "1KB").stdout
    assert "COPY into STANDARD_IA" in shown
    assert "staged chunks" not in shown  # none
    assert "a month: retentionDays; better" in shown
    assert "list prices entered on" in shown


def test_status_notes_what_loses_money_and_needs_nobody(pipeline: Pipeline):
    own("processor", "FilesProcessed", 100)
    own("processor", "BytesIn", 100_000)
    assert json.loads(pipeline.run("status", "--json").stdout)["notes"] == []  # below a dollar
    own("processor", "FilesProcessed", 3_000_000)
    own("processor", "BytesIn", 3_000_000_000)
    result = pipeline.run("status")
    assert result.exit_code == 0
    assert "note: retentionDays loses about $" in result.stdout
    assert json.loads(pipeline.run("status", "--json", "--quick").stdout)["notes"] == []


def test_a_note_that_cannot_be_made_fails_nothing(busy: Pipeline, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        error = {"Error": {"Code": "AccessDenied", "Message": "no"}}
        raise busy.s3.exceptions.ClientError(error, "GetMetricData")

    monkeypatch.setattr("ops.pipeline.usage.measures.collect", refuse)
    result = busy.run("status", "--json")
    assert result.exit_code == 0
    [note] = json.loads(result.stdout)["notes"]
    assert "cloudwatch:GetMetricData" in note


def test_the_region_of_the_tests_has_prices():
    assert REGION in REGIONS
    assert DONE != OLD


def test_an_archive_that_is_kept_for_ever_is_said_to_grow(pipeline: Pipeline):
    words = ("--files", "1000", "--size", "1MB", "--expiration-days", "0")
    found = told(pipeline, *words)
    assert found["month"] == 12
    assert "kept for ever" in found["notes"][0]
    later = told(pipeline, *words, "--month", "24")
    assert Decimal(later["total"]) > Decimal(found["total"])
