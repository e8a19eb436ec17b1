"""Controls: who invokes a function, how often, and where failures go."""

from typing import Final

from policy import tokens
from policy.control import control, unless
from policy.graph import UNKNOWN, Graph, Resource

# A larger batch is refused without a window.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
_MAX_BATCH_WITHOUT_WINDOW: Final = 10


@control(
    "Lambda.1",
    "Lambda function policies should prohibit public access",
    tokens.PERMISSION,
    also=("CKV_AWS_301",),
)
def is_not_public(permission: Resource) -> list[str]:
    principal = permission.inputs["principal"]
    # Security Hub fails a grant to S3 without the account, which a bucket's ARN does not name.
    named = principal != "s3.amazonaws.com" or permission.get("sourceAccount") is not None
    return unless(principal != "*" and named, f"{principal} may invoke it, of whatever account")


@control("PIPE.33", "A service may invoke a function only for one resource", tokens.PERMISSION)
def is_invoked_for_one_resource(permission: Resource) -> list[str]:
    source = permission.get("sourceArn")
    return unless(source is UNKNOWN or bool(source), "names no sourceArn")


@control("CKV_AWS_258", "Lambda function URLs AuthType is not None", tokens.FUNCTION)
def has_no_open_url(function: Resource, graph: Graph) -> list[str]:
    urls = graph.referring(function, tokens.FUNCTION_URL, "functionName")
    return [
        f"{url.name} lets anybody invoke it"
        for url in urls
        if url.get("authorizationType") != "AWS_IAM"
    ]


@control(
    "CKV_AWS_115",
    "AWS Lambda function is configured for function-level concurrent execution limit",
    tokens.FUNCTION,
    waiver="Reserved concurrency is taken from all other functions of the account, so only the "
    "processor without the queue has it (PIPE.34); with the queue, `maxConcurrency` limits it, and "
    "the archiver runs once a day.",
)
def is_limited(function: Resource) -> list[str]:
    return unless(
        (function.get("reservedConcurrentExecutions") or -1) >= 0, "has no limit of its own"
    )


@control("PIPE.34", "The number of concurrent invocations is limited", tokens.BUCKET_NOTIFICATION)
def is_bounded(notification: Resource, graph: Graph) -> list[str]:
    mappings = [
        mapping
        for queue in graph.referred(notification, "queues", tokens.QUEUE)
        for mapping in graph.referring(queue, tokens.MAPPING, "eventSourceArn")
    ]
    functions = graph.referred(notification, "lambdaFunctions", tokens.FUNCTION)
    return [
        *(
            f"{it.name} starts any number of invocations"
            for it in mappings
            if not it.get("scalingConfig.maximumConcurrency")
        ),
        *(
            f"{it.name} is invoked any number of times at once"
            for it in functions
            if not is_limited.holds(it, graph)
        ),
    ]


@control("PIPE.35", "A failed message does not fail the others in its batch", tokens.MAPPING)
def reports_failed_items(mapping: Resource) -> list[str]:
    found = mapping.get("functionResponseTypes")
    return unless(found == ["ReportBatchItemFailures"], f"the response types are {found}")


@control("PIPE.36", "No filter deletes messages unprocessed", tokens.MAPPING)
def filters_nothing(mapping: Resource) -> list[str]:
    # Lambda deletes a message that matches no pattern.
    return unless(
        not mapping.get("filterCriteria.filters"), "filters, and so deletes what does not match"
    )


@control("PIPE.37", "A large batch has the window that it needs", tokens.MAPPING)
def has_a_window_for_its_batch(mapping: Resource) -> list[str]:
    size = mapping.get("batchSize") or _MAX_BATCH_WITHOUT_WINDOW
    window = mapping.get("maximumBatchingWindowInSeconds") or 0
    return unless(
        size <= _MAX_BATCH_WITHOUT_WINDOW or window >= 1, f"{size} messages without a window"
    )


@control("PIPE.38", "The queue is polled", tokens.MAPPING)
def is_enabled(mapping: Resource) -> list[str]:
    return unless(mapping.get("enabled") in {None, True}, "is disabled")


@control("PIPE.39", "The retries of an event and its maximum age are set", tokens.FUNCTION)
def states_its_retries(function: Resource, graph: Graph) -> list[str]:
    found = graph.referring(function, tokens.FUNCTION_RETRIES, "functionName")
    return unless(
        any(
            it.get("maximumRetryAttempts") is not None
            and it.get("maximumEventAgeInSeconds") is not None
            for it in found
        ),
        "its retries and the age of its events are left to Lambda's defaults",
    )


@control("PIPE.40", "Lambda does not end the chain of invocations of a large file or a backlog",
         tokens.FUNCTION)  # fmt: skip
def may_go_on_in_further_invocations(function: Resource, graph: Graph) -> list[str]:
    found = graph.referring(function, tokens.FUNCTION_RECURSION, "functionName")
    return unless(
        any(it.get("recursiveLoop") == "Allow" for it in found),
        "is ended after about 16 invocations in a chain",
    )
