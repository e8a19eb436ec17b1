"""Read the datasets that a stack was deployed with, from its outputs. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from handlers.transform.datasets.dataset import Dataset
from ops.stack import Stack
from ops.terminal.problems import UsageError

_SHOWN_CHARACTERS: Final = 100


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
