"""Serve Lambda's Runtime API: a function's process gets its events here, and returns its answers.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import sys
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

from local.origins import refusal

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html says 6 MB; this is the
# number in Lambda's error message.
MAX_RESPONSE_BYTES: Final = 6_291_556

_PREFIX: Final = "/2018-06-01/runtime"
_CLOSE_SECONDS: Final = 0.1  # how soon the listening thread notices that it has to stop


@dataclass(frozen=True, kw_only=True)
class Request:
    """One event for the process, with the values of the handler's context."""

    request_id: str
    body: bytes
    deadline_ms: int  # since the epoch
    function_arn: str
    trace_id: str


@dataclass(frozen=True)
class Ready:
    """The process asks for the next event: it is initialised, or done with the last one."""


@dataclass(frozen=True)
class Answered:
    """The handler returned; `body` is what it returned, as JSON."""

    body: bytes


@dataclass(frozen=True)
class Failed:
    """The handler raised, or its module could not be imported (`initialising`)."""

    document: dict[str, Any]
    initialising: bool


@dataclass(frozen=True)
class Exited:
    """The process ended; `status` is negative where a signal ended it, as subprocess has it."""

    status: int


Event = Ready | Answered | Failed | Exited


class RuntimeApi:
    """A server on the loopback interface for one process of one function.

    What the process reports is put on `events`, in order.
    """

    def __init__(self, events: SimpleQueue[Event]) -> None:
        self.events = events
        self._requests: SimpleQueue[Request | None] = SimpleQueue()
        self._server = _Server(("127.0.0.1", 0), partial(_Handler, self))
        self._thread = Thread(
            target=self._server.serve_forever, args=(_CLOSE_SECONDS,), daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """`host:port`, the value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def send(self, request: Request) -> None:
        """Queue the next event for the process."""
        self._requests.put(request)

    def next_request(self) -> Request | None:
        """Wait for the next event; return None once the server closes."""
        return self._requests.get()

    def close(self) -> None:
        """Stop listening, and end the wait of a process for its next event."""
        self._requests.put(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing if the process was killed while it was being answered."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # pyright: ignore[reportArgumentType] - passed through


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Each answer is one TCP segment: Nagle's algorithm would delay a second one by 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True

    def __init__(self, api: RuntimeApi, *args: Any) -> None:
        self._api = api
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer `invocation/next` with the next event, once there is one."""
        if self._is_foreign() or self.path != f"{_PREFIX}/invocation/next":
            self._reply(HTTPStatus.NOT_FOUND)
            return
        self._api.events.put(Ready())
        request = self._api.next_request()
        if request is None:
            self.close_connection = True
            return
        self._reply(
            HTTPStatus.OK,
            request.body,
            {
                "Lambda-Runtime-Aws-Request-Id": request.request_id,
                "Lambda-Runtime-Deadline-Ms": str(request.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": request.function_arn,
                "Lambda-Runtime-Trace-Id": request.trace_id,
            },
        )

    def do_POST(self) -> None:
        """Receive an answer, a failure, or a failure to initialise."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._is_foreign():
            self._reply(HTTPStatus.NOT_FOUND)
            return
        match self.path.removeprefix(_PREFIX).split("/")[1:]:
            case ["invocation", _, "response"] if len(body) > MAX_RESPONSE_BYTES:
                self._api.events.put(Failed(_too_large(), initialising=False))
                # Lambda answers 413, at which the client ends the process. It may as well go on.
                self._reply(HTTPStatus.ACCEPTED)
            case ["invocation", _, "response"]:
                self._api.events.put(Answered(body))
                self._reply(HTTPStatus.ACCEPTED)
            case ["invocation", _, "error"]:
                self._api.events.put(Failed(json.loads(body), initialising=False))
                self._reply(HTTPStatus.ACCEPTED)
            case ["init", "error"]:
                self._api.events.put(Failed(json.loads(body), initialising=True))
                self._reply(HTTPStatus.ACCEPTED)
            case _:
                self._reply(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Print nothing: only the process's own output is the function's log."""

    def _is_foreign(self) -> bool:
        host, origin, site = map(self.headers.get, ("Host", "Origin", "Sec-Fetch-Site"))
        return refusal(host=host, origin=origin, site=site) is not None

    def _reply(
        self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _too_large() -> dict[str, Any]:
    return {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        f"({MAX_RESPONSE_BYTES} bytes).",
    }
