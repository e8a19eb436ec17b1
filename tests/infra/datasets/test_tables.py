"""Tables of any declaration: names and comments that Glue takes."""

from typing import Any

import pytest
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.transform.datasets.dataset import Dataset
from infra.datasets.tables import Table, tables
from local.program.checks import api_models

GLUE = Session().get_service_model("glue")


def dataset(description: str, **properties: Any) -> Dataset:
    schema = {"type": "object", "properties": properties or {"n": {"type": "integer"}}}
    return Dataset.read(
        "sales", {"prefix": "shop/a=1/", "description": description, "schema": schema}
    )


def described(text: str) -> list[Table]:
    return tables(dataset(text, n={"type": "integer", "description": text}))


@settings(max_examples=40)
@given(st.text())
def test_glue_takes_any_description(text: str):
    for table in described(text):
        given_table = {
            "Name": table.name,
            "Description": table.description,
            "StorageDescriptor": {
                "Columns": [
                    {"Name": it.name, "Type": it.type, "Comment": it.comment}
                    for it in table.columns
                ]
            },
        }
        model = GLUE.shape_for("TableInput")
        assert list(api_models.problems(model, given_table)) == []
        assert all(len(it.comment.encode()) <= 255 for it in table.columns)
        assert len(table.description.encode()) <= 2048


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("Number of the order, AB-1234 say.", "Number of the order, AB-1234 say."),
        ("two\nlines\tand  spaces ", "two lines and spaces"),
        ("é" * 200, "é" * 127),
        ("bell \x07 end", "bell end"),
        ("", ""),
    ],
)
def test_a_comment_is_one_line_cut_between_characters(text: str, comment: str):
    (column, _) = described(text)[0].columns
    assert column.comment == comment


def test_each_table_says_what_it_holds():
    found = {it.name: it.description for it in described("Sales of the shop.")}
    assert found == {
        "sales": "Sales of the shop.",
        "sales_archive": "Archived: Sales of the shop.",
        "sales_bundles": "Archived in bundles: Sales of the shop.",
        "sales_rejected": "Rejected records: Sales of the shop.",
    }
    expected = ["", "Archived", "Archived in bundles", "Rejected records"]
    assert [it.description for it in described("")] == expected


def test_the_folder_is_below_the_days():
    outputs, archived, bundles, _ = described("")
    template = outputs.parameters("bucket")["storage.location.template"]
    assert template == "s3://bucket/processed/${partition_day}/shop/a=1/"
    assert archived.location("other") == "s3://other/archive/"
    assert bundles.location("other") == "s3://other/bundles/"
