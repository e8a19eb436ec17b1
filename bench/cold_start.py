"""What importing a handler costs, beside importing boto3 and making one S3 client.

As in Lambda, the standard library and boto3 are there compiled, and what is deployed is not.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.measurement import measured, span

GOAL: Final = 1.25
_DEPLOYED: Final = ("handlers", "aws_lambda_powertools", "orjson")
HANDLERS: Final = ("handlers.data_processor", "handlers.data_archiver")


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """Medians of CPU seconds in fresh processes: import alone, and with the S3 client made."""

    base: float
    imports: dict[str, float]
    with_client: dict[str, float]


def compare(rounds: int, tell: Callable[[str], None]) -> ColdStart:
    """Measure each in turn."""
    base: list[float] = []
    imports: dict[str, list[float]] = {name: [] for name in HANDLERS}
    ready: dict[str, list[float]] = {name: [] for name in HANDLERS}
    with TemporaryDirectory() as folder:
        variables = {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        _compile(Path(folder))
        for number in range(rounds):
            tell(f"round {number + 1} of {rounds}: cold start")
            base.append(measured(boto3_client, variables=variables)["cpu"])
            for name in HANDLERS:
                answer = measured(handler, variables=variables, module=name)
                imports[name].append(answer["import"])
                ready[name].append(answer["cpu"])
    return ColdStart(
        base=statistics.median(base),
        imports={name: statistics.median(values) for name, values in imports.items()},
        with_client={name: statistics.median(values) for name, values in ready.items()},
    )


def _compile(folder: Path) -> None:
    """Fill a folder with the compiled files of what is imported, but for what is deployed."""
    variables = {"PYTHONPYCACHEPREFIX": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
    for name in HANDLERS:
        measured(handler, variables=variables, module=name)
    for package in _DEPLOYED:
        for found in list(folder.rglob(package)):
            rmtree(found)


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
        storage: Any = import_module("handlers.aws.objects")
        storage.client("s3")
    return {"cpu": whole.cpu, "import": alone.cpu}
