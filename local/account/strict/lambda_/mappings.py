"""Check event source mappings as Lambda does, and keep moto from polling for them.

moto delivers a message during SendMessage; here `local.triggers` polls the queue instead.
https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

import time
from typing import Any, Final

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import EventSourceMapping, LambdaBackend
from moto.sqs.models import sqs_backends

from local.account.strict import limits
from local.account.strict.lambda_.functions import invalid
from local.account.strict.lambda_.versions import qualified_arn
from local.account.strict.patches import around


class _ConflictError(LambdaClientError):
    """There is a mapping of the same queue and function already."""

    code = 409


class _InUseError(LambdaClientError):
    """The mapping is changing."""

    code = 400


# How long a mapping is `Disabling` or `Enabling`: longer than a poll of the local pipeline, which
# takes one second and has to end meanwhile. AWS takes longer.
change_seconds = 2.0

_RESPONSE_TYPES: Final = frozenset({"ReportBatchItemFailures"})


@around(LambdaBackend, "create_event_source_mapping")
def _create(original: Any, self: Any, spec: dict[str, Any]) -> Any:
    queue = _queue(self, spec.get("EventSourceArn", ""))
    if queue is not None:
        function = self.get_function(spec["FunctionName"])
        arn = qualified_arn(function, spec["FunctionName"])
        _check(spec)
        _check_visibility(queue, function)
        for other in self._event_source_mappings.values():
            if (other.event_source_arn, other.function_arn) == (queue.queue_arn, arn):
                raise _ConflictError(
                    "ResourceConflictException",
                    f'An event source mapping with SQS arn (" {queue.queue_arn} ") and function '
                    f'(" {arn} ") already exists. Please update or delete the '
                    f"existing mapping with UUID {other.uuid}",
                )
    mapping = original(self, spec)
    if queue is not None:
        queue.lambda_event_source_mappings.clear()
    _keep_qualifier(self, mapping, spec)
    return mapping


@around(LambdaBackend, "update_event_source_mapping")
def _update(original: Any, self: Any, uuid: str, spec: dict[str, Any]) -> Any:
    mapping = self.get_event_source_mapping(uuid)
    if mapping is None:
        return original(self, uuid, spec)
    if _change_under_way(mapping):
        raise _InUseError(
            "ResourceInUseException",
            "Cannot update the event source mapping because it is in use.",
        )
    _check(
        {
            "BatchSize": mapping.batch_size,
            "MaximumBatchingWindowInSeconds": mapping.max_batch_window,
        }
        | spec
    )
    was_enabled = mapping.enabled
    updated = original(self, uuid, spec)
    if "FunctionName" in spec:
        _keep_qualifier(self, mapping, spec)
    if mapping.enabled != was_enabled:
        mapping.changes_until = time.monotonic() + change_seconds
    return updated


@around(EventSourceMapping, "get_configuration")
def _get_configuration(original: Any, self: Any) -> dict[str, Any]:
    """Answer `Disabling` or `Enabling` for a while; in moto a mapping changes at once.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html
    """
    configuration: dict[str, Any] = original(self)
    return configuration | ({"State": state} if (state := _change_under_way(self)) else {})


def _change_under_way(mapping: Any) -> str | None:
    if time.monotonic() >= getattr(mapping, "changes_until", 0):
        return None
    return "Enabling" if mapping.enabled else "Disabling"


def _keep_qualifier(backend: Any, mapping: Any, spec: dict[str, Any]) -> None:
    """Let a mapping name the alias that it was given, where moto puts the alias's version."""
    name = spec["FunctionName"]
    mapping.function_arn = qualified_arn(backend.get_function(name), name)


def _queue(backend: Any, arn: str) -> Any:
    queues = sqs_backends[backend.account_id][backend.region_name].queues.values()
    return next((queue for queue in queues if queue.queue_arn == arn), None)


def _check(spec: dict[str, Any]) -> None:
    batch = spec.get("BatchSize")
    window = spec.get("MaximumBatchingWindowInSeconds") or 0
    scaling: dict[str, int] = spec.get("ScalingConfig") or {}
    concurrency = scaling.get("MaximumConcurrency")
    if batch is not None and not 1 <= batch <= limits.max_batch:
        raise invalid(f"BatchSize {batch} is not from 1 to {limits.max_batch}")
    if not 0 <= window <= limits.max_window_seconds:
        raise invalid(
            f"MaximumBatchingWindowInSeconds {window} is not from 0 to {limits.max_window_seconds}"
        )
    if (batch or 0) > limits.max_batch_without_window and window < 1:
        raise invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            f"greater than {limits.max_batch_without_window}"
        )
    least, most = limits.min_concurrency, limits.max_concurrency
    if concurrency is not None and not least <= concurrency <= most:
        raise invalid(f"MaximumConcurrency {concurrency} is not from {least} to {most}")
    unknown = set(spec.get("FunctionResponseTypes") or []) - _RESPONSE_TYPES
    if unknown:
        raise invalid(f"FunctionResponseTypes {sorted(unknown)}, known: {sorted(_RESPONSE_TYPES)}")


def _check_visibility(queue: Any, function: Any) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html."""
    if queue.visibility_timeout < function.timeout:
        raise invalid(
            f"Queue visibility timeout: {queue.visibility_timeout} seconds is less than Function "
            f"timeout: {function.timeout} seconds"
        )
