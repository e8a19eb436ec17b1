"""Answer moto's Invoke calls by running the functions here; moto itself would need Docker."""

import base64
import json
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, Self

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction
from moto.core.exceptions import JsonRESTError

from local.compute.async_invocations import AsynchronousInvocations
from local.compute.functions import LocalFunction
from local.compute.outcome import Invocation

_LOG_BYTES: Final = 4096  # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
_in_use = Lock()  # a patch of moto's classes holds for the whole process


@dataclass(frozen=True)
class _Registered:
    function: LocalFunction
    events: AsynchronousInvocations


class LambdaService:
    """Runs registered functions for Invoke calls and for moto's own services.

    It handles, from `install` to `close`, the calls of `lambda.invoke` from any client of moto in
    this process (RequestResponse, Event and DryRun), and the asynchronous events that moto's S3,
    SNS and EventBridge send to a function.
    """

    def __init__(self) -> None:
        self._functions: dict[str, _Registered] = {}
        self._original: Any = None

    def register(self, function: LocalFunction, events: AsynchronousInvocations) -> None:
        """Register a function under its name, and `events` for its asynchronous invocations."""
        self._functions[function.definition.name] = _Registered(function, events)

    def invoke(self, name: str, payload: object) -> Invocation:
        """Invoke a function and return the result.

        Raises KeyError for a name that is not registered.
        """
        return self._functions[name].function.invoke(payload)

    def submit(self, name: str, payload: object) -> str:
        """Queue an event for a function and return its request id.

        Raises KeyError for a name that is not registered.
        """
        return self._functions[name].events.submit(payload)

    def install(self) -> Self:
        """Handle moto's invocations from now on.

        Raises RuntimeError if another service in this process does so already.
        """
        if not _in_use.acquire(blocking=False):
            msg = "another local Lambda service is installed in this process, allowed: one"
            raise RuntimeError(msg)
        self._original = LambdaFunction.invoke
        service = self

        def invoke(
            self: LambdaFunction, body: Any, request_headers: Any, response_headers: Any
        ) -> str | bytes:
            return service._answer(self, body, request_headers, response_headers)

        LambdaFunction.invoke = invoke
        return self

    def close(self) -> None:
        """Leave invocations to moto again; harmless when repeated."""
        if self._original:
            LambdaFunction.invoke = self._original
            self._original = None
            _in_use.release()

    def __enter__(self) -> Self:
        return self.install()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(
        self, function: LambdaFunction, body: Any, request_headers: Any, response_headers: Any
    ) -> str | bytes:
        registered = self._functions.get(function.function_name)
        if not registered:
            raise UnknownFunctionException(function.function_arn)
        payload = _payload(body)
        # Only calls from moto's own services have no headers.
        fallback = "RequestResponse" if request_headers else "Event"
        match request_headers.get("x-amz-invocation-type", fallback):
            case "Event":
                registered.events.submit(payload)
                return ""
            case "DryRun":
                return ""
            case _:
                invocation = registered.function.invoke(payload)
        log = registered.function.logs.encode()[-_LOG_BYTES:]
        response_headers["x-amz-log-result"] = base64.b64encode(log).decode()
        response_headers["x-amz-executed-version"] = str(function.version)
        if invocation.failure:
            response_headers["x-amz-function-error"] = "Unhandled"
        return invocation.body


def _payload(body: Any) -> object:
    try:
        return json.loads(body or "{}")
    except ValueError as error:
        msg = f"Could not parse request body into json: {error}"
        raise JsonRESTError("InvalidRequestContentException", msg) from error
