"""What both functions are made of: environment, clients, telemetry and a clock."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from handlers.aws.clients import client
from handlers.aws.messages import Messenger
from handlers.aws.objects import Storage
from handlers.environment import ArchiverEnvironment, ProcessorEnvironment
from handlers.invocation.telemetry import Telemetry

_Environment = TypeVar("_Environment", ProcessorEnvironment, ArchiverEnvironment)
_Function = TypeVar("_Function")


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
