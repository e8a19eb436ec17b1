"""What a cold start costs, beside importing boto3 and making one S3 client.

As in Lambda, the standard library and botocore are there compiled, and what is deployed is not. It
is measured once more with everything compiled: so much would byte code in the archive be worth.
"""

import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import imports
from bench.imports import Part
from bench.measurement import measured, span

IMPORT_GOAL: Final = 1.25
READY_GOAL: Final = 1.35
HANDLERS: Final = ("handlers.data_processor", "handlers.data_archiver")
_DEPLOYED: Final = ("handlers", "aws_lambda_powertools", "orjson")


@dataclass(frozen=True, kw_only=True)
class Start:
    """One function's start, in medians of CPU seconds in fresh processes.

    Attributes:
        imported: the import alone.
        ready: with the S3 client made.
        compiled: the same, were byte code in the archive.
        parts: of the import, by package.
    """

    imported: float
    ready: float
    compiled: float
    parts: list[Part]


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """The starts of the functions by handler, and boto3 with one S3 client, in CPU seconds."""

    base: float
    starts: dict[str, Start]


def compare(rounds: int, tell: Callable[[str], None]) -> ColdStart:
    """Measure each in turn."""
    with TemporaryDirectory() as folder:
        everything, as_deployed = _caches(Path(folder))
        taken = defaultdict[str, list[float]](list)
        for number in range(rounds):
            tell(f"round {number + 1} of {rounds}: cold start")
            taken["base"].append(measured(boto3_client, variables=as_deployed)["cpu"])
            for name in HANDLERS:
                answer = measured(handler, variables=as_deployed, module=name)
                taken[f"{name} imported"].append(answer["import"])
                taken[f"{name} ready"].append(answer["cpu"])
                answer = measured(handler, variables=everything, module=name)
                taken[f"{name} compiled"].append(answer["cpu"])
        medians = {what: statistics.median(values) for what, values in taken.items()}
        starts = {
            name: Start(
                imported=medians[f"{name} imported"],
                ready=medians[f"{name} ready"],
                compiled=medians[f"{name} compiled"],
                parts=imports.parts(name, as_deployed),
            )
            for name in HANDLERS
        }
    return ColdStart(base=medians["base"], starts=starts)


def _caches(folder: Path) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the variables with which all is compiled, and all but what is deployed."""
    everything, as_deployed = folder / "everything", folder / "as-deployed"
    writing = {"PYTHONPYCACHEPREFIX": str(everything), "PYTHONDONTWRITEBYTECODE": ""}
    measured(boto3_client, variables=writing)
    for name in HANDLERS:
        measured(handler, variables=writing, module=name)
    copytree(everything, as_deployed)
    for package in _DEPLOYED:
        for found in list(as_deployed.rglob(package)):
            rmtree(found)
    return _reading(everything), _reading(as_deployed)


def _reading(folder: Path) -> dict[str, str]:
    return {"PYTHONPYCACHEPREFIX": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def boto3_client() -> dict[str, Any]:
    """Import boto3 and make an S3 client."""
    with span() as taken:
        boto3: Any = import_module("boto3")
        boto3.client("s3", region_name="eu-central-1")
    return {"cpu": taken.cpu}


def handler(module: str) -> dict[str, Any]:
    """Import a handler, then make its S3 client as its first invocation does."""
    import os  # noqa: PLC0415 - nothing may be loaded before the measure that it would load

    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    with span() as whole:
        with span() as alone:
            import_module(module)
        clients: Any = import_module("handlers.aws.clients")
        clients.client("s3")
    return {"cpu": whole.cpu, "import": alone.cpu}
