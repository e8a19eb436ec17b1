"""The whole graph: inputs that the provider takes, names that AWS takes, tags, outputs."""

import json
from collections.abc import Iterator

import pytest

from infra.datasets import files
from local.program.checks import schema
from tests.infra.recording import PROJECT, PROVIDER, REGION, ROOT, Graph, run_program, stack_config

# The provider adds a hyphen and seven hex digits to a logical name.
# https://docs.aws.amazon.com/: quotas of the services.
RANDOM = 8
LONGEST = {
    "aws:s3/bucket:Bucket": 63,
    "aws:sqs/queue:Queue": 80,
    "aws:iam/role:Role": 64,
    "aws:iam/rolePolicy:RolePolicy": 128,
    "aws:lambda/function:Function": 64,
    "aws:scheduler/schedule:Schedule": 64,
    "aws:scheduler/scheduleGroup:ScheduleGroup": 64,
    "aws:cloudwatch/metricAlarm:MetricAlarm": 255,
    "aws:cloudwatch/logGroup:LogGroup": 512,
    "aws:sns/topic:Topic": 256,
    "aws:athena/workgroup:Workgroup": 128,
}
# What people write in SQL, and the names of queries that they choose from.
NAMED = {
    "aws:glue/catalogDatabase:CatalogDatabase",
    "aws:glue/catalogTable:CatalogTable",
    "aws:athena/namedQuery:NamedQuery",
}
# Of these, only the name of what they are in differs between stacks.
WITHIN = {"aws:glue/catalogTable:CatalogTable", "aws:athena/namedQuery:NamedQuery"}


def test_the_provider_takes_every_input(graph: Graph):
    problems = {
        it.urn: found
        for it in graph.resources
        if it.is_aws and (found := schema.problems(it.type, it.inputs))
    }

    assert problems == {}


def test_every_name_fits_for_the_longest_stack():
    stack = "s" * 19
    graph = run_program({"aws:region": REGION}, stack=stack)

    for it in graph.resources:
        if it.type in LONGEST:
            assert len(it.logical_name) + RANDOM <= LONGEST[it.type], it.logical_name


def test_names_are_left_to_the_engine_unless_aws_needs_one(graph: Graph):
    for it in graph.resources:
        if it.is_aws and it.type not in NAMED:
            assert not {"name", "namePrefix"} & it.inputs.keys(), it.urn


def test_two_stacks_of_one_account_share_no_physical_name():
    """The same stack twice: of two users, say, or in two regions."""
    config = {"aws:region": REGION, **stack_config("dev")}
    one, other = (
        dict(given_names(run_program(config, stack="dev", random=random)))
        for random in ("0000000", "1111111")
    )

    assert one.keys() == other.keys()
    assert len(one) > 20
    assert [key for key in one if one[key] == other[key]] == []


def given_names(graph: Graph) -> Iterator[tuple[tuple[str, str], object]]:
    """Yield what the program calls a resource, or what it belongs to; the engine names the rest."""
    for it in graph.resources:
        for key, value in it.inputs.items() if it.is_aws else ():
            if it.type in WITHIN and key == "name":
                continue
            if key in {"name", "bucket"} or (key.endswith("Name") and key != "metricName"):
                yield (it.urn, key), value


def test_switching_the_queue_moves_the_notification_alone(dev: Graph, direct: Graph):
    before, after = ({it.urn: it for it in graph.resources} for graph in (dev, direct))
    changed = {
        (before[urn].name, key)
        for urn in before.keys() & after.keys()
        for key in before[urn].inputs.keys() | after[urn].inputs.keys()
        # Two archives are never equal; what is in them does not depend on settings.
        if key != "code" and before[urn].inputs.get(key) != after[urn].inputs.get(key)
    }

    assert before.keys() == after.keys()
    assert changed == {
        ("delivery-notification", "queues"),
        ("delivery-notification", "lambdaFunctions"),
        ("data-processor", "reservedConcurrentExecutions"),
        ("data-processor", "environment"),  # how long an event may be under way
    }


def test_what_holds_data_is_protected_in_prod_and_nothing_else(dev: Graph, prod: Graph):
    names = ["raw", "processed", "archive", "files", "dead-letters", "archiver-dead-letters"]
    expected = set[tuple[str, str]]().union(*(prod.all_of(name) for name in names))

    assert {(it.type, it.name) for it in prod.resources if it.protect and it.is_aws} == expected
    assert {it.name for it in prod.resources if it.protect and not it.is_aws} == set(names)
    assert [it.urn for it in dev.resources if it.protect] == []


def test_every_resource_belongs_to_the_pipeline(graph: Graph):
    pipeline = graph.one("s3-data-pipeline:index:DataPipeline")

    outside = {it.type for it in graph.resources} - {it.type for it in graph.inside(pipeline)}
    assert outside == {PROVIDER, pipeline.type}
    assert {it.urn for it in graph.resources if it.is_aws} <= {
        it.urn for it in graph.inside(pipeline)
    }


def test_children_are_named_after_their_component(graph: Graph):
    by_urn = {it.urn: it for it in graph.resources}
    for it in graph.resources:
        if it.parent in by_urn:
            assert it.logical_name.startswith(by_urn[it.parent].logical_name), it.urn


def test_the_provider_is_in_the_stacks_region(graph: Graph):
    assert graph.one(PROVIDER).inputs["region"] == REGION


def test_the_default_tags(dev: Graph, full: Graph):
    assert json.loads(dev.one(PROVIDER).inputs["defaultTags"]) == {
        "tags": {
            "Project": PROJECT,
            "Stack": "dev",
            "Environment": "dev",
            "ManagedBy": "pulumi",
        }
    }
    tags = json.loads(full.one(PROVIDER).inputs["defaultTags"])["tags"]
    assert (tags["Stack"], tags["Environment"]) == ("prod", "production")


def test_the_outputs(dev: Graph, direct: Graph):
    def outputs(graph: Graph) -> dict[str, str]:
        urls = f"https://url-of/{graph.prefix}"
        return {
            "raw_bucket_name": graph.name("raw"),
            "raw_bucket_arn": graph.arn("raw"),
            "processed_bucket_name": graph.name("processed"),
            "processed_bucket_arn": graph.arn("processed"),
            "archive_bucket_name": graph.name("archive"),
            "data_processor_lambda_arn": graph.arn("data-processor"),
            "data_archiver_lambda_arn": graph.arn("data-archiver"),
            "processing_queue_url": f"{urls}-files",
            "dlq_url": f"{urls}-dead-letters",
            "archiver_dlq_url": f"{urls}-archiver-dead-letters",
            "alarm_topic_arn": graph.arn("alarms"),
            "dashboard_url": f"https://{REGION}.console.aws.amazon.com/cloudwatch/home"
            f"?region={REGION}#dashboards/dashboard/{graph.prefix}-{REGION}-{graph.random}",
            "datasets": json.dumps(files.load("datasets", ROOT), ensure_ascii=False),
            "glue_database_name": f"{graph.prefix}_{graph.random}".replace("-", "_"),
            "athena_workgroup_name": graph.name("queries"),
        }

    for graph in (dev, direct):
        assert graph.outputs == outputs(graph)


# No value is the default, and none is another's.
OTHERWISE = {
    "retentionDays": "41",
    "archiveDays": "102",
    "expirationDays": "403",
    "completedDays": "64",
    "rejectedDays": "45",
    "restoredDays": "22",
    "noncurrentDays": "36",
    "unfinishedUploadDays": "5",
    "archiveSchedule": "cron(7 3 * * ? *)",
    "reconcileSchedule": "rate(12 hours)",
    "processorMemoryMb": "2048",
    "processorTimeoutSeconds": "60",
    "archiverMemoryMb": "640",
    "archiverTimeoutSeconds": "100",
    "archiveBundles": "true",
    "bundleBelowKb": "512",
    "archiveConcurrency": "3",
    "maxConcurrency": "12",
    "batchSize": "20",
    "batchWindowSeconds": "2",
    "maxAttempts": "6",
    "queueRetentionDays": "3",
    "deadLetterRetentionDays": "9",
    "maxRejectedPercent": "30",
    "logRetentionDays": "14",
    "logLevel": "WARNING",
    "maxLagMinutes": "25",
    "compressOutput": "true",
    "accessLogs": "true",
    "outputEvents": "true",
    "batchOperations": "true",
}
DAY = 86_400


@pytest.fixture(scope="module")
def otherwise() -> Graph:
    settings = {f"{PROJECT}:{key}": value for key, value in OTHERWISE.items()}
    return run_program({"aws:region": REGION, **settings}, stack="dev")


def test_no_rule_of_a_bucket_ignores_the_settings(otherwise: Graph):
    lifecycle = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    rules = {
        it.name.removesuffix("-lifecycle"): {rule["id"]: rule for rule in it.inputs["rules"]}
        for it in otherwise.of(lifecycle)
    }

    for found in rules.values():
        kept = found["expire-noncurrent-versions"]["noncurrentVersionExpiration"]
        assert kept == {"noncurrentDays": 36}
        unfinished = found["abort-unfinished-uploads"]["abortIncompleteMultipartUpload"]
        assert unfinished == {"daysAfterInitiation": 5}
    assert rules["raw"]["expire-completed"]["expiration"] == {"days": 64}
    assert rules["processed"]["expire-rejected"]["expiration"] == {"days": 45}
    assert rules["processed"]["expire-restored"]["expiration"] == {"days": 22}
    assert rules["processed"]["expire-staging"]["expiration"] == {"days": 3 + 9}
    for name in ("move-to-glacier-then-expire", "move-bundles-to-glacier-then-expire"):
        ageing = rules["archive"][name]
        assert ageing["transitions"] == [{"days": 102, "storageClass": "GLACIER"}]
        assert ageing["expiration"] == {"days": 403}
    assert rules["archive"]["expire-bundle-indexes"]["expiration"] == {"days": 403}
    assert rules["access-logs"]["expire-logs"]["expiration"] == {"days": 14}


def test_no_queue_ignores_the_settings(otherwise: Graph):
    queues = {it.name: it.inputs for it in otherwise.of("aws:sqs/queue:Queue")}

    days = {name: it["messageRetentionSeconds"] / DAY for name, it in queues.items()}
    assert days == {"files": 3, "dead-letters": 9, "archiver-dead-letters": 9}
    assert queues["files"]["visibilityTimeoutSeconds"] == 6 * 60 + 2
    assert json.loads(queues["files"]["redrivePolicy"])["maxReceiveCount"] == 6 + 2
    mapping = otherwise.one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs
    assert (mapping["batchSize"], mapping["maximumBatchingWindowInSeconds"]) == (20, 2)
    assert mapping["scalingConfig"] == {"maximumConcurrency": 12}


def test_no_function_ignores_the_settings(otherwise: Graph):
    functions = {it.name: it.inputs for it in otherwise.of("aws:lambda/function:Function")}
    told = {name: it["environment"]["variables"] for name, it in functions.items()}

    sizes = {name: (it["memorySize"], it["timeout"]) for name, it in functions.items()}
    assert sizes == {"data-processor": (2048, 60), "data-archiver": (640, 100)}
    assert {it["LOG_LEVEL"] for it in told.values()} == {"WARNING"}
    processor = ("MAX_ATTEMPTS", "MAX_REJECTED_PERCENT", "COMPRESS_OUTPUT")
    assert [told["data-processor"][name] for name in processor] == ["6", "30", "true"]
    archiver = ("RETENTION_DAYS", "ARCHIVE_DAYS", "ARCHIVE_BUNDLES", "BUNDLE_BELOW_KB")
    assert [told["data-archiver"][name] for name in archiver] == ["41", "102", "true", "512"]
    assert told["data-archiver"]["ARCHIVE_CONCURRENCY"] == "3"
    logs = otherwise.of("aws:cloudwatch/logGroup:LogGroup")
    assert {it.inputs["retentionInDays"] for it in logs} == {14}
    schedules = {it.name: it.inputs for it in otherwise.of("aws:scheduler/schedule:Schedule")}
    times = {name: it["scheduleExpression"] for name, it in schedules.items()}
    assert times == {"daily-archive": "cron(7 3 * * ? *)", "reconcile": "rate(12 hours)"}


def test_no_alarm_ignores_the_settings(otherwise: Graph):
    alarms = otherwise.of("aws:cloudwatch/metricAlarm:MetricAlarm")
    thresholds = {it.name: it.inputs["threshold"] for it in alarms}

    # A tenth of the time-out before it ends, 15 s at most.
    assert thresholds["processor-near-timeout"] == 54_000
    assert thresholds["archiver-near-timeout"] == 90_000
    assert thresholds["rejected-records"] == 15
    assert thresholds["oldest-message"] == 25 * 60
