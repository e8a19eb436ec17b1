"""Builds both functions from the same parts: environment, clients, telemetry and a clock."""

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson

from handlers.aws.clients import client
from handlers.aws.messages import Messenger
from handlers.aws.objects import Storage
from handlers.environment import (
    DATASETS_FILE,
    ArchiverEnvironment,
    MisconfigurationError,
    ProcessorEnvironment,
)
from handlers.invocation.telemetry import Telemetry
from handlers.transform.datasets.dataset import Datasets

_Environment = TypeVar("_Environment", ProcessorEnvironment, ArchiverEnvironment)
_Function = TypeVar("_Function")


def is_initialising(variables: Mapping[str, str] = os.environ) -> bool:
    """Return whether Lambda is importing the function; then it is built before the first event.

    With SnapStart, what is built at import is part of the version's snapshot, and every process
    that starts from the snapshot shares it. So nothing that must be unique or secret is kept, and
    no time. The credentials are kept, but expire: with snapshots, Lambda puts no keys into the
    environment, but the address of a local server that gives them. botocore asks it again once they
    have less than 15 minutes left (`ContainerProvider` and `RefreshableCredentials` in its
    credentials.py).
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html#snapstart-credentials
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    return "AWS_LAMBDA_INITIALIZATION_TYPE" in variables


def construct(
    function: Callable[
        [_Environment, Storage, Messenger, Telemetry, Callable[[], datetime]], _Function
    ],
    environment: type[_Environment],
    service: str,
) -> _Function:
    """Return a function made from the variables that infra sets, with the service's clients.

    Raises MisconfigurationError where a variable is missing or wrong, or botocore is too old.
    """
    read = environment.read(os.environ)
    telemetry = Telemetry(service, level=read.log_level, environment=read.environment)
    return function(
        read, Storage(client("s3")), Messenger(client), telemetry, lambda: datetime.now(UTC)
    )


def read_datasets(archive: Path = Path(__file__).parents[1]) -> Datasets:
    """Return the datasets that are packaged beside `handlers/`; none if there is no such file.

    Raises MisconfigurationError where the file cannot be read: it would let bad records pass.
    """
    with _readable_datasets():
        return Datasets.read(_declarations(archive))


def read_prefixes(archive: Path = Path(__file__).parents[1]) -> list[str]:
    """Return the prefixes of the datasets, as `read_datasets` finds them."""
    with _readable_datasets():
        return sorted(declared["prefix"] for declared in _declarations(archive).values())


def _declarations(archive: Path) -> dict[str, Any]:
    try:
        return orjson.loads((archive / DATASETS_FILE).read_bytes())
    except FileNotFoundError:
        return {}


@contextmanager
def _readable_datasets() -> Generator[None]:
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        msg = f"{DATASETS_FILE} of the archive cannot be read ({error!r}), allowed: what "
        msg += "`pulumi up` packages; deploy again"
        raise MisconfigurationError(msg) from error
