"""Corrected rows of a dataset's file are sent as the pipeline reads the cells of its files."""

import json
from typing import Any

import pytest

from handlers.transform.datasets.dataset import Dataset
from ops.datasets.deployed import columns_of
from ops.files.rejects.corrections import correct, csv_rows, texts
from ops.stack import Stack
from ops.terminal.problems import UsageError
from tests.handlers.transform.transformed import transformed
from tests.ops.conftest import Pipeline

SALES: dict[str, Any] = {
    "prefix": "sales/",
    "schema": {
        "type": "object",
        "properties": {
            "sold_at": {"type": "string"},
            "total": {"type": ["number", "null"]},
            "total_2": {"type": "string"},
            "items": {"type": "integer"},
            "paid": {"type": "boolean"},
            "labels": {"type": "array"},
        },
    },
}
HEADER = "Sold at,total,Total,Items,paid,other\n"


@pytest.fixture
def stack(pipeline: Pipeline) -> Stack:
    return Stack.from_outputs({**pipeline.outputs, "datasets": json.dumps({"s": SALES})}, origin="")


def sent(stack: Stack, text: str, key: str = "incoming/sales/a.csv") -> bytes:
    columns = columns_of(stack, key) or texts
    return correct("fix", text.encode(), lambda rows: csv_rows(rows, columns)).content


def test_cells_become_what_the_pipeline_makes_of_them(stack: Stack) -> None:
    text = f"{HEADER}7,12.50,7,-1,TRUE,7\n,1e3,,,false,\n007,{'9' * 30},1.0,0,True,1.0\n"
    dataset = Dataset.read("s", SALES)
    content = sent(stack, text)
    ours = transformed(content, ".ndjson", dataset=dataset)
    theirs = transformed(text.encode(), ".csv", dataset=dataset)
    assert (ours.records, ours.rejects) == (theirs.records, [])
    assert content.startswith(b'{"Sold at":"7","total":12.50,"Total":"7","Items":-1,"paid":true,')


def test_what_cannot_become_what_is_declared_is_told_and_nothing_is_sent(stack: Stack) -> None:
    text = f"{HEADER}7,12 EUR,7,1.5,true,7\n7,1,7,1,yes,7\n"
    with pytest.raises(UsageError) as caught:
        sent(stack, text)
    told = "line 2: total: a text that is not a number, items: a text that is not an integer; "
    assert f"{told}line 3: paid: a text that is not a boolean; nothing is sent" in str(caught.value)


def test_rows_of_a_file_of_no_dataset_stay_texts(stack: Stack) -> None:
    assert sent(stack, "total\n1\n", "incoming/elsewhere/a.csv") == b'{"total":"1"}\n'
