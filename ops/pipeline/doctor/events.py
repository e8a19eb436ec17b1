"""Check the way of an event: from the raw bucket to the queue or the function, and on."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from handlers import keys
from ops.pipeline import polling
from ops.pipeline.doctor.findings import Deployment, Finding, judged, problem
from ops.stack import function_arn
from ops.terminal.instants import shown

_UP: Final = "`pulumi up --refresh` sets it again"
_ABOUT: Final = "notification of the raw bucket"
_EVERY_CREATION: Final = "s3:ObjectCreated:*"
_S3: Final = "s3.amazonaws.com"
_PARTIAL: Final = "ReportBatchItemFailures"
# Above it Lambda wants a window: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_BATCH_WITHOUT_WINDOW: Final = 10


def notification(deployment: Deployment) -> Iterator[Finding]:
    """Check that S3 sends the events of `incoming/` to the queue or the function, and only there.

    Then check that the policy of the target lets S3 send.
    """
    raw = deployment.stack.raw_bucket_name
    found = deployment.account.s3.get_bucket_notification_configuration(Bucket=raw)
    queues = [(one, one["QueueArn"]) for one in found.get("QueueConfigurations", [])]
    functions = [
        (one, one["LambdaFunctionArn"]) for one in found.get("LambdaFunctionConfigurations", [])
    ]
    targets = [
        (cast("Mapping[str, Any]", rule), target)
        for rule, target in (*queues, *functions)
        if _takes_incoming(cast("Mapping[str, Any]", rule))
    ]
    problems = _problems(deployment, targets)
    says = f"{keys.INCOMING} to {targets[0][1]}" if targets else ""
    yield judged(_ABOUT, problems, well=says, mend=_UP)
    if not problems:
        yield _let_in(deployment, targets[0][1])


def mapping(deployment: Deployment) -> Iterator[Finding]:
    """Check the event source mapping of the processing queue, and that it is enabled."""
    about = "mapping of the processing queue"
    found = polling.mappings(deployment.account)
    if len(found) != 1:
        yield problem(about, f"there are {len(found)}, expected: one", _UP)
        return
    one = cast("Mapping[str, Any]", found[0])
    function, wanted = one.get("FunctionArn"), deployment.stack.data_processor_lambda_arn
    settings = _settings(one)
    if function != wanted:
        settings.append(f"it invokes {function}, expected: {wanted}")
    batch, at_once = one.get("BatchSize"), one.get("ScalingConfig", {}).get("MaximumConcurrency")
    yield judged(about, settings, well=f"batches of {batch}, {at_once} at once", mend=_UP)
    state = one.get("State", "unknown")
    yield judged(
        "polls of the processing queue",
        [] if state == polling.ENABLED else [f"{state} since {shown(one['LastModified'])}: paused"],
        well=state,
        mend="`python -m ops resume`",
    )


def _takes_incoming(rule: Mapping[str, Any]) -> bool:
    return keys.INCOMING.startswith(_filters(rule).get("prefix", "")) or (
        _filters(rule).get("prefix", "").startswith(keys.INCOMING)
    )


def _problems(
    deployment: Deployment, targets: Sequence[tuple[Mapping[str, Any], str]]
) -> list[str]:
    stack = deployment.stack
    if not targets:
        return [f"no events of {keys.INCOMING} are sent anywhere"]
    if len(targets) > 1:
        return [f"events are sent to {' and '.join(target for _, target in targets)}"]
    [(rule, target)] = targets
    ours = (
        stack.queue_arn(stack.processing_queue_url),
        stack.data_processor_lambda_arn,
    )
    problems = [] if target in ours else [f"events are sent to {target}, expected: {ours[0]}"]
    if _filters(rule) != {"prefix": keys.INCOMING}:
        problems.append(f"only of keys with {_filters(rule)}, expected: prefix {keys.INCOMING}")
    if _EVERY_CREATION not in rule.get("Events", []):
        problems.append(f"only of {rule.get('Events')}, expected: {_EVERY_CREATION}")
    return problems


def _filters(rule: Mapping[str, Any]) -> dict[str, str]:
    rules = rule.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return {one["Name"].lower(): one["Value"] for one in rules}


def _let_in(deployment: Deployment, target: str) -> Finding:
    """Check that the policy of the notification's target lets S3 send the bucket's events."""
    stack, account = deployment.stack, deployment.account
    to_queue = target == stack.queue_arn(stack.processing_queue_url)
    if to_queue:
        text = account.sqs.get_queue_attributes(
            QueueUrl=stack.processing_queue_url, AttributeNames=["Policy"]
        )
        policy = text.get("Attributes", {}).get("Policy", "{}")
        action = "sqs:SendMessage"
    else:
        alias = target.removeprefix(function_arn(target)).removeprefix(":")
        found = (
            account.functions.get_policy(FunctionName=function_arn(target), Qualifier=alias)
            if alias
            else account.functions.get_policy(FunctionName=target)
        )
        policy, action = found["Policy"], "lambda:InvokeFunction"
    bucket = stack.bucket_arn(stack.raw_bucket_name)
    lets = lets_s3_send(json.loads(policy), action, bucket=bucket, account=stack.account_id)
    return judged(
        "policy for S3's events",
        [] if lets else [f"{target} does not allow {action} to {_S3} for {bucket}"],
        well=f"{_S3} may {action}",
        mend=_UP,
    )


def lets_s3_send(policy: Mapping[str, Any], action: str, *, bucket: str, account: str) -> bool:
    """Return whether a policy of a queue or a function allows S3 to send one bucket's events."""
    return any(
        statement.get("Effect") == "Allow"
        and _S3 in _values(_mapping(statement.get("Principal")).get("Service"))
        and action.lower() in [one.lower() for one in _values(statement.get("Action"))]
        and _fits(statement, "aws:SourceArn", bucket)
        and _fits(statement, "aws:SourceAccount", account)
        for statement in policy.get("Statement", [])
    )


def _fits(statement: Mapping[str, Any], key: str, value: str) -> bool:
    """Return whether a statement's conditions name a value for a key, or do not name the key."""
    named = [
        one
        for block in _mapping(statement.get("Condition")).values()
        for name, values in _mapping(block).items()
        if name.lower() == key.lower()
        for one in _values(values)
    ]
    return not named or value in named


def _settings(mapping: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a mapping's settings."""
    batch, window = mapping.get("BatchSize", 0), mapping.get("MaximumBatchingWindowInSeconds", 0)
    result = str(mapping.get("LastProcessingResult") or "")
    checks = (
        (_PARTIAL in mapping.get("FunctionResponseTypes", []),
         f"{_PARTIAL} is off: one failed message brings its whole batch back"),
        (bool(mapping.get("ScalingConfig", {}).get("MaximumConcurrency")),
         "it has no maximum concurrency"),
        (batch <= _BATCH_WITHOUT_WINDOW or window > 0, f"batches of {batch} without a window"),
        (not mapping.get("FilterCriteria", {}).get("Filters"),
         "it has a filter: Lambda deletes the messages that do not match"),
        (not result.startswith("PROBLEM"), f"Lambda says: {result}"),
    )  # fmt: skip
    return [said for fine, said in checks if not fine]


def _values(value: Any) -> list[str]:
    return cast("list[str]", value) if isinstance(value, list) else [str(value)]


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
