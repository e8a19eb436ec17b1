"""Run an AWS account on this machine: moto's server on loopback, with the strict rules of AWS."""

import http.client
import logging
import os
import socket
import tempfile
from pathlib import Path
from threading import Lock, RLock
from types import TracebackType
from typing import Any, Final, Self

import boto3
import botocore.session
from botocore.config import Config
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.threaded_moto_server import (  # pyright: ignore[reportMissingTypeStubs]
    ThreadedMotoServer,
)
from moto.s3control.models import s3control_backends

from local.account.strict import ruleset
from local.account.strict.s3_control import jobs
from local.account.strict.s3_control.jobs import Job
from local.origins import guarded

REGION: Final = "us-east-1"
# Stand-ins: moto derives the account from the key, and checks no secret.
ACCESS_KEY_ID: Final = "testing"
SECRET_ACCESS_KEY: Final = "testing"  # noqa: S105

_LOOPBACK: Final = "127.0.0.1"
# moto keeps its state in the process, so two servers in one process would share one account.
_in_use = Lock()

# Ignore the user's own configuration: the profile and the files in `~/.aws`.
_SESSION_VARIABLES: Final = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class Account:
    """An AWS account, empty at first, which answers over HTTP from `start` to `stop`.

    A context manager. Only one can be open in a process at a time.
    """

    account_id: str = DEFAULT_ACCOUNT_ID

    def __init__(self, *, port: int = 0, region: str = REGION) -> None:
        self.region = region
        self._port = port
        self._server: ThreadedMotoServer | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._session = _isolated_session()
        self._clients: dict[tuple[str, str], Any] = {}
        self._making = RLock()

    @property
    def endpoint_url(self) -> str:
        """The URL of every service; raises RuntimeError unless the account is open."""
        host, port = self._running().get_host_and_port()
        return f"http://{host}:{port}"

    @property
    def directory(self) -> Path:
        """A temporary directory, which `stop` removes; raises RuntimeError unless it is open."""
        if self._directory is None:
            msg = "the local account is not running, call start() first"
            raise RuntimeError(msg)
        return Path(self._directory.name)

    def start(self) -> Self:
        """Open the account, empty.

        Raises RuntimeError if another is open in this process, OSError if the port is taken.
        """
        if not _in_use.acquire(blocking=False):
            msg = "a local account is open in this process already, allowed: one at a time"
            raise RuntimeError(msg)
        try:
            ruleset.install()
            self.check_port()
            # Otherwise each request would print a line between those of the pipeline.
            logging.getLogger("werkzeug").setLevel(logging.WARNING)
            self._directory = tempfile.TemporaryDirectory(prefix="local-account-")
            self._server = ThreadedMotoServer(_LOOPBACK, self._port, verbose=False)
            self._server.start()
            _guard(self._server)
            self.reset()
        except BaseException:
            self._close()
            raise
        return self

    def check_port(self) -> None:
        """Raise OSError if the given port is taken."""
        _require_free(self._port)

    def stop(self) -> None:
        """Close the account and delete all that it holds; harmless when repeated."""
        if self._server is not None:
            self._close()

    def reset(self) -> None:
        """Delete all that the account holds; its URL stays the same."""
        host, port = self._running().get_host_and_port()
        connection = http.client.HTTPConnection(host, port, timeout=30)
        try:
            connection.request("POST", "/moto-api/reset")
            status = connection.getresponse().status
        finally:
            connection.close()
        if status != http.HTTPStatus.OK:
            msg = f"the local account answers {status} to a reset, expected: 200"
            raise RuntimeError(msg)

    def waiting_jobs(self) -> list[Job]:
        """Return the jobs of S3 Batch Operations that nothing runs yet, oldest first."""
        backends: Any = s3control_backends
        return jobs.waiting(backends[self.account_id]["aws"])

    # `Any`: in the stubs each service's client has an overload of its own.
    def client(self, service: str, region: str | None = None) -> Any:
        """Return the boto3 client of a service, `"s3"` say, the same one at each call."""
        where = region or self.region
        with self._making:
            if (service, where) not in self._clients:
                self._clients[service, where] = self._session.client(
                    service,
                    region_name=where,
                    endpoint_url=self.endpoint_url,
                    config=_CLIENT_CONFIG,
                )
            return self._clients[service, where]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _running(self) -> ThreadedMotoServer:
        if self._server is None:
            msg = "the local account is not running, call start() first"
            raise RuntimeError(msg)
        return self._server

    def _close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None
        _in_use.release()


_CLIENT_CONFIG: Final = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 2},
    proxies={},  # an empty map also turns off the environment's proxies
    max_pool_connections=50,
    s3={"addressing_style": "path"},
)


def _isolated_session() -> Any:
    return boto3.Session(
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        botocore_session=botocore.session.Session(session_vars=_SESSION_VARIABLES),
    )


def _guard(server: ThreadedMotoServer) -> None:
    """Refuse requests that a web page makes."""
    made: Any = server
    served = made._server  # noqa: SLF001 - moto has no other way to its application
    served.app = guarded(served.app)


def _require_free(port: int) -> None:
    """Raise OSError if a given port is taken: moto's server would wait for ever."""
    if not port:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError as error:
            msg = f"port {port} of {_LOOPBACK} cannot be had ({error.strerror}); allowed: 0 or free"
            raise OSError(error.errno, msg) from error
