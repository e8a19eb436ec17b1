"""The columns of a dataset's tables, as Glue writes their types. Pure.

https://docs.aws.amazon.com/athena/latest/ug/data-types.html
"""

from collections.abc import Mapping
from typing import Any, Final

from handlers.transform.datasets.dataset import RESCUED, Dataset, UnknownFields, declared_kind

# The partition, `2024/01/15` say. No field can have this name: the declaration's check refuses it.
PARTITION: Final = "partition_day"
METADATA: Final = "_metadata"
_METADATA_TYPE: Final = "struct<processed_at:string,environment:string,processor_version:string>"
_JSON_TEXT: Final = "string"  # of a value whose schema does not say what it holds
_SCALARS: Final = {
    "string": "string",  # of every format: the SerDe's timestamp has no time zone
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
}


def columns(dataset: Dataset) -> dict[str, str]:
    """Return the Glue type of each column by its name, in the order of the declaration."""
    declared = {name: column_type(schema) for name, schema in dataset.schema["properties"].items()}
    rescued = {RESCUED: _JSON_TEXT} if dataset.unknown_fields is UnknownFields.RESCUE else {}
    return {**declared, **rescued, METADATA: _METADATA_TYPE}


def column_type(schema: Mapping[str, Any]) -> str:
    """Return the Glue type of a checked schema; `["integer", "null"]` is an integer."""
    kind = declared_kind(schema)
    if kind == "array" and "items" in schema:
        return f"array<{column_type(schema['items'])}>"
    if kind == "object" and schema.get("properties"):
        fields = (f"{name}:{column_type(field)}" for name, field in schema["properties"].items())
        return f"struct<{','.join(fields)}>"
    return _SCALARS.get(kind, _JSON_TEXT)
