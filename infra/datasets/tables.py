"""The tables of a dataset, as Glue and Athena know them. Pure.

Athena reads every object of a partition's folder, those of folders within it too, but none whose
name begins with an underscore or a dot; it tells gzip by the suffix `.gz`, and reads all members
of it, as a bundle has them. The test of the SerDe shows the same of Hadoop's own reader
(tests/serde).
https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html
https://docs.aws.amazon.com/athena/latest/ug/compression-formats.html
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from handlers import keys
from handlers.transform.datasets.dataset import Dataset
from infra.datasets.columns import PARTITION, columns

ARCHIVE_SUFFIX: Final = "_archive"
BUNDLES_SUFFIX: Final = "_bundles"
REJECTED_SUFFIX: Final = "_rejected"
SUFFIXES: Final = (ARCHIVE_SUFFIX, BUNDLES_SUFFIX, REJECTED_SUFFIX)
# The folders that are in the archive bucket.
ARCHIVED: Final = (keys.ARCHIVE, keys.BUNDLES)

# It reads an object in a column of text, `_rescued` say, as JSON text; Hive's own cannot. But AWS
# warns of it: "the number of results and their values can be non-deterministic", and names Hive's.
# https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
SERDE: Final = "org.openx.data.jsonserde.JsonSerDe"
INPUT_FORMAT: Final = "org.apache.hadoop.mapred.TextInputFormat"
# Athena needs one to create a table, although nothing is written through it.
OUTPUT_FORMAT: Final = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
PARTITION_TYPE: Final = "string"  # `2024/01/15`, compared as text, which is compared as days

# Before this project's first release: no object is in the folder of an earlier day.
_FIRST_DAY: Final = "2024/01/01"
# https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html and API_TableInput.html, in bytes
_MAX_COMMENT_BYTES: Final = 255
_MAX_DESCRIPTION_BYTES: Final = 2048
# What Glue's pattern for a line of text leaves out.
_NOT_IN_A_LINE: Final = re.compile(r"[\x00-\x1f\ud800-\udfff\ufffe\uffff]+")
_REJECTED_COLUMNS: Final = {
    "line": ("bigint", "The number of the line, of a file of JSON lines"),
    "row": ("bigint", "The number of the row or of the record, of another file"),
    "field": ("string", "The field that breaks the schema, customer.age say"),
    "rule": ("string", "The rule of the schema that it breaks"),
    "reason": ("string", "Why the record was rejected"),
    "raw": ("string", "The text of the record, or its start"),
    "raw_bytes": ("bigint", "The length of the whole text, where raw is cut or withheld"),
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column; `comment` is empty or a line that Glue takes."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table over a dataset's folder in each day's folder.

    Attributes:
        name: the table's name, `orders_archive` say.
        description: what it holds, as Glue takes it.
        root: where the days' folders are: `processed/`, `archive/`, `bundles/` or `rejected/`.
        prefix: the dataset's folder within a day's.
        columns: all but the partition.
    """

    name: str
    description: str
    root: str
    prefix: str
    columns: Sequence[Column]

    def location(self, bucket: str) -> str:
        """Return the URL of the folder that all partitions are in."""
        return f"s3://{bucket}/{self.root}"

    def parameters(self, bucket: str) -> dict[str, str]:
        """Return Glue's parameters of the table, over the bucket of a name.

        The partitions are computed from these, so that no crawler has to find them:
        https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
        `NOW` is the current day in UTC, by which the processor files outputs too.
        """
        projection = f"projection.{PARTITION}"
        return {
            "EXTERNAL": "TRUE",
            "classification": "json",
            "projection.enabled": "true",
            f"{projection}.type": "date",
            f"{projection}.format": "yyyy/MM/dd",
            f"{projection}.range": f"{_FIRST_DAY},NOW",
            f"{projection}.interval": "1",
            f"{projection}.interval.unit": "DAYS",
            "storage.location.template": (f"{self.location(bucket)}${{{PARTITION}}}/{self.prefix}"),
            **(_READ_RESTORED if self.root in ARCHIVED else {}),
        }


# Of an object in GLACIER, Athena reads the copy that was retrieved, and skips it without one.
# https://docs.aws.amazon.com/athena/latest/ug/querying-glacier.html
_READ_RESTORED: Final = {"read_restored_glacier_objects": "true"}


def of_declarations(declarations: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """Return the tables of checked declarations, given by the names of their datasets."""
    datasets = (Dataset.read(name, content) for name, content in declarations.items())
    return [table for dataset in datasets for table in tables(dataset)]


def tables(dataset: Dataset) -> list[Table]:
    """Return the tables of a dataset: outputs, archived ones, bundled ones and rejected records.

    A table has one folder. That of the bundles is there whether the stack bundles or not: what was
    bundled before stays readable.
    """
    outputs = _columns(dataset)
    about = str(dataset.declaration.get("description", ""))
    rejected = [
        Column(name=name, type=kind, comment=comment)
        for name, (kind, comment) in _REJECTED_COLUMNS.items()
    ]
    return [
        _table(dataset, "", keys.PROCESSED, about, outputs),
        _table(dataset, ARCHIVE_SUFFIX, keys.ARCHIVE, f"Archived: {about}", outputs),
        _table(dataset, BUNDLES_SUFFIX, keys.BUNDLES, f"Archived in bundles: {about}", outputs),
        _table(dataset, REJECTED_SUFFIX, keys.REJECTED, f"Rejected records: {about}", rejected),
    ]


def _table(
    dataset: Dataset, suffix: str, root: str, about: str, its_columns: Sequence[Column]
) -> Table:
    return Table(
        name=dataset.name + suffix,
        description=_line(about.strip().removesuffix(":"), _MAX_DESCRIPTION_BYTES),
        root=root,
        prefix=dataset.prefix,
        columns=its_columns,
    )


def _columns(dataset: Dataset) -> list[Column]:
    properties: Mapping[str, Mapping[str, Any]] = dataset.schema["properties"]
    return [
        Column(name=name, type=kind, comment=_comment(properties.get(name, {})))
        for name, kind in columns(dataset).items()
    ]


def _comment(schema: Mapping[str, Any]) -> str:
    return _line(str(schema.get("description", "")), _MAX_COMMENT_BYTES)


def _line(text: str, max_bytes: int) -> str:
    """Return a text as one line of at most so many bytes in UTF-8, cut between characters."""
    line = " ".join(_NOT_IN_A_LINE.sub(" ", text).split())
    return line.encode()[:max_bytes].decode(errors="ignore")
