"""Answer one S3 request at a time, and send its events afterwards.

S3 is atomic and strongly consistent for each key; moto's server handles requests in threads
without a lock, and stores an object before its metadata and tags.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from moto.core.responses import ActionResult
from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response

from local.account.strict.patches import around

# Held during a request, but not while its events are delivered: a function that an event invokes
# calls S3 itself.
_one_at_a_time = threading.RLock()


@dataclass(kw_only=True)
class Exchange:
    """A request under way: its headers and parameters, and what to do after it is answered.

    `etag` is the ETag that an entry of a DeleteObjects names, while that entry is at work.
    """

    method: str
    headers: Any
    query: Mapping[str, str]
    etag: str | None = None
    afterwards: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])


class _Current(threading.local):
    exchange: Exchange | None = None


_current = _Current()


def current_exchange() -> Exchange | None:
    """Return the S3 request that this thread is answering, or None."""
    return _current.exchange


def afterwards(action: Callable[[], None]) -> None:
    """Call `action` after this thread has answered its request, or now if there is none."""
    if _current.exchange is None:
        action()
    else:
        _current.exchange.afterwards.append(action)


@contextmanager
def _exchange(response: Any, request: Any, full_url: str) -> Generator[None]:
    query = dict(parse_qsl(urlsplit(full_url).query, keep_blank_values=True))
    exchange = Exchange(method=request.method, headers=response.headers, query=query)
    with _one_at_a_time:
        outer, _current.exchange = _current.exchange, exchange
        try:
            yield
        finally:
            _current.exchange = outer
    for action in exchange.afterwards:
        action()


@around(S3Response, "_key_response")
def _key_response(original: Any, self: Any, request: Any, full_url: str) -> Any:
    return _answer(original, self, request, full_url)


@around(S3Response, "_bucket_response")
def _bucket_response(original: Any, self: Any, request: Any, full_url: str) -> Any:
    return _answer(original, self, request, full_url)


def _answer(original: Any, response: Any, request: Any, full_url: str) -> Any:
    with _exchange(response, request, full_url):
        try:
            return original(response, request, full_url)
        except S3ClientError as error:
            if request.method != "HEAD":
                raise
            # Over HTTP a client gets the status alone; in process moto would return a body.
            status, headers, _ = response.serialized(ActionResult(error))
            return status, headers, ""
