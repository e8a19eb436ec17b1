"""The parts of docs/permissions.md: every policy as JSON, for an example stack, and its sources."""

import json
from collections.abc import Callable, Mapping

from infra import policies
from infra.calls import CALLS
from infra.deployer import Target
from ops.pipeline import access_policies
from ops.pipeline.access_policies import Role
from ops.stack import Stack

_ACCOUNT, _REGION, _NAME = "123456789012", "eu-central-1", "s3-data-pipeline-prod"
# Digits as Pulumi makes them up.
_DIGITS = "1a2b3c4"
_TARGET = Target(name=_NAME, account=_ACCOUNT, region=_REGION)
STACK = Stack(
    raw_bucket_name=f"{_NAME}-raw-{_DIGITS}",
    processed_bucket_name=f"{_NAME}-processed-{_DIGITS}",
    archive_bucket_name=f"{_NAME}-archive-{_DIGITS}",
    data_processor_lambda_arn=(
        f"arn:aws:lambda:{_REGION}:{_ACCOUNT}:function:{_NAME}-data-processor-{_DIGITS}"
    ),
    data_archiver_lambda_arn=(
        f"arn:aws:lambda:{_REGION}:{_ACCOUNT}:function:{_NAME}-data-archiver-{_DIGITS}"
    ),
    processing_queue_url=f"https://sqs.{_REGION}.amazonaws.com/{_ACCOUNT}/{_NAME}-files-{_DIGITS}",
    dlq_url=f"https://sqs.{_REGION}.amazonaws.com/{_ACCOUNT}/{_NAME}-dead-letters-{_DIGITS}",
    archiver_dlq_url=(
        f"https://sqs.{_REGION}.amazonaws.com/{_ACCOUNT}/{_NAME}-archiver-dead-letters-{_DIGITS}"
    ),
    alarm_topic_arn=f"arn:aws:sns:{_REGION}:{_ACCOUNT}:{_NAME}-alarms-{_DIGITS}",
    glue_database_name=f"{_NAME}_{_DIGITS}".replace("-", "_"),
    athena_workgroup_name=f"{_NAME}-queries-{_DIGITS}",
    region=_REGION,
)


def _of_deployment(name: str) -> str:
    return _folded(name, policies.text(policies.DOCUMENTS[name](_TARGET)))


def _of_stack(role: Role) -> str:
    return _folded(role, json.dumps(access_policies.policy(STACK, role), indent=2))


def _folded(name: str, text: str) -> str:
    summary = f"<details><summary>{name}.json</summary>"
    return f"{summary}\n\n```json\n{text}\n```\n\n</details>"


def _calls() -> str:
    rows = [
        f"| `{it.type.rpartition(':')[2]}` | {_listed(it.reads)} | {_listed(it.writes)} "
        f"| {it.source} |"
        for it in CALLS
    ]
    header = ["| resource | reads | writes | in `internal/service/` |", "|---|---|---|---|"]
    return "\n".join([*header, *rows])


def _listed(actions: tuple[str, ...]) -> str:
    return ", ".join(actions) or "–"


# By the part's name.
TEXTS: Mapping[str, Callable[[], str]] = {
    **{name: lambda name=name: _of_deployment(name) for name in policies.DOCUMENTS},
    **{role.value: lambda role=role: _of_stack(role) for role in Role},
    "calls": _calls,
}
