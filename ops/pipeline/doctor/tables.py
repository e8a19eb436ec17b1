"""Check the tables of the stack's datasets, and the workgroup that queries them."""

import json
from collections.abc import Iterator
from typing import Any, Final

from infra.datasets.tables import ARCHIVED, Table, of_declarations
from ops import aws
from ops.pipeline.doctor.findings import Deployment, Finding, judged

_UP: Final = "`pulumi up --refresh` sets it again"
_TABLES: Final = "tables of the datasets"
_WORKGROUP: Final = "workgroup for queries"


def existence(deployment: Deployment) -> Iterator[Finding]:
    """Check that each table is there, over the stack's objects, with the declared columns.

    A stack without a dataset has none, and no finding.
    """
    declared: dict[str, Any] = json.loads(deployment.stack.datasets or "{}")
    if not declared or not deployment.stack.glue_database_name:
        return
    found, expected = _found(deployment), of_declarations(declared)
    problems = [
        f"{table.name} {problem}"
        for table in expected
        if (problem := _problem(deployment, table, found.get(table.name)))
    ]
    names = ", ".join(table.name for table in expected)
    yield judged(_TABLES, problems, well=names, mend=_UP)


def workgroup(deployment: Deployment) -> Iterator[Finding]:
    """Check that the workgroup is enabled, and that its limit holds for every query."""
    name = deployment.stack.athena_workgroup_name
    if not name:
        return
    try:
        found = deployment.account.athena.get_work_group(WorkGroup=name)["WorkGroup"]
    except deployment.account.athena.exceptions.InvalidRequestException:  # its "not found"
        yield judged(_WORKGROUP, [f"there is no {name}"], well="", mend=_UP)
        return
    settings = found.get("Configuration", {})
    state = found.get("State", "unknown")
    limit = settings.get("BytesScannedCutoffPerQuery")
    problems = {
        f"{name} is {state}": state != "ENABLED",
        "a query may read without a limit": not limit,
        "a query may set its own settings": not settings.get("EnforceWorkGroupConfiguration"),
    }
    wrong = [problem for problem, holds in problems.items() if holds]
    yield judged(_WORKGROUP, wrong, well=f"{name}, {limit} bytes a query", mend=_UP)


def _found(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """Return the tables in the stack's database by name: none if there is no database."""
    pages = deployment.account.glue.get_paginator("get_tables").paginate(
        DatabaseName=deployment.stack.glue_database_name
    )
    try:
        return {table["Name"]: table for page in pages for table in page["TableList"]}
    except aws.AwsError as error:
        if aws.code(error) != "EntityNotFoundException":
            raise
        return {}


def _problem(deployment: Deployment, table: Table, found: dict[str, Any] | None) -> str:
    """Return what is wrong with a table as Glue has it, or nothing."""
    if found is None:
        return "is not there"
    stack = deployment.stack
    archived = table.root in ARCHIVED
    bucket = stack.archive_bucket_name if archived else stack.processed_bucket_name
    wanted, has = table.parameters(bucket), found.get("Parameters", {})
    differing = [name for name, value in wanted.items() if has.get(name) != value]
    if differing:
        return f"has another {', '.join(differing)}"
    columns = {it["Name"]: it.get("Type") for it in found["StorageDescriptor"].get("Columns", [])}
    if columns != {it.name: it.type for it in table.columns}:
        return "has other columns than its declaration"
    return ""
