"""Check by simulation that roles allow what the program grants them.

Policies of buckets, queues and keys are not part of the simulation; permissions boundaries and
service control policies are.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ops.pipeline import grants
from ops.pipeline.doctor import buckets, functions
from ops.pipeline.doctor.findings import Deployment, Finding, judged
from ops.pipeline.grants import Grant

_UP: Final = "`pulumi up --refresh` sets its policy again; a boundary or an SCP may deny it, too"
_SAMPLE: Final = "doctor"  # a key or a log stream, in place of an ARN's `*`
_ALLOWED: Final = "allowed"


def processor(deployment: Deployment) -> Iterator[Finding]:
    """Check the role of the data processor."""
    function = deployment.processor
    wanted = [
        *grants.processor(deployment.stack),
        grants.write_logs(deployment.stack, functions.log_group(function)),
        *map(grants.use_key, sorted(buckets.keys_in_use(deployment))),
    ]
    yield simulated(deployment, "role of the processor", function["Role"], wanted)


def archiver(deployment: Deployment) -> Iterator[Finding]:
    """Check the role of the data archiver."""
    stack, function = deployment.stack, deployment.archiver
    failures = stack.queue_arn(stack.archiver_dlq_url) if stack.archiver_dlq_url else None
    wanted = [
        *grants.archiver(stack),
        *([grants.send(failures)] if failures else []),
        grants.write_logs(stack, functions.log_group(function)),
        *map(grants.use_key, sorted(buckets.keys_in_use(deployment))),
    ]
    yield simulated(deployment, "role of the archiver", function["Role"], wanted)


def simulated(deployment: Deployment, about: str, role: str, wanted: Iterable[Grant]) -> Finding:
    """Return whether a role, given by ARN, allows everything that is wanted of it."""
    wanted = list(wanted)
    denied = [text for grant in wanted for text in _denied(deployment, role, grant)]
    number = sum(len(grant.actions) * len(grant.resources) for grant in wanted)
    return judged(
        about,
        [f"denied: {', '.join(denied)}"] if denied else [],
        well=f"{role}, {number} permissions simulated",
        mend=_UP,
    )


def _denied(deployment: Deployment, role: str, grant: Grant) -> Iterator[str]:
    pages = deployment.account.iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=role,
        ActionNames=list(grant.actions),
        ResourceArns=[one.replace("*", _SAMPLE) for one in grant.resources],
        ContextEntries=_context(deployment),
    )
    for page in pages:
        for result in page.get("EvaluationResults", []):
            if result["EvalDecision"] != _ALLOWED:
                where = result.get("EvalResourceName", "")
                yield f"{result['EvalActionName']} on {where} ({result['EvalDecision']})"


def _context(deployment: Deployment) -> list[dict[str, Any]]:
    """Return what the conditions of the roles' policies ask of a request."""
    stack = deployment.stack
    values = {
        "aws:ResourceAccount": stack.account_id,
        "kms:ViaService": f"s3.{stack.region}.amazonaws.com",
    }
    return [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for name, value in values.items()
    ]
