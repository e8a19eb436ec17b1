"""Refuse requests to a server of this machine that come from a web page.

Any web page can send requests to 127.0.0.1, and moto answers all of them. A browser sends the
page's site as `Origin`, or else `Sec-Fetch-Site: cross-site` (https://www.w3.org/TR/fetch-metadata/).
A site whose name resolves to 127.0.0.1 can be told by `Host`.
"""

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

_FOREIGN: Final = "cross-site"
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def refusal(*, host: str | None, origin: str | None, site: str | None) -> str | None:
    """Return why a request is refused, or None for one that may be answered.

    The arguments are its headers Host, Origin and Sec-Fetch-Site, None for a missing one.
    """
    if host is not None and not _is_here(f"//{host}"):
        return f"Host is {host!r}, allowed: a name of this machine, as 127.0.0.1 or localhost"
    if origin is not None and not _is_here(origin):
        return f"Origin is {origin!r}, allowed: a page of this machine, as http://localhost:3000"
    if origin is None and site == _FOREIGN:
        return f"Sec-Fetch-Site is {site!r}, allowed: a page of this machine"
    return None


def guarded(app: WsgiApp) -> WsgiApp:
    """Return an application that answers 403, as S3 would, to requests that `refusal` refuses."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        reason = refusal(
            host=environ.get("HTTP_HOST"),
            origin=environ.get("HTTP_ORIGIN"),
            site=environ.get("HTTP_SEC_FETCH_SITE"),
        )
        if reason is None:
            return app(environ, start_response)
        text = f"<Error><Code>AccessDenied</Code><Message>{escape(reason)}</Message></Error>"
        body = text.encode(errors="backslashreplace")
        headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
        start_response("403 Forbidden", headers)
        return [body]

    return answer


def _is_here(address: str) -> bool:
    """Return whether an address belongs to this machine, whatever resolver is used.

    Browsers resolve localhost and the names under it themselves.
    """
    try:
        name = urlsplit(address).hostname or ""
        if name == "localhost" or name.endswith(".localhost"):
            return True
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
