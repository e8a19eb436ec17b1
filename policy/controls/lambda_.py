"""Controls: the configuration of functions."""

import re
from typing import Any, Final

from policy import statements, tokens
from policy.control import control, unless
from policy.controls.tagging import is_tagged
from policy.graph import UNKNOWN, Graph, Resource

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html: supported, of Python alone.
_RUNTIMES: Final = ("python3.11", "python3.12", "python3.13", "python3.14")
# Access key ids, and names whose values are secrets.
_SECRET_VALUE: Final = re.compile(r"(?<![A-Z0-9])(AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")
_SECRET_NAME: Final = re.compile(r"SECRET|PASSWORD|TOKEN|PRIVATE_?KEY|API_?KEY", re.IGNORECASE)


@control(
    "Lambda.2",
    "Lambda functions should use supported runtimes",
    tokens.FUNCTION,
    also=("CKV_AWS_363",),
)
def has_a_supported_runtime(function: Resource) -> list[str]:
    runtime = function.get("runtime")
    return unless(runtime in _RUNTIMES, f"the runtime is {runtime}, allowed: {_RUNTIMES}")


@control(
    "Lambda.3",
    "Lambda functions should be in a VPC",
    tokens.FUNCTION,
    also=("CKV_AWS_117",),
    waiver="The functions reach S3, SQS and Lambda alone, each over TLS and signed; a VPC would "
    "add endpoints that cost by the hour, and protect nothing. To have it all the same, set "
    "`vpc_config` in infra/function.py, with endpoints for S3, SQS, Lambda and logs.",
)
def is_in_a_vpc(function: Resource) -> list[str]:
    return unless(bool(function.get("vpcConfig.subnetIds")), "is in no VPC")


@control("Lambda.6", "Lambda functions should be tagged", tokens.FUNCTION)
def carries_tags(function: Resource, graph: Graph) -> list[str]:
    return is_tagged(function, graph)


@control(
    "Lambda.7",
    "Lambda functions should have AWS X-Ray active tracing enabled",
    tokens.FUNCTION,
    also=("CKV_AWS_50",),
    option="tracing",
)
def is_traced(function: Resource) -> list[str]:
    return unless(function.get("tracingConfig.mode") == "Active", "sends no traces by itself")


@control("CKV_AWS_45", "No hard-coded secrets exist in Lambda environment", tokens.FUNCTION)
def holds_no_secrets(function: Resource) -> list[str]:
    variables: dict[str, Any] = function.get("environment.variables") or {}
    return [
        f"the variable {name} looks like a secret"
        for name, value in variables.items()
        if _SECRET_NAME.search(name) or (value is not UNKNOWN and _SECRET_VALUE.search(value))
    ]


@control(
    "CKV_AWS_173",
    "Check encryption settings for Lambda environment variable",
    tokens.FUNCTION,
    option="kmsKeyArn",
)
def has_an_encrypted_environment(function: Resource) -> list[str]:
    return unless(
        function.get("kmsKeyArn") is not None,
        "no KMS key of the account encrypts the environment",
    )


@control(
    "CKV_AWS_272",
    "AWS Lambda function is configured to validate code-signing",
    tokens.FUNCTION,
    waiver="The archive is made from locked and hashed wheels, byte for byte the same each time, "
    "and only the deployer may update a function. A signing profile is your account's: set "
    "`code_signing_config_arn` in infra/function.py.",
)
def validates_signatures(function: Resource) -> list[str]:
    return unless(function.get("codeSigningConfigArn") is not None, "validates no signature")


@control(
    "CKV_AWS_116",
    "AWS Lambda function is configured for a Dead Letter Queue (DLQ)",
    tokens.FUNCTION,
)
def keeps_failed_events(function: Resource, graph: Graph) -> list[str]:
    # An on-failure destination is newer than a dead-letter queue, and gets the error too.
    destinations = [
        it
        for retries in graph.referring(function, tokens.FUNCTION_RETRIES, "functionName")
        for it in graph.referred(retries, "destinationConfig", tokens.QUEUE)
    ]
    return unless(
        bool(graph.referred(function, "deadLetterConfig", tokens.QUEUE) or destinations),
        "an event that fails for good is lost",
    )


@control("PIPE.26", "A function may send to the queue for its failures", tokens.FUNCTION)
def may_send_failures(function: Resource, graph: Graph) -> list[str]:
    queues = [
        *graph.referred(function, "deadLetterConfig", tokens.QUEUE),
        *(
            queue
            for retries in graph.referring(function, tokens.FUNCTION_RETRIES, "functionName")
            for queue in graph.referred(retries, "destinationConfig", tokens.QUEUE)
        ),
    ]
    granting = [
        policy
        for role in graph.referred(function, "role", tokens.ROLE)
        for policy in graph.referring(role, tokens.ROLE_POLICY, "role")
        if any(statements.covers(it, "sqs:SendMessage") for it in statements.allowing(policy))
    ]
    return [
        f"its role may not send to {queue.name}"
        for queue in queues
        if not any(policy.refers_to(queue, "policy") for policy in granting)
    ]


@control("PIPE.27", "A function has a role of its own", tokens.FUNCTION)
def has_its_own_role(function: Resource, graph: Graph) -> list[str]:
    roles = graph.referred(function, "role", tokens.ROLE)
    sharing = [it for role in roles for it in graph.referring(role, tokens.FUNCTION, "role")]
    return unless(
        len(roles) == 1 and [it.urn for it in sharing] == [function.urn],
        "shares its role, or has none",
    )


@control("PIPE.28", "A function's policy is created before the function", tokens.FUNCTION)
def may_do_its_work_from_the_start(function: Resource, graph: Graph) -> list[str]:
    # The permission of a function to invoke itself can only be created after it.
    policies = [
        policy
        for role in graph.referred(function, "role", tokens.ROLE)
        for policy in graph.referring(role, tokens.ROLE_POLICY, "role")
        if not policy.refers_to(function, "policy")
    ]
    return unless(
        bool(policies) and all(graph.comes_before(it, function) for it in policies),
        "does not wait for its role's policy",
    )


@control("PIPE.29", "A function writes to a log group of its own, which the stack creates",
         tokens.FUNCTION)  # fmt: skip
def has_its_own_log_group(function: Resource, graph: Graph) -> list[str]:
    groups = graph.referred(function, "loggingConfig", tokens.LOG_GROUP)
    sharing = [
        it for one in groups for it in graph.referring(one, tokens.FUNCTION, "loggingConfig")
    ]
    return unless(
        len(groups) == 1 and [it.urn for it in sharing] == [function.urn],
        "has no log group of its own",
    )


@control("PIPE.30", "A function has no layer: all of its code is in the archive", tokens.FUNCTION)
def takes_no_layer(function: Resource) -> list[str]:
    return unless(not function.get("layers"), "takes layers, which nothing here builds or locks")


@control("PIPE.31", "A function runs on arm64, as the wheels of its archive do", tokens.FUNCTION)
def runs_on_arm64(function: Resource) -> list[str]:
    found = function.get("architectures")
    return unless(found == ["arm64"], f"the architecture is {found}")


@control("PIPE.32", "Lambda does not change the functions' JSON lines, some of which are metrics",
         tokens.FUNCTION)  # fmt: skip
def keeps_log_lines(function: Resource) -> list[str]:
    found = function.get("loggingConfig.logFormat")
    return unless(found == "Text", f"the log format is {found}")
