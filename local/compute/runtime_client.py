"""The Runtime API's client in Python, for machines where awslambdaric has no compiled one.

awslambdaric imports `runtime_client`, an extension module that it builds only on Linux. Elsewhere
the function's process finds this file under that name. It imports only the standard library.
"""

import os
from http.client import HTTPConnection, HTTPResponse

_PREFIX = "/2018-06-01/runtime/invocation"
_JSON = "application/json"


def initialize_client(user_agent: str) -> None:
    """Do nothing: this client sends no user agent."""
    del user_agent


def next() -> tuple[bytes, dict[str, str | int]]:  # noqa: A001 - the extension's name
    """Wait for the next event, and return its body and headers."""
    body, response = _call("GET", "next", b"", {})
    headers: dict[str, str | int] = dict(response.getheaders())
    deadline = response.getheader("Lambda-Runtime-Deadline-Ms", "0")
    return body, {**headers, "Lambda-Runtime-Deadline-Ms": int(deadline)}


def post_invocation_result(
    invoke_id: str, data: bytes, content_type: str = _JSON, invocation_id: str | None = None
) -> None:
    """Send what the handler returned."""
    del invocation_id
    _call("POST", f"{invoke_id}/response", data, {"Content-Type": content_type})


def post_error(
    invoke_id: str, error: str, xray_fault: str, invocation_id: str | None = None
) -> None:
    """Send what the handler raised."""
    del xray_fault, invocation_id
    _call("POST", f"{invoke_id}/error", error.encode(), {"Content-Type": _JSON})


def _call(
    method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[bytes, HTTPResponse]:
    connection = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        connection.request(method, f"{_PREFIX}/{path}", body, headers)
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status >= 300:  # noqa: PLR2004 - the first status that is not a success
        msg = f"{method} {path} was answered with {response.status}, allowed: 200 and 202"
        raise RuntimeError(msg)
    return answer, response
