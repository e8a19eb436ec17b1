"""Check by simulation that roles allow what the program grants them.

Policies of buckets, queues and keys are not part of the simulation; permissions boundaries and
service control policies are, with conditions that may ask for what only a real call has.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ops.pipeline import grants
from ops.pipeline.doctor import buckets, functions
from ops.pipeline.doctor.findings import Deployment, Finding, judged, unknown
from ops.pipeline.grants import Grant

_UP: Final = "`pulumi up --refresh` sets its policy again; a permissions boundary may deny it, too"
_SAMPLE: Final = "doctor"  # a key or a log stream, in place of an ARN's `*`
_ALLOWED: Final = "allowed"
_PERHAPS: Final = " in the simulation, perhaps for a condition key that only a real call has"


def processor(deployment: Deployment) -> Iterator[Finding]:
    """Check the role of the data processor."""
    stack, function = deployment.stack, deployment.processor
    wanted = [
        *grants.processor(stack),
        *(grants.replay_files(stack) if stack.batch_operations_role_arn else []),
        *(grants.replace_outputs(stack) if stack.has_datasets else []),
        grants.write_logs(stack, functions.log_group(function)),
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


def jobs(deployment: Deployment) -> Iterator[Finding]:
    """Check the role of the jobs that replay files, if the stack has one."""
    stack = deployment.stack
    if stack.batch_operations_role_arn:
        used = map(grants.use_key, sorted(buckets.keys_in_use(deployment)))
        wanted = [*grants.run_jobs(stack), *used]
        yield simulated(deployment, "role of the jobs", stack.batch_operations_role_arn, wanted)


def simulated(deployment: Deployment, about: str, role: str, wanted: Iterable[Grant]) -> Finding:
    """Return whether a role, given by ARN, allows everything that is wanted of it.

    What only a service control policy denies is unknown: its conditions may hold for a real call.
    """
    wanted = list(wanted)
    refused = [one for grant in wanted for one in _refused(deployment, role, grant)]
    denied = [text for text, by_organization in refused if not by_organization]
    unsure = [text for text, by_organization in refused if by_organization]
    problems = [f"denied: {', '.join(denied)}"] if denied else []
    if unsure:
        says = f"a service control policy denies {', '.join(unsure)}{_PERHAPS}"
        if not denied:
            return unknown(about, says)
        problems.append(says)
    number = sum(len(grant.actions) * len(grant.resources) for grant in wanted)
    return judged(about, problems, well=f"{role}, {number} permissions simulated", mend=_UP)


def _refused(deployment: Deployment, role: str, grant: Grant) -> Iterator[tuple[str, bool]]:
    """Yield what a role may not do, each with whether its organization does not allow it."""
    pages = deployment.account.iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=role,
        ActionNames=list(grant.actions),
        ResourceArns=[_sample(one) for one in grant.resources],
        ContextEntries=_context(deployment, role),
    )
    for page in pages:
        for result in page.get("EvaluationResults", []):
            organization = result.get("OrganizationsDecisionDetail", {})
            by_organization = organization.get("AllowedByOrganizations") is False
            for where, decision in _decisions(result):
                if decision != _ALLOWED:
                    yield f"{result['EvalActionName']} on {where} ({decision})", by_organization


def _sample(pattern: str) -> str:
    """Return an ARN that a pattern matches; `*` alone is for actions without resources."""
    return pattern if pattern == "*" else pattern.replace("*", _SAMPLE)


def _decisions(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each resource of a result with the decision on it.

    The result as a whole has the strictest of them, and a template of ARNs as its resource.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
    """
    specific = result.get("ResourceSpecificResults")
    if not specific:
        yield result.get("EvalResourceName", ""), result["EvalDecision"]
        return
    for one in specific:
        yield one["EvalResourceName"], one["EvalResourceDecision"]


def _context(deployment: Deployment, role: str) -> list[dict[str, Any]]:
    """Return what conditions ask of a request: the roles' policies, and usual ones of SCPs."""
    stack = deployment.stack
    values = {
        "aws:ResourceAccount": stack.account_id,
        "aws:PrincipalAccount": stack.account_id,
        "aws:PrincipalArn": role,
        "aws:RequestedRegion": stack.region,
        "kms:ViaService": f"s3.{stack.region}.amazonaws.com",
        "s3:if-match": _SAMPLE,
    }
    return [
        *(_entry(name, value, "string") for name, value in values.items()),
        _entry("aws:SecureTransport", "true", "boolean"),
    ]


def _entry(name: str, value: str, kind: str) -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": kind}
