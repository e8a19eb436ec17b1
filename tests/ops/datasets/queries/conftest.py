"""A dataset, and a stack that has deployed it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ops import aws
from ops.aws import Account
from ops.stack import Stack
from tests.ops.conftest import Pipeline

ORDERS: dict[str, Any] = {
    "prefix": "shop/orders/",
    "schema": {
        "type": "object",
        "properties": {
            "order": {"type": "string"},
            "total": {"type": "number"},
            "count": {"type": ["integer", "null"]},
            "paid": {"type": "boolean"},
            "address": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "floors": {"type": "array", "items": {"type": "integer"}},
                },
            },
            "labels": {"type": "object"},
        },
    },
}


@pytest.fixture
def account(pipeline: Pipeline) -> Account:
    """A stack with the dataset `orders`, on moto."""
    stack = Stack.from_outputs(pipeline.outputs, origin="a test")
    named = {"glue_database_name": "pipeline_dev", "athena_workgroup_name": "pipeline-dev"}
    return aws.connect(replace(stack, datasets=json.dumps({"orders": ORDERS}), **named))


def execution(identifier: str, state: str, read: int = 0, reason: str = "") -> dict[str, Any]:
    """Return an answer of GetQueryExecution."""
    status = {"State": state} | ({"StateChangeReason": reason} if reason else {})
    told = {"QueryExecutionId": identifier, "Status": status}
    return {"QueryExecution": told | {"Statistics": {"DataScannedInBytes": read}}}


def page(
    kinds: dict[str, str], rows: list[list[str | None]], token: str | None = None
) -> dict[str, Any]:
    """Return a page of GetQueryResults; None is a cell without a value, as Athena writes NULL."""
    described = [{"Name": name, "Type": kind} for name, kind in kinds.items()]
    cells = [
        {"Data": [{} if text is None else {"VarCharValue": text} for text in row]} for row in rows
    ]
    held = {"Rows": cells, "ResultSetMetadata": {"ColumnInfo": described}}
    return {"ResultSet": held} | ({"NextToken": token} if token else {})
