import json
from collections.abc import Mapping
from typing import Any

import pytest

from infra import key_policy
from local.account.strict.s3_requests import resource_policies
from tests.infra.recording import (
    ACCOUNT,
    CONSUMER,
    PARTITION,
    PRODUCERS,
    REGION,
    Graph,
    run_variant,
)

PIPELINE = "s3-data-pipeline-prod"
RAW = "arn:aws:s3:::acme-raw"
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
S3 = {"Service": "s3.amazonaws.com"}
LOGS = {"Service": f"logs.{REGION}.amazonaws.com"}
SCHEDULE = "kms:encryptioncontext:aws:scheduler:schedule:arn"
ATHENA = {"Service": "encryption.athena.amazonaws.com"}
WORKGROUP = "kms:encryptioncontext:aws:athena:arn"
GROUP = "kms:encryptioncontext:aws:logs:arn"
POLICY = key_policy.document(
    partition=PARTITION,
    region=REGION,
    account=ACCOUNT,
    pipeline=PIPELINE,
    raw_bucket=RAW,
    producers=PRODUCERS,
    consumers=[CONSUMER],
)


def via(service: str) -> dict[str, str]:
    return {"kms:viaservice": f"{service}.amazonaws.com"}


def source(arn: str, account: str = ACCOUNT) -> dict[str, str]:
    return {"aws:sourcearn": arn, "aws:sourceaccount": account}


def schedule(name: str) -> dict[str, str]:
    return {SCHEDULE: f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{name}/daily"}


def group(name: str, region: str = REGION) -> dict[str, str]:
    return {GROUP: f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{name}"}


def workgroup(name: str, **context: str) -> dict[str, str]:
    return {WORKGROUP: f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{name}", **context}


def athena(name: str, account: str = ACCOUNT) -> dict[str, str]:
    return workgroup(name, **source(workgroup(name)[WORKGROUP], account))


def allows(principal: Mapping[str, str], action: str, context: Mapping[str, str]) -> bool:
    ((kind, name),) = principal.items()
    return any(
        name in resource_policies.as_list(statement["Principal"].get(kind, []))
        and any(resource_policies.matches(one, action) for one in statement["Action"])
        and resource_policies.holds(statement.get("Condition", {}), context)
        for statement in POLICY["Statement"]
    )


@pytest.mark.parametrize(
    ("principal", "action", "context"),
    [
        (S3, "kms:GenerateDataKey", source(RAW)),
        (S3, "kms:Decrypt", source(RAW)),
        (LOGS, "kms:GenerateDataKeyWithoutPlaintext", group(f"{PIPELINE}-data-processor-logs-1")),
        (LOGS, "kms:Decrypt", group(f"{PIPELINE}-data-archiver-logs-1")),
        (ROOT, "kms:GenerateDataKey", via(f"s3.{REGION}")),
        (ROOT, "kms:Decrypt", via(f"sqs.{REGION}")),
        (ROOT, "kms:CreateGrant", via(f"lambda.{REGION}")),
        (ROOT, "kms:GenerateDataKey", schedule(f"{PIPELINE}-daily-archive-1")),
        (ATHENA, "kms:GenerateDataKey", athena(f"{PIPELINE}-queries-1")),
        (ATHENA, "kms:Decrypt", athena(f"{PIPELINE}-queries-1")),
        (ATHENA, "kms:DescribeKey", athena(f"{PIPELINE}-queries-1")),
        (ROOT, "kms:GenerateDataKey", workgroup(f"{PIPELINE}-queries-1")),
        (ROOT, "kms:PutKeyPolicy", {}),
        (ROOT, "kms:DescribeKey", {}),
        ({"AWS": PRODUCERS[0]}, "kms:GenerateDataKey", via(f"s3.{REGION}")),
        ({"AWS": CONSUMER}, "kms:Decrypt", via(f"s3.{REGION}")),
    ],
    ids=str,
)
def test_what_the_key_allows(principal: Any, action: str, context: dict[str, str]):
    assert allows(principal, action, context)


@pytest.mark.parametrize(
    ("principal", "action", "context"),
    [
        (S3, "kms:GenerateDataKey", source("arn:aws:s3:::another")),
        (S3, "kms:GenerateDataKey", source(RAW, account="444455556666")),
        (S3, "kms:GenerateDataKey", {}),
        (LOGS, "kms:Decrypt", group("another-logs")),
        (LOGS, "kms:Decrypt", group(f"{PIPELINE}-data-processor-logs-1", region="us-east-1")),
        (ATHENA, "kms:Decrypt", athena("another-queries-1")),
        (ATHENA, "kms:Decrypt", athena(f"{PIPELINE}-queries-1", account="444455556666")),
        (ATHENA, "kms:Decrypt", {}),
        (ROOT, "kms:Decrypt", workgroup("another-queries-1")),
        (ROOT, "kms:Decrypt", {}),
        (ROOT, "kms:Decrypt", via("s3.us-east-1")),
        (ROOT, "kms:Decrypt", via(f"dynamodb.{REGION}")),
        (ROOT, "kms:CreateGrant", {}),
        (ROOT, "kms:Decrypt", schedule("another-schedule")),
        ({"AWS": PRODUCERS[0]}, "kms:Decrypt", via(f"sqs.{REGION}")),
        ({"AWS": CONSUMER}, "kms:GenerateDataKey", via(f"s3.{REGION}")),
    ],
    ids=str,
)
def test_what_the_key_refuses(principal: Any, action: str, context: dict[str, str]):
    assert not allows(principal, action, context)


def test_the_key_allows_all_that_the_roles_do_with_it():
    used: list[tuple[str, dict[str, str]]] = []
    for statement in statements_of_roles(run_variant("full")):
        for operator, block in statement.get("Condition", {}).items():
            for key, values in block.items():
                used += [
                    (action, {key.lower(): value.replace(".*", ".amazonaws.com")})
                    for action in statement["Action"]
                    for value in resource_policies.as_list(values)
                    if action.startswith("kms:") and operator in {"StringLike", "ArnLike"}
                ]
    services = {service for _, it in used for service in it.values() if "amazonaws" in service}
    assert services == {f"{name}.{REGION}.amazonaws.com" for name in ("s3", "sqs", "lambda")}
    assert any(SCHEDULE in it for _, it in used)
    # The recorded group is called `name-of-…`; a real one begins with the logical name.
    plain = [(action, {k: v.replace("name-of-", "") for k, v in it.items()}) for action, it in used]
    assert [use for use in plain if not allows(ROOT, *use)] == []


def test_nobody_is_let_in_who_is_not_named():
    policy = key_policy.document(
        partition="aws-cn",
        region="cn-north-1",
        account=ACCOUNT,
        pipeline=PIPELINE,
        raw_bucket="arn:aws-cn:s3:::acme-raw",
    )
    principals = [statement["Principal"] for statement in policy["Statement"]]
    root = {"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}
    logs = {"Service": "logs.cn-north-1.amazonaws.com.cn"}
    assert [it for it in principals if it not in (root, S3, logs, ATHENA)] == []
    assert logs in principals
    assert "arn:aws:" not in json.dumps(policy)


def statements_of_roles(graph: Graph) -> list[dict[str, Any]]:
    documents = [
        json.loads(policy.inputs["policy"]) for policy in graph.of("aws:iam/rolePolicy:RolePolicy")
    ]
    return [statement for document in documents for statement in document["Statement"]]
