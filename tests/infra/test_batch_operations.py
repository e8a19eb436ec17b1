"""`batchOperations`: the role of the jobs, and what the processor may do for them."""

import json
from typing import Any

from tests.infra.recording import ACCOUNT, BOUNDARY, KEY, REGION, Graph

ROLE, POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"


def statements(graph: Graph, name: str) -> dict[str, Any]:
    granted = json.loads(graph.get(POLICY, name).inputs["policy"])["Statement"]
    return {it.pop("Sid"): it for it in granted}


def test_the_jobs_role_is_for_the_service_as_aws_writes_its_trust(full: Graph):
    role = full.get(ROLE, "jobs-role")

    assert json.loads(role.inputs["assumeRolePolicy"])["Statement"] == [
        {
            "Sid": "AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": "batchoperations.s3.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]
    assert role.inputs["permissionsBoundary"] == BOUNDARY


def test_it_reads_manifests_writes_reports_and_invokes_the_processor(full: Graph):
    jobs = f"{full.arn('processed')}/batch-operations/*"
    processor = full.arn("data-processor")
    own = {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}

    assert statements(full, "jobs-policy") == {
        "ReadManifests": {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": [jobs],
            "Condition": own,
        },
        "WriteReports": {
            "Effect": "Allow",
            "Action": ["s3:PutObject"],
            "Resource": [jobs],
            "Condition": own,
        },
        "InvokeFunction": {
            "Effect": "Allow",
            "Action": ["lambda:InvokeFunction"],
            "Resource": [processor, f"{processor}:*"],
        },
        "UseKey": {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": [KEY],
            "Condition": {"StringLike": {"kms:ViaService": [f"s3.{REGION}.*"]}},
        },
    }


def test_the_processor_may_make_uploads_only_with_the_option(dev: Graph, full: Graph):
    raw = full.arn("raw")
    more = statements(full, "data-processor-policy")
    assert more["ReplayFiles"]["Action"] == ["s3:PutObject", "s3:PutObjectTagging"]
    assert more["ReplayFiles"]["Resource"] == [f"{raw}/incoming/*"]
    assert more["ReadTagsOfOriginals"]["Action"] == ["s3:GetObjectVersionTagging"]
    assert more["ReadTagsOfOriginals"]["Resource"] == [f"{raw}/completed/*"]
    assert not {"ReplayFiles", "ReadTagsOfOriginals"} & set(
        statements(dev, "data-processor-policy")
    )


def test_without_the_option_there_is_neither_role_nor_output(dev: Graph, full: Graph):
    assert "jobs-role" not in {it.name for it in dev.of(ROLE)}
    assert "batch_operations_role_arn" not in dev.outputs
    assert full.outputs["batch_operations_role_arn"] == full.arn("jobs-role")
