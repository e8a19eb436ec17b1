import json
from typing import Any

import pulumi
import pytest

from tests.infra.recording import ACCOUNT, BOUNDARY, KEY, REGION, Graph

FUNCTION = "aws:lambda/function:Function"
PROCESSOR = "data-processor"
ARCHIVER = "data-archiver"
BOTH = [PROCESSOR, ARCHIVER]
POLICY = "aws:iam/rolePolicy:RolePolicy"


@pytest.mark.parametrize(
    ("name", "handler", "memory", "timeout"),
    [
        (PROCESSOR, "handlers.data_processor.handler", 1769, 300),
        (ARCHIVER, "handlers.data_archiver.handler", 512, 900),
    ],
)
def test_a_function_runs_the_packaged_handlers(
    graph: Graph, name: str, handler: str, memory: int, timeout: int
):
    inputs = graph.get(FUNCTION, name).inputs

    assert inputs["runtime"] == "python3.13"
    assert inputs["architectures"] == ["arm64"]
    assert inputs["handler"] == handler
    assert inputs["memorySize"] == memory
    assert inputs["timeout"] == timeout
    assert inputs["role"] == graph.arn(f"{name}-role")
    assert isinstance(inputs["code"], pulumi.AssetArchive)
    assert "handlers/keys.py" in inputs["code"].assets
    assert "orjson/__init__.py" in inputs["code"].assets
    # The engine digests the archive itself; a digest of ours would be compared with AWS's.
    assert not {"sourceCodeHash", "name"} & inputs.keys()


def test_the_processors_concurrency_is_reserved_where_s3_invokes_it(graph: Graph, direct: Graph):
    reserved = {it.name: it.inputs.get("reservedConcurrentExecutions") for it in graph.of(FUNCTION)}
    mapping = graph.one("aws:lambda/eventSourceMapping:EventSourceMapping")

    # No lower than the mapping's, which would receive what cannot be processed.
    most = mapping.inputs["scalingConfig"]["maximumConcurrency"]
    assert reserved == {PROCESSOR: most if graph is direct else None, ARCHIVER: None}


@pytest.mark.parametrize("name", BOTH)
def test_a_function_stands_after_its_policy_and_log_group(graph: Graph, name: str):
    before = graph.before(graph.get(FUNCTION, name))

    assert (POLICY, f"{name}-policy") in before
    assert ("aws:iam/role:Role", f"{name}-role") in before
    assert ("aws:cloudwatch/logGroup:LogGroup", f"{name}-logs") in before


@pytest.mark.parametrize(("variant", "days"), [("dev", 7), ("prod", 90)])
def test_logs_are_kept_for_their_days(variant: str, days: int, request: pytest.FixtureRequest):
    graph: Graph = request.getfixturevalue(variant)

    for name in BOTH:
        group = graph.get("aws:cloudwatch/logGroup:LogGroup", f"{name}-logs")
        assert group.inputs == {"retentionInDays": days}
        assert graph.get(FUNCTION, name).inputs["loggingConfig"] == {
            "logFormat": "Text",
            "logGroup": graph.name(f"{name}-logs"),
        }


@pytest.mark.parametrize("name", BOTH)
def test_lambda_alone_takes_the_role(graph: Graph, name: str):
    role = graph.get("aws:iam/role:Role", f"{name}-role")

    assert json.loads(role.inputs["assumeRolePolicy"])["Statement"] == [
        {
            "Sid": "AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }
    ]


def test_every_role_has_its_boundary_where_there_is_one(dev: Graph, full: Graph):
    assert len(full.of("aws:iam/role:Role")) == 5
    assert {it.inputs["permissionsBoundary"] for it in full.of("aws:iam/role:Role")} == {BOUNDARY}
    assert not any("permissionsBoundary" in it.inputs for it in dev.of("aws:iam/role:Role"))


@pytest.mark.parametrize("name", BOTH)
def test_logs_and_environment_are_encrypted_by_the_key_where_there_is_one(
    dev: Graph, full: Graph, name: str
):
    group = "aws:cloudwatch/logGroup:LogGroup"

    assert full.get(group, f"{name}-logs").inputs["kmsKeyId"] == KEY
    assert full.get(FUNCTION, name).inputs["kmsKeyArn"] == KEY
    assert "kmsKeyId" not in dev.get(group, f"{name}-logs").inputs
    assert "kmsKeyArn" not in dev.get(FUNCTION, name).inputs


@pytest.mark.parametrize("name", BOTH)
def test_a_chain_of_invocations_is_not_ended_by_lambda(graph: Graph, name: str):
    recursion = graph.get(
        "aws:lambda/functionRecursionConfig:FunctionRecursionConfig", f"{name}-recursion"
    )

    assert recursion.inputs == {"functionName": graph.name(name), "recursiveLoop": "Allow"}


def test_asynchronous_invocations_are_tried_three_times(graph: Graph):
    config = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
    limits = {"maximumRetryAttempts": 2, "maximumEventAgeInSeconds": 6 * 3600}

    assert graph.get(config, f"{PROCESSOR}-retries").inputs == {
        "functionName": graph.name(PROCESSOR),
        **limits,
    }
    assert graph.get(config, f"{ARCHIVER}-retries").inputs == {
        "functionName": graph.name(ARCHIVER),
        "destinationConfig": {"onFailure": {"destination": graph.arn("archiver-dead-letters")}},
        **limits,
    }


def test_an_event_that_failed_for_good_becomes_a_dead_letter(graph: Graph):
    assert graph.get(FUNCTION, PROCESSOR).inputs["deadLetterConfig"] == {
        "targetArn": graph.arn("dead-letters")
    }
    # The archiver's report goes to its destination instead, with the error.
    assert "deadLetterConfig" not in graph.get(FUNCTION, ARCHIVER).inputs


def test_traces_are_sent_where_they_are_wanted(dev: Graph, full: Graph):
    for name in BOTH:
        assert dev.get(FUNCTION, name).inputs["tracingConfig"] == {"mode": "PassThrough"}
        assert full.get(FUNCTION, name).inputs["tracingConfig"] == {"mode": "Active"}
        assert "SendTraces" not in statements(dev, f"{name}-policy")
        assert statements(full, f"{name}-policy")["SendTraces"]["Action"] == [
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
        ]


def test_the_environment_of_the_processor(dev: Graph, direct: Graph, full: Graph):
    expected = {
        "ENVIRONMENT": "dev",
        "LOG_LEVEL": "DEBUG",
        "RAW_BUCKET": dev.name("raw"),
        "PROCESSED_BUCKET": dev.name("processed"),
        "ARCHIVE_BUCKET": dev.name("archive"),
        "PROCESSING_QUEUE_URL": f"https://url-of/{dev.prefix}-files",
        "DEAD_LETTER_QUEUE_URL": f"https://url-of/{dev.prefix}-dead-letters",
        "MAX_ATTEMPTS": "4",
        "MAX_REJECTED_PERCENT": "10",
        "UNFINISHED_AFTER_SECONDS": "3600",
        "MAX_EXPANSION": "500",
        "FALLBACK_ENCODING": "utf-8",
        "COMPRESS_OUTPUT": "false",
    }

    assert environment(dev, PROCESSOR) == expected
    # Lambda may hold an event of S3 for six hours.
    assert environment(direct, PROCESSOR) == expected | {"UNFINISHED_AFTER_SECONDS": "25200"}
    assert environment(full, PROCESSOR)["ENVIRONMENT"] == "production"
    assert environment(full, PROCESSOR)["COMPRESS_OUTPUT"] == "true"
    assert environment(full, PROCESSOR)["LOG_LEVEL"] == "INFO"
    assert environment(full, PROCESSOR)["FALLBACK_ENCODING"] == "cp1252"


def test_the_environment_of_the_archiver(dev: Graph):
    assert environment(dev, ARCHIVER) == {
        "ENVIRONMENT": "dev",
        "LOG_LEVEL": "DEBUG",
        "PROCESSED_BUCKET": dev.name("processed"),
        "ARCHIVE_BUCKET": dev.name("archive"),
        "RETENTION_DAYS": "30",
        "ARCHIVE_DAYS": "90",
        "ARCHIVE_BUNDLES": "false",
        "BUNDLE_BELOW_KB": "1024",
        "ARCHIVE_CONCURRENCY": "1",
    }


def test_what_the_processor_may_do(dev: Graph, direct: Graph):
    assert granted(direct, f"{PROCESSOR}-policy") == granted(dev, f"{PROCESSOR}-policy")
    raw, processed, archive = dev.arn("raw"), dev.arn("processed"), dev.arn("archive")

    assert granted(dev, f"{PROCESSOR}-policy") == {
        "ReadIncomingFiles": (
            ["s3:GetObject", "s3:GetObjectVersion"],
            [f"{raw}/incoming/*", f"{raw}/completed/*"],
        ),
        "ReadTagsOfIncomingFiles": (
            ["s3:GetObjectVersionTagging"],
            [f"{raw}/incoming/*"],
        ),
        "KeepOriginals": (
            ["s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"],
            [f"{raw}/completed/*"],
        ),
        "UnmarkDiscardedFiles": (
            ["s3:PutObjectVersionTagging", "s3:DeleteObjectVersionTagging"],
            [f"{raw}/incoming/*"],
        ),
        "RemoveTakenVersions": (["s3:DeleteObjectVersion"], [f"{raw}/incoming/*"]),
        "ListRawBucket": (["s3:ListBucket", "s3:ListBucketVersions"], [raw]),
        "WriteOutputs": (
            ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"],
            [f"{processed}/processed/*", f"{processed}/rejected/*", f"{processed}/staging/*"],
        ),
        "ClearStaging": (["s3:DeleteObject"], [f"{processed}/staging/*"]),
        "ListOutputs": (["s3:ListBucket"], [processed, archive]),
        "ReadArchivedOutputs": (
            ["s3:GetObject"],
            [f"{archive}/archive/*", f"{archive}/bundles/*", f"{archive}/bundle-indexes/*"],
        ),
        "SendDeadLetters": (["sqs:SendMessage"], [dev.arn("dead-letters")]),
        "SeeDeadLetters": (
            ["sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"],
            [dev.arn("dead-letters")],
        ),
        "ReplaceArchivedOutputs": (
            ["s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"],
            [f"{archive}/archive/*"],
        ),
        "ReadTagsOfOutputs": (["s3:GetObjectTagging"], [f"{processed}/processed/*"]),
        "ReadMetrics": (["cloudwatch:GetMetricStatistics"], ["*"]),
        "ConsumeProcessingQueue": (
            [
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ChangeMessageVisibility",
                "sqs:SendMessage",
            ],
            [dev.arn("files")],
        ),
        "WriteLogs": (
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [f"{dev.arn(f'{PROCESSOR}-logs')}:*"],
        ),
    }


def test_what_the_archiver_may_do(dev: Graph):
    processed, archive = dev.arn("processed"), dev.arn("archive")

    assert granted(dev, f"{ARCHIVER}-policy") == {
        "MoveOutputs": (
            ["s3:GetObject", "s3:GetObjectTagging", "s3:DeleteObject"],
            [f"{processed}/processed/*"],
        ),
        "WriteArchive": (
            ["s3:PutObject", "s3:PutObjectTagging", "s3:GetObject", "s3:AbortMultipartUpload"],
            [f"{archive}/archive/*"],
        ),
        "WriteBundles": (
            ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"],
            [f"{archive}/bundles/*", f"{archive}/bundle-indexes/*"],
        ),
        "DecideLayouts": (["s3:PutObject", "s3:GetObject"], [f"{archive}/bundle-layouts/*"]),
        "RemoveBundledCopies": (["s3:DeleteObject"], [f"{archive}/archive/*"]),
        "ListBuckets": (["s3:ListBucket"], [processed, archive]),
        "WriteLogs": (
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [f"{dev.arn(f'{ARCHIVER}-logs')}:*"],
        ),
        "SendFailedInvocations": (["sqs:SendMessage"], [dev.arn("archiver-dead-letters")]),
    }


def test_each_function_invokes_itself_alone(graph: Graph):
    assert {it.name for it in graph.of(POLICY)} - {"jobs-policy"} == {
        f"{PROCESSOR}-policy",
        f"{PROCESSOR}-invoke-itself",
        f"{ARCHIVER}-policy",
        f"{ARCHIVER}-invoke-itself",
        "daily-archive-policy",
        "reconcile-policy",
    }
    for name in BOTH:
        own = graph.arn(name)
        assert granted(graph, f"{name}-invoke-itself") == {
            # An alias, too, by which it is invoked with snapshots.
            "InvokeFunction": (["lambda:InvokeFunction"], [own, f"{own}:*"])
        }


@pytest.mark.parametrize("name", BOTH)
def test_the_key_is_used_through_the_services_alone(dev: Graph, full: Graph, name: str):
    allowed = statements(full, f"{name}-policy")

    assert allowed["UseKey"] == {
        "Sid": "UseKey",
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": [KEY],
        "Condition": {"StringLike": {"kms:ViaService": [f"s3.{REGION}.*", f"sqs.{REGION}.*"]}},
    }
    assert allowed["DecryptEnvironment"] == {
        "Sid": "DecryptEnvironment",
        "Effect": "Allow",
        "Action": ["kms:Decrypt"],
        "Resource": [KEY],
        "Condition": {"StringLike": {"kms:ViaService": [f"lambda.{REGION}.*"]}},
    }
    assert not {"UseKey", "DecryptEnvironment"} & set(statements(dev, f"{name}-policy"))


@pytest.mark.parametrize("name", BOTH)
def test_only_buckets_of_this_account_are_used(graph: Graph, name: str):
    own = {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}
    conditions = {
        sid: statement.get("Condition")
        for sid, statement in statements(graph, f"{name}-policy").items()
        if any(action.startswith("s3:") for action in statement["Action"])
    }
    assert len(conditions) >= 3
    by_etag = {"RemoveBundledCopies": {**own, "Null": {"s3:if-match": "false"}}}
    expected = dict.fromkeys(conditions, own) | (by_etag if "archiver" in name else {})
    assert conditions == expected


def test_no_policy_grants_everything(graph: Graph):
    for policy in graph.of(POLICY):
        for sid, statement in statements(graph, policy.name).items():
            assert not any("*" in action for action in statement["Action"]), sid
            if sid not in {"SendTraces", "ReadMetrics"}:  # IAM knows no ARN of theirs
                assert "*" not in statement["Resource"], sid


def environment(graph: Graph, name: str) -> dict[str, str]:
    return graph.get(FUNCTION, name).inputs["environment"]["variables"]


def statements(graph: Graph, policy: str) -> dict[str, Any]:
    document = json.loads(graph.get(POLICY, policy).inputs["policy"])
    assert document["Version"] == "2012-10-17"
    found = {statement["Sid"]: statement for statement in document["Statement"]}
    assert len(found) == len(document["Statement"])
    return found


def granted(graph: Graph, policy: str) -> dict[str, tuple[list[str], list[str]]]:
    found = statements(graph, policy).items()
    assert all(
        set(it) - {"Condition"} == {"Sid", "Effect", "Action", "Resource"} for _, it in found
    )
    return {sid: (it["Action"], it["Resource"]) for sid, it in found}
