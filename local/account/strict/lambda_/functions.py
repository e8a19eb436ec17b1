"""Refuse to create or configure a function as Lambda would, and keep what moto forgets of it.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
"""

import re
from typing import Any, Final, cast

from botocore.model import StringShape
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.core.utils import get_service_model

from local.account.strict import limits
from local.account.strict.patches import around
from local.compute.sandbox import RESERVED_VARIABLES

_VARIABLE_NAME: Final = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")
_FUNCTION_NAME: Final = re.compile(r"[a-zA-Z0-9-_]{1,64}")
_RUNTIMES: Final = frozenset(
    cast("StringShape", get_service_model("lambda").shape_for("Runtime")).enum
)


def invalid(message: str) -> LambdaClientError:
    """Return a 400 InvalidParameterValueException of Lambda."""
    return LambdaClientError("InvalidParameterValueException", message)


@around(LambdaBackend, "create_function")
def _create_function(original: Any, self: Any, spec: dict[str, Any]) -> Any:
    name = spec.get("FunctionName", "").rpartition(":")[2]
    if not _FUNCTION_NAME.fullmatch(name):
        raise _constraint("functionName", name, f"satisfy {_FUNCTION_NAME.pattern}")
    if spec.get("PackageType", "Zip") == "Zip" and not (
        spec.get("Runtime") and spec.get("Handler")
    ):
        raise invalid("Runtime and Handler are mandatory parameters for functions created with zip")
    _check(spec)
    return original(self, spec)


@around(LambdaFunction, "update_configuration")
def _update_configuration(original: Any, self: Any, changes: dict[str, Any]) -> Any:
    _check(changes)
    _keep(self, changes)
    return original(self, changes)


@around(LambdaFunction, "__init__")
def _function(
    original: Any, self: Any, account_id: str, spec: dict[str, Any], *arguments: Any, **named: Any
) -> None:
    original(self, account_id, spec, *arguments, **named)
    default = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}"}
    self.kept = {"LoggingConfig": default}
    _keep(self, spec)


@around(LambdaFunction, "get_configuration")
def _get_configuration(original: Any, self: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
    """Add what moto forgets; a function without a dead-letter queue has no DeadLetterConfig."""
    kept = {name: value for name, value in self.kept.items() if any(value.values())}
    return original(self, *arguments, **named) | kept


def _keep(function: Any, spec: dict[str, Any]) -> None:
    """Keep the parts of a configuration that moto forgets; an empty TargetArn removes one."""
    logging = function.kept["LoggingConfig"] | (spec.get("LoggingConfig") or {})
    dead_letters: dict[str, str] = (
        spec.get("DeadLetterConfig") or function.kept.get("DeadLetterConfig") or {}
    )
    function.kept = {"LoggingConfig": logging, "DeadLetterConfig": dead_letters}


def _check(spec: dict[str, Any]) -> None:
    for field, least, most in (
        ("Timeout", 1, limits.max_timeout_seconds),
        ("MemorySize", limits.min_memory_mb, limits.max_memory_mb),
    ):
        value = spec.get(field)
        if value is not None and not least <= value <= most:
            name = field[0].lower() + field[1:]
            raise _constraint(name, value, f"have value from {least} to {most}")
    runtime = spec.get("Runtime")
    if runtime is not None and runtime not in _RUNTIMES:
        raise _constraint("runtime", runtime, f"satisfy enum value set: {sorted(_RUNTIMES)}")
    environment: dict[str, dict[str, str]] = spec.get("Environment") or {}
    _check_environment(environment.get("Variables") or {})


def _check_environment(variables: dict[str, str]) -> None:
    reserved = sorted(RESERVED_VARIABLES & variables.keys())
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    for name in variables:
        if not _VARIABLE_NAME.fullmatch(name):
            raise _constraint("environment.variables", name, f"satisfy {_VARIABLE_NAME.pattern}")
    size = sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
    if size > limits.max_environment_bytes:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided exceeded the {limits.max_environment_bytes} bytes limit."
        )


def _constraint(field: str, value: object, constraint: str) -> LambdaClientError:
    return LambdaClientError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: "
        f"Member must {constraint}",
    )
