"""The datasets of the running stack: read from its folder, and compared with those deployed."""

import json
from typing import Any, Final

import pulumi

from infra import package
from infra.datasets import files
from infra.datasets.changes import Change, changes
from infra.datasets.files import Declarations
from infra.settings import configured_values

# The stack's output that holds its declarations, as JSON.
OUTPUT: Final = "datasets"
# What a StackReference reads with. As a function it leaves no resource, with a copy of all outputs,
# in the stack's state, and an error of it is one that the program can live with: a reference of a
# stack to itself fails in an update of several stacks at once, and an unknown name in old backends.
_READ_OUTPUTS: Final = "pulumi:pulumi:readStackOutputs"


def load() -> tuple[Declarations, list[str]]:
    """Return the declarations of the running stack, by name, and every problem of them."""
    given = configured_values(pulumi.get_project()).get("datasetsPath")
    path = given or files.DEFAULT_FOLDER
    found = (package.ROOT / path).is_dir()
    if path == "off" or (path == files.DEFAULT_FOLDER and not found):
        return {}, []
    if not found:
        return {}, [f"datasetsPath is {path!r}, allowed: an existing folder, or off"]
    try:
        return files.load(path, package.ROOT), []
    except files.DeclarationError as error:
        return {}, list(error.problems)


def log_changes(declarations: Declarations) -> list[Change]:
    """Log what differs from the last deployment's declarations, and return it.

    It warns of what rejects more records, and of what breaks queries. Without a last deployment,
    nothing differs; if the backend does not tell of it, that is a warning.
    """
    try:
        last = _last_declarations()
        found = [] if last is None else changes(last, declarations)
    except Exception as error:  # noqa: BLE001 - whatever: a comparison must not stop a deployment
        pulumi.log.warn(f"what has changed in the datasets is not known: {error}")
        return []
    for change in found:
        log = pulumi.log.warn if change.is_warning else pulumi.log.info
        log(str(change))
    return found


def _last_declarations() -> Declarations | None:
    """Return the declarations in the outputs of the stack's last deployment, or None."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    answer: Any = pulumi.runtime.invoke(_READ_OUTPUTS, {"name": stack}).value
    text = answer["outputs"].get(OUTPUT)
    return None if text is None else json.loads(text)
