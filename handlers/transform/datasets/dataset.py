"""A dataset: what the files of a folder mean. Pure."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

import orjson

from handlers import keys

if TYPE_CHECKING:
    from handlers.transform.datasets.rules import Rules

_VERSION_DIGITS: Final = 12
# The field that holds what the schema does not name, where that is rescued.
RESCUED: Final = "_rescued"


class UnknownFields(StrEnum):
    """What becomes of fields that the schema does not name."""

    KEEP = "keep"
    REJECT = "reject"  # the record
    RESCUE = "rescue"  # into the object `_rescued`


@dataclass(frozen=True, kw_only=True)
class CsvOptions:
    """What the content of a delimited file cannot say; an empty value leaves it to the content."""

    delimiter: str = ""
    encoding: str = ""
    header: tuple[str, ...] = ()  # the names of the columns of files without a header


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset, as its file in `datasets/` declares it.

    Attributes:
        name: the file's name without its suffix.
        declaration: the content of the file, as JSON holds it.
        prefix: the folder of its files below `incoming/`; it ends in a slash.
        schema: the JSON Schema (2020-12) of a cleaned record.
        csv: options of its delimited files.
        unknown_fields: what becomes of fields that the schema does not name.
        drop: the fields that are never written, as paths such as `customer.card_number`.
        max_rejected_percent: how many records may be bad; None for the stack's setting.
    """

    name: str
    declaration: Mapping[str, Any]
    prefix: str
    schema: Mapping[str, Any]
    csv: CsvOptions
    unknown_fields: UnknownFields
    drop: tuple[str, ...]
    max_rejected_percent: float | None

    @classmethod
    def read(cls, name: str, declaration: Mapping[str, Any]) -> Self:
        """Return the dataset of a declaration that `infra.datasets` has checked."""
        csv = declaration.get("csv", {})
        return cls(
            name=name,
            declaration=declaration,
            prefix=declaration["prefix"],
            schema=declaration["schema"],
            csv=CsvOptions(
                delimiter=csv.get("delimiter", ""),
                encoding=csv.get("encoding", ""),
                header=tuple(csv.get("header", ())),
            ),
            unknown_fields=UnknownFields(declaration.get("unknownFields", UnknownFields.KEEP)),
            drop=tuple(declaration.get("drop", ())),
            max_rejected_percent=declaration.get("maxRejectedPercent"),
        )

    @cached_property
    def version(self) -> str:
        """The first 12 hex digits of the sha-256 of the declaration, whatever its order of keys."""
        canonical = orjson.dumps(self.declaration, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(canonical).hexdigest()[:_VERSION_DIGITS]

    @cached_property
    def rules(self) -> "Rules":
        """What the declaration asks of records, compiled at the first use."""
        from handlers.transform.datasets.rules import Rules  # noqa: PLC0415 - see `record_encoder`

        return Rules(self)

    def holds(self, path: str) -> bool:
        """Return whether a path below `incoming/` belongs to this dataset."""
        return path.startswith(self.prefix)


def allowed_percent(dataset: Dataset | None, stacks: float) -> float:
    """Return how many records of a file may be bad: the dataset's own number, else the stack's."""
    own = dataset.max_rejected_percent if dataset else None
    return stacks if own is None else own


def declared_kind(schema: Mapping[str, Any]) -> str:
    """Return the type that a field's schema declares, besides null."""
    types: str | list[str] = schema["type"]
    return types if isinstance(types, str) else next(name for name in types if name != "null")


class Datasets:
    """The datasets of a stack."""

    def __init__(self, datasets: Iterable[Dataset] = ()) -> None:
        self._datasets = tuple(sorted(datasets, key=lambda dataset: dataset.name))

    @classmethod
    def read(cls, declarations: Mapping[str, Mapping[str, Any]]) -> Self:
        """Return the datasets of declarations, by name, that `infra.datasets` has checked."""
        return cls(Dataset.read(name, content) for name, content in declarations.items())

    def find(self, key: str) -> Dataset | None:
        """Return the dataset of an `incoming/` key, or None. No prefix is within another's."""
        path = key.removeprefix(keys.INCOMING)
        return next((dataset for dataset in self._datasets if dataset.holds(path)), None)
