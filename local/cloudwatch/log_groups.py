"""Keep the functions' log lines in the account's log groups, as CloudWatch Logs does.

The lines go straight into moto's memory: a call over HTTP for each would slow the functions down.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

from moto.logs.models import logs_backends

from local.account.server import Account

# The newest lines that are kept of a log group: some 10 MB, and a search takes 0.1 s.
KEPT_LINES: Final = 20_000
# Lines beyond, before the oldest are dropped: dropping costs as much as the kept ones are many.
_SPARE_LINES: Final = 2_000
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html: an event's
_MAX_BYTES: Final = 1_048_576 - 26
_STREAM: Final = "local"


class LogGroups:
    """Puts lines into log groups of an account; `now` returns seconds since the epoch."""

    def __init__(self, account: Account, *, now: Callable[[], float] = time.time) -> None:
        self._account = account
        self._now = now
        self._lock = Lock()
        self._streams: dict[str, Any] = {}

    def add_line(self, group: str, line: str) -> None:
        """Add a line at the current time, if the account has the log group.

        The lines of a group are kept in the order in which they come, the newest `KEPT_LINES`.
        """
        with self._lock:
            stream = self._stream(group)
            if stream is None:
                return
            message = line.encode()[:_MAX_BYTES].decode(errors="ignore")
            stream.put_log_events([{"timestamp": int(self._now() * 1000), "message": message}])
            if len(stream.events) > KEPT_LINES + _SPARE_LINES:
                # Another list: a search may be going through the old one.
                stream.events = stream.events[-KEPT_LINES:]

    def _stream(self, group: str) -> Any:
        """Return the stream of a log group that holds all its lines, or None without a group."""
        account = self._account
        found = logs_backends[account.account_id][account.region].groups.get(group)
        if found is None:
            return None
        known = self._streams.get(group)
        if known is None or found.streams.get(_STREAM) is not known:
            if _STREAM not in found.streams:
                found.create_log_stream(_STREAM)
            known = self._streams[group] = found.streams[_STREAM]
        return known
