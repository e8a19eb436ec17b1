"""Read the datasets that a stack was deployed with, and cells by them. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from handlers.transform.datasets.cells import typed
from handlers.transform.datasets.dataset import Dataset, Datasets, declared_kind
from handlers.transform.datasets.violations import broken_cell
from handlers.transform.records.names import distinct_names, normalize_name
from ops.stack import Stack
from ops.terminal.problems import UsageError

_SHOWN_CHARACTERS: Final = 100

Writers = Sequence[Callable[[str], str]]


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A dataset of a stack: its name, its folder below `incoming/`, and its version."""

    name: str
    prefix: str
    version: str


def read_datasets(stack: Stack) -> list[Dataset]:
    """Return the datasets of a stack in the order of their names, as its output declares them.

    Raises UsageError if the output is not readable.
    """
    text = stack.datasets or "{}"
    try:
        declarations = cast("Mapping[str, Any]", json.loads(text))
        return [Dataset.read(name, content) for name, content in sorted(declarations.items())]
    except (ValueError, AttributeError, LookupError, TypeError) as error:
        shown = text[:_SHOWN_CHARACTERS]
        msg = f"the stack's output `datasets` is {shown!r}, allowed: JSON of declarations by name"
        raise UsageError(msg) from error


def find_dataset(stack: Stack, name: str) -> Deployed:
    """Return the dataset of a stack by its name.

    Raises UsageError if the stack has no such dataset, or its output is not readable.
    """
    datasets = {dataset.name: dataset for dataset in read_datasets(stack)}
    if name not in datasets:
        have = ", ".join(datasets) or "none: declare one in datasets/, and deploy"
        msg = f"--dataset is {name!r}, allowed: {have}"
        raise UsageError(msg)
    found = datasets[name]
    return Deployed(name=name, prefix=found.prefix, version=found.version)


def columns_of(stack: Stack, key: str) -> Callable[[Sequence[str]], Writers] | None:
    """Return what makes cells JSON for the dataset of an `incoming/` key; None without a dataset.

    It takes the names in a header, and returns a function for each column. That raises ValueError,
    with what is wrong, for a cell that cannot become what is declared. Raises UsageError as
    `read_datasets`.
    """
    dataset = Datasets(read_datasets(stack)).find(key)
    return dataset and partial(_writers, dataset)


def _writers(dataset: Dataset, header: Sequence[str]) -> Writers:
    names, _ = distinct_names(header, [normalize_name(name) for name in header])
    fields = dataset.schema["properties"]
    kinds = (declared_kind(fields[name]) if name in fields else "string" for name in names)
    return [partial(_write, *column) for column in zip(names, kinds, strict=True)]


def _write(name: str, kind: str, cell: str) -> str:
    if kind == "string" or not cell:  # an empty cell is a missing field, whatever its type
        return json.dumps(cell, ensure_ascii=False)
    if typed(cell, kind) is None:
        raise ValueError(broken_cell(name, kind).reason)
    # A cell that is a number reads as JSON writes it, so it keeps its digits.
    return cell.lower() if kind == "boolean" else cell
