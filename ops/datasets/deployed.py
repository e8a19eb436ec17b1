"""Find a dataset among those that a stack was deployed with."""

import json
from dataclasses import dataclass

from handlers.transform.datasets.dataset import Dataset
from ops.stack import Stack
from ops.terminal.problems import OperatorError, UsageError


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A dataset of a stack: its name, its folder below `incoming/`, and its version."""

    name: str
    prefix: str
    version: str


def find_dataset(stack: Stack, name: str) -> Deployed:
    """Return the dataset of a stack by its name, as the stack's output `datasets` declares it.

    Raises UsageError if the stack has no such dataset, OperatorError if the output is not readable.
    """
    declared = _declarations(stack)
    if name not in declared:
        have = ", ".join(sorted(declared)) or "none: declare one in datasets/, and deploy"
        msg = f"--dataset is {name!r}, allowed: {have}"
        raise UsageError(msg)
    try:
        dataset = Dataset.read(name, declared[name])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise OperatorError(_unreadable(stack)) from error
    return Deployed(name=name, prefix=dataset.prefix, version=dataset.version)


def _declarations(stack: Stack) -> dict[str, dict[str, object]]:
    try:
        found = json.loads(stack.datasets or "{}")
    except ValueError as error:
        raise OperatorError(_unreadable(stack)) from error
    if not isinstance(found, dict):
        raise OperatorError(_unreadable(stack))
    return found  # pyright: ignore[reportUnknownVariableType] - `Dataset.read` fails on another


def _unreadable(stack: Stack) -> str:
    return f"the stack's output datasets is {(stack.datasets or '')[:100]!r}, which declares none"
