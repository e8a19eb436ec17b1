"""Create functions, their permissions and their triggers."""

from pathlib import Path
from typing import Any, Final

import pulumi

from local.program.resources import roles
from local.program.resources.creation import Created, Creation, shape
from local.program.zip_archive import ArchiveError, write_archive

_FUNCTION_NAME_LENGTH: Final = 64
_ALIAS_NAME_LENGTH: Final = 128
_STATEMENT_ID_LENGTH: Final = 100
# Lambda's defaults.
_DEFAULTS: Final = {"timeout": 3, "memorySize": 128, "architectures": ["x86_64"]}


def function(creation: Creation) -> Created:
    """Create a function; its zip file stays in the account's directory."""
    name = creation.physical_name(_FUNCTION_NAME_LENGTH)
    archive = _archive(creation, name)
    role, dead_letters = creation.take("role"), creation.take_shape("deadLetterConfig")
    roles.require_trust(creation, role, "lambda.amazonaws.com")
    if dead_letters and "TargetArn" in dead_letters:
        roles.require_delivery(creation, role, dead_letters["TargetArn"])
    answer = creation.call(
        "lambda",
        "create_function",
        FunctionName=name,
        Role=role,
        Code={"ZipFile": archive.read_bytes()},
        PackageType=creation.take("packageType"),
        Runtime=creation.take("runtime"),
        Handler=creation.take("handler"),
        Architectures=creation.take("architectures"),
        Description=creation.take("description"),
        Timeout=creation.take("timeout"),
        MemorySize=creation.take("memorySize"),
        Environment=shape(creation.take("environment"), verbatim=("variables",)),
        EphemeralStorage=creation.take_shape("ephemeralStorage"),
        DeadLetterConfig=dead_letters,
        TracingConfig=creation.take_shape("tracingConfig"),
        LoggingConfig=creation.take_shape("loggingConfig"),
        KMSKeyArn=creation.take("kmsKeyArn"),
        Layers=creation.take("layers"),
        Publish=creation.take("publish"),
        SnapStart=creation.take_shape("snapStart"),
        Tags=dict(creation.tags) or None,
    )
    _reserve_concurrency(creation, name)
    return Created(id=name, outputs=_function_outputs(creation, name, answer), archive=archive)


def alias(creation: Creation) -> Created:
    """Give a version of a function a name that stays."""
    name = creation.physical_name(_ALIAS_NAME_LENGTH)
    answer = creation.call(
        "lambda",
        "create_alias",
        FunctionName=creation.take("functionName"),
        Name=name,
        FunctionVersion=creation.take("functionVersion"),
        Description=creation.take("description"),
        RoutingConfig=creation.take_shape("routingConfig"),
    )
    arn: str = answer["AliasArn"]
    return Created(
        id=arn, outputs={"name": name, "arn": arn, "invokeArn": _invoke_arn(creation, arn)}
    )


def permission(creation: Creation) -> Created:
    """Allow a service or an account to invoke a function."""
    statement = creation.physical_name(_STATEMENT_ID_LENGTH, key="statementId")
    creation.call(
        "lambda",
        "add_permission",
        FunctionName=creation.take("function"),
        StatementId=statement,
        Action=creation.take("action"),
        Principal=creation.take("principal"),
        SourceArn=creation.take("sourceArn"),
        SourceAccount=creation.take("sourceAccount"),
        EventSourceToken=creation.take("eventSourceToken"),
        PrincipalOrgID=creation.take("principalOrgId"),
        FunctionUrlAuthType=creation.take("functionUrlAuthType"),
        Qualifier=creation.take("qualifier"),
    )
    return Created(id=statement, outputs={"statementId": statement})


def event_source_mapping(creation: Creation) -> Created:
    """Create an event source mapping; `local.triggers` is what polls the queue."""
    name, source = creation.take("functionName"), creation.take("eventSourceArn")
    role = creation.call("lambda", "get_function_configuration", FunctionName=name)["Role"]
    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
        roles.require_permission(creation, role, action, source)
    answer = creation.call(
        "lambda",
        "create_event_source_mapping",
        FunctionName=name,
        EventSourceArn=source,
        Enabled=creation.take("enabled"),
        BatchSize=creation.take("batchSize"),
        MaximumBatchingWindowInSeconds=creation.take("maximumBatchingWindowInSeconds"),
        FunctionResponseTypes=creation.take("functionResponseTypes"),
        ScalingConfig=creation.take_shape("scalingConfig"),
        FilterCriteria=creation.take_shape("filterCriteria"),
        MetricsConfig=creation.take_shape("metricsConfig"),
        KMSKeyArn=creation.take("kmsKeyArn"),
        Tags=dict(creation.tags) or None,
    )
    identifier: str = answer["UUID"]
    outputs = {
        "uuid": identifier,
        "arn": f"{_arn(creation, 'event-source-mapping')}:{identifier}",
        "functionArn": answer["FunctionArn"],
        "state": "Enabled" if creation.take("enabled", default=True) else "Disabled",
    }
    return Created(id=identifier, outputs=outputs)


def event_invoke_config(creation: Creation) -> Created:
    """Set how often an asynchronous invocation is retried, and its destinations."""
    name, qualifier = creation.take("functionName"), creation.take("qualifier")
    destinations: dict[str, dict[str, str]] | None = creation.take_shape("destinationConfig")
    role = creation.call("lambda", "get_function_configuration", FunctionName=name)["Role"]
    for destination in (destinations or {}).values():
        roles.require_delivery(creation, role, destination["Destination"])
    creation.call(
        "lambda",
        "put_function_event_invoke_config",
        FunctionName=name,
        Qualifier=qualifier,
        MaximumRetryAttempts=creation.take("maximumRetryAttempts"),
        MaximumEventAgeInSeconds=creation.take("maximumEventAgeInSeconds"),
        DestinationConfig=destinations,
    )
    return Created(id=f"{name}:{qualifier}" if qualifier else name)


def recursion_config(creation: Creation) -> Created:
    """Check the setting for recursive loops, which moto does not have."""
    name = creation.take("functionName")
    creation.call("lambda", "get_function_configuration", FunctionName=name)
    creation.check_call(
        "lambda",
        "PutFunctionRecursionConfig",
        FunctionName=name,
        RecursiveLoop=creation.take("recursiveLoop"),
    )
    return Created(id=name)


def _archive(creation: Creation, name: str) -> Path:
    code = creation.take("code")
    if not isinstance(code, pulumi.Archive):
        raise creation.error("code is missing, allowed: an archive")
    try:
        return write_archive(
            code, creation.root, creation.account.directory / "functions" / f"{name}.zip"
        )
    except ArchiveError as error:
        raise creation.error(f"code: {error}") from error


def _reserve_concurrency(creation: Creation, name: str) -> None:
    reserved = creation.take("reservedConcurrentExecutions")
    if reserved is not None and reserved >= 0:  # -1 means none
        creation.call(
            "lambda",
            "put_function_concurrency",
            FunctionName=name,
            ReservedConcurrentExecutions=reserved,
        )


def _function_outputs(creation: Creation, name: str, answer: dict[str, Any]) -> dict[str, Any]:
    arn = f"{_arn(creation, 'function')}:{name}"
    version = answer["Version"]
    defaults = {key: value for key, value in _DEFAULTS.items() if creation.take(key) is None}
    return defaults | {
        "name": name,
        "arn": arn,
        "version": version,
        "qualifiedArn": f"{arn}:{version}",
        "invokeArn": _invoke_arn(creation, arn),
        "qualifiedInvokeArn": _invoke_arn(creation, f"{arn}:{version}"),
        "responseStreamingInvokeArn": (
            f"{_gateway(creation)}/2021-11-15/functions/{arn}/response-streaming-invocations"
        ),
        "sourceCodeSize": answer["CodeSize"],
        "codeSha256": answer["CodeSha256"],
        "lastModified": answer["LastModified"],
    }


def _invoke_arn(creation: Creation, arn: str) -> str:
    return f"{_gateway(creation)}/2015-03-31/functions/{arn}/invocations"


def _gateway(creation: Creation) -> str:
    return f"arn:aws:apigateway:{creation.region}:lambda:path"


def _arn(creation: Creation, kind: str) -> str:
    return f"arn:aws:lambda:{creation.region}:{creation.account.account_id}:{kind}"
