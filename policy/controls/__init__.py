"""Resources come in; what the controls find wrong goes out, from one module for each subject."""

from types import ModuleType
from typing import Final

from policy.control import Control
from policy.controls import (
    alarm_coverage,
    alarm_topic,
    alarms,
    athena,
    iam_policies,
    iam_scope,
    iam_trust,
    lambda_,
    lambda_invocation,
    logs,
    s3_access,
    s3_encryption,
    s3_events,
    s3_lifecycle,
    s3_policy,
    s3_protection,
    scheduler,
    sqs,
    tagging,
)

SUBJECTS: Final = (
    s3_access,
    s3_policy,
    s3_encryption,
    s3_lifecycle,
    s3_protection,
    s3_events,
    sqs,
    lambda_,
    lambda_invocation,
    iam_trust,
    iam_policies,
    iam_scope,
    logs,
    alarm_topic,
    alarms,
    alarm_coverage,
    scheduler,
    athena,
    tagging,
)


def of_subject(module: ModuleType) -> list[Control]:
    """Return the controls of a module, in their order."""
    # Controls that the module imports from another one are left out.
    return [
        it
        for it in vars(module).values()
        if isinstance(it, Control) and it.check.__module__ == module.__name__
    ]


CONTROLS: Final = tuple(it for module in SUBJECTS for it in of_subject(module))
