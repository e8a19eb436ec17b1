"""Let several threads route the first requests of a service.

Not a rule of AWS: moto's router makes its models of operations at the first request, and each is
botocore's model for a moment, which a second thread may find and cannot use.
"""

import threading
from collections.abc import Callable
from typing import Final

from moto.core.model import OperationModel, ServiceModel

from local.account.strict import patches

_one_at_a_time: Final = threading.Lock()


@patches.around(ServiceModel, "operation_model")
def operation_model(
    original: Callable[[ServiceModel, str], OperationModel], service: ServiceModel, name: str
) -> OperationModel:
    """Return moto's model of an operation, which no other thread sees half made."""
    with _one_at_a_time:
        return original(service, name)
