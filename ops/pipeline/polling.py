"""Pause and resume the pipeline: Lambda polls the processing queue while a mapping is enabled.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from ops.aws import Account
from ops.stack import function_name
from ops.terminal.problems import OperatorError

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef

ENABLED: Final = "Enabled"
_DISABLED: Final = "Disabled"
_PAUSED: Final = frozenset({_DISABLED, "Disabling"})
_SETTLED: Final = frozenset({ENABLED, _DISABLED})
_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Polling:
    """The event source mapping of the processing queue.

    Attributes:
        identifier: Its UUID.
        state: Lambda's word, `Enabled` or `Disabling` say.
        changed: When the mapping or its state last changed.
        retention_seconds: How long a message can wait in the queue, before SQS deletes it.
    """

    identifier: str
    state: str
    changed: datetime
    retention_seconds: int

    @property
    def paused(self) -> bool:
        """Whether messages wait in the queue, since nothing polls it."""
        return self.state in _PAUSED


def mappings(account: Account) -> list["EventSourceMappingConfigurationTypeDef"]:
    """Return the mappings from the processing queue to the processor: one, if all is well.

    They are found by the queue, since Lambda compares a function's name as it was given.
    """
    stack = account.stack
    wanted = function_name(stack.data_processor_lambda_arn)
    pages = account.functions.get_paginator("list_event_source_mappings").paginate(
        EventSourceArn=stack.queue_arn(stack.processing_queue_url)
    )
    return [
        mapping
        for page in pages
        for mapping in page["EventSourceMappings"]
        if function_name(mapping.get("FunctionArn", ":" * 6)) == wanted
    ]


def read(account: Account) -> Polling | None:
    """Return the state of the mapping, or None if the queue has none.

    Of several, it is one that is not paused: files wait only while all are.
    """
    return min(_pollings(account), key=lambda one: one.paused, default=None)


def set_enabled(account: Account, *, enabled: bool, seconds: float) -> Polling:
    """Enable or disable the mapping, and wait until it is; harmless when repeated.

    Should the queue have several, all are changed. Raises OperatorError if there is none, or if it
    takes longer than `seconds`.
    """
    wanted = ENABLED if enabled else _DISABLED
    end = monotonic() + seconds
    while True:
        found = _pollings(account)
        if not found:
            msg = "no event source mapping polls the processing queue: `pulumi up` makes it again"
            raise OperatorError(msg)
        others = [one for one in found if one.state != wanted]
        if not others:
            return found[0]
        if monotonic() >= end:
            msg = f"the mapping is still {others[0].state} after {seconds:g} s, wanted: {wanted}"
            raise OperatorError(f"{msg}; run the command again")
        for one in others:
            if one.state in _SETTLED:
                _update(account, one.identifier, enabled=enabled)
        sleep(_LOOK_SECONDS)


def is_direct(account: Account) -> bool:
    """Return whether S3 invokes the processor itself, instead of sending events to the queue."""
    found = account.s3.get_bucket_notification_configuration(Bucket=account.stack.raw_bucket_name)
    wanted = function_name(account.stack.data_processor_lambda_arn)
    targets = [one["LambdaFunctionArn"] for one in found.get("LambdaFunctionConfigurations", [])]
    return any(function_name(target) == wanted for target in targets)


def _update(account: Account, identifier: str, *, enabled: bool) -> None:
    busy = account.functions.exceptions
    # Another command or a deployment changes the mapping at this moment.
    with suppress(busy.ResourceInUseException, busy.ResourceConflictException):
        account.functions.update_event_source_mapping(UUID=identifier, Enabled=enabled)


def _pollings(account: Account) -> list[Polling]:
    kept = account.sqs.get_queue_attributes(
        QueueUrl=account.stack.processing_queue_url, AttributeNames=["MessageRetentionPeriod"]
    )["Attributes"]["MessageRetentionPeriod"]
    return [
        Polling(
            identifier=mapping.get("UUID", ""),
            state=mapping.get("State", ""),
            changed=mapping["LastModified"],  # pyright: ignore[reportTypedDictNotRequiredAccess] Lambda always sends it
            retention_seconds=int(kept),
        )
        for mapping in mappings(account)
    ]
