"""Run the checks on a stack, one after the other."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ops.aws import AwsError, cannot_connect, explain
from ops.pipeline.doctor import (
    alarms,
    buckets,
    events,
    functions,
    identity,
    queues,
    roles,
    schedules,
    tables,
)
from ops.pipeline.doctor.findings import Deployment, Finding, problem, unknown

Check = Callable[[Deployment], Iterator[Finding]]

# By what they are about, in the order in which a person would look.
CHECKS: Final[Mapping[str, Check]] = {
    "credentials": identity.credentials,
    "region": identity.region,
    "buckets": buckets.existence,
    "versions": buckets.versioning,
    "encryption": buckets.encryption,
    "public access": buckets.privacy,
    "KMS key": buckets.key,
    "notification of the raw bucket": events.notification,
    "mapping of the processing queue": events.mapping,
    "redrive of the processing queue": queues.redrive,
    "visibility timeout": queues.visibility,
    "dead letters": queues.dead_letters,
    "functions": functions.states,
    "environments": functions.environments,
    "concurrency of the processor": functions.concurrency,
    "logs": functions.logs,
    "role of the processor": roles.processor,
    "role of the archiver": roles.archiver,
    "role of the jobs": roles.jobs,
    "schedules": schedules.daily_run,
    "tables of the datasets": tables.existence,
    "workgroup for queries": tables.workgroup,
    "alarms": alarms.existence,
    "actions of alarms": alarms.actions,
    "subscribers of alarms": alarms.subscribers,
}


def examine(deployment: Deployment, *, checks: Mapping[str, Check] = CHECKS) -> Iterator[Finding]:
    """Yield what each check finds.

    A call that AWS refuses gives `unknown` with its reason, the permission say, and the next check
    follows. Without credentials or a connection nothing can be checked: the first finding says so.
    """
    for about, check in checks.items():
        try:
            yield from check(deployment)
        except AwsError as error:
            if cannot_connect(error):
                yield problem(about, explain(error), "then run `doctor` again")
                return
            yield unknown(about, explain(error))
