"""The result of an invocation, worded as Lambda words it."""

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an invocation failed.

    Attributes:
        type: The exception's class, or Lambda's name for what happened (`Sandbox.Timedout`,
            `Runtime.ExitError`, `Runtime.ImportModuleError`, …).
        message: The exception's message, or Lambda's.
        trace: The handler's stack frames, one text each.
    """

    type: str
    message: str
    trace: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """The result of one invocation.

    Attributes:
        request_id: The aws_request_id of the handler's context.
        body: What Lambda's Invoke returns: the handler's answer or the error document, as JSON.
        failure: Why it failed; None if the handler returned.
        timed_out: Whether the process was killed at its deadline.
        crashed: Whether the process ended by itself or by a signal.
        seconds: How long it took from when the process got the event.
    """

    request_id: str
    body: bytes
    failure: Failure | None = None
    timed_out: bool = False
    crashed: bool = False
    seconds: float = 0.0

    @property
    def payload(self) -> Any:
        """What the handler returned; None if the invocation failed."""
        return None if self.failure else json.loads(self.body)


def failed(request_id: str, document: Mapping[str, Any], seconds: float) -> Invocation:
    """Return the result of an invocation that ended with an error document."""
    return Invocation(
        request_id=request_id,
        body=json.dumps(document).encode(),
        failure=Failure(
            type=str(document.get("errorType", "")),
            message=str(document.get("errorMessage", "")),
            trace=tuple(document.get("stackTrace", ())),
        ),
        seconds=seconds,
    )


def timed_out(request_id: str, limit_seconds: float, seconds: float) -> Invocation:
    """Return the result of an invocation that was killed at its deadline."""
    reason = f"Task timed out after {limit_seconds:.2f} seconds"
    document = _platform_document(request_id, "Sandbox.Timedout", reason)
    return replace(failed(request_id, document, seconds), timed_out=True)


def crashed(request_id: str, status: int, seconds: float) -> Invocation:
    """Return the result of an invocation whose process ended with a status of `subprocess`."""
    reason = f"Runtime exited with error: {_describe(status)}"
    document = _platform_document(request_id, "Runtime.ExitError", reason)
    return replace(failed(request_id, document, seconds), crashed=True)


def _platform_document(request_id: str, kind: str, reason: str) -> dict[str, str]:
    return {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {reason}"}


def _describe(status: int) -> str:
    """Return how a process ended in Lambda's words: `signal: killed`, `exit status 1`."""
    if status >= 0:
        return f"exit status {status}"
    return f"signal: {(signal.strsignal(-status) or str(-status)).lower()}"
